// The epochs of a log together with their checkpoint. A new epoch is only remembered: many partitions begin one at
// once, when a broker fails, and a start finds it in the segments that it scans. It is on the medium before a segment
// counts as settled. Cuts are durable at once, and nothing changes in memory where that fails (it throws). Touches the
// partition's epoch checkpoint only.
import { formatLeaderEpochs, partitionFiles } from './checkpoints.ts'
import { besidePath, type Disk, writeBeside } from './disk.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { writeLeaderEpochs } from './recovered-state.ts'
import type { Reserve } from './reserve.ts'

export class KeptEpochs {
  readonly #disk: Disk
  readonly #directory: string
  readonly #reserve: Reserve
  #epochs: LeaderEpochs
  #isSaved = true

  constructor(disk: Disk, directory: string, reserve: Reserve, epochs: LeaderEpochs) {
    this.#disk = disk
    this.#reserve = reserve
    this.#directory = directory
    this.#epochs = epochs
  }

  get latest(): number {
    return this.#epochs.latest
  }

  epochOf(offset: number): number {
    return this.#epochs.epochOf(offset)
  }

  endOffsetFor(epoch: number, logEndOffset: number): { readonly epoch: number; readonly endOffset: number } {
    return this.#epochs.endOffsetFor(epoch, logEndOffset)
  }

  begin(epoch: number, startOffset: number): void {
    if (epoch > this.latest && this.#epochs.begin(epoch, startOffset)) this.#isSaved = false
  }

  truncateFromEnd(endOffset: number): void {
    this.#change(epochs => epochs.truncateFromEnd(endOffset))
  }

  truncateFromStart(startOffset: number): void {
    this.#change(epochs => epochs.truncateFromStart(startOffset))
  }

  /** Blocks until everything is on the medium, unless it is. */
  save(): void {
    if (!this.#isSaved) this.#write(this.#epochs)
  }

  /** At a clean end: writes what is not saved, for the caller to sync with the directory. */
  finish(): string[] {
    if (this.#isSaved) return []
    const path = `${this.#directory}/${partitionFiles.leaderEpochs}`
    this.#disk.close(writeBeside(this.#disk, path, formatLeaderEpochs(this.#epochs.entries)))
    this.#disk.rename(besidePath(path), path)
    this.#isSaved = true
    return [path]
  }

  #change(change: (epochs: LeaderEpochs) => boolean): void {
    const changed = new LeaderEpochs(this.#epochs.entries)
    if (!change(changed)) return
    this.#write(changed)
    this.#epochs = changed
  }

  #write(epochs: LeaderEpochs): void {
    this.#reserve.attempt(() => writeLeaderEpochs(this.#disk, this.#directory, epochs))
    this.#isSaved = true
  }
}
