// The contract between the server and its page, continued: the log itself. Types only, erased at run time.
import type { TailRow } from './contract.ts'

/**
 * GET /search?topic=&from=&to=&q=&re=&field=name:value&level=&invert=yes&limit=&cursor=
 * As NDJSON (Accept: application/x-ndjson): a row a line, and last { "end": SearchEnd }. With order=newest the last
 * ones before `to`; with range=PARTITION:FROM-TO (repeated) only these offsets.
 */
export interface SearchAnswer {
  /** In order of their time. */
  readonly rows: readonly TailRow[]
  readonly end: SearchEnd
}

export interface SearchEnd {
  /** Goes on from here; at the end of the log, with what has come since. */
  readonly cursor: string
  /** False when it stopped before the end of what was asked for. */
  readonly complete: boolean
  readonly stoppedBy: 'end' | 'limit' | 'time' | 'bytes' | 'cancelled'
  readonly scannedRecords: number
  readonly scannedBytes: number
}

/** GET /topics/{topic}/records?partition=&limit= and one of offset=, time=, before= */
export interface RecordsAnswer {
  readonly topic: string
  readonly partition: number
  readonly records: readonly BrowsedRecord[]
  readonly logStartOffset: string
  readonly highWatermark: string
  /** `offset` of the next page. */
  readonly next: string
  /** `before` of the page before; null at the log's beginning. */
  readonly previous: string | null
}

export interface BrowsedRecord {
  readonly partition: number
  readonly offset: string
  readonly timestamp: number
  readonly key: BrowsedBytes | null
  readonly value: BrowsedBytes | null
  readonly headers: readonly { readonly name: string; readonly value: BrowsedBytes | null }[]
}

/** Without loss: base64 where the bytes are no UTF-8. */
export type BrowsedBytes = { readonly text: string } | { readonly base64: string }
