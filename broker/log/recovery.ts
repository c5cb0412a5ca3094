// From the files of a partition to an open log, after a clean end or any other: finishes what was begun, scans what
// may not have reached the disk, cuts torn tails, sets damage aside, and leaves everything it kept on the medium.
// Blocks: nothing else of the log exists yet. Touches only the partition's directory.
import assert from 'node:assert/strict'
import { batchView } from '../protocol/record-batch.ts'
import type { BatchCursor } from './batch-cursor.ts'
import { formatDurablePoint, parseDurablePoint, partitionFiles } from './checkpoints.ts'
import { type Disk, readFile, writeFully } from './disk.ts'
import type { LogConfig } from './log-config.ts'
import { copyRange, Quarantine } from './quarantine.ts'
import { dropSeal, framesFound, isContentOf, isPlacedAt, readSeal, type Seal, writeSeal } from './seal.ts'
import { Segment, segmentPath } from './segment.ts'
import { type Damage, scanSegment } from './segment-scan.ts'
import { finishSwaps } from './segment-swap.ts'

export interface RecoveryOptions {
  readonly disk: Disk
  readonly directory: string
  readonly topicId: string
  readonly cursor: BatchCursor
  readonly config: LogConfig
  /** The previous life flushed everything and said so. */
  readonly isClean: boolean
  /** From the checkpoint: segments wholly below are on the medium, indexes and all. */
  readonly recoveryPoint: number
  /** From the checkpoint: what lies wholly below was deleted. */
  readonly logStartOffset: number
  readonly nowMs: number
}

export interface RecoveredLog {
  /** At least one, the last one active. */
  readonly segments: Segment[]
  readonly logStartOffset: number
  readonly quarantine: Quarantine
  /** Nothing had to be scanned: indexes and snapshot are complete as they lie there. */
  readonly isComplete: boolean
}

export function recoverSegments(given: RecoveryOptions): RecoveredLog {
  const isSuspect = given.disk.status(`${given.directory}/${partitionFiles.suspect}`) !== null
  if (!isSuspect) return recover(given)
  const recovered = recover({ ...given, isClean: false, recoveryPoint: 0 })
  // What was damaged is set aside by now, durably.
  given.disk.unlink(`${given.directory}/${partitionFiles.suspect}`)
  return recovered
}

function recover(options: RecoveryOptions): RecoveredLog {
  const { disk, directory, cursor, nowMs } = options
  // What a killed process wrote last may be in the page cache alone, and all that follows relies on it.
  if (!options.isClean) syncFile(disk, `${directory}/${partitionFiles.metadata}`)
  finishSwaps(disk, directory, cursor)
  const names = discardLeftovers(disk, directory)
  const quarantine = new Quarantine(disk, directory, names)
  const durablePoint = parseDurablePoint(readFile(disk, `${directory}/${partitionFiles.durablePoint}`))
  const segments = openSegments(options, names)
  // Before any scan: of deleted segments a crash may have left some and taken others, and that is no damage.
  removeBelowStart(options, segments)
  const scanned: Segment[] = []
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index]!
    const endOffset = segments[index + 1]?.baseOffset ?? Number.POSITIVE_INFINITY
    if (isTrusted(options, segment, endOffset, durablePoint)) continue
    scanned.push(segment)
    const isTorn = repair(options, segment, endOffset, durablePoint, quarantine)
    if (isTorn) for (const lost of segments.splice(index + 1)) removeSegment(disk, directory, lost)
  }
  // Offsets that were once given out are not given out again, even where their records are gone.
  const floor = Math.max(durablePoint, options.logStartOffset)
  const last = segments.at(-1)
  const isShort = !last || last.nextOffset < floor
  if (isShort) segments.push(Segment.create(disk, directory, floor, nowMs))
  removeBelowStart(options, segments)
  settle(options, segments, scanned, durablePoint)
  if (!options.isClean || isShort) {
    disk.syncDirectory(directory)
    // Last, for it must never say more than what is there with its name; and synced, or the next power cut takes it
    // back and damage below it passes for a torn tail.
    keepDurablePoint(disk, directory, durablePoint, segments.at(-1)!.nextOffset)
  }
  const active = segments.at(-1)!
  // Of a segment that is appended to again it would say what is no longer so.
  dropSeal(disk, directory, active.baseOffset)
  if (cursor.over(active.file.fd, active.sizeBytes, 'lookUp').header(0)) {
    const firstTimestamp = batchView.maxTimestamp(cursor.buffer, cursor.at)
    if (firstTimestamp >= 0) active.createdMs = Math.min(active.createdMs, firstTimestamp)
  }
  const logStartOffset = Math.max(options.logStartOffset, segments[0]!.baseOffset)
  return { segments, logStartOffset, quarantine, isComplete: options.isClean && scanned.length === 0 }
}

function syncFile(disk: Disk, path: string): void {
  const fd = disk.open(path, 'write')
  try {
    disk.sync(fd)
  } finally {
    disk.close(fd)
  }
}

/** Half-done work of the previous life. Returns the names that are left. */
function discardLeftovers(disk: Disk, directory: string): string[] {
  const names = disk.list(directory)
  const leftovers = names.filter(name => {
    if (/\.(deleted|cleaned|tmp)$/.test(name)) return true
    const index = /^(\d{20})\.(index|timeindex|seal)$/.exec(name)
    return index !== null && !names.includes(`${index[1]}.log`)
  })
  for (const name of leftovers) disk.unlink(`${directory}/${name}`)
  return names.filter(name => !leftovers.includes(name))
}

function openSegments({ disk, directory }: RecoveryOptions, names: readonly string[]): Segment[] {
  return names
    .filter(name => /^\d{20}\.log$/.test(name))
    .map(name => {
      const modifiedMs = disk.status(`${directory}/${name}`)!.modifiedMs
      return Segment.existing(disk, directory, Number(name.slice(0, 20)), modifiedMs)
    })
}

function removeBelowStart({ disk, directory, logStartOffset }: RecoveryOptions, segments: Segment[]): void {
  while (segments.length > 1 && segments[1]!.baseOffset <= logStartOffset) {
    removeSegment(disk, directory, segments.shift()!)
  }
}

/** Whether the previous life vouches for this segment; then only its indexes are opened. */
function isTrusted(
  options: RecoveryOptions,
  segment: Segment,
  endOffset: number,
  durablePoint: number,
): boolean {
  const { isClean, recoveryPoint, cursor } = options
  if (Number.isFinite(endOffset)) {
    if (!isClean && endOffset > Math.min(recoveryPoint, durablePoint)) return false
    segment.isSettled =
      segment.loadIndexes(endOffset) && looksSealed(options, segment, endOffset, durablePoint)
    return segment.isSettled
  }
  if (!isClean || !segment.loadIndexes(segment.baseOffset)) return false
  return segment.loadEnd(cursor) && segment.nextOffset >= durablePoint
}

/** The sidecar of a segment that was flushed to its end; null where there is none, or none that can be relied on. */
function sealOf(
  { disk, directory }: RecoveryOptions,
  { baseOffset }: Segment,
  endOffset: number,
  durablePoint: number,
): Seal | null {
  return endOffset <= durablePoint ? readSeal(disk, directory, baseOffset) : null
}

/** As far as can be said without reading all of it: its length, its first batch and its last. */
function looksSealed(
  options: RecoveryOptions,
  segment: Segment,
  endOffset: number,
  durablePoint: number,
): boolean {
  const seal = sealOf(options, segment, endOffset, durablePoint)
  if (!seal) return true
  if (!isPlacedAt(seal, placeOf(options, segment)) || seal.sizeBytes !== segment.sizeBytes) return false
  const isSound = framesFound(options.disk, segment.file.fd, seal) === 2
  segment.file.close()
  return isSound
}

function placeOf({ topicId, directory }: RecoveryOptions, { baseOffset }: Segment) {
  return { topicId, partition: Number(directory.slice(directory.lastIndexOf('-') + 1)), baseOffset }
}

/** Whether another segment lies in this one's place. Its batches may all be sound, and their offsets as they should. */
function isMisplaced(options: RecoveryOptions, segment: Segment, seal: Seal | null): boolean {
  if (!seal) return false
  // Somebody else's sidecar: it came with its segment, or strayed here without it.
  if (!isPlacedAt(seal, placeOf(options, segment))) return isContentOf(seal, segment.content)
  // Ours, damaged perhaps, if either end of it is where it was.
  return framesFound(options.disk, segment.file.fd, seal) === 0
}

/** Scans, sets damage aside, cuts a torn tail. Returns whether the log ends here. */
function repair(
  options: RecoveryOptions,
  segment: Segment,
  endOffset: number,
  durablePoint: number,
  quarantine: Quarantine,
): boolean {
  const { disk, directory, cursor, config } = options
  const seal = sealOf(options, segment, endOffset, durablePoint)
  const isKnownGap = (from: number, to: number) => quarantine.isKnown(from, to)
  const bounds = { durablePoint, endOffset, isKnownGap, isSparse: quarantine.isSparse }
  let result = scanSegment(disk, cursor, segment, bounds, config.indexIntervalBytes)
  const damages = isMisplaced(options, segment, seal) ? allOf(disk, segment, endOffset) : result.damages
  if (damages.length > 0) {
    for (const { position, endPosition, fromOffset, toOffset } of damages) {
      quarantine.add(segment.file.fd, position, endPosition, fromOffset, toOffset)
    }
    dropSeal(disk, directory, segment.baseOffset)
    const endPosition = Math.max(result.endPosition, damages.at(-1)!.endPosition)
    rewriteWithout(disk, directory, segment, damages, endPosition)
    result = scanSegment(disk, cursor, segment, bounds, config.indexIntervalBytes)
    assert.equal(result.damages.length, 0, 'what was set aside is not found again')
  }
  if (result.isTorn) {
    dropSeal(disk, directory, segment.baseOffset)
    segment.cut(result.endPosition)
  }
  return result.isTorn
}

function allOf(disk: Disk, segment: Segment, endOffset: number): Damage[] {
  const endPosition = disk.sizeOf(segment.file.fd)
  return [{ position: 0, endPosition, fromOffset: segment.baseOffset, toOffset: endOffset }]
}

/** The readable batches in a new file, which then takes the old one's place. */
function rewriteWithout(
  disk: Disk,
  directory: string,
  segment: Segment,
  damages: readonly Damage[],
  endPosition: number,
): void {
  const path = `${segmentPath(directory, segment.baseOffset)}.log`
  const fd = disk.open(`${path}.cleaned`, 'create')
  let size = 0
  let position = 0
  try {
    for (const damage of [...damages, { position: endPosition, endPosition }]) {
      copyRange(disk, segment.file.fd, position, damage.position, fd, size)
      size += damage.position - position
      position = damage.endPosition
    }
    disk.sync(fd)
  } finally {
    disk.close(fd)
  }
  segment.file.close()
  disk.rename(`${path}.cleaned`, path)
  disk.syncDirectory(directory)
}

/**
 * Makes what a scan kept durable. Bytes beyond the durable point are written once more, unchanged: if a flush of the
 * previous life failed, the kernel may hold them as clean although the medium never saw them, and only dirty pages
 * are flushed.
 */
function settle(
  options: RecoveryOptions,
  segments: readonly Segment[],
  scanned: readonly Segment[],
  durablePoint: number,
): void {
  const { disk, directory, cursor } = options
  for (const segment of segments) {
    if (!scanned.includes(segment)) continue
    const { fd } = segment.file
    const from = segment.nextOffset > durablePoint ? segment.positionOf(durablePoint, cursor) : -1
    try {
      if (from >= 0) copyRange(disk, fd, from, segment.sizeBytes, fd, from)
      disk.sync(fd)
    } catch {
      // These very blocks may be what the flush before failed at: a copy has others, and the old file stays till then.
      rewriteWithout(disk, directory, segment, [], segment.sizeBytes)
    }
    if (segment === segments.at(-1)) continue
    segment.seal()
    segment.offsetIndex.file.write(true)
    segment.timeIndex.file.write(true)
    if (segment.content) writeSeal(disk, directory, placeOf(options, segment), segment.content)
    segment.isSettled = true
  }
}

/** One that says so already is synced all the same: what was read may have been in the page cache alone. */
function keepDurablePoint(disk: Disk, directory: string, before: number, offset: number): void {
  const fd = disk.open(`${directory}/${partitionFiles.durablePoint}`, 'create')
  try {
    if (before !== offset || offset === 0) writeFully(disk, fd, formatDurablePoint(offset), 0)
    disk.sync(fd)
  } finally {
    disk.close(fd)
  }
}

/** The log first: an index without its log is swept away at the next start. */
export function removeSegment(disk: Disk, directory: string, segment: Segment): void {
  segment.file.close()
  const path = segmentPath(directory, segment.baseOffset)
  for (const extension of ['log', 'index', 'timeindex', 'seal']) {
    if (disk.status(`${path}.${extension}`)) disk.unlink(`${path}.${extension}`)
  }
}
