// One partition's queue within a producer: what has not been acknowledged, in order, and what of it may fly now.
// Pure: no I/O and no clock of its own.
import type { ErrorName } from '../protocol/errors.ts'
import type { Connection } from './connection.ts'

/** `error` names why the broker will never take it; null with the offset of its first record when it did. */
export type SentCallback = (error: ErrorName | null, baseOffset: number) => void

export interface PendingBatch {
  readonly bytes: Buffer
  readonly count: number
  sequence: number
  flying: boolean
  /** Under the present producer id; a retry does not move it. */
  firstSentAtMs: number | null
  readonly callback: SentCallback
}

export interface Lane {
  readonly topic: string
  readonly partition: number
  /** Unacknowledged, lowest sequence first. */
  batches: PendingBatch[]
  nextSequence: number
  flying: number
  /** Where what flies now flies: order holds only within one connection. */
  connection: Connection | null
  /** Something failed: nothing more flies until everything has come back. */
  rewinding: boolean
  /** The oldest batch was refused and is sent again: until it is acknowledged it flies alone. */
  retrying: boolean
  /** When the youngest acknowledged batch was first sent: since then at the latest the broker knows us. */
  knownSinceMs: number | null
  failures: number
  notBeforeMs: number
}

/** Kafka's brokers remember the last five batches of a producer in a partition. */
const batchesInFlightMax = 5
/** Far less than the day after which a broker forgets a silent producer, far more than a request lives. */
const rememberedMs = 3_600_000
const sequenceModulus = 0x8000_0000

export function newLane(topic: string, partition: number): Lane {
  return {
    topic,
    partition,
    batches: [],
    nextSequence: 0,
    flying: 0,
    connection: null,
    rewinding: false,
    retrying: false,
    knownSinceMs: null,
    failures: 0,
    notBeforeMs: 0,
  }
}

/** Sequences wrap from 2^31 - 1 to 0. */
export function nextSequenceAfter(sequence: number, count: number): number {
  return (sequence + count) % sequenceModulus
}

/** Under a new producer id everything unacknowledged is sent anew, in its old order. */
export function renumber(lane: Lane): void {
  lane.nextSequence = 0
  lane.knownSinceMs = null
  lane.rewinding = false
  lane.retrying = false
  for (const batch of lane.batches) batch.firstSentAtMs = null
}

/** The batch of this lane that may fly next on this connection, or null. */
function nextToFly(lane: Lane, connection: Connection, nowMs: number): PendingBatch | null {
  if (lane.notBeforeMs > nowMs) return null
  if (lane.flying > 0) {
    // What flew past a batch that is sent again would push it out of the five that the broker remembers.
    if (lane.rewinding || lane.retrying || lane.connection !== connection) return null
    // A broker that does not know this producer id takes any sequence for its first: so the first flies alone,
    // and again after a silence in which the broker may have forgotten it. Answering a retry renews nothing there.
    const remembered = lane.knownSinceMs !== null && nowMs - lane.knownSinceMs < rememberedMs
    if (!remembered || lane.flying >= batchesInFlightMax) return null
  } else lane.rewinding = false
  return lane.batches.find(batch => !batch.flying) ?? null
}

/** At most one batch of each lane, together no larger than `bytesMax` unless a single one is. */
export function lanesReadyFor(
  lanes: readonly Lane[],
  connection: Connection,
  nowMs: number,
  bytesMax: number,
): { lane: Lane; batch: PendingBatch }[] {
  const ready: { lane: Lane; batch: PendingBatch }[] = []
  let bytes = 0
  for (const lane of lanes) {
    const batch = nextToFly(lane, connection, nowMs)
    if (!batch) continue
    if (ready.length > 0 && bytes + batch.bytes.length > bytesMax) break
    bytes += batch.bytes.length
    ready.push({ lane, batch })
  }
  return ready
}
