// What there is to compact in a log, whether it is worth it, and which segments become one. Pure: sizes, offsets and
// times in, a plan out. Nothing at or above the high watermark, in the active segment, or too young is touched.
//
//   log start     clean up to here        dirty            uncleanable: active, young, not yet committed
//      |--- compacted before ---|--- to be looked through ---|----------------------
import type { CompactionConfig } from './log-config.ts'

export interface CleanableSegment {
  readonly baseOffset: number
  /** The base offset of the segment after it. */
  readonly endOffset: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
  readonly modifiedMs: number
}

export interface CleaningPlan {
  /** Where the last cleaning ended, or the log starts. */
  readonly firstDirtyOffset: number
  /** The first offset that stays as it is. */
  readonly endOffset: number
  readonly dirtyBytes: number
  readonly cleanBytes: number
  /** Past the dirty ratio, or something has waited for longer than the lag allows. */
  readonly isDue: boolean
}

/** `sealed` are all segments but the active one, oldest first. Null when there is nothing to clean. */
export function planCleaning(
  sealed: readonly CleanableSegment[],
  config: CompactionConfig,
  cleanOffset: number,
  logStartOffset: number,
  committedEnd: number,
  nowMs: number,
): CleaningPlan | null {
  const firstDirtyOffset = Math.max(cleanOffset, logStartOffset)
  let endOffset = firstDirtyOffset
  let dirtyBytes = 0
  let cleanBytes = 0
  let oldestMs = Number.POSITIVE_INFINITY
  for (const segment of sealed) {
    if (segment.endOffset <= firstDirtyOffset) {
      cleanBytes += segment.sizeBytes
      continue
    }
    if (segment.endOffset > committedEnd) break
    if (config.minCompactionLagMs > 0 && nowMs - ageFrom(segment) < config.minCompactionLagMs) break
    dirtyBytes += segment.sizeBytes
    endOffset = segment.endOffset
    oldestMs = Math.min(oldestMs, ageFrom(segment))
  }
  if (endOffset <= firstDirtyOffset) return null
  const isLate = nowMs - oldestMs > config.maxCompactionLagMs
  const isDirty = dirtyBytes > config.minCleanableDirtyRatio * (dirtyBytes + cleanBytes)
  return { firstDirtyOffset, endOffset, dirtyBytes, cleanBytes, isDue: isDirty || isLate }
}

/** A timestamp in the future must not keep a segment from being cleaned for ever. */
function ageFrom({ maxTimestamp, modifiedMs }: CleanableSegment): number {
  return maxTimestamp < 0 ? modifiedMs : Math.min(maxTimestamp, modifiedMs)
}

const relativeOffsetMax = 0x7fffffff

/** Runs of neighbours below `endOffset` that fit into one segment each, by what they hold now. */
export function groupSegments<T extends CleanableSegment>(
  sealed: readonly T[],
  endOffset: number,
  segmentBytes: number,
): T[][] {
  const groups: T[][] = []
  let sizeBytes = 0
  for (const segment of sealed) {
    if (segment.baseOffset >= endOffset) break
    const group = groups.at(-1)
    const fits =
      group !== undefined &&
      sizeBytes + segment.sizeBytes <= segmentBytes &&
      segment.endOffset - group[0]!.baseOffset <= relativeOffsetMax
    if (fits) group.push(segment)
    else groups.push([segment])
    sizeBytes = (fits ? sizeBytes : 0) + segment.sizeBytes
  }
  return groups
}
