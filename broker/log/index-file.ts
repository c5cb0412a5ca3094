// The entries of one index file: fixed-size, appended in memory and written out when the segment is sealed or
// now and then before, so that an append to the log costs no extra write. A sealed segment's entries are read
// back at the first look-up and forgotten when idle. Touches its one file.
import { type Disk, readFile, writeFully } from './disk.ts'

const firstCapacityEntries = 64

export class IndexFile {
  readonly entryBytes: number
  path: string
  readonly #disk: Disk
  #bytes: Buffer | null
  #count: number
  /** How many leading entries the file holds as they are here. */
  #writtenCount: number

  private constructor(disk: Disk, path: string, entryBytes: number, bytes: Buffer | null, count: number) {
    this.#disk = disk
    this.path = path
    this.entryBytes = entryBytes
    this.#bytes = bytes
    this.#count = count
    this.#writtenCount = bytes ? -1 : count
  }

  /** Empty, for a new segment or to be rebuilt. Whatever the file holds is replaced by the first `write`. */
  static empty(disk: Disk, path: string, entryBytes: number): IndexFile {
    return new IndexFile(disk, path, entryBytes, Buffer.alloc(firstCapacityEntries * entryBytes), 0)
  }

  /** The file as it lies there, or null when it is absent or not a whole number of entries. */
  static existing(disk: Disk, path: string, entryBytes: number): IndexFile | null {
    const status = disk.status(path)
    if (!status || status.sizeBytes % entryBytes !== 0) return null
    return new IndexFile(disk, path, entryBytes, null, status.sizeBytes / entryBytes)
  }

  get count(): number {
    return this.#count
  }

  /** All entries, of which `count * entryBytes` bytes count. Valid until the next `extend`. */
  get bytes(): Buffer {
    this.#bytes ??= readFile(this.#disk, this.path) ?? Buffer.alloc(0)
    return this.#bytes
  }

  /** Room for one more entry: the position in `bytes` at which the caller writes it. */
  extend(): number {
    const at = this.#count * this.entryBytes
    if (at + this.entryBytes > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(this.bytes.length * 2, firstCapacityEntries * this.entryBytes))
      this.bytes.copy(larger)
      this.#bytes = larger
    }
    this.#count++
    return at
  }

  /** Drops the entries from `count` on, in memory and, with the next `write`, in the file. */
  shorten(count: number): void {
    if (count >= this.#count) return
    this.bytes.fill(0, count * this.entryBytes)
    this.#count = count
    this.#writtenCount = -1
  }

  /** Brings the file up to date; with `synced`, also on the medium. */
  write(synced = false): void {
    if (this.#writtenCount === this.#count && !synced) return
    const fd = this.#disk.open(this.path, 'create')
    try {
      if (this.#writtenCount < 0) this.#disk.truncate(fd, 0)
      const from = Math.max(this.#writtenCount, 0) * this.entryBytes
      const to = this.#count * this.entryBytes
      if (to > from) writeFully(this.#disk, fd, this.bytes.subarray(from, to), from)
      this.#writtenCount = this.#count
      if (synced) this.#disk.sync(fd)
    } finally {
      this.#disk.close(fd)
    }
  }

  /** Lets go of the memory of a written index; the next look-up reads it back. */
  forget(): void {
    if (this.#writtenCount === this.#count) this.#bytes = null
  }
}
