// The files an agent knows, by device and inode, and what the checkpoint says of all of them. A file that is gone
// gives its inode free at once, but stays until what was read of it is acknowledged. No I/O.
import { savedTextOf } from './saved-file.ts'
import type { TailedFile } from './tailed-file.ts'
import { forgetContent, isDone, type Range, type TrackedFile, touch } from './tracker.ts'

export class FileTable {
  readonly #files = new Map<string, TailedFile>()
  #gone = 0
  #serial = 0
  /** Since the last snapshot, or the last changes. */
  readonly #changed = new Set<TrackedFile>()
  readonly #forgotten = new Set<number>()

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
    const { tracked } = file
    const { device, inode, gone } = tracked
    if (tracked.serial === 0) tracked.serial = ++this.#serial
    tracked.changed = this.#changed
    touch(tracked)
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
    touch(tracked)
    this.add(file)
  }

  /** No bytes of it are left anywhere. */
  retire(file: TailedFile): void {
    const { tracked } = file
    this.#files.delete(`${tracked.device}:${tracked.inode}`)
    file.drained = true
    forgetContent(tracked)
    if (tracked.ranges.length > 0) this.add(file)
    else this.#forget(tracked)
  }

  /** Ranges whose end was declared, or that never held anything, are forgotten; and files that are gone with them. */
  forget(range: Range): void {
    const { file } = range
    file.ranges.splice(file.ranges.indexOf(range), 1)
    touch(file)
    if (!file.gone || file.ranges.length > 0) return
    this.#forget(file)
    for (const [key, { tracked }] of this.#files) if (tracked === file) this.#files.delete(key)
  }

  /** Whether a checkpoint would say something new. */
  get isChanged(): boolean {
    return this.#changed.size > 0 || this.#forgotten.size > 0
  }

  /** The files' part of the checkpoint, and the ranges that it says are done. */
  snapshot(): { files: string; done: Range[] } {
    const all = Array.from(this.#files.values(), ({ tracked }) => tracked)
    return { files: this.#textOf(all), done: doneOf(all) }
  }

  /** As a line of the checkpoint's journal. */
  changes(looked: number): { text: string; done: Range[] } {
    const changed = [...this.#changed]
    const forgotten = [...this.#forgotten]
    const text = `{"looked":${looked},"forgotten":[${forgotten.join(',')}],"changed":${this.#textOf(changed)}}`
    return { text, done: doneOf(changed) }
  }

  #textOf(files: readonly TrackedFile[]): string {
    this.#changed.clear()
    this.#forgotten.clear()
    return `[${files.map(savedTextOf).join(',\n')}]`
  }

  #forget(file: TrackedFile): void {
    file.changed = null
    this.#changed.delete(file)
    this.#forgotten.add(file.serial)
  }
}

function doneOf(files: readonly TrackedFile[]): Range[] {
  return files.flatMap(file => file.ranges.filter(isDone))
}
