// A broker under test: one process of ours, or a real Kafka by scripts/real/kafka.sh, each with a fresh data directory;
// what it uses, from /proc; and topics on it. Starts and ends processes of its own only.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { BrokerConfig } from '../../broker/config.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { childEnvironment } from '../../cli/supervisor.ts'
import { WireClient } from '../clients/wire-client.ts'
import { beginLine, type Job, type Outcome } from './broker-jobs.ts'
import { usageOfProcess } from './usage.ts'

const run = promisify(execFile)
const brokerEntry = new URL('../../broker/main.ts', import.meta.url).pathname
const loadEntry = new URL('broker-load.ts', import.meta.url).pathname
const kafkaScript = new URL('../../scripts/real/kafka.sh', import.meta.url).pathname
/** As Kafka's own start script has it. */
const kafkaHeap = '-Xms1g -Xmx1g'
const leaderWaitMs = 60_000
export const durabilities = { flushed: '1', 'page cache': '9223372036854775807' } as const
export type Durability = keyof typeof durabilities

export interface Peer extends AsyncDisposable {
  readonly name: 'tailrace' | 'kafka'
  readonly port: number
  readonly pid: number
}

export interface OursOptions {
  readonly sendfile?: boolean
  /** Where V8 writes the profile when the broker ends. */
  readonly profileDirectory?: string
  /** One that is kept; otherwise a fresh one that goes with the broker. */
  readonly directory?: string
}

export async function startOurs(options: OursOptions = {}): Promise<Peer> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'tailrace-bench-')))
  const config: BrokerConfig = {
    brokerId: 1,
    host: '127.0.0.1',
    port: 0,
    dataDirectory: join(directory, 'broker-1'),
    metadataPath: join(directory, 'metadata.db'),
    segmentBytes: 128 * 1_024 * 1_024,
    retentionMs: 7 * 86_400_000,
    retentionBytes: 2 ** 40,
    defaultPartitions: 1,
    initialTopics: [],
  }
  const profiling = options.profileDirectory
    ? ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${options.profileDirectory}`]
    : []
  const child = spawn(process.execPath, [...profiling, brokerEntry, JSON.stringify(config)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...childEnvironment(),
      TAILRACE_LOG: 'warn',
      TAILRACE_SUPERVISED: '1',
      TAILRACE_SENDFILE: options.sendfile === false ? '0' : '1',
    },
  })
  child.stdin.on('error', () => {})
  const ready = JSON.parse(await firstLine(child)) as { port: number }
  return {
    name: 'tailrace',
    port: ready.port,
    pid: child.pid!,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = new Promise(resolve => child.once('exit', resolve))
        child.kill('SIGTERM')
        await exited
      }
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
  }
}

export async function startKafka(): Promise<Peer> {
  const port = await freePort()
  const env = { ...process.env, KAFKA_JVM_OPTIONS: kafkaHeap }
  const child = spawn(kafkaScript, ['start', String(port)], { stdio: ['ignore', 'pipe', 'inherit'], env })
  await firstLine(child)
  const version = process.env['KAFKA_VERSION'] ?? '4.3.1'
  const cache = process.env['TAILRACE_KAFKA_CACHE'] ?? join(homedir(), '.cache/tailrace-kafka')
  return {
    name: 'kafka',
    port,
    pid: Number(readFileSync(join(cache, version, 'pid'), 'utf8')),
    [Symbol.asyncDispose]: async () => {
      await run(kafkaScript, ['stop'])
    },
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  createInterface(child.stdout!).once('line', resolve)
  child.once('exit', code => reject(new Error(`A broker ended with ${code} while starting`)))
  return promise
}

/** Two in a row are free: Kafka's controller takes the second. */
async function freePort(): Promise<number> {
  for (let port = 21_000 + (process.pid % 500) * 2; ; port += 2) {
    const isFree = async (one: number) => {
      const server = createServer()
      const listening = new Promise<boolean>(resolve => {
        server.once('error', () => resolve(false)).listen(one, '127.0.0.1', () => resolve(true))
      })
      const free = await listening
      await new Promise(resolve => server.close(resolve))
      return free
    }
    if ((await isFree(port)) && (await isFree(port + 1))) return port
  }
}

/** A fresh topic, led. */
export async function createTopic(
  peer: Peer,
  name: string,
  numPartitions: number,
  durability: Durability,
): Promise<void> {
  using client = await WireClient.connect(peer.port)
  const configs = [{ name: 'flush.messages', value: durabilities[durability] }]
  const wish = { name, numPartitions, replicationFactor: 1, configs }
  const { topics } = await client.request(apis.createTopics, 5, { topics: [wish], timeoutMs: leaderWaitMs })
  const { errorCode } = topics[0]!
  if (errorCode !== errorCodes.none) throw new Error(`Cannot create ${name}: ${errorName(errorCode)}`)
  const deadlineMs = performance.now() + leaderWaitMs
  for (;;) {
    const { topics: described } = await client.request(apis.metadata, 9, { topics: [{ name }] })
    const partitions = described[0]?.partitions ?? []
    if (partitions.length === numPartitions && partitions.every(({ leaderId }) => leaderId >= 0)) return
    if (performance.now() > deadlineMs) throw new Error(`${name} was not led within a minute`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

export async function deleteTopic(peer: Peer, name: string): Promise<void> {
  using client = await WireClient.connect(peer.port)
  await client.request(apis.deleteTopics, 5, { topicNames: [name], timeoutMs: leaderWaitMs })
}

export interface Measured extends Outcome {
  readonly cpuSeconds: number
  readonly peakMiB: number
  /** On this process's monotonic clock, in microseconds: where to look in a profile. */
  readonly windowUs: readonly [number, number]
}

/** Runs the load and measures the broker while the generator measures. */
export async function measure(peer: Peer, job: Job): Promise<Measured> {
  resetPeak(peer.pid)
  const child = spawnLoad(job)
  let cpuBefore = 0
  let beganUs = 0
  for await (const line of createInterface(child.stdout!)) {
    if (line === beginLine) {
      cpuBefore = usageOfProcess(peer.pid).cpuSeconds
      beganUs = nowUs()
      continue
    }
    const { cpuSeconds, peakMiB } = usageOfProcess(peer.pid)
    const outcome = JSON.parse(line) as Outcome
    return { ...outcome, cpuSeconds: cpuSeconds - cpuBefore, peakMiB, windowUs: [beganUs, nowUs()] }
  }
  throw new Error(`The load generator ended without a result: ${JSON.stringify(job)}`)
}

export function spawnLoad(job: Job): ChildProcess {
  return spawn(process.execPath, [loadEntry, JSON.stringify(job)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n)
}

export function residentKiBOf(peer: Peer): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${peer.pid}/status`, 'utf8'))?.[1])
}

/** So that the peak is of this measurement; where that is not allowed it is of the process's life. */
function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {}
}
