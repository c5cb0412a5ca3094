// How much the logs of a data directory may take, and which segments go when they take more. Pure: sizes, offsets and
// times in, counts out.
import type { RetainedSegment } from './retention.ts'

/** Left for others on the disk: a twentieth of what would be ours to take. */
const shareKept = 0.05

/**
 * What was configured (Infinity for nothing), or what there is: own bytes and free space less the share that is kept.
 * Of several brokers on one disk each comes to its own answer: none asks for what another has taken.
 */
export function capBytesOf(configuredBytes: number, ownBytes: number, freeBytes: number): number {
  return Math.min(configuredBytes, (ownBytes + freeBytes) * (1 - shareKept))
}

/** The sealed segments of one log that may go, oldest first. */
export type Dispensable = readonly RetainedSegment[]

/**
 * Of those of one log: they are committed, and every aggregator has passed them (-1: nobody is known to read it).
 * Whole segments only, and contiguous, as in retention.
 */
export function dispensable(
  sealed: readonly RetainedSegment[],
  highWatermark: number,
  passedOffset: number,
): Dispensable {
  const bound = Math.min(highWatermark, passedOffset)
  const end = sealed.findIndex(({ endOffset }) => endOffset > bound)
  return end < 0 ? sealed : sealed.slice(0, end)
}

/** How many of each log go, so that `excessBytes` go in all: the oldest over all logs, no more than needed. */
export function segmentsToGo(logs: readonly Dispensable[], excessBytes: number): number[] {
  const counts = logs.map(() => 0)
  for (let leftBytes = excessBytes; leftBytes > 0; ) {
    let oldest = -1
    let oldestMs = Number.POSITIVE_INFINITY
    logs.forEach((segments, index) => {
      const head = segments[counts[index]!]
      if (!head || (oldest >= 0 && writtenMs(head) >= oldestMs)) return
      oldest = index
      oldestMs = writtenMs(head)
    })
    if (oldest < 0) break
    leftBytes -= logs[oldest]![counts[oldest]!]!.sizeBytes
    counts[oldest]!++
  }
  return counts
}

function writtenMs({ maxTimestamp, modifiedMs }: RetainedSegment): number {
  return maxTimestamp < 0 ? modifiedMs : Math.min(maxTimestamp, modifiedMs)
}
