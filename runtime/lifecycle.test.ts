// Real processes: how they say that they serve, how they are asked to end, and what they end with.
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

const lifecycle = join(import.meta.dirname, 'lifecycle.ts')

async function started(
  directory: string,
  body: string,
  environment = {},
): Promise<ChildProcessWithoutNullStreams> {
  const path = join(directory, 'child.ts')
  const names = 'aborted, configFromArguments, ExitError, runProcess'
  await writeFile(path, `// A child.\nimport { ${names} } from ${JSON.stringify(lifecycle)}\n${body}`)
  return spawn(process.execPath, [path], { env: { ...process.env, ...environment } })
}

const temporary = () => mkdtempDisposable(join(tmpdir(), 'lifecycle-'))
const serving = `await runProcess('child', async context => {
  context.ready({ port: 7 }); await aborted(context.signal) })`

test('runProcess() reports ready as one line of JSON, and ends with 0 at SIGTERM', async () => {
  await using directory = await temporary()
  const child = await started(directory.path, serving)
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  assert.deepEqual(JSON.parse(line), { ready: true, pid: child.pid, port: 7 })
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('under a supervisor the end of stdin is the end; alone it means nothing', async () => {
  await using directory = await temporary()
  const supervised = await started(directory.path, serving, { TAILRACE_SUPERVISED: '1' })
  await once(supervised.stdout, 'data')
  supervised.stdin.end()
  assert.deepEqual(await once(supervised, 'exit'), [0, null])

  const alone = await started(directory.path, serving, { TAILRACE_SUPERVISED: '' })
  await once(alone.stdout, 'data')
  alone.stdin.end()
  alone.kill('SIGINT')
  await once(alone, 'exit')
  assert.equal(alone.exitCode, 0, 'it was still there to hear the signal')
})

test('an ExitError ends with its code and its sentence; anything else with 1 and what it was', async () => {
  await using directory = await temporary()
  for (const [body, code, sentence] of [
    [
      `await runProcess('child', async () => { throw new ExitError(78, 'Say what to do') })`,
      78,
      /"message":"Say what to do"/,
    ],
    [`await runProcess('child', async () => { throw new Error('a bug') })`, 1, /ended by an error: a bug/],
    [`await runProcess('child', async () => { configFromArguments() })`, 64, /use the `tailrace` command/],
  ] as const) {
    const child = await started(directory.path, body)
    let said = ''
    child.stderr.on('data', chunk => {
      said += chunk
    })
    const [exitCode] = await once(child, 'close')
    assert.equal(exitCode, code)
    assert.match(said, sentence)
  }
})
