// What roll, retention and deduplication of one partition go by. Data only.

export interface LogConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  readonly indexBytesMax: number
  /** -1 keeps for ever. */
  readonly retentionMs: number
  /** -1 keeps everything. */
  readonly retentionBytes: number
  readonly producerExpirationMs: number
  /** How long a deleted segment's file stays for those who still read it. */
  readonly fileDeleteDelayMs: number
}

const dayMs = 24 * 3_600_000
const mebibyte = 1024 * 1024

export const defaultLogConfig: LogConfig = {
  segmentBytes: 128 * mebibyte,
  segmentMs: 7 * dayMs,
  indexIntervalBytes: 4096,
  indexBytesMax: 10 * mebibyte,
  retentionMs: 7 * dayMs,
  retentionBytes: 2 * 1024 * mebibyte,
  producerExpirationMs: dayMs,
  fileDeleteDelayMs: 60_000,
}
