// Where fetching stands in one partition, and what a request and an answer say of it. Types only.
import type { FetchResponse } from '../protocol/messages/01-fetch.ts'

export interface Position {
  readonly topic: string
  readonly partition: number
  topicId: string
  offset: number
  /** A decision is awaited: see the handler. */
  parked: boolean
  paused: boolean
  notBeforeMs: number
  /** Leader epoch of the last batch before `offset`, -1 where unknown: tells a log that was cut and grew again. */
  lastEpoch: number
  /** The last watermark handed on: an answer without batches is passed on only when it has news. */
  highWatermark: number
}

export interface AskedPosition {
  readonly position: Position
  readonly offset: number
}

export interface FetchPartition {
  readonly partition: number
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
  readonly partitionMaxBytes: number
}

export type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]
