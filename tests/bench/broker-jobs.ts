// What the benchmark of the broker tells its load generator, a process of its own so that its CPU is nobody's share,
// and what it hears back: one JSON line when the measured time begins, one when it is over.
import type { CodecName } from '../../broker/protocol/record-batch.ts'

/** How the batches of a topic look; both sides build them alike. */
export interface BatchShape {
  readonly recordBytes: number
  /** Before compression. */
  readonly batchBytes: number
  readonly codec: CodecName
}

export interface ProduceJob extends BatchShape {
  readonly kind: 'produce'
  readonly port: number
  readonly topic: string
  readonly partitions: number
  readonly connections: number
  readonly inFlight: number
  readonly acks: number
  readonly warmUpMs: number
  /** Measured for so long, or until so many bytes are acknowledged. */
  readonly durationMs: number
  readonly bytesMax: number
  /** Offered at this rate whatever the answers do; null: as fast as answers come. */
  readonly batchesPerSecond: number | null
}

/** From the first offset to the last, each consumer for itself. */
export interface ConsumeJob extends BatchShape {
  readonly kind: 'consume'
  readonly port: number
  readonly topic: string
  readonly partitions: number
  readonly consumers: number
  readonly batchesEach: number
  readonly fetchBytes: number
}

/** One partition written at a rate and read by one consumer that waits at its end. */
export interface TailJob extends BatchShape {
  readonly kind: 'tail'
  readonly port: number
  readonly topic: string
  readonly warmUpMs: number
  readonly durationMs: number
  readonly batchesPerSecond: number
}

/** Connections that have asked for the versions once and then say nothing, until the generator's stdin ends. */
export interface IdleJob {
  readonly kind: 'idle'
  readonly port: number
  readonly connections: number
}

/** The other end of a bare socket: sends zeros as fast as they are taken, or throws away what comes. */
export interface SocketJob {
  readonly kind: 'flood' | 'discard'
  readonly port: number
}

export type Job = ProduceJob | ConsumeJob | TailJob | IdleJob | SocketJob

export interface Outcome {
  readonly batches: number
  /** Of record batches, as they are on the wire. */
  readonly bytes: number
  readonly seconds: number
  readonly failures: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

export const beginLine = '{"begin":true}'
