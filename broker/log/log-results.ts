// What a log answers: outcomes as values, errors by the names they have on the wire. Touches nothing.
import type { ErrorName } from '../protocol/errors.ts'
import type { LogFile } from './log-file.ts'

export type AppendResult =
  | {
      readonly ok: true
      /** For a duplicate: the offsets under which the batch was appended the first time. */
      readonly baseOffset: number
      readonly lastOffset: number
      /** Of topics that keep it; of a duplicate, the time of the first one. Else -1: records have their producer's. */
      readonly logAppendTimeMs: number
      readonly duplicate: boolean
    }
  | Refusal

export function appended(
  baseOffset: number,
  offsetDelta: number,
  duplicate: boolean,
  logAppendTimeMs = -1,
): AppendResult {
  return { ok: true, baseOffset, lastOffset: baseOffset + offsetDelta, logAppendTimeMs, duplicate }
}

export interface Refusal {
  readonly ok: false
  readonly error: ErrorName
  readonly message: string
}

export function refused(error: ErrorName, message: string): Refusal {
  return { ok: false, error, message }
}

/** Of batches that a leader sent: how many bytes were whole batches, all appended. */
export type FollowResult = { readonly ok: true; readonly bytes: number } | Refusal

/** Whole batches of one file. `file` is null where there is nothing to read yet (length 0). */
export type ReadResult =
  | { readonly ok: true; readonly file: LogFile | null; readonly position: number; readonly length: number }
  | { readonly ok: false; readonly error: ErrorName }

export interface TimestampedOffset {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

/** Acknowledged records that can no longer be read: `[fromOffset, toOffset)`. What the disk gave back is in `path`. */
export interface Corruption {
  readonly path: string
  /** Where in the segment it was read. */
  readonly position: number
  readonly fromOffset: number
  readonly toOffset: number
}
