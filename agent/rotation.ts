// What rotation does to a file beyond renaming it: a copy that goes on with the content, or whole files that come
// and go between two looks. Looks at neighbours through siblings.ts; changes what the table knows.
import type { BigIntStats } from 'node:fs'
import { basename } from 'node:path'
import type { Discovery } from './discover.ts'
import type { FileTable } from './file-table.ts'
import type { Admits } from './regular-file.ts'
import { headOfPath, isCopyOf, isRotatedNameOf, neighboursOf, originalsOf } from './siblings.ts'
import { type OpenFiles, type TailedFile, tailedFileOf } from './tailed-file.ts'
import { newTrackedFile, type TrackedFile } from './tracker.ts'

export interface RotationOptions {
  readonly files: FileTable
  readonly open: OpenFiles
  readonly discovery: Discovery
  /** The file that a path of interest leads to. */
  readonly originalAt: (path: string) => TailedFile | undefined
  /** Other content took the place of what it held. */
  readonly onOverwritten: (file: TailedFile) => void
  /** There is something to read behind this stat. */
  readonly onFound: (file: TailedFile, stat: BigIntStats) => void
}

/** How long a file that may be the copy of another one is left alone. */
const copyHoldMs = 10_000

export class Rotation {
  readonly #options: RotationOptions

  constructor(options: RotationOptions) {
    this.#options = options
  }

  /**
   * copytruncate: the content went on in a copy under a rotated name, and the file began anew. The copy is read on
   * from where reading stopped, under the same src; the next look finds a new file where the old one was.
   */
  moveToCopy(file: TailedFile): boolean {
    const { files, open, onFound, onOverwritten } = this.#options
    const admits = this.#admits(file)
    for (const sibling of neighboursOf(file.tracked)) {
      const { dev, ino } = sibling.stat
      const known = files.find(dev, ino)
      if (known === file || !isCopyOf(sibling, file.tracked, admits)) continue
      if (known && isBegun(known)) {
        // Two files that are equal so far; or it was the copy of an earlier rotation, and this one was written over it.
        if (isCopyOf(sibling, known.tracked, admits)) continue
        onOverwritten(known)
      }
      if (known) {
        open.close(known)
        files.retire(known)
      }
      open.close(file)
      files.move(file, dev, ino, sibling.path)
      onFound(file, sibling.stat)
      return true
    }
    return false
  }

  /**
   * A new file under a rotated name that begins as the original does is a copy in the making: it waits until the
   * original is truncated and goes on in it, or, when that does not happen, for a while.
   */
  isPerhapsCopy(file: TailedFile, nowMs: number): boolean {
    const { tracked } = file
    if (isBegun(file) || nowMs - file.changedAtMs >= copyHoldMs) return false
    for (const path of originalsOf(tracked.path)) {
      const original = this.#options.originalAt(path)?.tracked
      if (original?.head != null && original.head === headOfPath(tracked.path, this.#admits(file)))
        return true
    }
    return false
  }

  /** A file was rotated out of the globs, and perhaps others after it that came and went between two looks. */
  lookForMissed(file: TailedFile): void {
    const { files, discovery, onFound } = this.#options
    const { foundAs, realAs, inode } = file.tracked
    const siblings = neighboursOf(file.tracked)
    const born = siblings.find(({ stat }) => stat.ino === inode)?.stat.birthtimeNs
    // Some file systems do not say when a file was made: then none is taken for younger.
    if (!born) return
    for (const { path, stat } of siblings) {
      const isStranger = stat.birthtimeNs >= born && !files.find(stat.dev, stat.ino)
      if (!isStranger || discovery.isExcluded(path)) continue
      const missed = tailedFileOf(newTrackedFile(stat.dev, stat.ino, path), file.input)
      Object.assign(missed.tracked, { foundAs, realAs })
      files.add(missed)
      onFound(missed, stat)
    }
  }

  /** A path that a glob names, or what rotation makes of such a name and nobody has excluded. */
  isOfInterest(path: string, { foundAs, realAs }: TrackedFile): boolean {
    const { discovery } = this.#options
    if (discovery.inputOf(path) >= 0) return true
    const isRotated = [foundAs, realAs].some(one => isRotatedNameOf(basename(path), basename(one)))
    return isRotated && !discovery.isExcluded(path)
  }

  #admits(file: TailedFile): Admits {
    return path => this.#options.discovery.admits(file.input, path)
  }
}

/** Something of what it holds now was read; what orphans tell of is not there any more. */
function isBegun({ tracked }: TailedFile): boolean {
  return tracked.end > 0 || tracked.ranges.some(range => !range.orphan)
}
