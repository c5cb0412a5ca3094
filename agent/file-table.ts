// The files an agent knows, by device and inode, and what the checkpoint says of all of them. A file that is gone
// gives its inode free at once, but stays until what was read of it is acknowledged. No I/O.
import { savedTextOf } from './saved-file.ts'
import type { TailedFile } from './tailed-file.ts'
import { forgetContent, isDone, type Range } from './tracker.ts'

export class FileTable {
  readonly #files = new Map<string, TailedFile>()
  #gone = 0
  /** A file was forgotten since the last snapshot. */
  #forgotten = false

  get size(): number {
    return this.#files.size
  }

  values(): Iterable<TailedFile> {
    return this.#files.values()
  }

  find(device: bigint, inode: bigint): TailedFile | undefined {
    return this.#files.get(`${device}:${inode}`)
  }

  add(file: TailedFile): void {
    const { device, inode, gone } = file.tracked
    this.#files.set(gone ? `gone:${++this.#gone}` : `${device}:${inode}`, file)
  }

  /** The same content, from here on read from another inode: a copy of it that stayed when the original went. */
  move(file: TailedFile, device: bigint, inode: bigint, path: string): void {
    const { tracked } = file
    if (this.find(tracked.device, tracked.inode) === file) {
      this.#files.delete(`${tracked.device}:${tracked.inode}`)
    }
    tracked.device = device
    tracked.inode = inode
    tracked.path = path
    tracked.saved = null
    this.add(file)
  }

  /** No bytes of it are left anywhere. */
  retire(file: TailedFile): void {
    const { tracked } = file
    this.#files.delete(`${tracked.device}:${tracked.inode}`)
    file.drained = true
    forgetContent(tracked)
    if (tracked.ranges.length > 0) this.add(file)
    else this.#forgotten = true
  }

  /** Ranges whose end was declared, or that never held anything, are forgotten; and files that are gone with them. */
  forget(range: Range): void {
    const { file } = range
    file.ranges.splice(file.ranges.indexOf(range), 1)
    file.saved = null
    if (!file.gone || file.ranges.length > 0) return
    this.#forgotten = true
    for (const [key, { tracked }] of this.#files) if (tracked === file) this.#files.delete(key)
  }

  /** Whether a checkpoint would say something new. */
  get isChanged(): boolean {
    if (this.#forgotten) return true
    for (const { tracked } of this.#files.values()) if (tracked.saved === null) return true
    return false
  }

  /** The files' part of the checkpoint, and the ranges that it says are done. */
  snapshot(): { files: string; done: Range[] } {
    this.#forgotten = false
    const texts: string[] = []
    const done: Range[] = []
    for (const { tracked } of this.#files.values()) {
      texts.push(savedTextOf(tracked))
      for (const range of tracked.ranges) if (isDone(range)) done.push(range)
    }
    return { files: `[${texts.join(',\n')}]`, done }
  }
}
