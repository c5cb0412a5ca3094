// Room kept for the day the disk is full: a file of zeros in the data directory, given up when a write finds no space,
// so that deletes, checkpoints, epochs and group offsets still find some, and written again once there is space for it.
// While it is given up nothing but internal topics may grow. Touches `<data directory>/reserve` only.
import { type Disk, isOutOfSpace, isPassing } from './disk.ts'
import { type Refusal, refused } from './log-results.ts'

const fileName = 'reserve'
const chunkBytes = 1024 * 1024
const bytesMax = 8 * 1024 * 1024
const bytesMin = 256 * 1024
const shareOfDisk = 0.05

/** Enough for checkpoints and the retention of a full disk, and nothing one would miss on a small one. */
export function reserveBytesFor(diskBytes: number): number {
  return Math.min(Math.max(Math.floor(diskBytes * shareOfDisk), bytesMin), bytesMax)
}

export class Reserve {
  readonly #disk: Disk
  readonly #directory: string
  readonly #sizeBytes: number
  #isFull = false
  /** The logs take more than they may, whatever room there is: capacity.ts says so. */
  isOverCap = false
  #isWritten = false

  /** With 0 bytes nothing is kept: then only a write that fails says that the disk is full. */
  constructor(disk: Disk, directory: string, sizeBytes: number) {
    this.#disk = disk
    this.#directory = directory
    this.#sizeBytes = sizeBytes
  }

  /** The disk had no room, or no more may be taken of it, and nobody has seen since that there is some again. */
  get isFull(): boolean {
    return this.#isFull || this.isOverCap
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Free space that there must be before it is kept again. Twice: what would go with the next batch is none. */
  get wantedBytes(): number {
    return this.#isWritten ? 0 : 2 * this.#sizeBytes
  }

  /** Group offsets and the ledger may still grow: for them, too, room is kept. */
  refusal(topic: string): Refusal | null {
    if (!this.isFull || topic.startsWith('__')) return null
    const why = this.#isFull ? 'the disk is full' : 'the data directory is at its cap'
    return refused('kafkaStorageError', `Cannot append: ${why}`)
  }

  /** Whether the same may be tried again later, after a write that failed so; makes room if that is what it lacked. */
  survives(error: NodeJS.ErrnoException): boolean {
    if (isOutOfSpace(error)) this.give()
    return isPassing(error)
  }

  /** A write found no room. True if there is more now than there was, so that it may be tried again. */
  give(): boolean {
    if (this.#sizeBytes === 0) return false
    const isNews = !this.#isFull
    this.#isFull = true
    this.#isWritten = false
    if (isNews) this.#resize(0)
    return isNews
  }

  /** Runs `work`, and once more with the room that is kept here if the disk has none for it. */
  attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!isOutOfSpace(error as NodeJS.ErrnoException) || !this.give()) throw error
      work()
    }
  }

  /**
   * Call it every second or so: gives the room up before it is too late, and takes it when there is enough (not before
   * the log is open: then only `mayTake` false).
   */
  look(mayTake = true): void {
    if (this.#sizeBytes === 0) return
    const freeBytes = this.#disk.freeBytes(this.#directory)
    this.#isWritten ||= !this.#isFull && this.#keptBytes() >= this.#sizeBytes
    if (this.#isWritten) {
      if (freeBytes < this.#sizeBytes / 4) this.give()
    } else if (freeBytes < this.wantedBytes) this.#isFull = true
    else if (mayTake) this.#take()
  }

  #keptBytes(): number {
    return this.#disk.status(this.#path)?.sizeBytes ?? 0
  }

  /** Quotas are not in the free bytes: only the writing tells. */
  #take(): void {
    const zeros = Buffer.alloc(Math.min(chunkBytes, this.#sizeBytes))
    try {
      const fd = this.#disk.open(this.#path, 'create')
      try {
        for (let position = 0; position < this.#sizeBytes; ) {
          const length = Math.min(zeros.length, this.#sizeBytes - position)
          const count = this.#disk.write(fd, zeros, 0, length, position)
          if (count === 0)
            throw Object.assign(new Error('Cannot keep a reserve: no room'), { code: 'ENOSPC' })
          position += count
        }
      } finally {
        this.#disk.close(fd)
      }
      this.#isWritten = true
      this.#isFull = false
    } catch (error) {
      if (!isOutOfSpace(error as NodeJS.ErrnoException)) throw error
      this.#isFull = true
      this.#resize(0)
    }
  }

  #resize(length: number): void {
    if (!this.#disk.status(this.#path)) return
    const fd = this.#disk.open(this.#path, 'write')
    try {
      this.#disk.truncate(fd, length)
    } finally {
      this.#disk.close(fd)
    }
  }

  get #path(): string {
    return `${this.#directory}/${fileName}`
  }
}
