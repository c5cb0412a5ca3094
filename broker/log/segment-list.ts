// The segments of one log, oldest first, the last one active, and what becomes of each:
//
//   active → sealed (roll) → settled (indexes flushed) → retired (deleted by retention) → renamed .deleted → gone
//
// Touches only the partition's directory. Owns descriptors: `close` lets go of them.
import assert from 'node:assert/strict'
import type { BatchCursor } from './batch-cursor.ts'
import type { OrderedSegment } from './cleaner-pass.ts'
import { type Disk, isPassing } from './disk.ts'
import type { LogConfig } from './log-config.ts'
import type { SharedFile } from './log-file.ts'
import { segmentIndexOf } from './log-reader.ts'
import type { Quarantine } from './quarantine.ts'
import { removeSegment } from './recovery.ts'
import { expiredSegments } from './retention.ts'
import { dropSeal, sealPath, writeSeal } from './seal.ts'
import { Segment, segmentPath } from './segment.ts'
import { scanSegment } from './segment-scan.ts'
import { SegmentSwap } from './segment-swap.ts'

const unbounded = { retentionMs: -1, retentionBytes: -1 }

/** Whose segments they are. */
export interface LogOwner {
  readonly topicId: string
  readonly partition: number
}

interface SegmentListParts extends LogOwner {
  readonly disk: Disk
  readonly directory: string
  readonly segments: Segment[]
  readonly quarantine: Quarantine
}

interface DeletedFile {
  readonly path: string
  readonly sizeBytes: number
  readonly atMs: number
}

export class SegmentList {
  readonly #disk: Disk
  readonly #directory: string
  readonly #owner: LogOwner
  readonly #saveEpochs: () => void
  readonly #segments: Segment[]
  readonly #quarantine: Quarantine
  #sealedFiles: SharedFile[] = []
  #retired: Segment[] = []
  #deleted: DeletedFile[] = []
  #isSettling = false
  #swap: SegmentSwap | null = null
  #isClosed = false
  /** When the files of segments replaced now may go. */
  #deleteAtMs = 0
  /** Below it no key occurs twice; the cleaner's, lowered here with the log. */
  cleanOffset = 0

  /** `saveEpochs` makes durable what only a scan of segments that are not settled could tell; it may throw. */
  constructor(parts: SegmentListParts, saveEpochs: () => void) {
    assert(parts.segments.length > 0, 'a log has an active segment')
    this.#disk = parts.disk
    this.#directory = parts.directory
    this.#owner = parts
    this.#segments = parts.segments
    this.#quarantine = parts.quarantine
    this.#saveEpochs = saveEpochs
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  get active(): Segment {
    return this.#segments.at(-1)!
  }

  get firstOffset(): number {
    return this.#segments[0]!.baseOffset
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  /** With what has left the log and still takes room on the disk. */
  get heldBytes(): number {
    const ofRetired = this.#retired.reduce((sum, segment) => sum + segment.sizeBytes, 0)
    return this.sizeBytes + ofRetired + this.#deleted.reduce((sum, file) => sum + file.sizeBytes, 0)
  }

  /** Segments wholly below are on the medium with their indexes: where a recovery may begin. */
  get recoveryPoint(): number {
    return this.#segments.find(segment => !segment.isSettled)?.baseOffset ?? this.active.nextOffset
  }

  /** Of the segment that holds `offset`. */
  baseOffsetOf(offset: number): number {
    return this.#segments[Math.max(segmentIndexOf(this.#segments, offset), 0)]!.baseOffset
  }

  /** Whether a batch must go into a new segment. An empty one takes anything. */
  isDueToRoll(batchBytes: number, lastOffset: number, config: LogConfig, nowMs: number): boolean {
    const { active } = this
    if (active.sizeBytes === 0) return false
    if (active.sizeBytes + batchBytes > config.segmentBytes) return true
    const ageMsMax = config.isCompacted
      ? Math.min(config.segmentMs, config.maxCompactionLagMs)
      : config.segmentMs
    return nowMs - active.createdMs > ageMsMax || !active.hasRoomFor(lastOffset, config.indexBytesMax)
  }

  /** Seals the active segment and begins an empty one; the directory is dirty then. Throws with nothing changed. */
  roll(nextOffset: number, nowMs: number): void {
    const sealed = this.active
    sealed.seal()
    const next = Segment.create(this.#disk, this.#directory, nextOffset, nowMs)
    this.#segments.push(next)
    this.#sealedFiles.push(sealed.file)
    this.#writeSeal(sealed)
  }

  /** After all that could throw: without its sidecar a segment is only not checked. */
  #writeSeal(segment: Segment): void {
    const { baseOffset, content } = segment
    try {
      if (content) writeSeal(this.#disk, this.#directory, { ...this.#owner, baseOffset }, content)
    } catch {
      // Written later, when it is read again.
    }
  }

  /** What a failed write may have left behind the last batch. False if it stays. */
  takeBack(): boolean {
    try {
      this.#disk.truncate(this.active.file.fd, this.active.sizeBytes)
      return true
    } catch {
      return false
    }
  }

  takeSealedFiles(): SharedFile[] {
    const files = this.#sealedFiles
    this.#sealedFiles = []
    return files
  }

  /** How many segments, from the oldest, have outlived their retention. */
  expired(config: LogConfig, logStartOffset: number, highWatermark: number, nowMs: number): number {
    // The segments are about to be others; there is a next time.
    if (this.isSwapping) return 0
    const retained = this.#segments.map(({ sizeBytes, maxTimestamp, modifiedMs, nextOffset }, index) => {
      const endOffset = this.#segments[index + 1]?.baseOffset ?? nextOffset
      return { sizeBytes, maxTimestamp, modifiedMs, endOffset }
    })
    const bounds = config.isRetained ? config : unbounded
    return expiredSegments(retained, bounds, logStartOffset, highWatermark, nowMs)
  }

  /** Index files that may not be on the medium. */
  unsettledIndexes(): string[] {
    return this.#segments
      .filter(segment => !segment.isSettled)
      .flatMap(segment => [segment.offsetIndex.file.path, segment.timeIndex.file.path])
  }

  /** As plain data, for the cleaner: all but the active one. */
  sealed(): OrderedSegment[] {
    return this.#segments.slice(0, -1).map((segment, index) => {
      const { baseOffset, sizeBytes, maxTimestamp, modifiedMs } = segment
      const endOffset = this.#segments[index + 1]!.baseOffset
      return { baseOffset, endOffset, sizeBytes, maxTimestamp, modifiedMs }
    })
  }

  /** Cleaned files are taking the place of what they were made from. */
  get isSwapping(): boolean {
    return this.#swap?.isOver === false
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Sealed segments with these base offsets, if they still are neighbours. */
  find(baseOffsets: readonly number[]): Segment[] | null {
    const first = this.#segments.findIndex(({ baseOffset }) => baseOffset === baseOffsets[0])
    const found = this.#segments.slice(first, first + baseOffsets.length)
    const isSame = found.every(({ baseOffset }, index) => baseOffset === baseOffsets[index])
    return first >= 0 && isSame && !found.includes(this.active) ? found : null
  }

  /** Cleaned files take the place of what they were made from. `done` says that they did, or what failed. */
  swap(baseOffsets: readonly number[], endOffset: number, done: (error: Error | null) => void): void {
    this.#settleSwap()
    // What takes their place is settled, and where an epoch began may be told by none of its batches any more.
    this.#saveEpochs()
    this.#quarantine.noteSparse()
    this.#swap = SegmentSwap.begin(this.#disk, this.#directory, this, baseOffsets, endOffset)
    if (this.#swap) this.#swap.run(done)
    else done(null)
  }

  /** A swap's last step. */
  replace(old: readonly Segment[], next: Segment): void {
    this.#segments.splice(this.#segments.indexOf(old[0]!), old.length, next)
    for (const segment of old) {
      segment.rest()
      const paths = [segment.file, segment.offsetIndex.file, segment.timeIndex.file].map(file => file.path)
      for (const [index, path] of paths.entries())
        this.#doom({ path, sizeBytes: index === 0 ? segment.sizeBytes : 0, atMs: this.#deleteAtMs })
    }
  }

  #settleSwap(): void {
    this.#swap?.settle()
    this.#swap = null
  }

  /** Takes the oldest `count` out of the log. Their files stay until the log's new start is on record. */
  retire(count: number): void {
    assert(count < this.#segments.length, 'the active segment stays')
    this.#retired.push(...this.#segments.splice(0, count))
  }

  /** Renames retired files, for those who still read them, and unlinks those renamed long enough ago. */
  discard(nowMs: number, recordedStart: number, fileDeleteDelayMs: number): void {
    this.#deleteAtMs = nowMs + fileDeleteDelayMs
    const isRecorded = (segment: Segment) => segment.nextOffset <= recordedStart
    for (const segment of this.#retired.filter(isRecorded)) {
      segment.rest()
      const path = segmentPath(this.#directory, segment.baseOffset)
      for (const extension of ['log', 'index', 'timeindex', 'snapshot', 'seal']) {
        const name = `${path}.${extension}`
        if (!this.#disk.status(name)) continue
        if (extension === 'log') segment.file.rename(`${name}.deleted`)
        else this.#disk.rename(name, `${name}.deleted`)
        const sizeBytes = extension === 'log' ? segment.sizeBytes : 0
        this.#doom({ path: `${name}.deleted`, sizeBytes, atMs: nowMs + fileDeleteDelayMs })
      }
    }
    this.#retired = this.#retired.filter(segment => !isRecorded(segment))
    const isDue = (file: DeletedFile) => file.atMs <= nowMs || fileDeleteDelayMs === 0
    for (const file of this.#deleted.filter(isDue)) this.#disk.unlink(file.path)
    this.#deleted = this.#deleted.filter(file => !isDue(file))
  }

  /** A file of the same name, of an earlier compaction of the segment, went when this one was renamed. */
  #doom(file: DeletedFile): void {
    this.#deleted = this.#deleted.filter(({ path }) => path !== file.path)
    this.#deleted.push(file)
  }

  /** Flushes the indexes of the oldest sealed segment whose bytes are durable: one at a time, off the event loop. */
  settleOne(durableEnd: number, onFailed: (error: Error) => void): void {
    const segment = this.#segments.find(candidate => !candidate.isSettled)
    if (
      this.#isSettling ||
      this.isSwapping ||
      !segment ||
      segment === this.active ||
      segment.nextOffset > durableEnd
    )
      return
    this.#isSettling = true
    const files = [segment.offsetIndex.file.path, segment.timeIndex.file.path]
    const seal = sealPath(this.#directory, segment.baseOffset)
    if (this.#disk.status(seal)) files.push(seal)
    const next = (error: Error | null): void => {
      if (error) {
        onFailed(error)
        return
      }
      const path = files.shift()
      try {
        if (!path) {
          this.#isSettling = false
          this.#settled(segment)
          return
        }
        const fd = this.#disk.open(path, 'write')
        this.#disk.flush(fd, flushError => {
          this.#disk.close(fd)
          next(flushError)
        })
      } catch (openError) {
        // Too many open files, perhaps: a later round tries again. Or compaction has put others in its place.
        this.#isSettling = false
        const isGone = this.isSwapping || !this.#segments.includes(segment)
        if (!isGone && !isPassing(openError as Error)) onFailed(openError as Error)
      }
    }
    next(null)
  }

  #settled(segment: Segment): void {
    // It may have been cut meanwhile, and is appended to.
    if (this.#isClosed || segment === this.active) return
    this.#saveEpochs()
    segment.isSettled = true
  }

  /** Lets go of descriptors and index memory of sealed segments that were not read since the last call. */
  restIdle(): void {
    for (const segment of this.#segments) {
      if (segment !== this.active && !segment.wasRead) segment.rest()
      segment.wasRead = false
    }
  }

  /** Drops everything from `offset` on. Returns the files that are gone. The caller syncs the directory. */
  cutTo(offset: number, cursor: BatchCursor, config: LogConfig): SharedFile[] {
    this.#settleSwap()
    this.cleanOffset = Math.min(this.cleanOffset, offset)
    const keep = Math.max(segmentIndexOf(this.#segments, offset - 1), 0) + 1
    const removed = this.#segments.splice(keep).reverse()
    for (const segment of removed) removeSegment(this.#disk, this.#directory, segment)
    dropSeal(this.#disk, this.#directory, this.active.baseOffset)
    const files = removed.map(segment => segment.file)
    this.#sealedFiles = this.#sealedFiles.filter(file => !files.includes(file) && file !== this.active.file)
    const position = this.active.positionOf(offset, cursor)
    if (position >= 0) this.active.cut(position)
    const nothingDurable = { durablePoint: 0, endOffset: Number.POSITIVE_INFINITY, isKnownGap: () => true }
    scanSegment(this.#disk, cursor, this.active, nothingDurable, config.indexIntervalBytes)
    this.active.isSettled = false
    this.#disk.sync(this.active.file.fd)
    return files
  }

  /** Drops every segment and begins an empty one. Returns the files that are gone. The caller syncs the directory. */
  restart(offset: number, nowMs: number): SharedFile[] {
    this.#settleSwap()
    this.cleanOffset = 0
    const removed = this.#segments.splice(0).reverse()
    for (const segment of removed) removeSegment(this.#disk, this.#directory, segment)
    this.#sealedFiles = []
    this.#segments.push(Segment.create(this.#disk, this.#directory, offset, nowMs))
    return removed.map(segment => segment.file)
  }

  close(): void {
    this.#isClosed = true
    for (const segment of [...this.#segments, ...this.#retired]) segment.file.close()
  }
}
