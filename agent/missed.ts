// Files that came and were rotated to a name outside the globs before anybody knew of them: between two looks, or
// before a checkpoint could say that they were there. A look finds them by their birth, which is not before the last
// look that is sure. Nothing of such a file has ever been sent, since nothing is that no checkpoint knows; but it may
// be a copy of one that is known. Looks at files; changes what the table knows.
import { type BigIntStats, statSync } from 'node:fs'
import type { Discovery, RotatedPath } from './discover.ts'
import type { FileTable } from './file-table.ts'
import type { LineSink } from './reading.ts'
import type { Admits } from './regular-file.ts'
import { bornNs, isCopyOf, isShorterCopyOf, looksRotated, neighboursOf, type Sibling } from './siblings.ts'
import { type TailedFile, tailedFileOf } from './tailed-file.ts'
import { baseOf, lossOfDoubtfulCopy, newTrackedFile } from './tracker.ts'

export interface MissedOptions {
  readonly files: FileTable
  readonly discovery: Discovery
  readonly sink: LineSink
  readonly wallMs: () => number
  /** There is something to read behind this stat. */
  readonly onFound: (file: TailedFile, stat: BigIntStats) => void
}

/** Births are as coarse as the file system's clock. A file that was there before is read for it, but none twice. */
const slackMs = 2_000

export class Missed {
  readonly #options: MissedOptions
  /** When the last scan began, and the one before it. */
  #scannedAtMs: number
  #lookedAtMs: number

  constructor(options: MissedOptions) {
    this.#options = options
    this.#scannedAtMs = options.wallMs()
    this.#lookedAtMs = this.#scannedAtMs
  }

  /**
   * Every file that a glob named then is known, if it is still there. Not the beginning of the last scan: what that
   * one found may have been renamed before it could be looked at.
   */
  get lookedAtMs(): number {
    return this.#lookedAtMs
  }

  /** As the checkpoint says. */
  restore(lookedAtMs: number): void {
    this.#scannedAtMs = lookedAtMs
    this.#lookedAtMs = lookedAtMs
  }

  /** Returns since when files may have been missed, for its end. */
  scanBegins(): number {
    const since = this.#lookedAtMs
    this.#lookedAtMs = this.#scannedAtMs
    this.#scannedAtMs = this.#options.wallMs()
    return since
  }

  scanEnds(rotated: readonly RotatedPath[], sinceMs: number): void {
    const sinceNs = earliestNs(sinceMs)
    for (const one of rotated) this.#judge(one, sinceNs)
  }

  /**
   * A file was truncated of which nobody had read anything: what it held may have been copied first, and such a copy
   * is younger than the last that was seen to be written. False if no copy holds all of it.
   */
  goesOnInCopy(file: TailedFile): boolean {
    const { files, discovery } = this.#options
    const { tracked, input, modifiedNs } = file
    const sinceNs = modifiedNs > 0n ? modifiedNs : earliestNs(this.#lookedAtMs)
    let isWhole = false
    for (const sibling of neighboursOf(tracked)) {
      const { path, stat } = sibling
      const isRotated = looksRotated(path) || discovery.inputOf(path) >= 0
      if (!isRotated || discovery.isExcluded(path)) continue
      if (bornNs(stat) < sinceNs || files.find(stat.dev, stat.ino)) continue
      const isCopy = this.#take(sibling, { path, original: tracked.foundAs, input }, undefined)
      if (!isCopy && Number(stat.size) >= tracked.size) isWhole = true
    }
    return isWhole
  }

  #judge(rotated: RotatedPath, sinceNs: bigint): void {
    const { files } = this.#options
    const stat = statOf(rotated.path)
    if (!stat?.isFile() || bornNs(stat) < sinceNs || files.find(stat.dev, stat.ino)) return
    const standing = statOf(rotated.original)
    const isTold = bornNs(stat) === stat.birthtimeNs
    // What was rotated away is older than what was made in its place. What is younger was made beside it.
    if (standing && isTold && bornNs(standing) < stat.birthtimeNs) return
    this.#take({ path: rotated.path, stat }, rotated, isTold ? standing?.ino : undefined)
  }

  /** From here on it is known; true if it is a copy of what was read, and so is not. */
  #take(sibling: Sibling, rotated: RotatedPath, younger: bigint | undefined): boolean {
    const { files, onFound } = this.#options
    const { stat } = sibling
    const isCopy = this.#isCopy(sibling, rotated, younger)
    // A copy is known from here on, and durably so: when its original is forgotten nobody could tell.
    const file = tailedFileOf(newTrackedFile(stat.dev, stat.ino, rotated.path), isCopy ? -1 : rotated.input)
    if (!isCopy) Object.assign(file.tracked, { foundAs: rotated.original, realAs: rotated.original })
    files.add(file)
    onFound(file, stat)
    return isCopy
  }

  /** Of anything that was read under its name, but for the file with this inode, which is younger. */
  #isCopy(sibling: Sibling, { original, input }: RotatedPath, younger: bigint | undefined): boolean {
    const { files, sink, discovery } = this.#options
    const admits: Admits = path => discovery.admits(input, path)
    let doubtful: TailedFile | null = null
    for (const file of files.values()) {
      const { tracked } = file
      if (tracked.foundAs !== original || tracked.end === 0 || tracked.inode === younger) continue
      const marks = [...file.trail, baseOf(tracked)]
      const isWhole = isCopyOf(sibling, tracked, admits)
      const shorter = isWhole ? 'no' : isShorterCopyOf(sibling, tracked, marks, admits)
      if ((isWhole && tracked.end > tracked.firstLineEnd) || shorter === 'yes') return true
      if (isWhole || shorter === 'perhaps') doubtful = file
    }
    if (doubtful) sink.lose(lossOfDoubtfulCopy(doubtful.tracked, sibling.path, sink.agentId))
    return false
  }
}

function earliestNs(sinceMs: number): bigint {
  return BigInt(Math.floor(sinceMs - slackMs)) * 1_000_000n
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    return undefined
  }
}
