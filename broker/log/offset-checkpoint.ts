// One of the directory's offset files: read once, replaced as a whole, while clients wait off the event loop. The
// newest contents win: a replacement still on its way to the disk when another is begun is not put in place.
import { dirname } from 'node:path'
import { formatOffsetCheckpoint, type OffsetsByPartition, parseOffsetCheckpoint } from './checkpoints.ts'
import { besidePath, type Disk, readFile, replaceFile, writeBeside } from './disk.ts'

export class OffsetCheckpoint {
  readonly #disk: Disk
  readonly #path: string
  #contents: Map<string, number>
  #written: Buffer | null
  /** The replacement under way, if any. */
  #pending: Buffer | null = null
  /** Who waits for its end. */
  #waiting: (() => void)[] = []

  /** Throws a CheckpointError if what the previous life left cannot be read. */
  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
    this.#written = readFile(disk, path)
    this.#contents = this.#written ? parseOffsetCheckpoint(this.#written, path) : new Map()
  }

  /** What the previous life left, but for what was forgotten since; 0 where it knows nothing. */
  offsetOf(name: string): number {
    return this.#contents.get(name) ?? 0
  }

  /** Skips what is on disk already. `done` hears once it is durable; never if another is under way or overtakes. */
  write(offsets: OffsetsByPartition, done: (error: Error | null) => void): void {
    if (this.#pending) return
    const bytes = formatOffsetCheckpoint(offsets)
    if (this.#written?.equals(bytes)) {
      done(null)
      return
    }
    const fd = writeBeside(this.#disk, this.#path, bytes)
    this.#pending = bytes
    this.#disk.flush(fd, error => {
      this.#disk.close(fd)
      if (this.#pending !== bytes) return
      if (error) {
        this.#settle(bytes, error, done)
        return
      }
      try {
        this.#disk.rename(besidePath(this.#path), this.#path)
        this.#disk.flushDirectory(dirname(this.#path), syncError => this.#settle(bytes, syncError, done))
      } catch (renameError) {
        this.#settle(bytes, renameError as Error, done)
      }
    })
  }

  /** Writes what `offsets` gives once nothing else is under way: `done` hears when it is durable, or failed. */
  record(offsets: () => OffsetsByPartition, done: (error: Error | null) => void): void {
    this.#whenIdle(() => {
      let failure: Error | null = null
      try {
        this.write(offsets(), error => {
          failure = error
        })
      } catch (error) {
        failure = error as Error
      }
      // Not with the write: one that is newer may overtake it.
      this.#whenIdle(() => done(failure))
    })
  }

  #whenIdle(run: () => void): void {
    if (this.#pending) this.#waiting.push(run)
    else run()
  }

  #settle(bytes: Buffer, error: Error | null, done: (error: Error | null) => void): void {
    if (this.#pending !== bytes) return
    this.#pending = null
    if (!error) this.#written = bytes
    done(error)
    this.#wake()
  }

  #wake(): void {
    for (const run of this.#waiting.splice(0)) run()
  }

  /** Blocks until it is durable. */
  writeNow(offsets: OffsetsByPartition): void {
    this.#pending = null
    const bytes = formatOffsetCheckpoint(offsets)
    replaceFile(this.#disk, this.#path, bytes)
    this.#written = bytes
    this.#wake()
  }

  /** A new partition must not inherit the offset of a deleted one of its name. `offsets` are those of all others. */
  forget(name: string, offsets: OffsetsByPartition): void {
    const onDisk = this.#written ? parseOffsetCheckpoint(this.#written, this.#path) : new Map()
    if (this.#pending || onDisk.has(name)) this.writeNow(offsets)
    this.#contents.delete(name)
  }
}
