// Directories of deleted partitions, out of sight already: their files go by and by. Touches those directories only.
import { randomBytes } from 'node:crypto'
import { basename, dirname } from 'node:path'
import type { Disk } from './disk.ts'

/** Files unlinked at a time: each can take milliseconds. */
const unlinksPerStep = 8
const fileNameBytesMax = 255
const suffix = '-delete'

export class DoomedDirectories {
  readonly #disk: Disk
  readonly #all: { readonly path: string; readonly sizeBytes: number; readonly atMs: number }[] = []

  constructor(disk: Disk) {
    this.#disk = disk
  }

  static bears(name: string): boolean {
    return name.endsWith(suffix)
  }

  /** What they still take of the disk, roughly. */
  get sizeBytes(): number {
    return this.#all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** Renames a partition's directory, durably; its files may go from `atMs` on. */
  doom(directory: string, atMs: number): void {
    const parent = dirname(directory)
    const ending = `.${randomBytes(16).toString('hex')}${suffix}`
    const path = `${parent}/${basename(directory).slice(0, fileNameBytesMax - ending.length)}${ending}`
    this.#disk.rename(directory, path)
    this.#disk.syncDirectory(parent)
    this.add(path, atMs)
  }

  /** One that was renamed in an earlier life. */
  add(path: string, atMs: number): void {
    const sizes = this.#disk.list(path).map(name => this.#disk.status(`${path}/${name}`)?.sizeBytes ?? 0)
    this.#all.push({ path, sizeBytes: sizes.reduce((sum, size) => sum + size, 0), atMs })
  }

  /** A few files of the oldest whose time has come. May throw, and be called again. */
  step(nowMs: number): void {
    const first = this.#all[0]
    if (!first || first.atMs > nowMs) return
    const names = this.#disk.list(first.path)
    for (const name of names.slice(0, unlinksPerStep)) this.#disk.unlink(`${first.path}/${name}`)
    if (names.length > unlinksPerStep) return
    this.#disk.removeDirectory(first.path)
    this.#all.shift()
  }
}
