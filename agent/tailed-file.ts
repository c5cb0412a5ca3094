// A tracked file with its descriptor: opening, looking, reading at a position, asking a guard. All of the tailer's
// system calls on one file are here, synchronous: from the page cache they cost less than a promise.
import { type BigIntStats, closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { type Guard, guardBytesMax, guardLength, guardOf, headOf } from './guard.ts'
import { headBytesMax } from './identity.ts'
import { findNewline } from './lines.ts'
import type { TrackedFile } from './tracker.ts'

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
  changedAtMs: number
  /** No directory names it any more. */
  unlinked: boolean
  /** Everything is read and it is gone: forgotten once acknowledged. */
  drained: boolean
  queued: boolean
  seenAtSweep: number
  locatedAtMs: number
}

export function tailedFileOf(tracked: TrackedFile, input: number): TailedFile {
  return {
    tracked,
    input,
    descriptor: null,
    modifiedNs: 0n,
    endSeen: -1,
    scanned: 0,
    changedAtMs: 0,
    unlinked: false,
    drained: false,
    queued: false,
    seenAtSweep: 0,
    locatedAtMs: 0,
  }
}

/** False when the path leads to another file by now, or to none: the next sweep will sort it out. */
function openFile(file: TailedFile): boolean {
  let descriptor: number
  try {
    descriptor = openSync(file.tracked.path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  const stat = fstatSync(descriptor, { bigint: true })
  if (stat.ino !== file.tracked.inode || stat.dev !== file.tracked.device) {
    closeSync(descriptor)
    return false
  }
  file.descriptor = descriptor
  return true
}

/** Descriptors in use. Beyond the bound the quietest file that is read to its end is closed; its state stays. */
export class OpenFiles {
  readonly #max: number
  #count = 0

  constructor(max: number) {
    this.#max = max
  }

  open(file: TailedFile, all: Iterable<TailedFile>): boolean {
    if (file.descriptor !== null) return true
    if (this.#count >= this.#max) this.#closeQuietest(all)
    if (!openFile(file)) return false
    this.#count++
    return true
  }

  close(file: TailedFile): void {
    if (file.descriptor === null) return
    closeSync(file.descriptor)
    file.descriptor = null
    this.#count--
  }

  #closeQuietest(all: Iterable<TailedFile>): void {
    let quietest: TailedFile | null = null
    for (const file of all) {
      const isBusy = file.queued || file.unlinked || file.tracked.size !== file.endSeen
      if (file.descriptor === null || isBusy) continue
      if (!quietest || file.changedAtMs < quietest.changedAtMs) quietest = file
    }
    if (quietest) this.close(quietest)
  }
}

export function statOpenFile(file: TailedFile): BigIntStats {
  return fstatSync(file.descriptor!, { bigint: true })
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
