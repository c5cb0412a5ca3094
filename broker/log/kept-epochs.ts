// The epochs of a log together with their checkpoint: every change is on the medium before anything relies on it, and
// unchanged in memory where that fails (it throws). Touches the partition's epoch checkpoint only.
import type { Disk } from './disk.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { writeLeaderEpochs } from './recovered-state.ts'
import type { Reserve } from './reserve.ts'

export class KeptEpochs {
  readonly #disk: Disk
  readonly #directory: string
  readonly #reserve: Reserve
  #epochs: LeaderEpochs

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
    if (epoch > this.latest) this.#change(epochs => epochs.begin(epoch, startOffset))
  }

  truncateFromEnd(endOffset: number): void {
    this.#change(epochs => epochs.truncateFromEnd(endOffset))
  }

  truncateFromStart(startOffset: number): void {
    this.#change(epochs => epochs.truncateFromStart(startOffset))
  }

  #change(change: (epochs: LeaderEpochs) => boolean): void {
    const changed = new LeaderEpochs(this.#epochs.entries)
    if (!change(changed)) return
    this.#reserve.attempt(() => writeLeaderEpochs(this.#disk, this.#directory, changed))
    this.#epochs = changed
  }
}
