// What rotation does to a file beyond renaming it: a copy that goes on with the content, or whole files that come
// and go between two looks. Looks at neighbours through siblings.ts; changes what the table knows.
import type { BigIntStats } from 'node:fs'
import { basename } from 'node:path'
import type { Discovery } from './discover.ts'
import type { FileTable } from './file-table.ts'
import type { Guard } from './guard.ts'
import type { LineSink } from './reading.ts'
import type { Admits } from './regular-file.ts'
import {
  guardOfSibling,
  headOfFile,
  isCopyOf,
  isRotatedNameOf,
  isShorterCopyOf,
  neighboursOf,
  originalsOf,
  rotatedSiblings,
  type Sibling,
} from './siblings.ts'

import { type OpenFiles, statIfUnlinked, type TailedFile, tailedFileOf } from './tailed-file.ts'
import {
  baseOf,
  cutShort,
  lossOfDoubtfulCopy,
  lossOfOverwriting,
  newTrackedFile,
  type TrackedFile,
} from './tracker.ts'

export interface RotationOptions {
  readonly files: FileTable
  readonly open: OpenFiles
  readonly discovery: Discovery
  /** The file that a path of interest leads to, and the one that it led to before. */
  readonly originalsAt: (path: string) => readonly TailedFile[]
  readonly sink: LineSink
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
    const { device, inode } = file.tracked
    if (!this.#moveToWholeCopy(file) && !this.#moveToShorterCopy(file)) return false
    // Between the copy and what stands there now, others may have come and gone; and what stands there may have been
    // renamed since.
    this.lookForMissed(file)
    const left = this.#neighboursOf(file.tracked).find(
      ({ stat }) => stat.ino === inode && stat.dev === device,
    )
    if (left && !this.#options.files.find(device, inode) && this.isOfInterest(left.path, file.tracked)) {
      this.#options.onFound(this.#adopt(file, left), left.stat)
    }
    return true
  }

  #moveToWholeCopy(file: TailedFile): boolean {
    const { files, onFound } = this.#options
    const admits = this.#admits(file)
    for (const sibling of this.#candidatesFor(file)) {
      const { dev, ino } = sibling.stat
      const known = files.find(dev, ino)
      if (known === file || !isCopyOf(sibling, file.tracked, admits)) continue
      if (!this.#makesWay(known, sibling, file)) continue
      files.move(file, dev, ino, sibling.path)
      onFound(file, sibling.stat)
      return true
    }
    return false
  }

  /**
   * The descriptor is let go for the copy. So is what was known under its inode, if it is not what stands there:
   * another copy, or a file that is no more.
   */
  #makesWay(known: TailedFile | undefined, sibling: Sibling, file: TailedFile): boolean {
    const { files, open, sink } = this.#options
    if (known !== undefined && isBegun(known)) {
      // Two files that are equal so far; or it was the copy of an earlier rotation, and this one was written over it.
      if (isCopyOf(sibling, known.tracked, this.#admits(file))) return false
      sink.lose(lossOfOverwriting(known.tracked, sink.agentId))
    }
    open.close(file)
    if (known === undefined) return true
    if (sibling.descriptor === undefined) open.close(known)
    else open.handOver(known, file)
    files.retire(known)
    return true
  }

  /**
   * Somebody read on between copy and truncation: such a copy holds nothing that was not read. The file goes on in it
   * all the same: what is not acknowledged yet is there, should this agent die, and nobody takes it for a new one.
   */
  #moveToShorterCopy(file: TailedFile): boolean {
    const { files, sink } = this.#options
    const admits = this.#admits(file)
    for (const sibling of this.#candidatesFor(file)) {
      const { path, stat } = sibling
      const known = files.find(stat.dev, stat.ino)
      if (known === file) continue
      const answer = isShorterCopyOf(sibling, file.tracked, [...file.trail, baseOf(file.tracked)], admits)
      if (answer === 'no') continue
      const end = Number(stat.size)
      const guard = answer === 'yes' ? guardOfSibling(sibling, end, admits) : null
      if (guard === null) {
        // It is read as a file of its own.
        if (known !== undefined && isBegun(known) && isCopyOf(sibling, known.tracked, admits)) continue
        sink.lose(lossOfDoubtfulCopy(file.tracked, path, sink.agentId))
        continue
      }
      if (!this.#makesWay(known, sibling, file)) continue
      sink.lose(cutShort(file.tracked, end, guard, sink.agentId))
      files.move(file, stat.dev, stat.ino, path)
      Object.assign(file, { endSeen: end, modifiedNs: stat.mtimeNs, unlinked: stat.nlink === 0n })
      return true
    }
    return false
  }

  /** A neighbour that no glob names: read as the file beside which it was found. */
  #adopt(file: TailedFile, { path, stat }: Sibling): TailedFile {
    const { foundAs, realAs } = file.tracked
    const adopted = tailedFileOf(newTrackedFile(stat.dev, stat.ino, path), file.input)
    Object.assign(adopted.tracked, { foundAs, realAs })
    this.#options.files.add(adopted)
    return adopted
  }

  /**
   * A new file under a rotated name that begins as the original does is a copy in the making: it waits until the
   * original is truncated and goes on in it, or, when that does not happen, for a while.
   */
  isPerhapsCopy(file: TailedFile, nowMs: number): boolean {
    const { tracked } = file
    if (isBegun(file)) return false
    const isFresh = nowMs - file.changedAtMs < copyHoldMs
    for (const path of originalsOf(tracked.path)) {
      for (const original of this.#options.originalsAt(path)) {
        // While the original waits for its turn nobody knows.
        if (original === file || !(isFresh || original.queued)) continue
        // What is known of it may be of what its inode held before.
        const heads = [original.tracked.head, this.#headBeforeItsTurn(original)].filter(head => head !== null)
        if (heads.length > 0 && heads.includes(headOfFile(file, this.#admits(file)) ?? '')) return true
      }
    }
    return false
  }

  /** Its neighbours; and those that were deleted since they were found, but are held and not begun. */
  #candidatesFor(file: TailedFile): Sibling[] {
    const { foundAs, realAs } = file.tracked
    const names = new Set([foundAs, realAs, ...this.#originsOf(file.tracked)])
    const held: Sibling[] = []
    for (const other of this.#options.open.values()) {
      const { path } = other.tracked
      const isBeside = names.has(other.tracked.foundAs) || originalsOf(path).some(one => names.has(one))
      if (other === file || isBegun(other) || !isBeside) continue
      const stat = statIfUnlinked(other)
      if (stat !== null) held.push({ path, stat, descriptor: other.descriptor! })
    }
    return [...this.#neighboursOf(file.tracked), ...held]
  }

  /** Of a rotated name that a glob names too, the neighbours are those of the name it came from. */
  #neighboursOf(tracked: TrackedFile): Sibling[] {
    const siblings = [...neighboursOf(tracked), ...this.#originsOf(tracked).flatMap(rotatedSiblings)]
    return [...new Map(siblings.map(sibling => [sibling.path, sibling])).values()]
  }

  #originsOf({ foundAs }: TrackedFile): string[] {
    return originalsOf(foundAs).filter(path => this.#options.discovery.inputOf(path) >= 0)
  }

  #headBeforeItsTurn(file: TailedFile): Guard | null {
    return file.queued ? headOfFile(file, this.#admits(file)) : null
  }

  /** A file was rotated out of the globs, and perhaps others after it that came and went between two looks. */
  lookForMissed(file: TailedFile): void {
    const { files, discovery, onFound } = this.#options
    const { inode } = file.tracked
    const siblings = this.#neighboursOf(file.tracked)
    const born = siblings.find(({ stat }) => stat.ino === inode)?.stat.birthtimeNs
    // Some file systems do not say when a file was made: then none is taken for younger.
    if (!born) return
    for (const sibling of siblings) {
      const { path, stat } = sibling
      const isStranger = stat.birthtimeNs >= born && !files.find(stat.dev, stat.ino)
      if (isStranger && !discovery.isExcluded(path)) onFound(this.#adopt(file, sibling), stat)
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
