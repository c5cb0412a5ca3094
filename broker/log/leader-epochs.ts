// Which leader epoch begins at which offset. Pure: the owner writes it down whenever it changes.
// Invariant: epochs and start offsets both strictly grow from entry to entry.
import type { EpochStart } from './checkpoints.ts'

export class LeaderEpochs {
  #entries: EpochStart[]

  constructor(entries: readonly EpochStart[] = []) {
    this.#entries = [...entries]
  }

  get entries(): readonly EpochStart[] {
    return this.#entries
  }

  /** -1 when no batch was ever appended. */
  get latest(): number {
    return this.#entries.at(-1)?.epoch ?? -1
  }

  /** Notes that `epoch` begins at `startOffset`, unless it has begun already. Returns whether anything changed. */
  begin(epoch: number, startOffset: number): boolean {
    if (epoch < 0 || epoch <= this.latest) return false
    // An epoch in which nothing was appended leaves no trace: the newer one takes its place.
    this.truncateFromEnd(startOffset)
    this.#entries.push({ epoch, startOffset })
    return true
  }

  /** Forgets epochs that begin at or above the log's new end. */
  truncateFromEnd(endOffset: number): boolean {
    const before = this.#entries.length
    this.#entries = this.#entries.filter(entry => entry.startOffset < endOffset)
    return this.#entries.length !== before
  }

  /** Forgets epochs that end at or below the log's new start; the one that covers it then begins there. */
  truncateFromStart(startOffset: number): boolean {
    const covering = this.#entries.findLastIndex(entry => entry.startOffset <= startOffset)
    if (covering < 0 || (covering === 0 && this.#entries[0]!.startOffset === startOffset)) return false
    this.#entries = [
      { epoch: this.#entries[covering]!.epoch, startOffset },
      ...this.#entries.slice(covering + 1),
    ]
    return true
  }

  /** The epoch under which the record at `offset` was written, -1 if none is known. */
  epochOf(offset: number): number {
    return this.#entries.findLast(entry => entry.startOffset <= offset)?.epoch ?? -1
  }

  /**
   * OffsetForLeaderEpoch (KIP-101, KIP-279): the largest epoch not above the one asked for, and where it ends.
   * The latest epoch ends at the log's end, not at the high watermark: a lower answer reads as lost data.
   */
  endOffsetFor(epoch: number, logEndOffset: number): { readonly epoch: number; readonly endOffset: number } {
    if (epoch < 0 || epoch > this.latest) return { epoch: -1, endOffset: -1 }
    if (epoch === this.latest) return { epoch, endOffset: logEndOffset }
    const next = this.#entries.findIndex(entry => entry.epoch > epoch)
    const endOffset = this.#entries[next]!.startOffset
    return next === 0 ? { epoch, endOffset } : { epoch: this.#entries[next - 1]!.epoch, endOffset }
  }
}
