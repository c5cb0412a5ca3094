// Where in a segment an offset lies, to within a few KiB: Kafka's .index file. Entries of 8 bytes, big-endian:
// the last offset of a batch relative to the segment's base, int32, and the byte at which that batch starts, int32.
// Both columns grow. Sparse: a look-up gives a place to walk from, never past what is looked for.
import type { Disk } from './disk.ts'
import { IndexFile } from './index-file.ts'

const entryBytes = 8

export class OffsetIndex {
  readonly file: IndexFile

  constructor(file: IndexFile) {
    this.file = file
  }

  static empty(disk: Disk, path: string): OffsetIndex {
    return new OffsetIndex(IndexFile.empty(disk, path, entryBytes))
  }

  /** Null when the file is absent or cannot be an index of a segment of that size: rebuild it. */
  static existing(disk: Disk, path: string, segmentBytes: number): OffsetIndex | null {
    const file = IndexFile.existing(disk, path, entryBytes)
    if (!file) return null
    const index = new OffsetIndex(file)
    if (file.count === 0) return index
    const last = file.count - 1
    // A file that grew but whose bytes never reached the disk reads as zeros after a power cut.
    const sane =
      index.#positionAt(last) > 0 && index.#positionAt(last) < segmentBytes && index.#offsetAt(last) > 0
    return sane ? index : null
  }

  get count(): number {
    return this.file.count
  }

  append(relativeOffset: number, position: number): void {
    const at = this.file.extend()
    this.file.bytes.writeInt32BE(relativeOffset, at)
    this.file.bytes.writeInt32BE(position, at + 4)
  }

  /** A batch boundary at or before the batch that contains the offset: 0 when no entry lies below. */
  positionFor(relativeOffset: number): number {
    const entry = this.#lastWith(relativeOffset, 0)
    return entry < 0 ? 0 : this.#positionAt(entry)
  }

  /** The last known batch boundary at or before a byte position. */
  boundaryBefore(position: number): number {
    const entry = this.#lastWith(position, 4)
    return entry < 0 ? 0 : this.#positionAt(entry)
  }

  get lastPosition(): number {
    return this.count === 0 ? 0 : this.#positionAt(this.count - 1)
  }

  /** Keeps only entries of batches that start before `position`. */
  truncateTo(position: number): void {
    let count = this.count
    while (count > 0 && this.#positionAt(count - 1) >= position) count--
    this.file.shorten(count)
  }

  /** Index of the last entry whose column is at most `limit`, -1 if none. */
  #lastWith(limit: number, column: 0 | 4): number {
    const bytes = this.file.bytes
    let low = -1
    let high = this.file.count - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (bytes.readInt32BE(middle * entryBytes + column) <= limit) low = middle
      else high = middle - 1
    }
    return low
  }

  #offsetAt(entry: number): number {
    return this.file.bytes.readInt32BE(entry * entryBytes)
  }

  #positionAt(entry: number): number {
    return this.file.bytes.readInt32BE(entry * entryBytes + 4)
  }
}
