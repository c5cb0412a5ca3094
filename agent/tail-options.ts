// What a tailer is given: where lines go, where files are, and its bounds. Types and defaults only.
import type { Log } from '../runtime/log.ts'
import type { Discovery } from './discover.ts'
import type { LineSink } from './reading.ts'

export interface TailSink extends LineSink {
  /** Whether more may be read now; when it becomes true again, the tailer's `pump` is called. */
  hasRoom(): boolean
}

export interface TailOptions {
  readonly discovery: Discovery
  readonly sink: TailSink
  readonly log: Log
  /** The clock by which file systems say when a file was made. */
  readonly wallMs?: () => number
  /** How long a deleted file must be quiet before it is given up. */
  readonly drainMs?: number
  readonly rescanMs?: number
  readonly idleFilesMax?: number
  readonly openFilesMax?: number
  /** How much of the disk deleted files may keep. */
  readonly pinnedBytesMax?: number
}

/** Descriptors of files that are read to their end, and of all files. */
export const idleFilesMax = 128
export const openFilesMax = 512
/** What deleted files may keep of the disk while nothing can be sent. */
export const pinnedBytesMax = 10_737_418_240
