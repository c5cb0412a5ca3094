// How cleaned segments take the place of those they were made from, so that a crash at any point leaves the log whole:
//
//   .cleaned → .swap, directory synced     from here on a start finishes the work
//   originals → .deleted, directory synced no old segment may overlap the new one, no old index belong to it
//   .swap → final names                    the list of segments changes in the same turn
//
// One at a time for a log. Touches the partition's directory; the caller has written and synced the `.cleaned` files.
import type { BatchCursor } from './batch-cursor.ts'
import { cleanedSuffix, discardCleaned } from './cleaner-pass.ts'
import type { Disk } from './disk.ts'
import { markSparse } from './quarantine.ts'
import { sealPath } from './seal.ts'
import { Segment, segmentPath } from './segment.ts'

const swapSuffix = '.swap'
const deletedSuffix = '.deleted'
/** The log last: it is its name that decides. */
const extensions = ['index', 'timeindex', 'log'] as const

/** What a swap needs of the log's segments. */
export interface SwappedList {
  readonly isClosed: boolean
  find(baseOffsets: readonly number[]): Segment[] | null
  /** The files of `old` are renamed already and go later. */
  replace(old: readonly Segment[], next: Segment): void
}

export class SegmentSwap {
  readonly #disk: Disk
  readonly #directory: string
  readonly #list: SwappedList
  readonly #old: readonly Segment[]
  readonly #endOffset: number
  readonly #path: string
  #state: 'named' | 'emptied' | 'over' = 'named'
  #done: ((error: Error | null) => void) | null = null

  private constructor(disk: Disk, directory: string, list: SwappedList, old: Segment[], endOffset: number) {
    this.#disk = disk
    this.#directory = directory
    this.#list = list
    this.#old = old
    this.#endOffset = endOffset
    this.#path = segmentPath(directory, old[0]!.baseOffset)
    for (const extension of extensions) {
      const name = `${this.#path}.${extension}`
      disk.rename(`${name}${cleanedSuffix}`, `${name}${swapSuffix}`)
    }
  }

  /** Null, and the cleaned files gone, if the segments are no longer those that were cleaned. */
  static begin(
    disk: Disk,
    directory: string,
    list: SwappedList,
    baseOffsets: readonly number[],
    endOffset: number,
  ): SegmentSwap | null {
    const old = list.find(baseOffsets)
    if (old) return new SegmentSwap(disk, directory, list, old, endOffset)
    discardCleaned(disk, segmentPath(directory, baseOffsets[0]!))
    return null
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** Goes on off the event loop. `done` hears once, even if `settle` overtakes; never after the log was closed. */
  run(done: (error: Error | null) => void): void {
    this.#done = done
    this.#next()
  }

  #next(): void {
    this.#disk.flushDirectory(this.#directory, error => {
      if (this.isOver || this.#list.isClosed) return
      try {
        if (error) throw error
        this.#advance()
      } catch (failure) {
        this.#state = 'over'
        this.#done?.(failure as Error)
        return
      }
      if (!this.isOver) this.#next()
    })
  }

  /** Finishes at once: somebody is about to change the segments. Blocks for two syncs at most. */
  settle(): void {
    while (!this.isOver) {
      this.#disk.syncDirectory(this.#directory)
      this.#advance()
    }
  }

  /** After a sync of the directory. */
  #advance(): void {
    if (this.#state === 'named') {
      for (const segment of this.#old) this.#setAside(segment)
      this.#state = 'emptied'
      return
    }
    for (const extension of extensions) {
      const name = `${this.#path}.${extension}`
      this.#disk.rename(`${name}${swapSuffix}`, name)
    }
    const last = this.#old.at(-1)!
    const next = Segment.existing(this.#disk, this.#directory, this.#old[0]!.baseOffset, last.createdMs)
    if (!next.loadIndexes(this.#endOffset)) next.loadSparsely(this.#endOffset)
    next.modifiedMs = last.modifiedMs
    next.isSettled = true
    this.#state = 'over'
    this.#list.replace(this.#old, next)
    this.#done?.(null)
  }

  #setAside(segment: Segment): void {
    const path = segmentPath(this.#directory, segment.baseOffset)
    segment.file.rename(`${path}.log${deletedSuffix}`)
    // Of what comes in its place it would say what is not so.
    const seal = sealPath(this.#directory, segment.baseOffset)
    if (this.#disk.status(seal)) this.#disk.unlink(seal)
    for (const { file } of [segment.offsetIndex, segment.timeIndex]) {
      this.#disk.rename(file.path, `${file.path}${deletedSuffix}`)
      file.path = `${file.path}${deletedSuffix}`
    }
  }
}

/** At start: what was decided is done. Indexes are made anew by the scan. */
export function finishSwaps(disk: Disk, directory: string, cursor: BatchCursor): void {
  const names = disk.list(directory)
  const swaps = names.filter(name => name.endsWith(`.log${swapSuffix}`))
  // There may be no mark yet that gaps are to be expected.
  if (swaps.length > 0) markSparse(disk, directory)
  for (const swap of swaps) {
    const baseOffset = Number(swap.slice(0, 20))
    const endOffset = endOf(disk, cursor, `${directory}/${swap}`, baseOffset)
    for (const name of names) {
      const match = /^(\d{20})\.(log|index|timeindex|seal)$/.exec(name)
      const offset = match ? Number(match[1]) : -1
      if (offset >= baseOffset && offset < Math.max(endOffset, baseOffset + 1))
        disk.unlink(`${directory}/${name}`)
    }
    disk.syncDirectory(directory)
    disk.rename(`${directory}/${swap}`, `${directory}/${swap.slice(0, -swapSuffix.length)}`)
    disk.syncDirectory(directory)
  }
  for (const name of names) {
    if (/\.(index|timeindex)\.swap$/.test(name)) disk.unlink(`${directory}/${name}`)
  }
}

/** One past the last offset of a file whose bytes were synced before it got its name. */
function endOf(disk: Disk, cursor: BatchCursor, path: string, baseOffset: number): number {
  const fd = disk.open(path, 'read')
  try {
    cursor.over(fd, disk.sizeOf(fd), 'scan')
    let endOffset = baseOffset
    for (let position = 0; cursor.header(position); position = cursor.nextPosition) {
      endOffset = cursor.lastOffset + 1
    }
    return endOffset
  } finally {
    disk.close(fd)
  }
}
