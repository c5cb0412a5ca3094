// One partition as the broker serves it: its log, its replica core, and the requests parked on either. A thin
// shell: events go into step(), effects complete what waits. No promise or closure per request.
import type { AppendResult, PartitionLog } from '../log/partition-log.ts'
import type { ErrorName } from '../protocol/errors.ts'
import {
  newReplica,
  produceError,
  type Replica,
  type ReplicaEffect,
  type ReplicaEvent,
  step,
} from './replica.ts'

/** Somebody who appended and wants to know when that is safe. Told exactly once. */
export interface AppendWaiter {
  settled(error: ErrorName): void
}

/** A fetch that waits for the high watermark to move, or for the partition to stop. */
export interface FetchWaiter {
  wake(): void
}

export interface PartitionGrant {
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isr: readonly number[]
  readonly minIsr: number
  readonly countsFlushedBytes: boolean
}

/** Where a partition asks for its flush: at the end of the turn of the event loop, once for all who appended. */
export interface FlushQueue {
  add(partition: Partition): void
}

export class Partition {
  readonly topic: string
  readonly topicId: string
  readonly index: number
  readonly log: PartitionLog
  readonly replica: Replica
  readonly fetchWaiters = new Set<FetchWaiter>()
  /** The largest batch taken, as compressed. */
  batchBytesMax: number
  /** Owned by the flush queue. */
  flushQueued = false
  readonly #flushes: FlushQueue
  readonly #awaitingDisk = new OffsetWaiters()
  readonly #awaitingReplicas = new OffsetWaiters()
  readonly #effects: ReplicaEffect[] = []

  constructor(log: PartitionLog, brokerId: number, batchBytesMax: number, flushes: FlushQueue) {
    this.topic = log.topic
    this.topicId = log.topicId
    this.index = log.partition
    this.log = log
    this.batchBytesMax = batchBytesMax
    this.#flushes = flushes
    this.replica = newReplica(brokerId, log.highWatermark)
    log.owner = this
  }

  get highWatermark(): number {
    return this.replica.highWatermark
  }

  lead(grant: PartitionGrant): void {
    const { logEndOffset, durableEnd } = this.log
    this.#step({ type: 'lead', ...grant, logEndOffset, durableEnd })
  }

  /** Nothing is served any more; whoever waits hears `error`. */
  stop(error: ErrorName): void {
    this.#step({ type: 'stop', error })
  }

  /**
   * Appends one batch as the leader. `waiter` is told when the batch is as safe as `acks` asks, also if it was
   * appended before (a retry known by its sequence); null for acks=0. When refused, nobody is told but the caller.
   */
  append(
    batch: Buffer,
    acks: number,
    waiter: AppendWaiter | null,
    nowMs: number,
    produceVersion?: number,
  ): AppendResult {
    const refusal = produceError(this.replica, acks)
    if (refusal !== 'none') return { ok: false, error: refusal, message: '' }
    if (batch.length > this.batchBytesMax) {
      const message = `The batch of ${batch.length} bytes is larger than max.message.bytes, ${this.batchBytesMax}.`
      return { ok: false, error: 'messageTooLarge', message }
    }
    const appended = this.log.append(batch, this.replica.leaderEpoch, nowMs, produceVersion)
    if (!appended.ok) return appended
    const end = appended.lastOffset + 1
    if (waiter) (acks === -1 ? this.#awaitingReplicas : this.#awaitingDisk).park(end, waiter)
    if (!appended.duplicate) this.#step({ type: 'appended', logEndOffset: end })
    else this.#release()
    if (this.replica.countsFlushedBytes) this.#askForFlush()
    return appended
  }

  /** Now and then: what nobody waits for is flushed by and by. */
  tick(): void {
    this.#askForFlush()
  }

  /** The log's flush has returned. */
  onDurable(durableEnd: number): void {
    this.#step({ type: 'flushed', durableEnd })
  }

  #askForFlush(): void {
    if (!this.flushQueued && this.log.durableEnd < this.log.logEndOffset) this.#flushes.add(this)
  }

  #step(happened: ReplicaEvent): void {
    step(this.replica, happened, this.#effects)
    for (const effect of this.#effects.splice(0)) this.#apply(effect)
  }

  #apply(effect: ReplicaEffect): void {
    switch (effect.type) {
      case 'durable':
        this.#awaitingDisk.release(effect.offset)
        break
      case 'highWatermark':
        this.log.highWatermark = effect.offset
        this.#awaitingReplicas.release(effect.offset)
        for (const waiter of this.fetchWaiters) waiter.wake()
        break
      case 'stopped':
        this.#awaitingDisk.fail(effect.error)
        this.#awaitingReplicas.fail(effect.error)
        for (const waiter of this.fetchWaiters) waiter.wake()
        break
    }
  }

  #release(): void {
    this.#awaitingDisk.release(this.replica.durableEnd)
    this.#awaitingReplicas.release(this.replica.highWatermark)
  }
}

/**
 * Waiters in the order of their offsets. A duplicate may wait for less than those before it; it is told with them,
 * which is late but never wrong.
 */
class OffsetWaiters {
  readonly #ends: number[] = []
  readonly #waiters: AppendWaiter[] = []
  /** Before it everybody has been told; the arrays are cut when that is worth it. */
  #head = 0

  park(end: number, waiter: AppendWaiter): void {
    this.#ends.push(end)
    this.#waiters.push(waiter)
  }

  release(offset: number): void {
    while (this.#head < this.#ends.length && this.#ends[this.#head]! <= offset) {
      this.#waiters[this.#head++]!.settled('none')
    }
    if (this.#head === this.#ends.length) this.#forget()
    else if (this.#head > 1024) this.#cut()
  }

  fail(error: ErrorName): void {
    const told = this.#waiters.slice(this.#head)
    this.#forget()
    for (const waiter of told) waiter.settled(error)
  }

  #forget(): void {
    this.#ends.length = 0
    this.#waiters.length = 0
    this.#head = 0
  }

  #cut(): void {
    this.#ends.splice(0, this.#head)
    this.#waiters.splice(0, this.#head)
    this.#head = 0
  }
}
