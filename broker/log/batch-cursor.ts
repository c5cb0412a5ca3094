// Steps through the batches of a file, reading it window by window into one reusable buffer. Not a parser: it shows
// where a header or a whole batch lies in memory, and the functions of record-batch.ts read it there.
import { batchHeaderBytes, batchView } from '../protocol/record-batch.ts'
import { type Disk, readFully } from './disk.ts'

/** One interval of the offset index: what a look-up walks through at most. */
const lookUpBytes = 4096 + batchHeaderBytes
const scanBytes = 1024 * 1024

export class BatchCursor {
  readonly #disk: Disk
  #window = Buffer.allocUnsafeSlow(lookUpBytes)
  #windowPosition = 0
  #windowLength = 0
  #fd = -1
  #end = 0
  #readAhead = lookUpBytes

  /** The bytes at hand; the current batch starts at `at`. Valid until the next call. */
  buffer = this.#window
  at = 0
  /** Where the current batch starts in the file. */
  position = 0

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Begins with another file, or with one that may have changed: nothing read before is trusted. */
  over(fd: number, end: number, purpose: 'lookUp' | 'scan'): this {
    this.#fd = fd
    this.#end = end
    this.#windowLength = 0
    this.#readAhead = purpose === 'scan' ? scanBytes : lookUpBytes
    return this
  }

  get end(): number {
    return this.#end
  }

  /** Brings the header at `position` into memory. False if no whole batch can lie between there and the end. */
  header(position: number): boolean {
    if (!this.#bring(position, batchHeaderBytes)) return false
    const size = batchView.sizeInBytes(this.buffer, this.at)
    return size >= batchHeaderBytes && position + size <= this.#end
  }

  /** Brings the whole batch at `position` into memory. */
  batch(position: number): boolean {
    return this.header(position) && this.#bring(position, batchView.sizeInBytes(this.buffer, this.at))
  }

  get sizeInBytes(): number {
    return batchView.sizeInBytes(this.buffer, this.at)
  }

  get nextPosition(): number {
    return this.position + this.sizeInBytes
  }

  get lastOffset(): number {
    return batchView.lastOffset(this.buffer, this.at)
  }

  #bring(position: number, length: number): boolean {
    if (position + length > this.#end) return false
    const start = position - this.#windowPosition
    if (start < 0 || start + length > this.#windowLength) {
      const wanted = Math.min(Math.max(length, this.#readAhead), this.#end - position)
      if (wanted > this.#window.length) this.#window = Buffer.allocUnsafeSlow(wanted)
      this.#windowPosition = position
      this.#windowLength = readFully(this.#disk, this.#fd, this.#window, 0, wanted, position)
      this.buffer = this.#window
      if (this.#windowLength < length) return false
    }
    this.position = position
    this.at = position - this.#windowPosition
    return true
  }
}
