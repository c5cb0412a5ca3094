// The fold of a rebuild: the same ingest as the live one, into a store of its own, but never ahead of the live count,
// whose decisions about copies it follows. What the live count dropped as seen is passed over here too.
import type { FetchedFrom, FetchHandler } from '../../broker/client/fetcher.ts'
import { batchEnd, batchView } from '../../broker/protocol/record-batch.ts'
import type { PartitionFold } from '../fold/fold-state.ts'
import type { FetchControl } from '../ingest/fetch-control.ts'
import { Ingest, type IngestOptions } from '../ingest/ingest.ts'
import type { LiveSource } from './live-state.ts'

export type RebuildJobOptions = Omit<IngestOptions, 'skips'>

export class RebuildJob implements FetchHandler {
  readonly #ingest: Ingest
  #loop: FetchControl | null = null
  readonly #live = new Map<string, LiveSource>()
  readonly #dropped = new Map<number, readonly number[]>()
  /** Partitions that have reached the live count, and where they go on. */
  readonly #waiting = new Map<string, number>()
  /** Why what was read is no longer one stretch of log; it must begin anew then. */
  overtaken: string | null = null
  /** Its store is of no more use. */
  isOver = false

  constructor(options: RebuildJobOptions) {
    this.#ingest = new Ingest({
      ...options,
      skips: (partition, offset) => this.#wasDropped(partition, offset),
    })
  }

  attach(loop: FetchControl): void {
    this.#loop = loop
    this.#ingest.attach(loop)
  }

  /** Reads these from where its own store says. */
  begin(sources: readonly LiveSource[]): void {
    this.follow(sources)
    for (const { topic, partition, topicId } of sources) this.#ingest.assign(topic, partition, topicId, 0)
  }

  /** The live count stands there now. */
  follow(sources: readonly LiveSource[]): void {
    for (const source of sources) {
      const key = `${source.topic}/${source.partition}`
      this.#live.set(key, source)
      this.#dropped.set(source.id, source.dropped)
      const offset = this.#waiting.get(key)
      if (offset === undefined || source.next <= offset) continue
      this.#waiting.delete(key)
      this.#loop!.seek(source.topic, source.partition, offset)
    }
  }

  onBatches(topic: string, partition: number, batches: Buffer, from: FetchedFrom): void {
    const key = `${topic}/${partition}`
    const limit = this.#live.get(key)?.next ?? 0
    let end = 0
    for (
      let next = batchEnd(batches, 0, batches.length);
      next > 0;
      next = batchEnd(batches, end, batches.length)
    ) {
      if (batchView.lastOffset(batches, end) >= limit) break
      end = next
    }
    if (end > 0) this.#ingest.onBatches(topic, partition, batches.subarray(0, end), from)
    if (end === batches.length) return
    this.#waiting.set(key, batchView.baseOffset(batches, end))
    this.#loop!.remove(topic, partition)
  }

  onOffsetOutOfRange(topic: string, partition: number, offset: number, earliest: number): void {
    this.overtaken = `the log of ${topic}-${partition} begins at ${earliest} now, after ${offset}`
  }

  onTopicReplaced(topic: string): void {
    this.overtaken = `the topic ${topic} was made anew`
  }

  /** Commits what is folded; false if it could not. */
  flush(): boolean {
    return this.#ingest.flush()
  }

  /** Records between here and the live count, committed ones only. */
  get behind(): number {
    let records = 0
    for (const { topic, partition, offset } of this.#ingest.counted()) {
      records += Math.max((this.#live.get(`${topic}/${partition}`)?.next ?? offset) - offset, 0)
    }
    return records
  }

  get read(): number {
    return this.#ingest.counted().reduce((sum, { offset }) => sum + offset, 0)
  }

  /** What is pending is not committed: it is read again. */
  close(): void {
    this.#ingest.abandon()
  }

  #wasDropped({ id }: PartitionFold, offset: number): boolean {
    const ranges = this.#dropped.get(id)
    if (!ranges || ranges.length === 0) return false
    // The last range that begins at or before the offset.
    let low = 0
    let high = ranges.length / 2
    while (low < high) {
      const middle = (low + high) >>> 1
      if (ranges[middle * 2]! <= offset) low = middle + 1
      else high = middle
    }
    return low > 0 && offset <= ranges[low * 2 - 1]!
  }
}
