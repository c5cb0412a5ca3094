// What a follower demands of the batches that its leader sent, before they go into its own log as they are.
import type { ErrorName } from '../protocol/errors.ts'
import { batchEnd, batchView, validateBatch } from '../protocol/record-batch.ts'
import type { FollowResult, Refusal } from './log-results.ts'
import type { PartitionLog } from './partition-log.ts'

export interface FetchedSink {
  readonly log: PartitionLog
  /** Null if the batch is in the page cache. */
  write(batch: Buffer, nowMs: number): Refusal | null
}

/** As PartitionLog.appendFetched, whose loop it is. */
export function appendFetched(
  sink: FetchedSink,
  batches: Buffer,
  fetchedEpoch: number,
  nowMs: number,
): FollowResult {
  const { log } = sink
  for (let at = 0; ; ) {
    const end = batchEnd(batches, at, batches.length)
    if (end < 0) return { ok: true, bytes: at }
    const isEmpty = log.logStartOffset === log.logEndOffset
    if (isEmpty && containsOffset(batches, at, log.logEndOffset)) {
      log.restartAt(batchView.baseOffset(batches, at), nowMs)
    }
    const fault = fetchedBatchFault(batches, at, end, log.logEndOffset, log.latestEpoch, fetchedEpoch)
    if (fault) return { ok: false, ...fault }
    const failed = sink.write(batches.subarray(at, end), nowMs)
    if (failed) return failed
    at = end
  }
}

interface BatchFault {
  readonly error: ErrorName
  readonly message: string
}

/** Null for a batch that follows on. `start` and `end` are where it lies; both logs' histories must be the same. */
function fetchedBatchFault(
  batches: Buffer,
  start: number,
  end: number,
  logEndOffset: number,
  latestEpoch: number,
  fetchedEpoch: number,
): BatchFault | null {
  const invalid = validateBatch(batches, start, end)
  if (invalid !== 'none')
    return { error: invalid, message: `Cannot follow: no sound batch at ${logEndOffset}` }
  const baseOffset = batchView.baseOffset(batches, start)
  // Above is a gap, which compaction or damage leaves; below would be something else than what we have there.
  if (baseOffset < logEndOffset) {
    return {
      error: 'offsetOutOfRange',
      message: `Cannot follow: batch at ${baseOffset}, log at ${logEndOffset}`,
    }
  }
  const epoch = batchView.leaderEpoch(batches, start)
  // KAFKA-18723: the leader may have been replaced while it answered; what is newer must be fetched as newer.
  if (epoch > fetchedEpoch) {
    const message = `Cannot follow: batch of epoch ${epoch} in a fetch of epoch ${fetchedEpoch}`
    return { error: 'unknownLeaderEpoch', message }
  }
  if (epoch < latestEpoch) {
    const message = `Cannot follow: batch of epoch ${epoch} after one of epoch ${latestEpoch}`
    return { error: 'fencedLeaderEpoch', message }
  }
  return null
}

/** A log's start may lie within a batch: an empty follower that begins there is sent the whole batch. */
function containsOffset(batches: Buffer, at: number, offset: number): boolean {
  return batchView.baseOffset(batches, at) < offset && batchView.lastOffset(batches, at) >= offset
}
