// From which offset on records are later than a timestamp: Kafka's .timeindex file. Entries of 12 bytes,
// big-endian: the largest timestamp so far, int64, and the last offset of the batch that holds it, relative to the
// segment's base, int32. Timestamps strictly grow; the last entry of a sealed segment is its largest.
import { readInt64, writeInt64 } from '../protocol/bytes.ts'
import type { Disk } from './disk.ts'
import { IndexFile } from './index-file.ts'

const entryBytes = 12

export class TimeIndex {
  readonly file: IndexFile

  constructor(file: IndexFile) {
    this.file = file
  }

  static empty(disk: Disk, path: string): TimeIndex {
    return new TimeIndex(IndexFile.empty(disk, path, entryBytes))
  }

  /** Null when the file is absent or cannot be a time index: rebuild it. */
  static existing(disk: Disk, path: string): TimeIndex | null {
    const file = IndexFile.existing(disk, path, entryBytes)
    if (!file) return null
    const index = new TimeIndex(file)
    return file.count === 0 || index.lastTimestamp > 0 || index.lastRelativeOffset > 0 ? index : null
  }

  get count(): number {
    return this.file.count
  }

  /** Records that the largest timestamp so far is `timestamp`; nothing if that is already known. */
  append(timestamp: number, relativeOffset: number): void {
    if (this.count > 0 && timestamp <= this.lastTimestamp) return
    const at = this.file.extend()
    writeInt64(this.file.bytes, at, timestamp)
    this.file.bytes.writeInt32BE(relativeOffset, at + 8)
  }

  /** The relative offset of the last entry whose timestamp is at most the one given; -1 when all are later. */
  offsetFor(timestamp: number): number {
    let low = -1
    let high = this.count - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#timestampAt(middle) <= timestamp) low = middle
      else high = middle - 1
    }
    return low < 0 ? -1 : this.#relativeOffsetAt(low)
  }

  get lastTimestamp(): number {
    return this.count === 0 ? -1 : this.#timestampAt(this.count - 1)
  }

  get lastRelativeOffset(): number {
    return this.count === 0 ? -1 : this.#relativeOffsetAt(this.count - 1)
  }

  /** Keeps only entries for offsets below the one given. */
  truncateTo(relativeOffset: number): void {
    let count = this.count
    while (count > 0 && this.#relativeOffsetAt(count - 1) >= relativeOffset) count--
    this.file.shorten(count)
  }

  #timestampAt(entry: number): number {
    return readInt64(this.file.bytes, entry * entryBytes)
  }

  #relativeOffsetAt(entry: number): number {
    return this.file.bytes.readInt32BE(entry * entryBytes + 8)
  }
}
