// What roll, retention and deduplication of one partition go by. Data only.

/** What the cleaner goes by. */
export interface CompactionConfig {
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly minCleanableDirtyRatio: number
  /** How long a tombstone stays once a cleaning has seen it. */
  readonly deleteRetentionMs: number
}

export interface LogConfig extends CompactionConfig {
  /** cleanup.policy: segments go by age and size; of each key only the last record stays; or both. */
  readonly isRetained: boolean
  readonly isCompacted: boolean
  /** message.timestamp.type: the time of a record is that of its append, not its producer's. */
  readonly usesLogAppendTime: boolean
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
  isRetained: true,
  isCompacted: false,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.POSITIVE_INFINITY,
  minCleanableDirtyRatio: 0.5,
  deleteRetentionMs: dayMs,
  usesLogAppendTime: false,
  segmentBytes: 128 * mebibyte,
  segmentMs: 7 * dayMs,
  indexIntervalBytes: 4096,
  indexBytesMax: 10 * mebibyte,
  retentionMs: 7 * dayMs,
  retentionBytes: 2 * 1024 * mebibyte,
  producerExpirationMs: dayMs,
  fileDeleteDelayMs: 60_000,
}
