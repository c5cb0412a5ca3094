// The neighbours of a log file: the names rotation gives to it, the copy that copytruncate leaves, the files that
// came and were rotated away while nobody looked. Reads directories and the heads of files; decides nothing alone.
import { type BigIntStats, closeSync, fstatSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type Guard, guardLength, guardOf, headOf } from './guard.ts'
import { headBytesMax } from './identity.ts'
import { findNewline } from './lines.ts'
import { type Admits, openRegular } from './regular-file.ts'
import type { Mark, TailedFile } from './tailed-file.ts'
import { baseOf, type TrackedFile } from './tracker.ts'

export interface Sibling {
  readonly path: string
  readonly stat: BigIntStats
  /** What holds it, if no directory names it any more. */
  readonly descriptor?: number
}

/** `x.log.1`, `x.log-20261124`, `x.log_old` are what rotation makes of `x.log`. */
export function isRotatedNameOf(name: string, original: string): boolean {
  return (
    name.length > original.length && name.startsWith(original) && /^[.\-_]/.test(name.slice(original.length))
  )
}

/** A number, a date or a time at the end, or a word for what was before: so are files called that were rotated. */
export function looksRotated(name: string): boolean {
  return /[.\-_](\d[\d.\-_:+TZ]*|old|bak|prev|last)$/i.test(name)
}

/**
 * When it was made, in nanoseconds. Where a file system does not say: when it was written last, which is not before.
 * Some say instead when anything of it was changed last, its name for example.
 */
export function bornNs({ birthtimeNs, ctimeNs, mtimeNs }: BigIntStats): bigint {
  const isTold = birthtimeNs > 0n && !(birthtimeNs === ctimeNs && mtimeNs < birthtimeNs)
  return isTold ? birthtimeNs : mtimeNs
}

/** The name a rotated file had, as far as its own name tells: every shorter one that it could come from. */
export function originalsOf(path: string): string[] {
  const name = basename(path)
  const originals: string[] = []
  for (let end = name.length - 1; end > 0; end--) {
    if (/[.\-_]/.test(name[end]!)) originals.push(join(dirname(path), name.slice(0, end)))
  }
  return originals
}

/** What rotation has made of this file: beside the path that found it, and beside where that leads. */
export function neighboursOf(tracked: TrackedFile): Sibling[] {
  const found = rotatedSiblings(tracked.foundAs)
  return tracked.realAs === tracked.foundAs ? found : [...found, ...rotatedSiblings(tracked.realAs)]
}

/** Regular files beside `path` that bear a name rotation would give it. */
export function rotatedSiblings(path: string): Sibling[] {
  const original = basename(path)
  const siblings: Sibling[] = []
  try {
    for (const name of readdirSync(dirname(path))) {
      if (!isRotatedNameOf(name, original)) continue
      const sibling = join(dirname(path), name)
      const stat = statSync(sibling, { bigint: true, throwIfNoEntry: false })
      if (stat?.isFile()) siblings.push({ path: sibling, stat })
    }
  } catch {
    // The directory is gone, and with it everything it held.
  }
  return siblings
}

/**
 * Does this file hold everything that was read of the other one? Same first line, and the same bytes before the place
 * where reading stopped and before the place that is acknowledged. A file that cannot be read, or is gone by now, is
 * no copy: a neighbour's rights must not stop the original from being read.
 */
export function isCopyOf(sibling: Sibling, tracked: TrackedFile, admits: Admits): boolean {
  if (tracked.head === null || tracked.end === 0 || Number(sibling.stat.size) < tracked.end) return false
  const base = baseOf(tracked)
  const isCopy = reading(
    sibling,
    admits,
    descriptor =>
      firstLineHead(descriptor) === tracked.head &&
      guardHolds(descriptor, tracked.end, tracked.endGuard) &&
      guardHolds(descriptor, base.position, base.guard),
  )
  return isCopy ?? false
}

/**
 * A copy that was made before the last of what was read of the other one was written. `perhaps` when no more speaks
 * for it than the first line, which could be the header that every file has.
 */
export function isShorterCopyOf(
  sibling: Sibling,
  tracked: TrackedFile,
  marks: readonly Mark[],
  admits: Admits,
): 'yes' | 'perhaps' | 'no' {
  const size = Number(sibling.stat.size)
  if (tracked.head === null || size >= tracked.end) return 'no'
  let last: Mark | null = null
  for (const mark of marks) {
    if (mark.position <= size && mark.position > tracked.firstLineEnd) {
      if (last === null || mark.position > last.position) last = mark
    }
  }
  const answer = reading(sibling, admits, descriptor => {
    if (firstLineHead(descriptor) !== tracked.head) return 'no'
    if (last === null) return 'perhaps'
    return guardHolds(descriptor, last.position, last.guard) ? 'yes' : 'no'
  })
  return answer ?? 'no'
}

/** The guard of a position in another file than the one that is read. */
export function guardOfSibling(sibling: Sibling, position: number, admits: Admits): Guard | null {
  return reading(sibling, admits, descriptor => {
    const length = guardLength(position)
    const bytes = Buffer.alloc(length)
    const got = readSync(descriptor, bytes, 0, length, position - length)
    return got === length ? guardOf(bytes, length, position) : null
  })
}

/** Null while it has no complete line, cannot be read, or is not held and another one stands there. */
export function headOfFile({ tracked, descriptor }: TailedFile, admits: Admits): Guard | null {
  const { path, inode } = tracked
  const found = descriptor === null ? { path } : { path, descriptor }
  return reading(found, admits, (opened, stat) => (stat.ino === inode ? firstLineHead(opened) : null))
}

/** Null for a file that cannot be read. */
function reading<Result>(
  { path, descriptor }: Omit<Sibling, 'stat'>,
  admits: Admits,
  read: (descriptor: number, stat: BigIntStats) => Result,
): Result | null {
  try {
    if (descriptor !== undefined) return read(descriptor, fstatSync(descriptor, { bigint: true }))
    const opened = openRegular(path, admits)
    if (!opened) return null
    try {
      return read(opened.descriptor, opened.stat)
    } finally {
      closeSync(opened.descriptor)
    }
  } catch {
    return null
  }
}

function firstLineHead(descriptor: number): Guard | null {
  const bytes = Buffer.alloc(headBytesMax)
  const length = readSync(descriptor, bytes, 0, headBytesMax, 0)
  const close = findNewline(bytes, 0, length)
  if (close >= 0) return headOf(bytes.subarray(0, close))
  return length === headBytesMax ? headOf(bytes) : null
}

function guardHolds(descriptor: number, position: number, guard: Guard): boolean {
  const length = guardLength(position)
  const bytes = Buffer.alloc(length)
  return (
    readSync(descriptor, bytes, 0, length, position - length) === length &&
    guardOf(bytes, length, position) === guard
  )
}
