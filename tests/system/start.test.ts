// What a newcomer does: start, look, paste the README's curl, stop, start again. The real command, from outside.
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { appendFile, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ClusterAnswer, StatsAnswer } from '../../analytics/http/contract.ts'
import { eventually } from '../eventually.ts'
import { freePort, freePorts } from './appliance.ts'

const launcher = join(import.meta.dirname, '../../cli/tailrace.js')
const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')

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

/** For whatever fails on the way: an appliance that is gone before its directory is. */
async function stopped(started: Started): Promise<void> {
  const { exitCode, signalCode } = started.process
  if (exitCode === null && signalCode === null) await interrupt(started)
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

function stats(cwd: string, httpPort: number, data: string, path: string): Promise<StatsAnswer> {
  return ask<StatsAnswer>(cwd, httpPort, data, path)
}

async function ask<Answer>(cwd: string, httpPort: number, data: string, path: string): Promise<Answer> {
  const token = readFileSync(join(cwd, data, 'token'), 'utf8').trim()
  const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(response.status, 200)
  return (await response.json()) as Answer
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

/** `tailrace status`, as somebody would type it. */
async function status(cwd: string, ports: { http: number }) {
  const args = [launcher, 'status', '--data', 'data/demo', '--http-port', String(ports.http)]
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  const output = (await Array.fromAsync(child.stdout)).join('')
  const [code] = (await exited) as [number]
  return { code, output }
}

const total = (answer: StatsAnswer) => answer.rows.reduce((sum, row) => sum + (row.values['value'] ?? 0), 0)

test('npm start: three brokers, one killed, the curl of the README, Ctrl-C, and on from there', async context => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-start-'))
  const cwd = directory.path
  const ports = { kafka: await freePorts(3), http: await freePort() }
  const first = await start(cwd, ['--demo'], ports)
  // Nothing that fails on the way may leave an appliance running.
  await using _stopped = { [Symbol.asyncDispose]: () => stopped(first) }
  context.diagnostic(`figure banner after ${Math.round(first.bannerMs)} ms`)
  const addresses = [0, 1, 2].map(index => `127.0.0.1:${ports.kafka + index}`)
  assert(first.banner.includes(addresses.join()), first.banner)

  const counted = await eventually(
    'demo lines are counted',
    () => stats(cwd, first.httpPort, 'data/demo', '/stats/lines?window=1d'),
    answer => total(answer) > 300,
  )
  const snippet = /^curl .*stats\/requests.*$/m.exec(readme)?.[0]
  assert(snippet, 'the README has a curl')
  const printed = await paste(snippet.replace(':8080', `:${first.httpPort}`), cwd)
  const answer = JSON.parse(printed) as StatsAnswer
  assert(answer.rows.length > 0 && answer.rows.every(row => row.labels['path'] !== undefined), printed)

  const cluster = () => ask<ClusterAnswer>(cwd, first.httpPort, 'data/demo', '/cluster')
  const { topics } = await eventually('three brokers are whole', cluster, state => state.healthy)
  assert(topics.every(({ partitions }) => partitions.every(({ replicas }) => replicas.length === 3)))
  const pid = Number(/kill -9 (\d+)/.exec(first.banner)?.[1])
  // It hangs first, for a killed one is back before anybody can ask.
  process.kill(pid, 'SIGSTOP')
  const said = await eventually(
    'status tells it',
    () => status(cwd, ports),
    ({ code }) => code === 10,
  )
  process.kill(pid, 'SIGKILL')
  assert.match(said.output, /^wrong {5}.+\ndegraded\n$/ms)
  const well = await eventually(
    'all is well again',
    () => status(cwd, ports),
    ({ code }) => code === 0,
  )
  assert.match(well.output, /3 of 3 brokers up.*\nhealthy\n$/s)

  const stoppedMs = await interrupt(first)
  context.diagnostic(`figure everything ended ${Math.round(stoppedMs)} ms after Ctrl-C`)
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
  const started = await start(cwd, ['--tail', join(cwd, '*.log'), '--brokers', '1'], ports)
  try {
    assert.match(started.banner, /grow .*--brokers 3 .*cluster grow/)
    const requests = () => stats(cwd, started.httpPort, 'data', '/stats/requests?window=1h&by=status')
    await eventually('existing lines are counted', requests, answer => total(answer) === 100)
    await appendFile(path, line(503).repeat(5))
    const answer = await eventually('appended lines are counted', requests, found => total(found) === 105)
    assert.equal(answer.rows.find(row => row.labels['status'] === '503')?.values['value'], 5)
  } finally {
    await interrupt(started)
  }
})

test('a second up on the same data says what to do; one with a bootstrap uses those brokers', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-second-'))
  const cwd = directory.path
  await writeFile(
    join(cwd, 'site.log'),
    `203.0.113.7 - - [${clfTime()}] "GET /a HTTP/1.1" 200 10 "-" "test"\n`,
  )
  const ports = { kafka: await freePort(), http: await freePort() }
  const tail = ['--tail', join(cwd, '*.log')]
  const started = await start(cwd, [...tail, '--brokers', '1'], ports)
  try {
    const others = { kafka: await freePort(), http: await freePort() }
    await assert.rejects(start(cwd, tail, others), /another process is using it\. Stop that one .*--data DIR/)
    await writeFile(join(cwd, 'tailrace.yaml'), `data: other\nbootstrap: 127.0.0.1:${ports.kafka}\n`)
    const guest = await start(cwd, tail, others)
    try {
      assert.match(guest.banner, new RegExp(`kafka +127\\.0\\.0\\.1:${ports.kafka}\\n`))
      assert(!guest.banner.includes('kill -9'), 'there is no broker of its own to kill')
      const requests = () => stats(cwd, others.http, 'other', '/stats/requests?window=1h')
      await eventually('both agents’ lines are counted', requests, answer => total(answer) === 2)
      assert.deepEqual(
        readdirSync(join(cwd, 'other')).filter(name => name.startsWith('broker')),
        [],
      )
    } finally {
      await interrupt(guest)
    }
  } finally {
    await interrupt(started)
  }
})

test('a taken port is named with the flag that changes it, and nothing is left running', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-port-'))
  const { createServer } = await import('node:net')
  const kafka = await freePorts(3)
  const port = kafka + 1
  const taken = createServer().listen(port, '127.0.0.1')
  await once(taken, 'listening')
  const remedy = `is taken by another process. Choose another: --kafka-port ${kafka + 100}`
  await assert.rejects(
    start(directory.path, ['--demo'], { kafka, http: await freePort() }),
    new RegExp(`Kafka port ${port} on 127.0.0.1 ${remedy}`),
  )
  taken.close()
  assert.deepEqual(processesNaming(directory.path), [])
})

/** Now, as access logs write it: 24/Nov/2026:08:00:00 +0000. */
function clfTime(): string {
  const [, day, month, year, time] = new Date().toUTCString().split(/[ ,]+/)
  return `${day}/${month}/${year}:${time} +0000`
}
