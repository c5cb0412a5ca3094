// Which segments have outlived their welcome. Pure: sizes and times in, a count out.
// Oldest first and contiguous, so that the log never has a hole; never past the high watermark.

export interface RetainedSegment {
  readonly sizeBytes: number
  /** The base offset of the segment after it, or the log's end for the last. */
  readonly endOffset: number
  readonly maxTimestamp: number
  readonly modifiedMs: number
}

export interface RetentionBounds {
  /** -1: keep for ever. */
  readonly retentionMs: number
  /** -1: keep everything. */
  readonly retentionBytes: number
}

/**
 * How many segments, from the oldest, may go. The last one counts too: if all may go, roll an empty one first.
 * A segment's age is that of its newest record, but never younger than its last write: a timestamp in the
 * future would otherwise pin it.
 */
export function expiredSegments(
  segments: readonly RetainedSegment[],
  bounds: RetentionBounds,
  logStartOffset: number,
  highWatermark: number,
  nowMs: number,
): number {
  let excessBytes = -1
  if (bounds.retentionBytes >= 0) {
    excessBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, 0) - bounds.retentionBytes
  }
  let count = 0
  for (const segment of segments) {
    // The active one when empty; compaction may leave others without a byte.
    const isLastEmpty = segment.sizeBytes === 0 && segment === segments.at(-1)
    if (isLastEmpty || segment.endOffset > highWatermark) break
    const beforeStart = segment.endOffset <= logStartOffset
    const aboveSize = bounds.retentionBytes >= 0 && excessBytes >= segment.sizeBytes
    const tooOld = bounds.retentionMs >= 0 && nowMs - ageFrom(segment) > bounds.retentionMs
    if (!beforeStart && !aboveSize && !tooOld) break
    excessBytes -= segment.sizeBytes
    count++
  }
  return count
}

function ageFrom({ maxTimestamp, modifiedMs }: RetainedSegment): number {
  return maxTimestamp < 0 ? modifiedMs : Math.min(maxTimestamp, modifiedMs)
}
