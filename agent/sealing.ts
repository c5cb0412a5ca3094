// Lines into batches: one open batch per partition, sealed when it is full or old enough, and a note of which spans
// it holds records of, so that its acknowledgement can be booked. No I/O; time is handed in.
import { BatchBuilder, type BatchMemory } from '../broker/protocol/batch-builder.ts'
import type { Span } from './tracker.ts'

/** Uncompressed, everything included: even if nothing compresses it stays below what brokers take by default. */
export const batchBytesMax = 1_048_576 - 8_192
/** Key, headers and framing of a record, generously. */
const recordOverhead = 192

export interface Lane {
  readonly topic: string
  readonly partition: number
  readonly builder: BatchBuilder
  spans: Span[]
  counts: number[]
  /** When what is in it must leave. */
  deadlineMs: number
  /** The snapshot that must be durable before its last record may leave. */
  epoch: number
}

/** A batch on its way, with what its acknowledgement means. */
export interface SealedBatch {
  readonly topic: string
  readonly partition: number
  readonly bytes: Buffer
  readonly recordCount: number
  readonly rawBytes: number
  /** What it counts for until it is acknowledged: its lines, or the memory they lie in where that is more. */
  readonly heldBytes: number
  readonly spans: readonly Span[]
  readonly counts: readonly number[]
  readonly epoch: number
}

export function newLane(topic: string, partition: number, memory: BatchMemory): Lane {
  const builder = new BatchBuilder(memory)
  return { topic, partition, builder, spans: [], counts: [], deadlineMs: 0, epoch: 0 }
}

export function hasRoomFor(lane: Lane, lineBytes: number): boolean {
  return (
    lane.builder.recordCount === 0 || lane.builder.sizeInBytes + lineBytes + recordOverhead <= batchBytesMax
  )
}

/** Books one record of this span. Lines of one span come in a row, so this is one comparison. */
export function book(lane: Lane, span: Span): void {
  span.pending++
  const last = lane.spans.length - 1
  if (lane.spans[last] === span) lane.counts[last]!++
  else {
    lane.spans.push(span)
    lane.counts.push(1)
  }
}

/** The lane's batch, compressed as told; the lane is empty again. */
export function seal(lane: Lane, codec: 'zstd' | 'none'): SealedBatch {
  const { topic, partition, builder, spans, counts, epoch } = lane
  const recordCount = builder.recordCount
  const rawBytes = builder.sizeInBytes
  const bytes = builder.build({ codec })
  const heldBytes = Math.max(rawBytes, bytes.buffer.byteLength)
  lane.spans = []
  lane.counts = []
  return { topic, partition, bytes, recordCount, rawBytes, heldBytes, spans, counts, epoch }
}
