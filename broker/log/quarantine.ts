// Where acknowledged bytes go that can no longer be read, and how their loss is not forgotten: each gap is a file
// in the partition's directory, named for the offsets that are gone, holding what the disk gave back instead.
//
//   00000000000000000120-00000000000000000123.8192.corrupt            offsets 120..122, read at byte 8192
//   00000000000000000120-00000000000000000123.8192.corrupt-reported   the same, once it is in the loss ledger
//   00000000000000000120-00000000000000000123.0.gap                   offsets that the leader's log lacks, too
//
// The names are the truth: they tell recovery which gaps in the offsets are old news.
import { partitionFiles } from './checkpoints.ts'
import { type Disk, readFully, writeFully } from './disk.ts'
import type { Corruption } from './log-results.ts'

const namePattern = /^(\d{20})-(\d{20})\.(\d+)\.(corrupt|corrupt-reported|gap)$/
const copyBytes = 1024 * 1024

interface Gap {
  readonly corruption: Corruption
  name: string
  /** Nobody need hear of it any more. */
  reported: boolean
}

/** Gaps that a leader's log has are noted one by one up to here; beyond, offsets are no longer taken to be dense. */
const gapsMax = 16

export class Quarantine {
  readonly #disk: Disk
  readonly #directory: string
  #gaps: Gap[] = []
  #isSparse: boolean

  constructor(disk: Disk, directory: string, names: readonly string[]) {
    this.#disk = disk
    this.#directory = directory
    this.#isSparse = names.includes(partitionFiles.sparse)
    for (const name of names) {
      const match = namePattern.exec(name)
      if (!match) continue
      const [, from, to, position, kind] = match
      const corruption = {
        path: `${directory}/${name}`,
        position: Number(position),
        fromOffset: Number(from),
        toOffset: Number(to),
      }
      this.#gaps.push({ corruption, name, reported: kind !== 'corrupt' })
    }
  }

  /** Compaction has been here, or in the leader's log: offsets are not dense. */
  get isSparse(): boolean {
    return this.#isSparse
  }

  /** Durable when it returns: only then may compaction leave gaps. */
  noteSparse(): void {
    if (this.#isSparse) return
    markSparse(this.#disk, this.#directory)
    this.#isSparse = true
  }

  /** Not yet reported. */
  get corruptions(): readonly Corruption[] {
    return this.#gaps.filter(gap => !gap.reported).map(gap => gap.corruption)
  }

  isKnown(fromOffset: number, toOffset: number): boolean {
    return this.#gaps.some(
      ({ corruption }) => corruption.fromOffset === fromOffset && corruption.toOffset === toOffset,
    )
  }

  /** Copies `[position, endPosition)` of an open file aside, durably: only then may the original be rewritten. */
  add(fd: number, position: number, endPosition: number, fromOffset: number, toOffset: number): void {
    const name = `${rangeName(fromOffset, toOffset)}.${position}.corrupt`
    const path = `${this.#directory}/${name}`
    const copy = this.#disk.open(path, 'create')
    try {
      this.#disk.truncate(copy, 0)
      copyRange(this.#disk, fd, position, endPosition, copy, 0)
      this.#disk.sync(copy)
    } finally {
      this.#disk.close(copy)
    }
    this.#disk.syncDirectory(this.#directory)
    this.#gaps = this.#gaps.filter(gap => gap.name !== name)
    this.#gaps.push({ corruption: { path, position, fromOffset, toOffset }, name, reported: false })
  }

  reported(corruption: Corruption): void {
    const gap = this.#gaps.find(candidate => candidate.corruption === corruption)
    if (!gap || gap.reported) return
    const name = `${gap.name}-reported`
    this.#disk.rename(`${this.#directory}/${gap.name}`, `${this.#directory}/${name}`)
    gap.name = name
    gap.reported = true
  }

  /** A leader's log goes on at `toOffset`: durable before its next batch is written, or that would look like damage. */
  noteGap(fromOffset: number, toOffset: number): void {
    if (this.#isSparse || this.isKnown(fromOffset, toOffset)) return
    if (this.#gaps.length >= gapsMax) {
      this.noteSparse()
      return
    }
    const name = `${rangeName(fromOffset, toOffset)}.0.gap`
    const path = `${this.#directory}/${name}`
    this.#disk.close(this.#disk.open(path, 'create'))
    this.#disk.syncDirectory(this.#directory)
    this.#gaps.push({ corruption: { path, position: 0, fromOffset, toOffset }, name, reported: true })
  }

  /** The log was cut there: what was amiss beyond is no part of it any more. */
  discardAbove(logEndOffset: number): void {
    this.#discard(({ corruption }) => corruption.toOffset > logEndOffset)
  }

  /** Gaps wholly below the log's start, once reported, explain nothing any more. */
  discardBelow(logStartOffset: number): void {
    this.#discard(gap => gap.reported && gap.corruption.toOffset <= logStartOffset)
  }

  #discard(isOver: (gap: Gap) => boolean): void {
    const over = this.#gaps.filter(isOver)
    for (const gap of over) this.#disk.unlink(`${this.#directory}/${gap.name}`)
    if (over.length > 0) this.#gaps = this.#gaps.filter(gap => !over.includes(gap))
  }
}

function rangeName(fromOffset: number, toOffset: number): string {
  return [fromOffset, toOffset].map(offset => String(offset).padStart(20, '0')).join('-')
}

/** The next start is to read the whole log, whatever else says that it is sound. */
export function markSuspect(disk: Disk, directory: string): void {
  try {
    disk.close(disk.open(`${directory}/${partitionFiles.suspect}`, 'create'))
    disk.syncDirectory(directory)
  } catch {
    // The damage will be found again.
  }
}

/** Every gap in the offsets is to be taken for compaction's work from now on. Durable when it returns. */
export function markSparse(disk: Disk, directory: string): void {
  disk.close(disk.open(`${directory}/${partitionFiles.sparse}`, 'create'))
  disk.syncDirectory(directory)
}

export function copyRange(
  disk: Disk,
  from: number,
  start: number,
  end: number,
  to: number,
  toPosition: number,
): void {
  const chunk = Buffer.allocUnsafe(Math.min(copyBytes, Math.max(end - start, 1)))
  for (let position = start; position < end; ) {
    const count = readFully(disk, from, chunk, 0, Math.min(chunk.length, end - position), position)
    if (count === 0) throw new Error(`Cannot copy bytes ${position} to ${end}: the file ends before`)
    writeFully(disk, to, chunk.subarray(0, count), toPosition + position - start)
    position += count
  }
}
