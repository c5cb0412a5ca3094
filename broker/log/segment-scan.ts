// Reads a segment batch by batch, checksums included, and judges what it cannot read by the durable point:
// at or beyond it a torn tail (never acknowledged: cut), below it damage (acknowledged: kept apart and reported).
// Reads the file; changes only the segment's view of it, by `note`.
import { readInt64 } from '../protocol/bytes.ts'
import { batchHeaderBytes, batchView, validateBatch } from '../protocol/record-batch.ts'
import type { BatchCursor } from './batch-cursor.ts'
import { type Disk, readFully } from './disk.ts'
import type { Segment } from './segment.ts'

/** Bytes `[position, endPosition)` that should have held `[fromOffset, toOffset)`. */
export interface Damage {
  readonly position: number
  readonly endPosition: number
  readonly fromOffset: number
  readonly toOffset: number
}

export interface ScanResult {
  readonly damages: readonly Damage[]
  /** Where the torn tail begins, or the end of the file. */
  readonly endPosition: number
  /** Nothing that follows, here or in later segments, was ever acknowledged. */
  readonly isTorn: boolean
}

export interface ScanBounds {
  /** Every offset below was once flushed. */
  readonly durablePoint: number
  /** The base offset of the next segment; infinite for the last. */
  readonly endOffset: number
  readonly isKnownGap: (fromOffset: number, toOffset: number) => boolean
  /** Compaction has been here: offsets need not be dense. The last batch of a segment is always left. */
  readonly isSparse?: boolean
}

const windowBytes = 1024 * 1024
const magicAt = 16

export function scanSegment(
  disk: Disk,
  cursor: BatchCursor,
  segment: Segment,
  bounds: ScanBounds,
  indexIntervalBytes: number,
): ScanResult {
  const fd = segment.file.fd
  const fileBytes = disk.sizeOf(fd)
  const damages: Damage[] = []
  segment.restart()
  cursor.over(fd, fileBytes, 'scan')
  let position = 0
  let expected = segment.baseOffset
  while (position < fileBytes) {
    if (isGood(cursor, position, expected, bounds)) {
      segment.note(cursor.buffer, cursor.at, indexIntervalBytes)
      expected = cursor.lastOffset + 1
      position = cursor.nextPosition
      continue
    }
    if (expected >= bounds.durablePoint) return { damages, endPosition: position, isTorn: true }
    const found = nextBatch(disk, cursor, fd, position + 1, fileBytes, expected, bounds)
    const toOffset = found ? found.baseOffset : lostUpTo(expected, bounds)
    damages.push({ position, endPosition: found?.position ?? fileBytes, fromOffset: expected, toOffset })
    expected = toOffset
    position = found?.position ?? fileBytes
  }
  const toOffset = lostUpTo(expected, bounds)
  if (expected >= toOffset || bounds.isKnownGap(expected, toOffset)) {
    return { damages, endPosition: fileBytes, isTorn: false }
  }
  // Ends with a whole batch, but before its time: only as much is lost as was ever durable.
  if (expected >= bounds.durablePoint) return { damages, endPosition: fileBytes, isTorn: true }
  damages.push({ position: fileBytes, endPosition: fileBytes, fromOffset: expected, toOffset })
  return { damages, endPosition: fileBytes, isTorn: false }
}

function lostUpTo(fromOffset: number, { durablePoint, endOffset }: ScanBounds): number {
  return Number.isFinite(endOffset) ? endOffset : Math.max(durablePoint, fromOffset)
}

/** Offsets are outside the checksum: what vouches for them is that they follow on, but for gaps already known. */
function isGood(cursor: BatchCursor, position: number, expected: number, bounds: ScanBounds): boolean {
  if (!cursor.batch(position)) return false
  const { buffer, at } = cursor
  if (validateBatch(buffer, at, at + cursor.sizeInBytes) !== 'none') return false
  const baseOffset = batchView.baseOffset(buffer, at)
  if (cursor.lastOffset >= bounds.endOffset) return false
  if (baseOffset === expected) return true
  return baseOffset > expected && (bounds.isSparse === true || bounds.isKnownGap(expected, baseOffset))
}

/** The first batch from `from` on that is whole and sound and may lie there by its offsets. */
function nextBatch(
  disk: Disk,
  cursor: BatchCursor,
  fd: number,
  from: number,
  fileBytes: number,
  expected: number,
  bounds: ScanBounds,
): { readonly position: number; readonly baseOffset: number } | null {
  const window = Buffer.allocUnsafe(windowBytes)
  let position = from
  while (position + batchHeaderBytes <= fileBytes) {
    const length = readFully(disk, fd, window, 0, Math.min(windowBytes, fileBytes - position), position)
    const last = length - batchHeaderBytes
    for (let at = 0; at <= last; at++) {
      if (window[at + magicAt] !== 2) continue
      const baseOffset = readInt64(window, at)
      if (!(baseOffset >= expected && baseOffset < bounds.endOffset)) continue
      if (!cursor.batch(position + at)) continue
      const sound = validateBatch(cursor.buffer, cursor.at, cursor.at + cursor.sizeInBytes) === 'none'
      if (sound && cursor.lastOffset < bounds.endOffset) return { position: position + at, baseOffset }
    }
    if (last < 0) return null
    position += last + 1
  }
  return null
}
