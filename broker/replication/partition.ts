// One partition as the broker serves it: its log, its replica core, and the requests parked on either. A thin
// shell: events go into step(), effects complete what waits. No promise or closure per request.
import { doubtIfDamaged } from '../log/batch-check.ts'
import type { LogConfig } from '../log/log-config.ts'
import type { AppendResult, FollowResult, PartitionLog } from '../log/partition-log.ts'
import type { ErrorName } from '../protocol/errors.ts'
import { batchHeaderBytes, batchView } from '../protocol/record-batch.ts'
import { clientError, followerError, mayPromise, produceError } from './fencing.ts'
import { LowWatermark } from './low-watermark.ts'
import { type AppendWaiter, OffsetWaiters } from './offset-waiters.ts'
import {
  type FollowOrder,
  type IsrOutcome,
  type IsrProposal,
  noPeers,
  type PartitionFacts,
  type PartitionGrant,
  type PartitionPeers,
} from './peers.ts'
import { RefusedFetches } from './refused-fetches.ts'
import { newReplica, type Replica, type ReplicaEffect, type ReplicaEvent, step } from './replica.ts'

export type {
  AppendWaiter,
  FollowOrder,
  IsrOutcome,
  IsrProposal,
  PartitionFacts,
  PartitionGrant,
  PartitionPeers,
}

/** A fetch that waits for the high watermark to move or, a follower's, for the log's end; or for the role to end. */
export interface FetchWaiter {
  wake(): void
}

/** Where an epoch ended in this log, by KIP-101; { -1, -1 } when that cannot be said. */
export interface EpochEnd {
  readonly epoch: number
  readonly endOffset: number
}

/** What a topic's settings ask of each of its replicas. */
export interface PartitionRules {
  readonly log: Partial<LogConfig>
  readonly batchBytesMax: number
  readonly futureMsMax: number
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
  /** Fetches of followers: they read up to the log's end, flushed or not. */
  readonly followerWaiters = new Set<FetchWaiter>()
  readonly peers: PartitionPeers
  /** For those who delete records. */
  readonly lowWatermark: LowWatermark
  /** The largest batch taken, as compressed. */
  batchBytesMax: number
  /** How far in the future a batch may be. */
  futureMsMax = Infinity
  /** Owned by the flush queue. */
  flushQueued = false
  readonly #flushes: FlushQueue
  readonly #awaitingDisk = new OffsetWaiters()
  readonly #awaitingReplicas = new OffsetWaiters()
  readonly #effects: ReplicaEffect[] = []
  readonly #refused = new RefusedFetches()

  constructor(
    log: PartitionLog,
    brokerId: number,
    batchBytesMax: number,
    flushes: FlushQueue,
    peers: PartitionPeers = noPeers,
  ) {
    this.topic = log.topic
    this.topicId = log.topicId
    this.index = log.partition
    this.log = log
    this.batchBytesMax = batchBytesMax
    this.#flushes = flushes
    this.peers = peers
    this.replica = newReplica(brokerId, log.highWatermark, peers.lagTimeMaxMs)
    this.lowWatermark = new LowWatermark(this.replica, log)
    log.owner = this
  }

  get highWatermark(): number {
    return this.replica.highWatermark
  }

  /** Leads, and nobody else can have been elected meanwhile: see fencing.ts. */
  get mayPromise(): boolean {
    const { clock, lease } = this.peers
    return mayPromise(this.replica, lease.isHeld(), clock.monotonicMs())
  }

  /** Why a client is not answered from this log, or 'none'. */
  clientError(currentLeaderEpoch: number): ErrorName {
    return clientError(this.replica, currentLeaderEpoch, this.mayPromise)
  }

  /** Leads in an epoch that is newer than any known here; throws otherwise. */
  lead(grant: PartitionGrant): void {
    this.peers.followers.unfollow(this)
    this.#step({ type: 'lead', ...storedStateOf(grant), ...this.#newEpochOf(grant) })
    if (grant.countsFlushedBytes) this.#askForFlush()
  }

  /** Follows `order.leader`. The same epoch again, after a reconnect or for a new address, is no harm. */
  follow(order: FollowOrder): void {
    const { leader } = order
    this.#step({ type: 'follow', leader, ...storedStateOf(order), ...this.#newEpochOf(order) })
    // A fetch offset is a vote: what was written and not flushed, as a leader perhaps, is flushed first.
    if (order.countsFlushedBytes) this.#askForFlush()
    if (leader >= 0) this.#cutDamage()
    if (leader >= 0) this.peers.followers.follow(this, order)
    else this.peers.followers.unfollow(this)
  }

  /** The store's entry changed, or other brokers came or went, without a new leader epoch. An older one is ignored. */
  updated(facts: PartitionFacts): void {
    this.#step({ type: 'updated', ...storedStateOf(facts) })
    this.lowWatermark.release()
  }

  /** The topic's settings are others now. */
  configure({ log, batchBytesMax, futureMsMax, countsFlushedBytes }: PartitionRules): void {
    this.log.config = { ...this.log.config, ...log }
    this.batchBytesMax = batchBytesMax
    this.futureMsMax = futureMsMax
    if (countsFlushedBytes === this.replica.countsFlushedBytes) return
    this.#step({ type: 'flushRule', countsFlushedBytes })
    if (countsFlushedBytes) this.#askForFlush()
  }

  /** The answer to `peers.isrChanges.propose`. After 'unknown', `updated` or a second answer settles it. */
  isrSettled({ leaderEpoch, partitionEpoch: proposedFrom }: IsrProposal, result: IsrOutcome): void {
    if (result.outcome === 'unknown') return
    const { outcome, partitionEpoch, isr } = result
    const type = outcome === 'applied' ? 'isrApplied' : 'isrRefused'
    this.#step({ type, leaderEpoch, proposedFrom, partitionEpoch, isr })
  }

  /** Nothing is served, followed or promised any more; whoever waits hears `error`. */
  stop(error: ErrorName): void {
    this.peers.followers.unfollow(this)
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
    const refusal = produceError(this.replica, acks, this.mayPromise)
    if (refusal !== 'none') return { ok: false, error: refusal, message: '' }
    if (batch.length > this.batchBytesMax) {
      const message = `The batch of ${batch.length} bytes is larger than max.message.bytes, ${this.batchBytesMax}.`
      return { ok: false, error: 'messageTooLarge', message }
    }
    if (this.futureMsMax < Number.MAX_SAFE_INTEGER && isLaterThan(batch, nowMs + this.futureMsMax)) {
      const message = `The batch is more than message.timestamp.after.max.ms, ${this.futureMsMax}, in the future.`
      return { ok: false, error: 'invalidTimestamp', message }
    }
    const appended = this.log.append(batch, this.replica.leaderEpoch, nowMs, produceVersion)
    if (!appended.ok) return appended
    const end = appended.lastOffset + 1
    if (waiter) (acks === -1 ? this.#awaitingReplicas : this.#awaitingDisk).park(end, waiter)
    if (appended.duplicate) this.#release()
    else {
      this.#step({ type: 'appended', logEndOffset: end })
      wakeAll(this.followerWaiters)
    }
    if (this.replica.countsFlushedBytes) this.#askForFlush()
    return appended
  }

  /** `waiter` is told when all that is in the log by now is committed, or why this leader will never know. */
  awaitCommitted(waiter: AppendWaiter): void {
    if (this.replica.role !== 'leader') {
      waiter.settled('notLeaderOrFollower')
      return
    }
    this.#awaitingReplicas.park(this.log.logEndOffset, waiter)
    this.#release()
  }

  /** Where `epoch` ended. The epoch we lead in exists before its first batch does, and ends the one before it. */
  endOffsetForEpoch(epoch: number): EpochEnd {
    const { log, replica } = this
    if (replica.role === 'leader' && epoch <= replica.leaderEpoch && epoch > log.latestEpoch) {
      const known = epoch === replica.leaderEpoch || log.latestEpoch < 0 ? epoch : log.latestEpoch
      return { epoch: known, endOffset: log.logEndOffset }
    }
    return log.endOffsetForEpoch(epoch)
  }

  /** A follower's vote: it has everything below `fetchOffset` on its disk. Only for a fetch that does not diverge. */
  followerFetched(brokerId: number, brokerEpoch: number, leaderEpoch: number, fetchOffset: number): void {
    const progress = this.replica.followers.get(brokerId)
    if (this.#refused.isRefusal(brokerId, fetchOffset, progress)) doubtIfDamaged(this.log, fetchOffset)
    this.#step({ type: 'fetched', brokerId, brokerEpoch, leaderEpoch, fetchOffset })
  }

  /** Why this broker's fetch is not a follower's, or 'none'. */
  followerError(brokerId: number, brokerEpoch: number): ErrorName {
    return followerError(this.replica, brokerId, brokerEpoch)
  }

  /** Whether this replica follows in that very epoch: what was fetched in another one is of no use. */
  follows(leaderEpoch: number): boolean {
    return this.replica.role === 'follower' && this.replica.leaderEpoch === leaderEpoch
  }

  /** What the leader sent for a fetch at `fetchOffset`, in an epoch that `follows`. Asks for the flush. */
  takeFetched(batches: Buffer, fetchOffset: number, leaderEpoch: number): FollowResult {
    if (batches.length === 0) return nothingFetched
    const { log } = this
    const result = log.appendFetched(batches, fetchOffset, leaderEpoch, this.peers.clock.wallMs())
    this.#step({ type: 'appended', logEndOffset: log.logEndOffset })
    if (this.replica.countsFlushedBytes) this.#askForFlush()
    return result
  }

  /** What the leader says of its own log, once what it sent is written. */
  answered(leaderEpoch: number, leaderHighWatermark: number, leaderStartOffset: number): void {
    this.#step({ type: 'answered', leaderEpoch, leaderHighWatermark })
    const { log } = this
    if (leaderStartOffset <= log.logStartOffset) return
    this.#onDisk(() => log.deleteRecordsBefore(Math.min(leaderStartOffset, log.highWatermark)))
  }

  /**
   * The leader's history ends `epoch` (or has nothing after it) at `endOffset`: what we have beyond the end that both
   * know goes. One step; the next fetch tells whether the histories agree now. False if nothing was to be cut.
   */
  cutDiverging({ epoch, endOffset }: EpochEnd): boolean {
    const { log } = this
    const own = log.endOffsetForEpoch(epoch).endOffset
    const end = own < 0 ? endOffset : Math.min(endOffset, own)
    if (end >= log.logEndOffset) return false
    this.#cut(end)
    return true
  }

  /** The leader's log begins beyond our end, or ours is empty elsewhere. False if neither is so. */
  beginAgain(leaderStartOffset: number): boolean {
    const { logStartOffset, logEndOffset } = this.log
    const isEmptyElsewhere = logStartOffset === logEndOffset && logEndOffset !== leaderStartOffset
    if (leaderStartOffset < 0 || (logEndOffset >= leaderStartOffset && !isEmptyElsewhere)) return false
    this.#restart(leaderStartOffset)
    return true
  }

  /** Now and then: who has fallen behind is taken out, and what nobody waits for is flushed by and by. */
  tick(): void {
    this.#step({ type: 'tick' })
    this.#release()
    this.#askForFlush()
  }

  /** The log's flush has returned. */
  onDurable(durableEnd: number): void {
    this.#step({ type: 'flushed', durableEnd })
    if (this.replica.role === 'follower') this.peers.followers.durable(this)
  }

  /**
   * What the disk lost, and what follows, is fetched anew: the leader has all that is committed. Only outside the
   * in-sync set, which a damaged replica leaves when it registers: a member is counted for everything it has.
   */
  #cutDamage(): void {
    const { log, replica } = this
    if (log.corruptions.length === 0 || replica.isr.includes(replica.brokerId)) return
    const fromOffset = Math.min(...log.corruptions.map(corruption => corruption.fromOffset))
    const toOffset = log.logEndOffset
    this.peers.alarm(this, 'damaged records are fetched anew from the leader', { fromOffset, toOffset })
    this.#cut(Math.min(fromOffset, toOffset), true)
  }

  #cut(offset: number, isRepair = false): void {
    const { log, peers } = this
    if (offset < log.logStartOffset) {
      this.#restart(offset)
      return
    }
    this.#onDisk(() => log.truncateTo(offset, peers.clock.wallMs()))
    this.#wasCut(isRepair)
  }

  #restart(offset: number): void {
    this.#onDisk(() => this.log.restartAt(offset, this.peers.clock.wallMs()))
    this.#wasCut()
    this.#askForFlush()
  }

  #wasCut(isRepair = false): void {
    const { logEndOffset, durableEnd } = this.log
    this.#step({ type: 'truncated', logEndOffset, durableEnd, isRepair })
  }

  /** A disk that refuses is the end of this log: half of a change must not be served. */
  #onDisk(change: () => void): void {
    try {
      change()
    } catch (error) {
      this.log.fail(error as Error)
    }
  }

  #newEpochOf({ leaderEpoch, countsFlushedBytes }: PartitionGrant) {
    const { logEndOffset, durableEnd } = this.log
    return { leaderEpoch, countsFlushedBytes, logEndOffset, durableEnd }
  }

  #askForFlush(): void {
    if (!this.flushQueued && this.log.durableEnd < this.log.logEndOffset) this.#flushes.add(this)
  }

  #step(happened: ReplicaEvent): void {
    step(this.replica, happened, this.peers.clock.monotonicMs(), this.#effects)
    for (const effect of this.#effects.splice(0)) this.#apply(effect)
  }

  #apply(effect: ReplicaEffect): void {
    switch (effect.type) {
      case 'durable':
        this.#release()
        break
      case 'highWatermark':
        this.log.highWatermark = effect.offset
        this.#release()
        wakeAll(this.fetchWaiters)
        break
      case 'underMinIsr':
        this.#awaitingReplicas.failImpatient('notEnoughReplicasAfterAppend')
        break
      case 'proposeIsr':
        this.peers.isrChanges.propose(this, effect)
        break
      case 'lostCommitted': {
        const { fromOffset, toOffset } = effect
        this.peers.alarm(this, 'a follower cut away what it knew as committed', { fromOffset, toOffset })
        this.peers.lost(this, fromOffset, toOffset)
        break
      }
      case 'stopped':
        this.#awaitingDisk.fail(effect.error)
        this.#awaitingReplicas.fail(effect.error)
        this.lowWatermark.end(effect.error)
        wakeAll(this.fetchWaiters)
        wakeAll(this.followerWaiters)
        break
    }
  }

  /** Whoever waits while nothing may be promised waits on: until it may again, or for the end of the role. */
  #release(): void {
    if (!this.mayPromise) return
    this.#awaitingDisk.release(this.replica.durableEnd)
    this.#awaitingReplicas.release(this.replica.highWatermark)
  }
}

function wakeAll(waiters: ReadonlySet<FetchWaiter>): void {
  for (const waiter of waiters) waiter.wake()
}

/** By its header, which says its newest record's time. One too short to have a header is refused elsewhere. */
function isLaterThan(batch: Buffer, timeMs: number): boolean {
  return batch.length >= batchHeaderBytes && batchView.maxTimestamp(batch, 0) > timeMs
}

function storedStateOf({ partitionEpoch, replicas, isr, minIsr, brokerEpochs }: PartitionFacts) {
  return { partitionEpoch, replicas: replicas ?? isr, isr, minIsr, brokerEpochs: brokerEpochs ?? noEpochs }
}

const nothingFetched: FollowResult = { ok: true, bytes: 0 }
const noEpochs: ReadonlyMap<number, number> = new Map()
