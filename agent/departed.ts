// Files that no path of interest names any more: renamed out of the globs, or deleted. They are held by their
// descriptors and read to the end; a deleted one that stays quiet is given up, and so is the oldest one when deleted
// files keep more of the disk than they may. Looks at files; losses go to the sink.
import type { BigIntStats } from 'node:fs'
import type { FileTable } from './file-table.ts'
import { locate } from './locate.ts'
import type { LineSink } from './reading.ts'
import type { Rotation } from './rotation.ts'
import { type OpenFiles, statOpenFile, type TailedFile } from './tailed-file.ts'
import { baseOf, type Loss, type LossReason, unreadFrom } from './tracker.ts'

export interface DepartedOptions {
  readonly files: FileTable
  readonly open: OpenFiles
  readonly sink: LineSink
  readonly rotation: Rotation
  /** How long a deleted file must be quiet before it is given up. */
  readonly drainMs: number
  /** How much of the disk deleted files may keep while nothing can be sent. */
  readonly pinnedBytesMax: number
  readonly onSeen: (file: TailedFile, stat: BigIntStats) => void
  readonly stillNames: (file: TailedFile) => boolean
  readonly onError: (file: TailedFile, error: NodeJS.ErrnoException) => void
}

/** How often a file whose path was lost is looked for among its siblings. */
const locateMs = 2_000

export class Departed {
  readonly #options: DepartedOptions
  #pinnedBytes = 0

  constructor(options: DepartedOptions) {
    this.#options = options
  }

  /** What deleted files that are held open keep of the disk. */
  get pinnedBytes(): number {
    return this.#pinnedBytes
  }

  look(file: TailedFile, nowMs: number): void {
    if (file.drained) return
    try {
      if (file.descriptor !== null) this.#lookAtHeld(file, nowMs)
      else if (nowMs - file.locatedAtMs >= locateMs) this.#search(file, nowMs)
    } catch (error) {
      this.#options.onError(file, error as NodeJS.ErrnoException)
    }
  }

  #lookAtHeld(file: TailedFile, nowMs: number): void {
    const { onSeen, stillNames, rotation } = this.#options
    onSeen(file, statOpenFile(file))
    if (file.unlinked || nowMs - file.locatedAtMs < locateMs) return
    file.locatedAtMs = nowMs
    if (stillNames(file)) return
    locate(file.tracked, new Map())
    rotation.lookForMissed(file)
  }

  #search(file: TailedFile, nowMs: number): void {
    const { onSeen, rotation, sink } = this.#options
    file.locatedAtMs = nowMs
    const before = file.tracked.path
    const stat = locate(file.tracked, new Map())
    if (stat) {
      onSeen(file, stat)
      if (file.tracked.path !== before) rotation.lookForMissed(file)
      return
    }
    if (rotation.moveToCopy(file)) return
    const losses: Loss[] = []
    this.vanished(file, losses)
    for (const loss of losses) sink.lose(loss)
  }

  /** Gone while nobody held it open: what was written last may have gone with it. */
  vanished(file: TailedFile, losses: Loss[]): void {
    const { tracked } = file
    const { position } = baseOf(tracked)
    const detail = `${tracked.path} was deleted while nobody held it open; lines after this byte were not read`
    const to = tracked.size > position ? tracked.size : null
    // A copy of which nobody wanted a line is no loss.
    if (file.input >= 0 || tracked.end > 0) {
      losses.push(this.#lossOf(file, position, to, 'deleted-before-read', null, detail))
    }
    this.#finish(file)
  }

  /** After a sweep: deleted files that are read to their end and quiet are let go; of the others some may have to. */
  drain(nowMs: number): void {
    let pinnedBytes = 0
    const pinned: TailedFile[] = []
    for (const file of this.#options.files.values()) {
      if (!file.unlinked || file.drained) continue
      if (this.#isQuiet(file, nowMs)) this.#drained(file)
      else {
        pinned.push(file)
        pinnedBytes += file.tracked.size
      }
    }
    for (const file of pinned) {
      if (pinnedBytes <= this.#options.pinnedBytesMax) break
      pinnedBytes -= file.tracked.size
      this.#giveUp(file)
    }
    this.#pinnedBytes = pinnedBytes
  }

  #isQuiet(file: TailedFile, nowMs: number): boolean {
    // Lines that wait for more of their record are no end yet.
    const isRead = !file.queued && file.heldMs === 0 && file.tracked.size === file.endSeen
    return isRead && nowMs - file.changedAtMs >= this.#options.drainMs
  }

  #drained(file: TailedFile): void {
    const { tracked } = file
    if (tracked.size > tracked.end && file.input >= 0) {
      const detail = `${tracked.path} was deleted before its last line ended`
      this.#options.sink.lose(this.#lossOf(file, tracked.end, tracked.size, 'unterminated-line', 1, detail))
    }
    this.#finish(file)
  }

  /** The disk is not ours: better a loss with a name than a server that stands still. */
  #giveUp(file: TailedFile): void {
    const { path, size } = file.tracked
    const { position } = unreadFrom(file.tracked)
    const detail = `${path} was deleted before it was read, and deleted files held more of the disk than they may`
    if (size > position) {
      this.#options.sink.lose(this.#lossOf(file, position, size, 'deleted-before-read', null, detail))
    }
    this.#finish(file)
  }

  #lossOf(
    file: TailedFile,
    from: number,
    to: number | null,
    reason: LossReason,
    lines: number | null,
    detail: string,
  ): Loss {
    const source = unreadFrom(file.tracked).source || this.#options.sink.agentId
    return { source, from, to, reason, lines, detail }
  }

  #finish(file: TailedFile): void {
    this.#options.open.close(file)
    this.#options.files.retire(file)
  }
}
