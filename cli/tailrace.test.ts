// The command from outside: what it says and how it ends when something is wrong. Standard output stays empty.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const launcher = join(import.meta.dirname, 'tailrace.js')

interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

async function run(cwd: string, args: readonly string[], nodeFlags: readonly string[] = []): Promise<Ended> {
  const child = spawn(process.execPath, [...nodeFlags, launcher, ...args], {
    cwd,
    env: { ...process.env, TAILRACE_REEXECUTED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const text = (stream: AsyncIterable<Buffer>) =>
    Array.fromAsync(stream).then(chunks => Buffer.concat(chunks).toString())
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { code, output, errors }
}

const refusals = [
  ['an unknown command', ['sttaus'], 64, /unknown command 'sttaus'.*Did you mean status\?/],
  ['an unknown option', ['up', '--kafka-prot', '1'], 64, /Did you mean --kafka-port\?/],
  ['a port that is none', ['up', '--kafka-port', 'x'], 78, /Setting "kafkaPort"/],
  ['a glob without a file', ['up', '--tail', 'none/*.log'], 64, /No file matches "none\/\*\.log"/],
  ['the same for an agent alone', ['agent', '--tail', 'none/*.log'], 64, /No file matches/],
  ['a server that is not there', ['status', '--http-port', '1'], 69, /Cannot reach http:\/\/127\.0\.0\.1:1/],
  [
    'brokers beyond the last port',
    ['up', '--kafka-port', '65535'],
    78,
    /ports 65535 to 65537.*--kafka-port \d+/,
  ],
  [
    'one port for two',
    ['up', '--kafka-port', '7000', '--http-port', '7002'],
    78,
    /7002 is the page's.*--http-port/,
  ],
  ['a data directory that is a file', ['up', '--data', 'token'], 78, /".*token": .*file where a directory/],
  ['a data directory without a name', ['up', '--data', ''], 78, /Setting "data": name a directory/],
  ['a glob without a name', ['up', '--tail', ''], 64, /Cannot tail ""/],
  ['a directory without a token', ['login-link', '--data', 'elsewhere'], 78, /No token at ".*elsewhere/],
] as const

for (const [what, args, code, expected] of refusals) {
  test(`tailrace refuses ${what} in one sentence, and ends with ${code}`, async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'command-'))
    await writeFile(join(directory.path, 'tailrace.yaml'), 'data: .\n')
    await writeFile(join(directory.path, 'token'), 'token\n')
    const ended = await run(directory.path, args)
    assert.match(ended.errors, expected)
    assert.deepEqual([ended.code, ended.output], [code, ''])
    assert(!/^ {4}at /m.test(ended.errors), 'no stack trace')
  })
}

test('tailrace refuses a data directory of a newer version, and ends with 78', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'command-'))
  await writeFile(join(directory.path, 'format'), '{"format":99}')
  const ports = ['--kafka-port', '0', '--http-port', '0']
  const ended = await run(directory.path, ['up', '--data', '.', ...ports])
  assert.match(ended.errors, /written by a newer Tailrace/)
  assert.deepEqual([ended.code, ended.output], [78, ''])
})

test('tailrace says under an old Node what to do, before anything native is loaded', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'command-'))
  const old = join(directory.path, 'old.cjs')
  await writeFile(old, `Object.defineProperty(process, 'versions', { value: { node: '20.1.0' } })`)
  const ended = await run(directory.path, ['up'], ['--require', old])
  assert.match(ended.errors, /needs Node 24 or later, this is 20\.1\.0.*npm start/s)
  assert.deepEqual([ended.code, ended.output], [78, ''])
})
