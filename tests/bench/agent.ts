// The agent on its own: CPU per gigabyte of an access log read and shipped, beside kcat and rsyslog where they are
// installed, in turns, the same file to the same broker; CPU with many files, idle and when a few of them grow; how
// long an appended line takes to the broker; and a writer that is faster than the sink. Starts and ends processes of
// its own only.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs, promisify } from 'node:util'
import type { AgentConfig } from '../../agent/config.ts'
import { outrun } from '../../agent/outrun.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { childEnvironment } from '../../cli/supervisor.ts'
import { WireClient } from '../clients/wire-client.ts'
import { writeAccessLog } from './access-log.ts'
import { createTopic, type Peer, startOurs } from './broker-peer.ts'
import { markdownTable } from './markdown-table.ts'
import { quantile, usageOfProcess } from './usage.ts'

const run = promisify(execFile)
const agentEntry = new URL('../../agent/main.ts', import.meta.url).pathname
const partitions = 6
const latest = -1
const rsyslogModules = '/usr/lib/x86_64-linux-gnu/rsyslog'

/** `npm run bench -- agent --lines 2000000 --turns 2` */
export async function runAgentBench(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      lines: { type: 'string', default: '2000000' },
      turns: { type: 'string', default: '2' },
      files: { type: 'string', default: '1000' },
      idleSeconds: { type: 'string', default: '10' },
      samples: { type: 'string', default: '300' },
      /** With so many files, a few of which grow. */
      many: { type: 'string', default: '10000,50000' },
      only: { type: 'string', default: 'backlog,idle,many,latency,faster' },
    },
  })
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tailrace-bench-'))
  writeFileSync(join(directory.path, 'key-seed'), 'bench\n')
  await using broker = await startOurs()
  const parts: Record<string, () => Promise<void>> = {
    backlog: () => backlog(directory.path, broker, Number(values.lines), Number(values.turns)),
    idle: () => idle(directory.path, broker, Number(values.files), Number(values.idleSeconds)),
    many: async () => {
      for (const files of values.many.split(',')) {
        await few(directory.path, broker, Number(files), Number(values.idleSeconds))
      }
    },
    latency: () => latency(directory.path, broker, Number(values.samples)),
    faster,
  }
  for (const part of values.only.split(',')) await parts[part]?.()
}

/** In turns, so that whatever else the machine does meets both. */
async function backlog(directory: string, broker: Peer, lines: number, turns: number): Promise<void> {
  const { path, gigabytes } = await writeAccessLog(directory, lines)
  console.log(`backlog   ${lines} access lines, ${gigabytes.toFixed(2)} GB, in one file`)
  const hasKcat = spawnSync('kcat', ['-V']).status === 0
  const rsyslog = findRsyslog()
  const rows: string[][] = []
  for (let turn = 1; turn <= turns; turn++) {
    rows.push(await shipByAgent(directory, broker, path, lines, `agent-${turn}`, gigabytes, 'zstd'))
    rows.push(await shipByAgent(directory, broker, path, lines, `agent-raw-${turn}`, gigabytes, 'none'))
    if (rsyslog !== null) {
      rows.push(await shipByRsyslog(directory, broker, path, lines, `rsyslog-${turn}`, gigabytes, rsyslog))
    }
    if (!hasKcat) continue
    rows.push(await shipByKcat(broker, path, 'none', `kcat-none-${turn}`, gigabytes))
    rows.push(await shipByKcat(broker, path, 'zstd', `kcat-zstd-${turn}`, gigabytes))
  }
  console.log(markdownTable(['who', 'CPU-s per GB', 'peak MiB', 'seconds'], rows))
  if (!hasKcat) console.log('kcat is not installed: apt-get install kcat')
  if (rsyslog === null) console.log('rsyslog-kafka is not installed: apt-get install rsyslog-kafka')
}

async function shipByAgent(
  directory: string,
  broker: Peer,
  path: string,
  lines: number,
  topic: string,
  gigabytes: number,
  codec: 'zstd' | 'none',
): Promise<string[]> {
  await createTopic(broker, topic, partitions, 'flushed')
  await using agent = await startAgent(directory, broker, topic, [path], codec)
  const began = performance.now()
  await arrived(broker, topic, lines)
  const seconds = (performance.now() - began) / 1_000
  const { cpuSeconds, peakMiB } = usageOfProcess(agent.pid)
  const perGigabyte = (cpuSeconds / gigabytes).toFixed(1)
  return [`agent, ${codec}`, perGigabyte, String(peakMiB), seconds.toFixed(1)]
}

/** Where Debian puts it, or where TAILRACE_RSYSLOG says that its packages were unpacked. */
function findRsyslog(): string | null {
  const root = process.env['TAILRACE_RSYSLOG'] ?? ''
  const isThere =
    existsSync(join(root, '/usr/sbin/rsyslogd')) && existsSync(join(root, rsyslogModules, 'omkafka.so'))
  return isThere ? root : null
}

/** imfile to omkafka, zstd; lines as they are, to any partition. */
async function shipByRsyslog(
  directory: string,
  broker: Peer,
  path: string,
  lines: number,
  topic: string,
  gigabytes: number,
  root: string,
): Promise<string[]> {
  await createTopic(broker, topic, partitions, 'flushed')
  const state = join(directory, topic)
  mkdirSync(state)
  const settings = ['compression.codec=zstd', 'linger.ms=100', 'acks=all', 'queue.buffering.max.kbytes=65536']
  writeFileSync(
    join(state, 'rsyslog.conf'),
    `global(workDirectory="${state}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omkafka")
template(name="line" type="string" string="%msg%")
input(type="imfile" File="${path}" Tag="x" ruleset="out")
ruleset(name="out" queue.type="LinkedList" queue.size="100000" queue.dequeueBatchSize="1024") {
  action(type="omkafka" broker="127.0.0.1:${broker.port}" topic="${topic}" template="line" partitions.auto="on"
    confParam=[${settings.map(setting => `"${setting}"`).join(', ')}])
}
`,
  )
  const began = performance.now()
  const daemon = spawn(
    join(root, '/usr/sbin/rsyslogd'),
    ['-n', '-f', join(state, 'rsyslog.conf'), '-i', join(state, 'pid'), '-M', join(root, rsyslogModules)],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, LD_LIBRARY_PATH: join(root, '/usr/lib/x86_64-linux-gnu') },
    },
  )
  await arrived(broker, topic, lines)
  const seconds = (performance.now() - began) / 1_000
  const { cpuSeconds, peakMiB } = usageOfProcess(daemon.pid!)
  const ended = once(daemon, 'exit')
  daemon.kill()
  await ended
  return ['rsyslog, zstd', (cpuSeconds / gigabytes).toFixed(1), String(peakMiB), seconds.toFixed(1)]
}

/** The shell tells what its children used; kcat sends whole lines of a file, keyless, and keeps no account of it. */
async function shipByKcat(
  broker: Peer,
  path: string,
  codec: string,
  topic: string,
  gigabytes: number,
): Promise<string[]> {
  await createTopic(broker, topic, partitions, 'flushed')
  const began = performance.now()
  const kcat =
    'kcat -P -b "$1" -t "$2" -z "$3" -X acks=all -X linger.ms=100 -X queue.buffering.max.kbytes=65536 -l "$4"'
  const script = `${kcat} >&2; times`
  const { stdout } = await run('sh', ['-c', script, 'sh', `127.0.0.1:${broker.port}`, topic, codec, path])
  const seconds = (performance.now() - began) / 1_000
  const cpuSeconds = childSeconds(stdout)
  return [`kcat, ${codec}`, (cpuSeconds / gigabytes).toFixed(1), '–', seconds.toFixed(1)]
}

/** The second line of `times`: user and system of the children, as `0m1.25s 0m0.50s`. */
function childSeconds(times: string): number {
  const children = times.trim().split('\n')[1] ?? ''
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  )
}

async function idle(directory: string, broker: Peer, files: number, forSeconds: number): Promise<void> {
  const logs = join(directory, 'idle')
  mkdirSync(logs)
  for (let file = 0; file < files; file++) writeFileSync(join(logs, `${file}.log`), `line of ${file}\n`)
  await createTopic(broker, 'idle', partitions, 'flushed')
  await using agent = await startAgent(directory, broker, 'idle', [join(logs, '*.log')])
  await arrived(broker, 'idle', files)
  // Files that have just been read are hot for a while.
  await pause(11_000)
  const before = usageOfProcess(agent.pid).cpuSeconds
  await pause(forSeconds * 1_000)
  const { cpuSeconds, peakMiB } = usageOfProcess(agent.pid)
  const share = (((cpuSeconds - before) / forSeconds) * 100).toFixed(2)
  console.log(`idle      ${files} files: ${share} % of a core, peak ${peakMiB} MiB`)
}

/** Twenty of many files grow, by a line in each 100 ms: the others should cost nothing. */
async function few(directory: string, broker: Peer, files: number, forSeconds: number): Promise<void> {
  const topic = `many-${files}`
  const logs = join(directory, topic)
  mkdirSync(logs)
  for (let file = 0; file < files; file++) writeFileSync(join(logs, `${file}.log`), `line of ${file}\n`)
  await createTopic(broker, topic, partitions, 'flushed')
  await using agent = await startAgent(directory, broker, topic, [join(logs, '*.log')])
  await arrived(broker, topic, files)
  await pause(11_000)
  const idleBefore = usageOfProcess(agent.pid).cpuSeconds
  await pause(forSeconds * 1_000)
  const before = usageOfProcess(agent.pid).cpuSeconds
  let lines = 0
  for (const until = performance.now() + forSeconds * 1_000; performance.now() < until; await pause(100)) {
    for (let file = 0; file < 20; file++) appendFileSync(join(logs, `${file}.log`), `line ${lines++}\n`)
  }
  await arrived(broker, topic, files + lines)
  const { cpuSeconds, peakMiB } = usageOfProcess(agent.pid)
  const share = (seconds: number) => ((seconds / forSeconds) * 100).toFixed(1)
  console.log(
    `many      ${files} files: idle ${share(before - idleBefore)} % of a core; while 20 of them grow, ${lines} lines ` +
      `in ${forSeconds} s: ${share(cpuSeconds - before)} %; ${cpuSeconds.toFixed(1)} CPU-s in all, peak ${peakMiB} MiB`,
  )
}

async function latency(directory: string, broker: Peer, samples: number): Promise<void> {
  const path = join(directory, 'slow.log')
  writeFileSync(path, '')
  await createTopic(broker, 'slow', 1, 'flushed')
  await using _agent = await startAgent(directory, broker, 'slow', [path])
  const took: number[] = []
  for (let sample = 1; sample <= samples; sample++) {
    const began = performance.now()
    appendFileSync(path, `line ${sample}\n`)
    await arrived(broker, 'slow', sample, 1)
    took.push(Math.round(performance.now() - began))
    await pause(20 + (sample % 50))
  }
  const of = (q: number) => quantile(took, q)
  console.log(
    `latency   line to broker, ${samples} lines: p50 ${of(0.5)} ms, p95 ${of(0.95)}, p99 ${of(0.99)}`,
  )
}

async function faster(): Promise<void> {
  const { written, missing, doubled, losses, pinnedBytesMax } = await outrun({
    seconds: 15,
    bytesPerSecond: 50_000_000,
    rotateMs: 1_000,
    keep: 3,
    blockedMs: 10_000,
  })
  const megabytes = Math.round(pinnedBytesMax / 1e6)
  console.log(
    `faster    50 MB/s, rotated every second, 10 s blocked: ${written} lines written, ${missing} missing, ` +
      `${doubled} doubled, ${losses.length} entries; deleted files held ${megabytes} MB at most`,
  )
}

interface RunningAgent extends AsyncDisposable {
  readonly pid: number
}

/** Each with a memory of its own: what one has read the next reads again. */
async function startAgent(
  directory: string,
  broker: Peer,
  topic: string,
  paths: readonly string[],
  codec: 'zstd' | 'none' = 'zstd',
): Promise<RunningAgent> {
  const config: AgentConfig = {
    dataDirectory: join(directory, `data-${topic}`),
    bootstrap: [`127.0.0.1:${broker.port}`],
    host: 'bench',
    keySeedPath: join(directory, 'key-seed'),
    inputs: [{ paths, topic, format: 'raw' }],
    codec,
  }
  const child: ChildProcess = spawn(process.execPath, [agentEntry, JSON.stringify(config)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...childEnvironment(), TAILRACE_LOG: 'error', TAILRACE_SUPERVISED: '1' },
  })
  await once(createInterface({ input: child.stdout! }), 'line')
  return {
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}

/** Until the topic holds so many records, durably. */
async function arrived(broker: Peer, topic: string, records: number, everyMs = 50): Promise<void> {
  using client = await WireClient.connect(broker.port)
  const { topics } = await client.request(apis.metadata, 9, { topics: [{ name: topic }] })
  const asked = topics[0]!.partitions.map(({ partitionIndex }) => ({ partitionIndex, timestamp: latest }))
  for (;;) {
    const answer = await client.request(apis.listOffsets, 6, { topics: [{ name: topic, partitions: asked }] })
    const ends = answer.topics[0]!.partitions.map(({ offset }) => Number(offset))
    if (ends.reduce((sum, end) => sum + end, 0) >= records) return
    await pause(everyMs)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
