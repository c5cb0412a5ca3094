// The rebuild of the model: folds the retained log once more and takes over what it covers. Pure.
import { Job, type Store } from './aggregator.ts'
import type { Broker } from './broker.ts'
import type { Scene } from './scene.ts'

/**
 * A job of its own that folds what is retained once more, and then replaces what the live job has counted,
 * partition by partition, as far as the retained log covers it.
 */
export class Rebuild {
  readonly #store: Store
  readonly #broker: Broker
  #job = new Job()
  readonly #from: number[] = []
  readonly #swapped = new Set<number>()

  constructor(store: Store, broker: Broker) {
    this.#store = store
    this.#broker = broker
    for (const [partition, { start }] of broker.partitions.entries()) this.#begin(partition, start)
  }

  get finished(): boolean {
    return this.#swapped.size === this.#from.length
  }

  #begin(partition: number, start: number): void {
    this.#from[partition] = start
    this.#job.at(partition, start)
  }

  fold(partition: number, count: number, scene: Scene): void {
    const { records, start } = this.#broker.partitions[partition]!
    const { main } = this.#store
    if (this.#swapped.has(partition) || this.#from[partition] === undefined) return
    if (this.#job.next[partition]! < start) {
      // Retention has overtaken it: what it holds is no longer the fold of one stretch of log.
      this.#job.buckets[partition]!.clear()
      this.#job.dedup[partition]!.clear()
      this.#begin(partition, start)
    }
    const seen = scene.rules.rebuildOwnRows ? this.#job.dedup[partition]! : main.dedup[partition]!
    // It never runs ahead of the live job, whose decisions about copies it follows.
    const until = Math.min(main.next[partition]!, this.#job.next[partition]! + count)
    for (let offset = this.#job.next[partition]!; offset < until; offset += 1) {
      const record = records[offset]!
      const { src, pos } = record
      this.#job.next[partition] = offset + 1
      if (scene.rules.rebuildSkipsDropped && main.dropped[partition]!.has(offset)) continue
      if (src !== null && pos <= (seen.get(src) ?? -1)) continue
      if (src !== null) this.#job.dedup[partition]!.set(src, pos)
      this.#job.add(partition, record, offset)
    }
  }

  /** One transaction, for one partition. */
  swap(partition: number, scene: Scene): void {
    const { rules } = scene
    const { main } = this.#store
    if (this.#swapped.has(partition) || this.#from[partition] === undefined) return
    if (rules.rebuildLevelSwap && this.#job.next[partition] !== main.next[partition]) return
    const rebuilt = this.#job.buckets[partition]!
    const live = main.buckets[partition]
    if (!live) return
    for (const [bucket, row] of live) {
      if (rules.rebuildCoveredOnly && row.firstOffset < this.#from[partition]!) continue
      const fresh = rebuilt.get(bucket)
      if (fresh) live.set(bucket, fresh)
      else live.delete(bucket)
    }
    this.#swapped.add(partition)
    scene.tell(() => `rebuild: takes over p${partition} at ${main.next[partition]}`)
  }
}
