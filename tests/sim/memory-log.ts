// A partition's log in memory, with a disk that forgets what was not flushed. Epochs and producer state are the real
// ones; like the real log it keeps epochs and what it was told of the watermark across a crash.
import { LeaderEpochs } from '../../broker/log/leader-epochs.ts'
import { ProducerState } from '../../broker/log/producer-state.ts'
import type { Random } from '../model/random.ts'

export interface LogEntry {
  readonly epoch: number
  readonly value: number
  /** Below zero: without sequence, nothing is known again. */
  readonly producerId: number
  readonly sequence: number
  /** What a group coordinator wrote. */
  readonly batch?: Buffer
}

export type Appended =
  | { readonly ok: true; readonly offset: number; readonly isDuplicate: boolean }
  | { readonly ok: false }

export class MemoryLog {
  entries: LogEntry[] = []
  durableEnd = 0
  highWatermark = 0
  /** What a coordinator has rewritten further up is not read again; known to this disk only. */
  start = 0
  /** Up to where the checker has compared it. */
  comparedEnd = 0
  /** How often something was cut away. */
  truncations = 0
  #checkpointedHighWatermark = 0
  #epochs = new LeaderEpochs()
  readonly #producers = new ProducerState()

  get end(): number {
    return this.entries.length
  }

  get latestEpoch(): number {
    return this.#epochs.latest
  }

  append(entry: LogEntry): Appended {
    const { producerId, sequence } = entry
    const check = producerId < 0 ? 'append' : this.#producers.check(producerId, 0, sequence, 0)
    if (check === 'duplicate')
      return { ok: true, offset: this.#producers.duplicateLastOffset, isDuplicate: true }
    if (check !== 'append') return { ok: false }
    this.#push(entry)
    return { ok: true, offset: this.end - 1, isDuplicate: false }
  }

  appendFetched(entries: readonly LogEntry[], fetchedEpoch: number): boolean {
    for (const entry of entries) {
      if (entry.epoch > fetchedEpoch || entry.epoch < this.latestEpoch) return false
      this.#push(entry)
    }
    return true
  }

  flushed(end: number): void {
    this.durableEnd = Math.max(this.durableEnd, Math.min(end, this.end))
  }

  truncateTo(end: number): void {
    this.truncations++
    this.entries.length = Math.min(end, this.end)
    this.durableEnd = Math.min(this.durableEnd, this.end)
    this.comparedEnd = Math.min(this.comparedEnd, this.end)
    this.start = Math.min(this.start, this.end)
    this.#epochs.truncateFromEnd(this.end)
    this.#rebuildProducers()
  }

  endOffsetForEpoch(epoch: number): { readonly epoch: number; readonly endOffset: number } {
    return this.#epochs.endOffsetFor(epoch, this.end)
  }

  checkpoint(): void {
    this.#checkpointedHighWatermark = this.highWatermark
  }

  /** The process is gone; what it wrote is in the page cache, which a power cut empties but for what was flushed. */
  crash(isPowerCut: boolean, random: Random): void {
    if (isPowerCut) this.truncateTo(this.durableEnd + random.below(this.end - this.durableEnd + 1))
    // Recovery flushes before it opens.
    this.durableEnd = this.end
    this.highWatermark = Math.min(this.#checkpointedHighWatermark, this.end)
    this.#rebuildProducers()
  }

  wipe(): void {
    this.truncateTo(0)
    this.highWatermark = 0
    this.#checkpointedHighWatermark = 0
    this.#epochs = new LeaderEpochs()
  }

  #push(entry: LogEntry): void {
    this.#epochs.begin(entry.epoch, this.end)
    this.entries.push(entry)
    this.#remember(entry, this.end - 1)
  }

  #remember({ producerId, sequence }: LogEntry, offset: number): void {
    if (producerId >= 0) this.#producers.record(producerId, 0, sequence, offset, 0, 0)
  }

  #rebuildProducers(): void {
    this.#producers.clear()
    this.entries.forEach((entry, offset) => {
      this.#remember(entry, offset)
    })
  }
}
