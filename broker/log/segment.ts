// One file of a partition's log with its two indexes, in Kafka's format:
//
//   00000000000000000123.log         batches, end to end        baseOffset 123, from the name
//   00000000000000000123.index       offset → byte, sparse
//   00000000000000000123.timeindex   timestamp → offset, sparse
//
// Appends go to the page cache; who makes them durable is group-commit.ts. Touches these three files only.
import { batchView } from '../protocol/record-batch.ts'
import type { BatchCursor } from './batch-cursor.ts'
import type { EpochStart } from './checkpoints.ts'
import { type Disk, writeFully } from './disk.ts'
import { SharedFile } from './log-file.ts'
import { OffsetIndex } from './offset-index.ts'
import { type SegmentContent, SegmentSum } from './seal.ts'
import { TimeIndex } from './time-index.ts'

/** The disk no longer holds what was written: says where to look. */
export class CorruptLogError extends Error {
  override readonly name = 'CorruptLogError'
  readonly path: string
  readonly position: number

  constructor(path: string, position: number, reason: string) {
    super(`Cannot read batch at byte ${position} of "${path}": ${reason}`)
    this.path = path
    this.position = position
  }
}

const relativeOffsetMax = 0x7fffffff

export class Segment {
  readonly baseOffset: number
  readonly file: SharedFile
  /** From when its age counts for rolling. */
  createdMs: number
  offsetIndex: OffsetIndex
  timeIndex: TimeIndex
  /** Bytes of whole batches; the file is never longer while the log is open. */
  sizeBytes = 0
  /** One past the last offset of the last batch; the base offset while empty. */
  nextOffset: number
  /** -1 while empty. */
  maxTimestamp = -1
  modifiedMs: number
  /** Log and indexes are on the medium: recovery need not look at this segment again. */
  isSettled = false
  /** Read since somebody last looked: not idle. */
  wasRead = false
  #lastOffsetOfMaxTimestamp = -1
  #bytesSinceIndexEntry = 0
  #sum = new SegmentSum()
  /** Where epochs begin among the batches that passed through here. */
  #epochStarts: EpochStart[] = []
  readonly #disk: Disk
  readonly #path: string
  /** Of a segment that is being written to take the place of others. */
  readonly #suffix: string

  constructor(
    disk: Disk,
    directory: string,
    baseOffset: number,
    file: SharedFile,
    createdMs: number,
    suffix = '',
  ) {
    this.#disk = disk
    this.#path = segmentPath(directory, baseOffset)
    this.#suffix = suffix
    this.baseOffset = baseOffset
    this.nextOffset = baseOffset
    this.file = file
    this.createdMs = createdMs
    this.modifiedMs = createdMs
    this.offsetIndex = OffsetIndex.empty(disk, `${this.#path}.index${suffix}`)
    this.timeIndex = TimeIndex.empty(disk, `${this.#path}.timeindex${suffix}`)
  }

  /** A new, empty file. Its name is durable only once the directory is synced. */
  static create(disk: Disk, directory: string, baseOffset: number, nowMs: number): Segment {
    const file = SharedFile.created(disk, `${segmentPath(directory, baseOffset)}.log`)
    disk.truncate(file.fd, 0)
    return new Segment(disk, directory, baseOffset, file, nowMs)
  }

  /** As `create`, but of files whose names end in `suffix`. */
  static beside(disk: Disk, directory: string, baseOffset: number, suffix: string, nowMs: number): Segment {
    const file = SharedFile.created(disk, `${segmentPath(directory, baseOffset)}.log${suffix}`)
    disk.truncate(file.fd, 0)
    return new Segment(disk, directory, baseOffset, file, nowMs, suffix)
  }

  /** An existing file, not looked into: `loadIndexes` or a scan says what it holds. */
  static existing(disk: Disk, directory: string, baseOffset: number, createdMs: number): Segment {
    const file = new SharedFile(disk, `${segmentPath(directory, baseOffset)}.log`)
    return new Segment(disk, directory, baseOffset, file, createdMs)
  }

  /** Whether a batch ending at `lastOffset` still has a place in the indexes. */
  hasRoomFor(lastOffset: number, indexBytesMax: number): boolean {
    if (lastOffset - this.baseOffset > relativeOffsetMax) return false
    const { offsetIndex, timeIndex } = this
    return (
      (offsetIndex.count + 1) * offsetIndex.file.entryBytes <= indexBytesMax &&
      (timeIndex.count + 2) * timeIndex.file.entryBytes <= indexBytesMax
    )
  }

  /** Writes one batch that already bears its offsets. Throws with nothing appended if the disk refuses. */
  append(batch: Buffer, indexIntervalBytes: number, nowMs: number): void {
    writeFully(this.#disk, this.file.fd, batch, this.sizeBytes)
    this.note(batch, 0, indexIntervalBytes)
    this.modifiedMs = nowMs
  }

  /** Takes a batch that lies at the end of the file into account: indexes, offsets, timestamps. */
  note(buffer: Buffer, at: number, indexIntervalBytes: number): void {
    const lastOffset = batchView.lastOffset(buffer, at)
    const maxTimestamp = batchView.maxTimestamp(buffer, at)
    const size = batchView.sizeInBytes(buffer, at)
    // Of a batch that compaction has emptied the header alone is left: no look-up by time may lead to it.
    if (maxTimestamp > this.maxTimestamp && batchView.recordCount(buffer, at) > 0) {
      this.maxTimestamp = maxTimestamp
      this.#lastOffsetOfMaxTimestamp = lastOffset
    }
    if (this.#bytesSinceIndexEntry > indexIntervalBytes) {
      this.offsetIndex.append(lastOffset - this.baseOffset, this.sizeBytes)
      this.#indexMaxTimestamp()
      this.#bytesSinceIndexEntry = 0
    }
    this.#bytesSinceIndexEntry += size
    this.#sum.note(buffer, at, size)
    this.#noteEpoch(batchView.leaderEpoch(buffer, at), batchView.baseOffset(buffer, at))
    this.sizeBytes += size
    this.nextOffset = lastOffset + 1
  }

  /** No more appends: the time index gets its last entry, and both indexes are written (not synced). */
  seal(): void {
    this.#indexMaxTimestamp()
    this.writeIndexes()
  }

  writeIndexes(): void {
    this.offsetIndex.file.write()
    this.timeIndex.file.write()
  }

  /** Begins again from an empty view of the file: a scan will `note` what it finds. */
  restart(): void {
    this.sizeBytes = 0
    this.nextOffset = this.baseOffset
    this.maxTimestamp = -1
    this.#lastOffsetOfMaxTimestamp = -1
    this.#bytesSinceIndexEntry = 0
    this.#sum = new SegmentSum()
    this.#epochStarts = []
    this.offsetIndex = OffsetIndex.empty(this.#disk, `${this.#path}.index${this.#suffix}`)
    this.timeIndex = TimeIndex.empty(this.#disk, `${this.#path}.timeindex${this.#suffix}`)
  }

  /**
   * Trusts the files: a log that ended cleanly, or a settled segment. False if an index is missing or cannot
   * belong to this file, and then only a scan helps.
   */
  loadIndexes(nextOffset: number): boolean {
    const sizeBytes = this.#disk.status(this.file.path)!.sizeBytes
    if (sizeBytes === 0) return true
    const offsetIndex = OffsetIndex.existing(this.#disk, `${this.#path}.index`, sizeBytes)
    const timeIndex = TimeIndex.existing(this.#disk, `${this.#path}.timeindex`)
    if (!offsetIndex || !timeIndex || (sizeBytes > 0 && timeIndex.count === 0)) return false
    this.offsetIndex = offsetIndex
    this.timeIndex = timeIndex
    this.sizeBytes = sizeBytes
    this.nextOffset = nextOffset
    this.maxTimestamp = timeIndex.lastTimestamp
    this.#lastOffsetOfMaxTimestamp = this.baseOffset + timeIndex.lastRelativeOffset
    return true
  }

  /** As `loadIndexes`, for a segment in which compaction left nothing that has a time. */
  loadSparsely(nextOffset: number): void {
    this.sizeBytes = this.#disk.status(this.file.path)!.sizeBytes
    this.nextOffset = nextOffset
    const index = OffsetIndex.existing(this.#disk, `${this.#path}.index`, this.sizeBytes)
    if (index) this.offsetIndex = index
  }

  /**
   * After `loadIndexes` on the last segment: walks from the last index entry to learn where the log ends. False if
   * the file does not end with a whole batch.
   */
  loadEnd(cursor: BatchCursor): boolean {
    let position = this.offsetIndex.lastPosition
    this.#bytesSinceIndexEntry = this.sizeBytes - position
    cursor.over(this.file.fd, this.sizeBytes, 'lookUp')
    while (position < this.sizeBytes && cursor.header(position)) {
      this.nextOffset = cursor.lastOffset + 1
      position = cursor.nextPosition
    }
    return position === this.sizeBytes
  }

  /** The byte where the batch that contains `offset`, or the first one after it, starts; -1 if all end before it. */
  positionOf(offset: number, cursor: BatchCursor): number {
    if (offset >= this.nextOffset) return -1
    if (offset <= this.baseOffset) return 0
    let position = this.offsetIndex.positionFor(offset - this.baseOffset)
    cursor.over(this.file.fd, this.sizeBytes, 'lookUp')
    while (this.#at(position, cursor)) {
      if (cursor.lastOffset >= offset) return position
      position = cursor.nextPosition
    }
    return -1
  }

  /** The largest batch boundary in `[start, limit]`; `start` itself must be one. */
  boundaryBefore(start: number, limit: number, cursor: BatchCursor): number {
    if (limit >= this.sizeBytes) return this.sizeBytes
    let position = Math.max(start, this.offsetIndex.boundaryBefore(limit))
    cursor.over(this.file.fd, this.sizeBytes, 'lookUp')
    while (this.#at(position, cursor) && cursor.nextPosition <= limit) position = cursor.nextPosition
    return position
  }

  /** A batch boundary before which no record is as late as `timestamp`. */
  positionBefore(timestamp: number): number {
    const relativeOffset = this.timeIndex.offsetFor(timestamp)
    return relativeOffset < 0 ? 0 : this.offsetIndex.positionFor(relativeOffset)
  }

  /** Of all its batches once it was scanned; of none when only its indexes were loaded. */
  get epochStarts(): readonly EpochStart[] {
    return this.#epochStarts
  }

  #noteEpoch(epoch: number, startOffset: number): void {
    if (epoch > (this.#epochStarts.at(-1)?.epoch ?? -1)) this.#epochStarts.push({ epoch, startOffset })
  }

  /** What the file holds, as far as all of it passed through here: null otherwise, and for an empty one. */
  get content(): SegmentContent | null {
    return this.#sum.contentOf(this.sizeBytes)
  }

  /** The last offset of the batch with the largest timestamp; -1 while empty. */
  get lastOffsetOfMaxTimestamp(): number {
    return this.#lastOffsetOfMaxTimestamp
  }

  /** Cuts the file at a batch boundary. The caller scans what is left. */
  cut(position: number): void {
    this.#disk.truncate(this.file.fd, position)
    this.isSettled = false
  }

  /** Lets go of descriptor and index memory that nobody used for a while. */
  rest(): void {
    this.file.close()
    this.offsetIndex.file.forget()
    this.timeIndex.file.forget()
  }

  #at(position: number, cursor: BatchCursor): boolean {
    if (position >= this.sizeBytes) return false
    if (!cursor.header(position)) throw new CorruptLogError(this.file.path, position, 'no whole batch')
    return true
  }

  #indexMaxTimestamp(): void {
    if (this.#lastOffsetOfMaxTimestamp < 0) return
    this.timeIndex.append(this.maxTimestamp, this.#lastOffsetOfMaxTimestamp - this.baseOffset)
  }
}

/** Without extension: twenty digits, so that names sort as offsets do. */
export function segmentPath(directory: string, baseOffset: number): string {
  return `${directory}/${String(baseOffset).padStart(20, '0')}`
}
