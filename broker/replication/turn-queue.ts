// What must happen once per turn of the event loop, however many requests asked for it: one flush per partition,
// one look at a waiting fetch. That is what lets one write to the disk serve all clients of the turn.
import type { FlushQueue, Partition } from './partition.ts'

/** Something to be run at the end of the turn, once. */
export interface Deferred {
  /** Owned by the queue. */
  deferred: boolean
  run(): void
}

export class TurnQueue implements FlushQueue {
  #flushes: Partition[] = []
  #deferred: Deferred[] = []
  #scheduled = false
  readonly #drain = (): void => this.drain()

  add(partition: Partition): void {
    partition.flushQueued = true
    this.#flushes.push(partition)
    this.#schedule()
  }

  defer(task: Deferred): void {
    if (task.deferred) return
    task.deferred = true
    this.#deferred.push(task)
    this.#schedule()
  }

  drain(): void {
    this.#scheduled = false
    const flushes = this.#flushes
    const deferred = this.#deferred
    this.#flushes = []
    this.#deferred = []
    for (const partition of flushes) {
      partition.flushQueued = false
      partition.log.requestFlush()
    }
    for (const task of deferred) {
      task.deferred = false
      task.run()
    }
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#drain)
  }
}
