// One replica of one partition as a pure machine: role, epochs, ends, in-sync set, high watermark. No I/O, no clock.
//
//   logStart        highWatermark      durableEnd        logEnd
//      |   visible to     |  waiting for   |   written,     |
//      |   consumers      |  other disks   |   not flushed  |
//
// Invariant: highWatermark ≤ the durable end of every member of the maximal in-sync set (the stored one and the one
// asked for), and it stands still below min ISR: nothing that a consumer saw or a producer was promised can be lost
// to a power cut of everything, or by electing any member of either set.
import type { ErrorName } from '../protocol/errors.ts'
import { followerError } from './fencing.ts'
import {
  type FollowerProgress,
  inSyncSetWanted,
  isEligible,
  isKeepingUp,
  maximalIsr,
  newProgress,
  noteFetch,
} from './in-sync.ts'

export type ReplicaRole = 'leader' | 'follower' | 'offline'

export interface Replica {
  readonly brokerId: number
  /** How long a member of the in-sync set may stay behind before it is taken out. */
  readonly lagTimeMaxMs: number
  role: ReplicaRole
  /** Who leads, this broker included; -1 when nobody does or that is not known. */
  leader: number
  leaderEpoch: number
  /** Counts changes of the stored state within an epoch: what a guarded write of the next change quotes. */
  partitionEpoch: number
  /** Where this epoch began: below it the high watermark is another leader's and may lag. */
  epochStartOffset: number
  logEndOffset: number
  durableEnd: number
  highWatermark: number
  replicas: readonly number[]
  /** As the store has it. */
  isr: readonly number[]
  /**
   * The set asked for and not yet known to be accepted or refused; null when none is in flight. While it is
   * unknown which set is real, both count: the high watermark waits for the union.
   */
  proposedIsr: readonly number[] | null
  /** A refused proposal is not made again at once: what made the store refuse it is still on its way to us. */
  proposeFromMs: number
  minIsr: number
  /** False for topics that take Kafka's own promise: a vote then counts written bytes. */
  countsFlushedBytes: boolean
  /** Of brokers that may join the in-sync set, their registrations' epochs. */
  brokerEpochs: ReadonlyMap<number, number>
  /** What the other replicas have fetched in this epoch; empty but for a leader. */
  readonly followers: Map<number, FollowerProgress>
}

/** The stored state that may change without a new leader epoch. */
export interface StoredState {
  readonly partitionEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly minIsr: number
  readonly brokerEpochs: ReadonlyMap<number, number>
}

interface Ends {
  readonly logEndOffset: number
  readonly durableEnd: number
}

export interface NewEpoch extends StoredState, Ends {
  readonly leaderEpoch: number
  readonly countsFlushedBytes: boolean
}

export type ReplicaEvent =
  | ({ readonly type: 'lead' } & NewEpoch)
  | ({ readonly type: 'follow'; readonly leader: number } & NewEpoch)
  /** The store's entry was read again and the leader epoch is the one we know. */
  | ({ readonly type: 'updated' } & StoredState)
  /** The topic's flush.messages is another one now. What was promised under the old rule stays promised. */
  | { readonly type: 'flushRule'; readonly countsFlushedBytes: boolean }
  | { readonly type: 'appended'; readonly logEndOffset: number }
  | { readonly type: 'flushed'; readonly durableEnd: number }
  /** A follower asked for what follows `fetchOffset`, which is its vote: its disk holds everything below. */
  | {
      readonly type: 'fetched'
      readonly brokerId: number
      readonly brokerEpoch: number
      readonly leaderEpoch: number
      readonly fetchOffset: number
    }
  /** The leader answered us; what it sent is written. */
  | { readonly type: 'answered'; readonly leaderEpoch: number; readonly leaderHighWatermark: number }
  /** Our log was cut at its end; `isRepair`: to fetch anew what the disk had lost, and nothing of that is lost. */
  | ({ readonly type: 'truncated'; readonly isRepair?: boolean } & Ends)
  /** What the store made of the set that was asked for, and what it holds now. Unknown: nothing changes here. */
  | {
      readonly type: 'isrApplied' | 'isrRefused'
      readonly leaderEpoch: number
      /** The partition epoch that the proposal was made from. */
      readonly proposedFrom: number
      readonly partitionEpoch: number
      readonly isr: readonly number[]
    }
  /** Time has passed: are all members of the set still with us? */
  | { readonly type: 'tick' }
  /** Our lease ran out, the partition was deleted, or the disk failed: nothing is served or promised any more. */
  | { readonly type: 'stop'; readonly error: ErrorName }

export type ReplicaEffect =
  /** Our own disk holds everything below: acks=1 is due. */
  | { readonly type: 'durable'; readonly offset: number }
  /** Every in-sync disk does: acks=all is due, consumers may read. */
  | { readonly type: 'highWatermark'; readonly offset: number }
  /** Fewer are in sync than acks=all demands: whoever waits for them without a deadline is told so. */
  | { readonly type: 'underMinIsr' }
  | {
      readonly type: 'proposeIsr'
      readonly isr: readonly number[]
      readonly partitionEpoch: number
      readonly leaderEpoch: number
      readonly brokerEpochs: ReadonlyMap<number, number>
    }
  /** The cut went below what we knew as committed. It must not happen without an unclean election. */
  | { readonly type: 'lostCommitted'; readonly fromOffset: number; readonly toOffset: number }
  /** Whoever waits is told so. */
  | { readonly type: 'stopped'; readonly error: ErrorName }

const defaultLagTimeMaxMs = 10_000
const refusalPauseMs = 200

export function newReplica(
  brokerId: number,
  highWatermark: number,
  lagTimeMaxMs = defaultLagTimeMaxMs,
): Replica {
  return {
    brokerId,
    lagTimeMaxMs,
    role: 'offline',
    leader: -1,
    leaderEpoch: -1,
    partitionEpoch: -1,
    epochStartOffset: 0,
    logEndOffset: 0,
    durableEnd: 0,
    highWatermark,
    replicas: [],
    isr: [],
    proposedIsr: null,
    proposeFromMs: -Infinity,
    minIsr: 1,
    countsFlushedBytes: true,
    brokerEpochs: new Map(),
    followers: new Map(),
  }
}

/** `nowMs` is monotonic. Effects are pushed in the order in which they must be carried out. */
export function step(
  replica: Replica,
  happened: ReplicaEvent,
  nowMs: number,
  effects: ReplicaEffect[],
): void {
  switch (happened.type) {
    case 'lead':
      lead(replica, happened, nowMs, effects)
      break
    case 'follow':
      follow(replica, happened, effects)
      break
    case 'updated':
      updated(replica, happened, nowMs, effects)
      break
    case 'flushRule':
      replica.countsFlushedBytes = happened.countsFlushedBytes
      if (!happened.countsFlushedBytes) advanceOwnEnd(replica, replica.logEndOffset, nowMs, effects)
      break
    case 'appended':
      replica.logEndOffset = happened.logEndOffset
      if (!replica.countsFlushedBytes) advanceOwnEnd(replica, happened.logEndOffset, nowMs, effects)
      break
    case 'flushed':
      advanceOwnEnd(replica, happened.durableEnd, nowMs, effects)
      break
    case 'fetched':
      fetched(replica, happened, nowMs, effects)
      break
    case 'answered':
      answered(replica, happened, effects)
      break
    case 'truncated':
      truncated(replica, happened, effects)
      break
    case 'isrApplied':
    case 'isrRefused':
      settled(replica, happened, nowMs, effects)
      break
    case 'tick':
      proposeIfWanted(replica, nowMs, effects)
      advanceHighWatermark(replica, nowMs, effects)
      break
    case 'stop':
      leaveRole(replica, 'offline', happened.error, effects)
      break
  }
}

function lead(replica: Replica, grant: NewEpoch, nowMs: number, effects: ReplicaEffect[]): void {
  enterEpoch(replica, grant, replica.brokerId)
  replica.role = 'leader'
  replica.epochStartOffset = grant.logEndOffset
  // Members begin with a full lag time in which to show themselves.
  for (const brokerId of grant.replicas) {
    if (brokerId === replica.brokerId) continue
    replica.followers.set(brokerId, newProgress(grant.isr.includes(brokerId) ? nowMs : -Infinity))
  }
  advanceHighWatermark(replica, nowMs, effects)
}

function follow(
  replica: Replica,
  order: NewEpoch & { readonly leader: number },
  effects: ReplicaEffect[],
): void {
  if (replica.role === 'leader') effects.push({ type: 'stopped', error: 'notLeaderOrFollower' })
  enterEpoch(replica, order, order.leader)
  replica.role = 'follower'
  replica.epochStartOffset = order.logEndOffset
}

/** Epochs only grow; the same one again is an order repeated after a reconnect, allowed where no role is held. */
function enterEpoch(replica: Replica, grant: NewEpoch, leader: number): void {
  const isRepeated = grant.leaderEpoch === replica.leaderEpoch && replica.role !== 'leader'
  const mayRepeat = isRepeated && leader !== replica.brokerId
  if (grant.leaderEpoch <= replica.leaderEpoch && !mayRepeat) {
    throw new Error(`Cannot enter epoch ${grant.leaderEpoch}: epoch ${replica.leaderEpoch} is known`)
  }
  replica.leader = leader
  replica.leaderEpoch = grant.leaderEpoch
  replica.partitionEpoch = grant.partitionEpoch
  replica.replicas = grant.replicas
  replica.isr = grant.isr
  replica.proposedIsr = null
  replica.proposeFromMs = -Infinity
  replica.minIsr = grant.minIsr
  replica.countsFlushedBytes = grant.countsFlushedBytes
  replica.brokerEpochs = grant.brokerEpochs
  replica.followers.clear()
  replica.logEndOffset = grant.logEndOffset
  replica.durableEnd = grant.countsFlushedBytes ? grant.durableEnd : grant.logEndOffset
}

function updated(replica: Replica, stored: StoredState, nowMs: number, effects: ReplicaEffect[]): void {
  if (stored.partitionEpoch < replica.partitionEpoch) return
  const isOurs = stored.partitionEpoch > replica.partitionEpoch
  replica.brokerEpochs = stored.brokerEpochs
  replica.minIsr = stored.minIsr
  replica.partitionEpoch = stored.partitionEpoch
  replica.replicas = stored.replicas
  replica.isr = stored.isr
  // The version has moved on: what was proposed from an older one is either this state or can no longer be written.
  if (isOurs) replica.proposedIsr = null
  if (replica.role !== 'leader') return
  for (const brokerId of replica.followers.keys()) {
    if (!stored.replicas.includes(brokerId)) replica.followers.delete(brokerId)
  }
  for (const brokerId of stored.replicas) {
    if (brokerId === replica.brokerId || replica.followers.has(brokerId)) continue
    replica.followers.set(brokerId, newProgress(stored.isr.includes(brokerId) ? nowMs : -Infinity))
  }
  isrChanged(replica, nowMs, effects)
}

function settled(
  replica: Replica,
  answer: Extract<ReplicaEvent, { type: 'isrApplied' | 'isrRefused' }>,
  nowMs: number,
  effects: ReplicaEffect[],
): void {
  // A late answer, to a proposal that a newer state of the store has settled already, says nothing about the next.
  const isPending = replica.role === 'leader' && replica.proposedIsr !== null
  if (!isPending || answer.leaderEpoch !== replica.leaderEpoch) return
  if (answer.proposedFrom !== replica.partitionEpoch || answer.partitionEpoch < replica.partitionEpoch) return
  if (answer.type === 'isrRefused') replica.proposeFromMs = nowMs + refusalPauseMs
  replica.partitionEpoch = answer.partitionEpoch
  replica.isr = answer.isr
  replica.proposedIsr = null
  isrChanged(replica, nowMs, effects)
}

function isrChanged(replica: Replica, nowMs: number, effects: ReplicaEffect[]): void {
  advanceHighWatermark(replica, nowMs, effects)
  if (replica.isr.length < replica.minIsr) effects.push({ type: 'underMinIsr' })
}

function fetched(
  replica: Replica,
  fetch: Extract<ReplicaEvent, { type: 'fetched' }>,
  nowMs: number,
  effects: ReplicaEffect[],
): void {
  const { brokerId, brokerEpoch, leaderEpoch, fetchOffset } = fetch
  if (replica.role !== 'leader' || leaderEpoch !== replica.leaderEpoch) return
  if (fetchOffset > replica.logEndOffset) return
  if (followerError(replica, brokerId, brokerEpoch) !== 'none') return
  const progress = replica.followers.get(brokerId)!
  noteFetch(progress, brokerEpoch, fetchOffset, replica.logEndOffset, nowMs)
  proposeIfWanted(replica, nowMs, effects)
  advanceHighWatermark(replica, nowMs, effects)
}

function proposeIfWanted(replica: Replica, nowMs: number, effects: ReplicaEffect[]): void {
  if (replica.role !== 'leader' || replica.proposedIsr !== null || nowMs < replica.proposeFromMs) return
  const wanted = inSyncSetWanted(replica, nowMs)
  if (wanted === null) return
  replica.proposedIsr = wanted
  const { partitionEpoch, leaderEpoch, isr } = replica
  const brokerEpochs = new Map<number, number>()
  for (const brokerId of wanted) {
    if (!isr.includes(brokerId)) brokerEpochs.set(brokerId, replica.followers.get(brokerId)!.brokerEpoch)
  }
  effects.push({ type: 'proposeIsr', isr: wanted, partitionEpoch, leaderEpoch, brokerEpochs })
}

/** A follower may believe the leader's watermark only as far as it has the log. */
function answered(
  replica: Replica,
  { leaderEpoch, leaderHighWatermark }: Extract<ReplicaEvent, { type: 'answered' }>,
  effects: ReplicaEffect[],
): void {
  if (replica.role !== 'follower' || leaderEpoch !== replica.leaderEpoch) return
  raiseHighWatermark(replica, Math.min(leaderHighWatermark, replica.logEndOffset), effects)
}

function truncated(
  replica: Replica,
  { logEndOffset, durableEnd, isRepair = false }: Extract<ReplicaEvent, { type: 'truncated' }>,
  effects: ReplicaEffect[],
): void {
  if (replica.role === 'leader') throw new Error('Cannot truncate: a leader never cuts its own log')
  replica.logEndOffset = logEndOffset
  replica.durableEnd = replica.countsFlushedBytes ? durableEnd : logEndOffset
  if (replica.highWatermark <= logEndOffset) return
  const toOffset = replica.highWatermark
  if (!isRepair) effects.push({ type: 'lostCommitted', fromOffset: logEndOffset, toOffset })
  replica.highWatermark = logEndOffset
}

function leaveRole(replica: Replica, role: ReplicaRole, error: ErrorName, effects: ReplicaEffect[]): void {
  replica.role = role
  replica.leader = -1
  replica.proposedIsr = null
  replica.followers.clear()
  effects.push({ type: 'stopped', error })
}

function advanceOwnEnd(replica: Replica, end: number, nowMs: number, effects: ReplicaEffect[]): void {
  if (end <= replica.durableEnd) return
  replica.durableEnd = end
  if (replica.role !== 'leader') return
  effects.push({ type: 'durable', offset: end })
  advanceHighWatermark(replica, nowMs, effects)
}

function advanceHighWatermark(replica: Replica, nowMs: number, effects: ReplicaEffect[]): void {
  // With too few in-sync disks it stands still: what only one disk holds must not be seen and then be lost.
  if (replica.role !== 'leader' || replica.isr.length < replica.minIsr) return
  let lowest = replica.durableEnd
  for (const brokerId of maximalIsr(replica)) {
    if (brokerId !== replica.brokerId)
      lowest = Math.min(lowest, replica.followers.get(brokerId)?.fetchOffset ?? 0)
  }
  // Whoever has caught up and is about to join is waited for: else the watermark would run ahead of it forever.
  for (const [brokerId, progress] of replica.followers) {
    const isJoining = isKeepingUp(progress, nowMs, replica.lagTimeMaxMs) && isEligible(replica, brokerId)
    if (isJoining) lowest = Math.min(lowest, progress.fetchOffset)
  }
  raiseHighWatermark(replica, lowest, effects)
}

function raiseHighWatermark(replica: Replica, offset: number, effects: ReplicaEffect[]): void {
  if (offset <= replica.highWatermark) return
  replica.highWatermark = offset
  effects.push({ type: 'highWatermark', offset })
}
