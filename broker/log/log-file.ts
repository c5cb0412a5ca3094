// A file that may be in use by sends in flight: its descriptor is opened when needed and closed only when its owner
// and every send have let go, so that a number never comes to mean another file under a sender's hands.
import assert from 'node:assert/strict'
import type { Disk } from './disk.ts'

export interface LogFile {
  readonly fd: number
  /** Keeps the descriptor open until `release`: call it before handing `fd` to anything that ends later. */
  retain(): void
  release(): void
}

export class SharedFile implements LogFile {
  readonly #disk: Disk
  #path: string
  #fd = -1
  #holds = 0
  #closeWhenFree = false

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  static created(disk: Disk, path: string): SharedFile {
    const file = new SharedFile(disk, path)
    file.#fd = disk.open(path, 'create')
    return file
  }

  get path(): string {
    return this.#path
  }

  get fd(): number {
    if (this.#fd < 0) this.#fd = this.#disk.open(this.#path, 'write')
    return this.#fd
  }

  get isOpen(): boolean {
    return this.#fd >= 0
  }

  retain(): void {
    assert(this.#fd >= 0, 'a file is retained while it is open')
    this.#holds++
  }

  release(): void {
    assert(this.#holds > 0, 'a release follows a retain')
    if (--this.#holds === 0 && this.#closeWhenFree) this.close()
  }

  /** Now, or with the last `release`. The next use of `fd` opens it again. */
  close(): void {
    if (this.#holds > 0) {
      this.#closeWhenFree = true
      return
    }
    if (this.#fd >= 0) this.#disk.close(this.#fd)
    this.#fd = -1
    this.#closeWhenFree = false
  }

  rename(path: string): void {
    this.#disk.rename(this.#path, path)
    this.#path = path
  }
}
