// A tracked file with its descriptor: opening, looking, reading at a position, asking a guard. All of the tailer's
// system calls on one file are here, synchronous: from the page cache they cost less than a promise.
import { type BigIntStats, closeSync, fstatSync, readSync } from 'node:fs'
import { type Guard, guardBytesMax, guardLength, guardOf, headOf } from './guard.ts'
import { headBytesMax } from './identity.ts'
import { findNewline } from './lines.ts'
import { type Admits, openRegular } from './regular-file.ts'
import { type TrackedFile, touch } from './tracker.ts'

export interface TailedFile {
  readonly tracked: TrackedFile
  /** Index of the input that says how its lines are sent; -1 when no input names it any more. */
  input: number
  descriptor: number | null
  /** As last seen; 0n before the first look. */
  modifiedNs: bigint
  /** Where the last read found the end of the file. */
  endSeen: number
  /** No newline stands in [the next byte to read, scanned): only kept within a very long line. */
  scanned: number
  /** Lines wait for more of their record, for so long at most; 0 when none wait. */
  heldMs: number
  /** It has been quiet for that long: what waits is a record. */
  heldIsDue: boolean
  changedAtMs: number
  /** No directory names it any more. */
  unlinked: boolean
  /** Everything is read and it is gone: forgotten once acknowledged. */
  drained: boolean
  queued: boolean
  /** Its path leads where the agent may not read. */
  refused: boolean
  seenAtSweep: number
  locatedAtMs: number
  /** Where reading stood at some earlier turns, in order: what tells a copy that holds less than was read. */
  trail: Mark[]
}

export interface Mark {
  readonly position: number
  readonly guard: Guard
}

const trailMax = 16

/** The further back, the fewer are kept. */
export function leaveMark(file: TailedFile, position: number, guard: Guard): void {
  if (position === 0 || file.trail.at(-1)?.position === position) return
  file.trail.push({ position, guard })
  if (file.trail.length > trailMax) {
    file.trail = file.trail.filter((_, index) => index >= trailMax / 2 || index % 2 === 1)
  }
}

export function tailedFileOf(tracked: TrackedFile, input: number): TailedFile {
  return {
    tracked,
    input,
    descriptor: null,
    modifiedNs: 0n,
    endSeen: -1,
    scanned: 0,
    heldMs: 0,
    heldIsDue: false,
    changedAtMs: 0,
    unlinked: false,
    drained: false,
    queued: false,
    refused: false,
    seenAtSweep: 0,
    locatedAtMs: 0,
    trail: [],
  }
}

/**
 * False when the path leads to another file by now, or to none: the next sweep will sort it out. From here on the
 * file's path is where it really lies, so that it is found beside its own neighbours when it is renamed.
 */
function openFile(file: TailedFile, admits: Admits): boolean {
  const { tracked } = file
  for (const path of new Set([tracked.path, tracked.foundAs])) {
    const opened = openRegular(path, admits)
    if (!opened) continue
    const { descriptor, stat } = opened
    if (stat.ino !== tracked.inode || stat.dev !== tracked.device) {
      closeSync(descriptor)
      continue
    }
    file.descriptor = descriptor
    if (stat.nlink > 0n && opened.path !== tracked.path) {
      if (path === tracked.foundAs) tracked.realAs = opened.path
      tracked.path = opened.path
      touch(tracked)
    }
    return true
  }
  return false
}

/**
 * Descriptors in use. Beyond the first bound, those of files that are read to their end are closed, the quietest
 * first; their state stays. Beyond the second nothing is opened ahead of its turn.
 */
export class OpenFiles {
  readonly #idleMax: number
  readonly #max: number
  readonly #admits: (file: TailedFile) => Admits
  /** In the order in which they were last read. */
  readonly #open = new Set<TailedFile>()

  constructor(idleMax: number, max: number, admits: (file: TailedFile) => Admits) {
    this.#idleMax = idleMax
    this.#max = max
    this.#admits = admits
  }

  get count(): number {
    return this.#open.size
  }

  /** For its turn. */
  open(file: TailedFile): boolean {
    if (file.descriptor === null) {
      if (this.#open.size >= this.#idleMax) this.#closeQuietest()
      if (!openFile(file, this.#admits(file))) return false
    } else this.#open.delete(file)
    this.#open.add(file)
    return true
  }

  /** Before its turn, which may be long in coming: whatever happens to its name until then, its bytes are held. */
  hold(file: TailedFile): void {
    if (file.descriptor === null && this.#open.size < this.#max) this.open(file)
  }

  close(file: TailedFile): void {
    if (file.descriptor === null) return
    closeSync(file.descriptor)
    file.descriptor = null
    this.#open.delete(file)
  }

  values(): Iterable<TailedFile> {
    return this.#open
  }

  /** Another one goes on in what this one holds. */
  handOver(from: TailedFile, to: TailedFile): void {
    this.close(to)
    to.descriptor = from.descriptor
    from.descriptor = null
    this.#open.delete(from)
    this.#open.add(to)
  }

  /** A descriptor that leads nowhere any more; a look will find that there is something to read. */
  closeStale(file: TailedFile): void {
    if (file.descriptor === null) return
    const { descriptor } = file
    file.descriptor = null
    file.endSeen = -1
    file.locatedAtMs = Number.NEGATIVE_INFINITY
    this.#open.delete(file)
    try {
      closeSync(descriptor)
    } catch {
      // As far as this system goes it is closed.
    }
  }

  /** Now and then: what was held for its turn and is read to its end by now. */
  trim(): void {
    for (const file of this.#open) {
      if (this.#open.size <= this.#idleMax) return
      if (!isBusy(file)) this.close(file)
    }
  }

  #closeQuietest(): void {
    for (const file of this.#open) {
      if (isBusy(file)) continue
      this.close(file)
      return
    }
  }
}

function isBusy(file: TailedFile): boolean {
  return file.queued || file.unlinked || file.tracked.size !== file.endSeen
}

export function statOpenFile(file: TailedFile): BigIntStats {
  return fstatSync(file.descriptor!, { bigint: true })
}

/** Null while a directory names it, or when nobody can say. */
export function statIfUnlinked(file: TailedFile): BigIntStats | null {
  try {
    const stat = statOpenFile(file)
    return stat.nlink === 0n ? stat : null
  } catch {
    return null
  }
}

/** Fills as much of `bytes[offset, offset + length)` as the file has from `position` on. */
export function readAt(
  file: TailedFile,
  bytes: Buffer,
  offset: number,
  length: number,
  position: number,
): number {
  let got = 0
  while (got < length) {
    const count = readSync(file.descriptor!, bytes, offset + got, length - got, position + got)
    if (count === 0) break
    got += count
  }
  return got
}

const guarded = Buffer.alloc(guardBytesMax)

/** Do the bytes before `position` still stand there? */
export function holds(file: TailedFile, position: number, guard: Guard): boolean {
  const length = guardLength(position)
  if (readAt(file, guarded, 0, length, position - length) < length) return false
  return guardOf(guarded, length, position) === guard
}

export function readGuard(file: TailedFile, position: number): Guard {
  const length = guardLength(position)
  readAt(file, guarded, 0, length, position - length)
  return guardOf(guarded, length, position)
}

/** The first line, or as much of it as tells files apart; null while the file has no complete line. */
export function readFirstLine(file: TailedFile): Buffer | null {
  const bytes = Buffer.alloc(headBytesMax)
  return firstLineOf(bytes.subarray(0, readAt(file, bytes, 0, headBytesMax, 0)))
}

const headBytes = Buffer.alloc(headBytesMax)

/** Does the file still begin with the line that was read first? */
export function headHolds(file: TailedFile): boolean {
  const { head } = file.tracked
  if (head === null) return true
  const firstLine = firstLineOf(headBytes.subarray(0, readAt(file, headBytes, 0, headBytesMax, 0)))
  return firstLine !== null && headOf(firstLine) === head
}

/** The same of bytes that were read from the start of a file. */
export function firstLineOf(bytes: Buffer): Buffer | null {
  const length = Math.min(bytes.length, headBytesMax)
  const close = findNewline(bytes, 0, length)
  if (close >= 0) return bytes.subarray(0, close)
  return length === headBytesMax ? bytes.subarray(0, length) : null
}
