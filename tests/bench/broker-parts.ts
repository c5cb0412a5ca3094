// The measurements of the broker, one function each: what is offered to it, and what it made of it. They start load
// generators and brokers of their own; numbers come back as rows, printing is the caller's.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { BatchShape, ProduceJob } from './broker-jobs.ts'
import {
  createTopic,
  type Durability,
  deleteTopic,
  type Measured,
  measure,
  type Peer,
  residentKiBOf,
  spawnLoad,
  startOurs,
} from './broker-peer.ts'
import { quantile, usageOfProcess } from './usage.ts'

export interface Settings {
  readonly warmUpMs: number
  readonly durationMs: number
  /** What is written before it is read. */
  readonly consumedBytes: number
  readonly startUpBytes: number
}

export interface ProduceCase extends BatchShape {
  readonly acks: 1 | -1
  readonly partitions: 1 | 16
}

const caseBytesMax = 2e9
const producersMax = 4
const inFlight = 5
const largeBatch: BatchShape = { recordBytes: 1_000, batchBytes: 1 << 20, codec: 'none' }
const smallBatch: BatchShape = { recordBytes: 100, batchBytes: 16 * 1_024, codec: 'none' }
let topics = 0

/** On a topic of its own, which goes afterwards. */
async function onTopic<T>(
  peer: Peer,
  partitions: number,
  durability: Durability,
  use: (topic: string) => Promise<T>,
): Promise<T> {
  const topic = `bench-${process.pid}-${topics++}`
  await createTopic(peer, topic, partitions, durability)
  try {
    return await use(topic)
  } finally {
    await deleteTopic(peer, topic)
  }
}

function produceJob(peer: Peer, topic: string, shape: ProduceCase, settings: Settings): ProduceJob {
  return {
    ...shape,
    kind: 'produce',
    port: peer.port,
    topic,
    connections: Math.min(shape.partitions, producersMax),
    inFlight,
    warmUpMs: settings.warmUpMs,
    durationMs: settings.durationMs,
    bytesMax: caseBytesMax,
    batchesPerSecond: null,
  }
}

/** As fast as it takes them. */
export function capacity(
  peer: Peer,
  shape: ProduceCase,
  durability: Durability,
  settings: Settings,
): Promise<Measured> {
  return onTopic(peer, shape.partitions, durability, topic =>
    measure(peer, produceJob(peer, topic, shape, settings)),
  )
}

/** At a rate, whatever the answers do. */
export function latency(
  peer: Peer,
  shape: ProduceCase,
  durability: Durability,
  settings: Settings,
  batchesPerSecond: number,
): Promise<Measured> {
  return onTopic(peer, shape.partitions, durability, topic =>
    measure(peer, { ...produceJob(peer, topic, shape, settings), batchesPerSecond }),
  )
}

/** 16 connections, each with five requests of 1 MiB under way. */
export function inFlightMemory(peer: Peer, settings: Settings): Promise<Measured> {
  const shape = { ...largeBatch, acks: -1, partitions: 16 } as const
  return onTopic(peer, 16, 'flushed', topic =>
    measure(peer, { ...produceJob(peer, topic, shape, settings), connections: 16 }),
  )
}

/** Half the rate of a slow application: what counts is how soon a batch is seen. */
export function tailing(
  peer: Peer,
  durability: Durability,
  settings: Settings,
  batchesPerSecond: number,
): Promise<Measured> {
  const { warmUpMs, durationMs } = settings
  return onTopic(peer, 1, durability, topic =>
    measure(peer, {
      ...smallBatch,
      kind: 'tail',
      port: peer.port,
      topic,
      warmUpMs,
      durationMs,
      batchesPerSecond,
    }),
  )
}

/** One partition from its first byte to its last, by so many consumers at once. */
export function catchingUp(
  peer: Peer,
  batches: 'small' | 'large',
  consumers: number,
  settings: Settings,
): Promise<Measured> {
  const shape = batches === 'small' ? smallBatch : largeBatch
  return onTopic(peer, 1, 'page cache', async topic => {
    const filled = await fill(peer, topic, shape, 1, settings.consumedBytes / consumers)
    return measure(peer, {
      ...shape,
      kind: 'consume',
      port: peer.port,
      topic,
      partitions: 1,
      consumers,
      batchesEach: filled.batches,
      fetchBytes: 1 << 20,
    })
  })
}

function fill(peer: Peer, topic: string, shape: BatchShape, partitions: 1 | 16, bytes: number) {
  const untilFull = { warmUpMs: 0, durationMs: 600_000 }
  const job = produceJob(
    peer,
    topic,
    { ...shape, acks: 1, partitions },
    { ...untilFull, consumedBytes: 0, startUpBytes: 0 },
  )
  return measure(peer, { ...job, bytesMax: bytes })
}

export interface IdleCost {
  readonly connections: number
  readonly kibibytesEach: number
  /** Of one core. */
  readonly cpuShare: number
}

/** Connections that have said who they are, and nothing since. */
export async function idleConnections(peer: Peer, connections: number, forMs: number): Promise<IdleCost> {
  const before = residentKiBOf(peer)
  const child = spawnLoad({ kind: 'idle', port: peer.port, connections })
  await once(createInterface(child.stdout!), 'line')
  const cpuBefore = usageOfProcess(peer.pid).cpuSeconds
  await new Promise(resolve => setTimeout(resolve, forMs))
  const { cpuSeconds } = usageOfProcess(peer.pid)
  const after = residentKiBOf(peer)
  const exited = once(child, 'exit')
  child.stdin!.end()
  await exited
  return {
    connections,
    kibibytesEach: (after - before) / connections,
    cpuShare: (cpuSeconds - cpuBefore) / (forMs / 1_000),
  }
}

export interface StartUp {
  readonly gigabytes: number
  /** From starting the process to the first acknowledged record; after a clean stop, the median of these. */
  readonly cleanMs: readonly number[]
  readonly killedMs: number
}

/** The log is produced, not made up: its files are what files of a broker are. */
export async function startUp(settings: Settings): Promise<StartUp> {
  const directory = await mkdtemp(join(tmpdir(), 'tailrace-bench-'))
  try {
    const topic = 'bench-start'
    const cleanMs: number[] = []
    let gigabytes = 0
    {
      await using peer = await startOurs({ directory })
      await createTopic(peer, topic, 16, 'page cache')
      const { bytes } = await fill(peer, topic, largeBatch, 16, settings.startUpBytes)
      gigabytes = bytes / 1e9
    }
    for (let time = 0; time < 3; time++) cleanMs.push(await startOnce(directory, topic, 'SIGTERM'))
    // The last of the clean ones ends without a word, so that the next start is after a kill.
    await startOnce(directory, topic, 'SIGKILL')
    return { gigabytes, cleanMs, killedMs: await startOnce(directory, topic, 'SIGTERM') }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function startOnce(directory: string, topic: string, end: 'SIGTERM' | 'SIGKILL'): Promise<number> {
  const beganMs = performance.now()
  await using peer = await startOurs({ directory })
  await firstAcknowledged(peer, topic)
  const tookMs = performance.now() - beganMs
  if (end === 'SIGKILL') process.kill(peer.pid, 'SIGKILL')
  return tookMs
}

async function firstAcknowledged(peer: Peer, topic: string): Promise<void> {
  const { WireClient } = await import('../clients/wire-client.ts')
  const { apis } = await import('../../broker/protocol/apis.ts')
  const { batchOf } = await import('./broker-batches.ts')
  using client = await WireClient.connect(peer.port)
  const partitionData = [{ index: 0, records: batchOf({ ...smallBatch, batchBytes: 200 }).bytes }]
  for (;;) {
    const body = { acks: -1, timeoutMs: 10_000, topicData: [{ name: topic, partitionData }] }
    const { responses } = await client.request(apis.produce, 9, body)
    if (responses[0]!.partitionResponses[0]!.errorCode === 0) return
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

export function medianOf(values: readonly number[]): number {
  return Number(quantile(values, 0.5))
}
