// What a newcomer does: start, look, paste the README's curl, stop, start again. The real command, from outside.
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { appendFile, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { StatsAnswer } from '../../analytics/http/contract.ts'
import { eventually, freePort } from './appliance.ts'

const launcher = join(import.meta.dirname, '../../cli/tailrace.js')
const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const bannerTimeoutMs = 10_000
const stopTimeoutMs = 3_000

interface Started {
  readonly process: ChildProcessWithoutNullStreams
  readonly bannerMs: number
  readonly banner: string
  readonly httpPort: number
}

async function start(
  cwd: string,
  args: readonly string[],
  ports: { kafka: number; http: number },
): Promise<Started> {
  const began = performance.now()
  const command = [
    launcher,
    'up',
    ...args,
    '--kafka-port',
    String(ports.kafka),
    '--http-port',
    String(ports.http),
  ]
  const child = spawn(process.execPath, command, { cwd })
  let text = ''
  const seen = Promise.withResolvers<void>()
  child.stderr.on('data', chunk => {
    text += chunk
    if (text.includes('  Open http')) seen.resolve()
  })
  child.once('exit', code =>
    seen.reject(new Error(`tailrace up ended with ${code} before its banner:\n${text}`)),
  )
  await seen.promise
  return { process: child, bannerMs: performance.now() - began, banner: text, httpPort: ports.http }
}

async function interrupt(started: Started): Promise<number> {
  const began = performance.now()
  const exited = once(started.process, 'exit')
  started.process.kill('SIGINT')
  await exited
  return performance.now() - began
}

/** Processes whose command line names the directory. */
function processesNaming(directory: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory)
      } catch {
        return false
      }
    })
}

async function stats(cwd: string, httpPort: number, data: string, path: string): Promise<StatsAnswer> {
  const token = readFileSync(join(cwd, data, 'token'), 'utf8').trim()
  const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(response.status, 200)
  return (await response.json()) as StatsAnswer
}

/** Runs a curl as it would be pasted; where there is no curl, asks what it would have asked. */
async function paste(snippet: string, cwd: string): Promise<string> {
  if (spawnSync('curl', ['--version']).status === 0) {
    return execFileSync('sh', ['-c', snippet], { cwd, encoding: 'utf8' })
  }
  const printed = execFileSync('sh', ['-c', snippet.replace(/^curl/, "printf '%s\\n'")], {
    cwd,
    encoding: 'utf8',
  })
  const [authorization, url] = printed.trimEnd().split('\n').slice(-2) as [string, string]
  const [name, value] = authorization.split(': ') as [string, string]
  return (await fetch(url, { headers: { [name]: value } })).text()
}

const total = (answer: StatsAnswer) => answer.rows.reduce((sum, row) => sum + (row.values['value'] ?? 0), 0)

test('npm start: demo traffic, the curl of the README, the end at Ctrl-C, and on from there', async context => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-start-'))
  const cwd = directory.path
  const ports = { kafka: await freePort(), http: await freePort() }
  const first = await start(cwd, ['--demo'], ports)
  // Nothing that fails on the way may leave an appliance running.
  context.after(() => void first.process.kill())
  context.diagnostic(`figure banner after ${Math.round(first.bannerMs)} ms`)
  assert(first.bannerMs < bannerTimeoutMs, `the banner came after ${first.bannerMs} ms`)

  const counted = await eventually(
    'demo lines are counted',
    () => stats(cwd, first.httpPort, 'data/demo', '/stats/lines?window=1d'),
    answer => total(answer) > 300,
    20_000,
  )
  const snippet = /^curl .*stats\/requests.*$/m.exec(readme)?.[0]
  assert(snippet, 'the README has a curl')
  const printed = await paste(snippet.replace(':8080', `:${first.httpPort}`), cwd)
  const answer = JSON.parse(printed) as StatsAnswer
  assert(answer.rows.length > 0 && answer.rows.every(row => row.labels['path'] !== undefined), printed)

  const stoppedMs = await interrupt(first)
  context.diagnostic(`figure everything ended ${Math.round(stoppedMs)} ms after Ctrl-C`)
  assert(stoppedMs < stopTimeoutMs, `stopping took ${stoppedMs} ms`)
  assert.deepEqual(processesNaming(cwd), [])

  const second = await start(cwd, ['--demo'], ports)
  try {
    const again = await stats(cwd, second.httpPort, 'data/demo', '/stats/lines?window=1d')
    assert(total(again) >= total(counted), 'what was counted before the stop is still counted')
  } finally {
    await interrupt(second)
  }
})

test('--tail counts what a file already holds, and what is appended later', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-tail-'))
  const cwd = directory.path
  const path = join(cwd, 'site.log')
  const line = (status: number) =>
    `203.0.113.7 - - [${clfTime()}] "GET /a HTTP/1.1" ${status} 10 "-" "test" 0.010\n`
  await writeFile(path, line(200).repeat(100))
  const ports = { kafka: await freePort(), http: await freePort() }
  const started = await start(cwd, ['--tail', join(cwd, '*.log')], ports)
  try {
    const ask = () => stats(cwd, started.httpPort, 'data', '/stats/requests?window=1h&by=status')
    await eventually('existing lines are counted', ask, answer => total(answer) === 100, 15_000)
    await appendFile(path, line(503).repeat(5))
    const answer = await eventually('appended lines are counted', ask, found => total(found) === 105, 5_000)
    assert.equal(answer.rows.find(row => row.labels['status'] === '503')?.values['value'], 5)
  } finally {
    await interrupt(started)
  }
})

test('a taken port is named with the flag that changes it, and nothing is left running', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-port-'))
  const { createServer } = await import('node:net')
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  await assert.rejects(
    start(directory.path, ['--demo'], { kafka: port, http: await freePort() }),
    new RegExp(`Kafka port ${port} on 127.0.0.1 is taken by another process. Choose another: --kafka-port`),
  )
  taken.close()
  assert.deepEqual(processesNaming(directory.path), [])
})

/** Now, as access logs write it: 24/Nov/2026:08:00:00 +0000. */
function clfTime(): string {
  const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
  return `${day}/${month}/${year}:${time} +0000`
}
