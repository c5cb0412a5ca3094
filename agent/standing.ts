// What stands behind each path of interest, and what had stood there before it: a copy is told by its original, which
// may have been renamed since. No I/O.
import type { BigIntStats } from 'node:fs'
import type { TailedFile } from './tailed-file.ts'

export class Standing {
  readonly #now = new Map<string, TailedFile>()
  readonly #before = new Map<string, TailedFile>()
  /** By the name of before: what a checkpoint knew and nobody has asked yet whether it still holds that. */
  readonly #restored = new Map<string, TailedFile[]>()

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

  restored(file: TailedFile): void {
    const { foundAs } = file.tracked
    this.#restored.set(foundAs, [...(this.#restored.get(foundAs) ?? []), file])
  }

  /** The one that stands there, and those before. */
  originalsAt(path: string): TailedFile[] {
    const known = [this.#now.get(path), this.#before.get(path)].filter(file => file !== undefined)
    const restored = this.#restored.get(path)?.filter(file => file.queued) ?? []
    return restored.length === 0 ? known : [...new Set([...known, ...restored])]
  }

  keepOnly(paths: ReadonlyMap<string, number>): void {
    for (const files of [this.#now, this.#before]) {
      for (const path of files.keys()) if (!paths.has(path)) files.delete(path)
    }
    for (const [path, files] of this.#restored) {
      if (!files.some(file => file.queued)) this.#restored.delete(path)
    }
  }
}
