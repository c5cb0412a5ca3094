// What stands behind each path of interest, and what had stood there before it: a copy is told by its original, which
// may have been renamed since. No I/O.
import type { BigIntStats } from 'node:fs'
import type { TailedFile } from './tailed-file.ts'

export class Standing {
  readonly #now = new Map<string, TailedFile>()
  readonly #before = new Map<string, TailedFile>()

  set(path: string, file: TailedFile): void {
    const before = this.#now.get(path)
    if (before !== undefined && before !== file) this.#before.set(path, before)
    this.#now.set(path, file)
  }

  /** The one that stands there, if the file with this stat is the same one: sooner found than in the table. */
  stillAt(path: string, { dev, ino }: BigIntStats): TailedFile | undefined {
    const file = this.#now.get(path)
    if (file === undefined || file.drained) return undefined
    return file.tracked.inode === ino && file.tracked.device === dev ? file : undefined
  }

  at(path: string): TailedFile | undefined {
    return this.#now.get(path)
  }

  /** The one that stands there, and the one before. */
  originalsAt(path: string): TailedFile[] {
    return [this.#now.get(path), this.#before.get(path)].filter(file => file !== undefined)
  }

  keepOnly(paths: ReadonlyMap<string, number>): void {
    for (const files of [this.#now, this.#before]) {
      for (const path of files.keys()) if (!paths.has(path)) files.delete(path)
    }
  }
}
