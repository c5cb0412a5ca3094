// Looking things up in the segments of a log: byte ranges of whole batches, and records by timestamp. Reads headers
// through a cursor; only a look-up by timestamp decompresses, and only the batch it found.
import { batchView } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import type { BatchCursor } from './batch-cursor.ts'
import type { ReadResult, TimestampedOffset } from './log-results.ts'
import type { Segment } from './segment.ts'

const nothing: ReadResult = { ok: true, file: null, position: 0, length: 0 }

/** Index of the segment that holds `offset`: the last one that begins at or below it, -1 if all begin above. */
export function segmentIndexOf(segments: readonly Segment[], offset: number): number {
  let low = -1
  let high = segments.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (segments[middle]!.baseOffset <= offset) low = middle
    else high = middle - 1
  }
  return low
}

/** Bounds of `offset` are the caller's business; see PartitionLog.read for the promise. */
export function readRange(
  segments: readonly Segment[],
  cursor: BatchCursor,
  offset: number,
  maxBytes: number,
  limitOffset: number,
  atLeastOneBatch: boolean,
): ReadResult {
  if (offset >= limitOffset) return nothing
  for (let index = Math.max(segmentIndexOf(segments, offset), 0); index < segments.length; index++) {
    const segment = segments[index]!
    if (segment.baseOffset >= limitOffset) return nothing
    const position = segment.positionOf(offset, cursor)
    // The last offsets of a segment may be gone, or all of them, by compaction or damage: the next one goes on.
    if (position < 0 || position >= segment.sizeBytes) continue
    const limit = limitOffset >= segment.nextOffset ? -1 : segment.positionOf(limitOffset, cursor)
    const upTo = limit < 0 ? segment.sizeBytes : limit
    const end = rangeEnd(segment, cursor, position, upTo, maxBytes, atLeastOneBatch)
    if (end <= position) return nothing
    segment.wasRead = true
    return { ok: true, file: segment.file, position, length: end - position }
  }
  return nothing
}

function rangeEnd(
  segment: Segment,
  cursor: BatchCursor,
  position: number,
  limit: number,
  maxBytes: number,
  atLeastOneBatch: boolean,
): number {
  if (limit - position <= maxBytes) return limit
  const end = segment.boundaryBefore(position, position + maxBytes, cursor)
  if (end > position || !atLeastOneBatch) return end
  return cursor.over(segment.file.fd, segment.sizeBytes, 'lookUp').header(position)
    ? cursor.nextPosition
    : position
}

/** The time of the newest record of the batch that holds `offset`; -1 where there is none. */
export function maxTimestampAt(segments: readonly Segment[], cursor: BatchCursor, offset: number): number {
  const segment = segments[segmentIndexOf(segments, offset)]
  const position = segment?.positionOf(offset, cursor) ?? -1
  if (!segment || position < 0) return -1
  if (!cursor.over(segment.file.fd, segment.sizeBytes, 'lookUp').header(position)) return -1
  return batchView.maxTimestamp(cursor.buffer, cursor.at)
}

/** The first record, in offset order, from `startOffset` to below `limitOffset` that is as late as `timestamp`. */
export function findTimestamp(
  segments: readonly Segment[],
  cursor: BatchCursor,
  timestamp: number,
  startOffset: number,
  limitOffset: number,
): TimestampedOffset | null {
  for (const segment of segments) {
    if (segment.maxTimestamp < timestamp || segment.nextOffset <= startOffset) continue
    let position = segment.positionBefore(timestamp)
    while (cursor.over(segment.file.fd, segment.sizeBytes, 'lookUp').header(position)) {
      const next = cursor.nextPosition
      if (batchView.baseOffset(cursor.buffer, cursor.at) >= limitOffset) return null
      const isCandidate = batchView.maxTimestamp(cursor.buffer, cursor.at) >= timestamp
      if (isCandidate && cursor.lastOffset >= startOffset && cursor.batch(position)) {
        const found = firstRecord(cursor, at => at.timestamp >= timestamp && at.offset >= startOffset)
        if (found) return found.offset < limitOffset ? found : null
      }
      position = next
    }
  }
  return null
}

/** The record with the largest timestamp of all below `limitOffset`; the first one, if several share it. */
export function findMaxTimestamp(
  segments: readonly Segment[],
  cursor: BatchCursor,
  startOffset: number,
  limitOffset: number,
): TimestampedOffset | null {
  let best: Segment | null = null
  for (const segment of segments) {
    if (segment.nextOffset <= startOffset || segment.sizeBytes === 0) continue
    if (!best || segment.maxTimestamp > best.maxTimestamp) best = segment
  }
  if (!best || best.maxTimestamp < 0) return null
  return findTimestamp([best], cursor, best.maxTimestamp, startOffset, limitOffset)
}

function firstRecord(
  cursor: BatchCursor,
  matches: (at: TimestampedOffset) => boolean,
): TimestampedOffset | null {
  const leaderEpoch = batchView.leaderEpoch(cursor.buffer, cursor.at)
  let found: TimestampedOffset | null = null
  walkRecords(cursor.buffer.subarray(cursor.at, cursor.at + cursor.sizeInBytes), (offset, timestamp) => {
    const candidate = { offset, timestamp, leaderEpoch }
    if (matches(candidate)) found = candidate
    return found === null
  })
  return found
}
