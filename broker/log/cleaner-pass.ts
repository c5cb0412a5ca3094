// One cleaning of one log: reads through the dirty part for the newest offset of every key, then writes what is left
// of each group of segments into `.cleaned` files, durably. Blocks, so it runs in a thread of its own; reads sealed
// segments, writes only `.cleaned` files. What takes their place is segment-swap.ts's business.
import { batchView, validateBatch } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import { BatchCursor } from './batch-cursor.ts'
import { cleanBatch } from './cleaned-batch.ts'
import { groupSegments } from './cleaner-plan.ts'
import type { Disk } from './disk.ts'
import { OffsetMap } from './offset-map.ts'
import { Segment, segmentPath } from './segment.ts'

/** Plain data: it crosses into the thread and back. */
export interface CleaningOrder {
  readonly directory: string
  /** All sealed segments that begin below `endOffset`, oldest first. */
  readonly segments: readonly OrderedSegment[]
  readonly firstDirtyOffset: number
  readonly endOffset: number
  readonly segmentBytes: number
  readonly indexIntervalBytes: number
  readonly deleteRetentionMs: number
  readonly nowMs: number
  readonly mapBytes: number
  /** The last offset of every producer that is still remembered, by producer id. */
  readonly lastOffsets: ReadonlyMap<number, number>
}

export interface OrderedSegment {
  readonly baseOffset: number
  readonly endOffset: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
  readonly modifiedMs: number
}

export interface CleaningResult {
  /** Below it no key occurs twice. */
  readonly cleanOffset: number
  readonly groups: readonly CleanedGroup[]
  readonly keys: number
  readonly mapBytes: number
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/** The segments with these base offsets become the first of them, whose `.cleaned` files lie there. */
export interface CleanedGroup {
  readonly baseOffsets: readonly number[]
  readonly endOffset: number
}

/** Suffix of files that are being written; a start finds them unfinished and removes them. */
export const cleanedSuffix = '.cleaned'

function cleanLog(disk: Disk, order: CleaningOrder): CleaningResult {
  const cursor = new BatchCursor(disk)
  const map = new OffsetMap(order.mapBytes)
  const mapEnd = fillMap(disk, cursor, order, map)
  const groups = groupSegments(order.segments, mapEnd, order.segmentBytes)
  let bytesBefore = 0
  let bytesAfter = 0
  const cleaned: CleanedGroup[] = []
  for (const group of groups) {
    const written = writeGroup(disk, cursor, order, group, map, mapEnd)
    bytesBefore += group.reduce((sum, segment) => sum + segment.sizeBytes, 0)
    bytesAfter += written
    cleaned.push({
      baseOffsets: group.map(segment => segment.baseOffset),
      endOffset: group.at(-1)!.endOffset,
    })
  }
  const { size: keys, memoryBytes: mapBytes } = map
  return { cleanOffset: mapEnd, groups: cleaned, keys, mapBytes, bytesBefore, bytesAfter }
}

/** In the caller's own thread. */
export function cleanHere(disk: Disk, order: CleaningOrder): CleaningResult | NodeJS.ErrnoException {
  try {
    return cleanLog(disk, order)
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}

/** Where the map ends: at the order's end, or at the first record whose key no longer fits. */
function fillMap(disk: Disk, cursor: BatchCursor, order: CleaningOrder, map: OffsetMap): number {
  for (const segment of order.segments) {
    if (segment.endOffset <= order.firstDirtyOffset) continue
    let full = -1
    eachBatch(disk, cursor, order.directory, segment, batch => {
      full = noteKeys(batch, map, order.firstDirtyOffset)
      return full < 0
    })
    if (full >= 0) return full
  }
  return order.endOffset
}

/** The offset of the first record that the map has no room for, or -1. */
function noteKeys(batch: Buffer, map: OffsetMap, fromOffset: number): number {
  let full = -1
  if (batchView.recordCount(batch, 0) === 0) return full
  walkRecords(batch, (offset, _timestamp, buffer, keyStart, keyEnd) => {
    if (keyStart < 0 || offset < fromOffset) return true
    if (map.put(buffer.subarray(keyStart, keyEnd), offset)) return true
    full = offset
    return false
  })
  return full
}

/** Returns the bytes written. */
function writeGroup(
  disk: Disk,
  cursor: BatchCursor,
  order: CleaningOrder,
  group: readonly OrderedSegment[],
  map: OffsetMap,
  mapEnd: number,
): number {
  const { directory, nowMs, indexIntervalBytes, lastOffsets } = order
  const path = segmentPath(directory, group[0]!.baseOffset)
  let isLast = false
  const target = Segment.beside(disk, directory, group[0]!.baseOffset, cleanedSuffix, nowMs)
  const rules = {
    nowMs,
    deleteRetentionMs: order.deleteRetentionMs,
    isSuperseded: (key: Buffer, offset: number) => offset < mapEnd && map.get(key) > offset,
    isNeeded: (batch: Buffer) => {
      const lastOffset = batchView.lastOffset(batch, 0)
      const producerId = batchView.producerId(batch, 0)
      // Where a segment ends tells recovery that nothing is missing between it and the next.
      return isLast || (producerId >= 0 && lastOffsets.get(producerId) === lastOffset)
    },
  }
  try {
    for (const segment of group) {
      eachBatch(disk, cursor, directory, segment, (batch, endPosition) => {
        isLast = segment === group.at(-1) && endPosition === segment.sizeBytes
        const cleaned = batchView.baseOffset(batch, 0) >= mapEnd ? batch : cleanBatch(batch, rules)
        if (cleaned) target.append(cleaned, indexIntervalBytes, nowMs)
        return true
      })
    }
    target.seal()
    disk.sync(target.file.fd)
    target.offsetIndex.file.write(true)
    target.timeIndex.file.write(true)
    return target.sizeBytes
  } catch (error) {
    discardCleaned(disk, path)
    throw error
  } finally {
    target.file.close()
  }
}

/** Files of a cleaning that is not to be. */
export function discardCleaned(disk: Disk, path: string): void {
  for (const extension of ['log', 'index', 'timeindex']) {
    const name = `${path}.${extension}${cleanedSuffix}`
    if (disk.status(name)) disk.unlink(name)
  }
}

/** The visitor says whether to go on; a batch is valid until it returns. */
function eachBatch(
  disk: Disk,
  cursor: BatchCursor,
  directory: string,
  segment: OrderedSegment,
  visit: (batch: Buffer, endPosition: number) => boolean,
): void {
  const path = `${segmentPath(directory, segment.baseOffset)}.log`
  const fd = disk.open(path, 'read')
  try {
    cursor.over(fd, segment.sizeBytes, 'scan')
    let position = 0
    while (position < segment.sizeBytes) {
      const isSound =
        cursor.batch(position) &&
        validateBatch(cursor.buffer, cursor.at, cursor.at + cursor.sizeInBytes) === 'none'
      if (!isSound) throw new Error(`Cannot clean "${path}": no sound batch at byte ${position}`)
      const next = cursor.nextPosition
      if (!visit(cursor.buffer.subarray(cursor.at, cursor.at + cursor.sizeInBytes), next)) return
      position = next
    }
  } finally {
    disk.close(fd)
  }
}
