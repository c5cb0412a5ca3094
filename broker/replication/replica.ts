// One replica of one partition as a pure machine: leader epoch, ends, in-sync set, high watermark.
//
//   logStart        highWatermark      durableEnd        logEnd
//      |   visible to     |  waiting for   |   written,     |
//      |   consumers      |  other disks   |   not flushed  |
//
// Invariant: highWatermark ≤ the durable end of every member of the maximal in-sync set, so nothing that a
// consumer saw or a producer was promised can be lost to a power cut of everything. No I/O, no clock here.
import type { ErrorName } from '../protocol/errors.ts'

export type ReplicaRole = 'leader' | 'offline'

export interface Replica {
  readonly brokerId: number
  role: ReplicaRole
  leaderEpoch: number
  /** Counts changes of the in-sync set in the store: what a guarded write of the next change quotes. */
  partitionEpoch: number
  /** Where this epoch began: below it the high watermark is another leader's and may lag. */
  epochStartOffset: number
  logEndOffset: number
  durableEnd: number
  highWatermark: number
  /** As the store has it. */
  isr: readonly number[]
  /**
   * The set asked for and not yet known to be accepted or refused; null when none is in flight. While it is
   * unknown which set is real, both count: the high watermark waits for the union.
   */
  proposedIsr: readonly number[] | null
  minIsr: number
  /** False for topics that take Kafka's own promise: our vote then counts written bytes. */
  countsFlushedBytes: boolean
  /** Durable ends that other members of the set have reported in this epoch. */
  readonly reportedEnds: Map<number, number>
}

export type ReplicaEvent =
  | {
      readonly type: 'lead'
      readonly leaderEpoch: number
      readonly partitionEpoch: number
      readonly isr: readonly number[]
      readonly minIsr: number
      readonly countsFlushedBytes: boolean
      readonly logEndOffset: number
      readonly durableEnd: number
    }
  | { readonly type: 'appended'; readonly logEndOffset: number }
  | { readonly type: 'flushed'; readonly durableEnd: number }
  | { readonly type: 'fetched'; readonly brokerId: number; readonly durableEnd: number }
  /** Our lease ran out, the partition was deleted, or the disk failed: nothing is served or promised any more. */
  | { readonly type: 'stop'; readonly error: ErrorName }

export type ReplicaEffect =
  /** Our own disk holds everything below: acks=1 is due. */
  | { readonly type: 'durable'; readonly offset: number }
  /** Every in-sync disk does: acks=all is due, consumers may read. */
  | { readonly type: 'highWatermark'; readonly offset: number }
  /** Whoever waits is told so. */
  | { readonly type: 'stopped'; readonly error: ErrorName }

export function newReplica(brokerId: number, highWatermark: number): Replica {
  return {
    brokerId,
    role: 'offline',
    leaderEpoch: -1,
    partitionEpoch: -1,
    epochStartOffset: 0,
    logEndOffset: 0,
    durableEnd: 0,
    highWatermark,
    isr: [],
    proposedIsr: null,
    minIsr: 1,
    countsFlushedBytes: true,
    reportedEnds: new Map(),
  }
}

export function step(replica: Replica, happened: ReplicaEvent, effects: ReplicaEffect[]): void {
  switch (happened.type) {
    case 'lead':
      lead(replica, happened, effects)
      break
    case 'appended':
      replica.logEndOffset = happened.logEndOffset
      if (!replica.countsFlushedBytes) advanceOwnEnd(replica, happened.logEndOffset, effects)
      break
    case 'flushed':
      advanceOwnEnd(replica, happened.durableEnd, effects)
      break
    case 'fetched':
      if (replica.role !== 'leader') break
      replica.reportedEnds.set(happened.brokerId, happened.durableEnd)
      advanceHighWatermark(replica, effects)
      break
    case 'stop':
      replica.role = 'offline'
      replica.reportedEnds.clear()
      effects.push({ type: 'stopped', error: happened.error })
      break
  }
}

/** May a produce be appended? Asked before anything is written. */
export function produceError(replica: Replica, acks: number): ErrorName {
  if (replica.role !== 'leader') return 'notLeaderOrFollower'
  return acks === -1 && replica.isr.length < replica.minIsr ? 'notEnoughReplicas' : 'none'
}

/** The epoch a client believes in, -1 when it does not say. */
export function epochError(replica: Replica, currentLeaderEpoch: number): ErrorName {
  if (replica.role !== 'leader') return 'notLeaderOrFollower'
  if (currentLeaderEpoch < 0 || currentLeaderEpoch === replica.leaderEpoch) return 'none'
  return currentLeaderEpoch < replica.leaderEpoch ? 'fencedLeaderEpoch' : 'unknownLeaderEpoch'
}

/** False while the watermark is still an earlier leader's: the latest offset must not seem to go backwards. */
export function knowsHighWatermark(replica: Replica): boolean {
  return replica.highWatermark >= replica.epochStartOffset
}

function lead(
  replica: Replica,
  grant: Extract<ReplicaEvent, { type: 'lead' }>,
  effects: ReplicaEffect[],
): void {
  if (grant.leaderEpoch <= replica.leaderEpoch) {
    throw new Error(`Cannot lead in epoch ${grant.leaderEpoch}: epoch ${replica.leaderEpoch} is known`)
  }
  replica.role = 'leader'
  replica.leaderEpoch = grant.leaderEpoch
  replica.partitionEpoch = grant.partitionEpoch
  replica.isr = grant.isr
  replica.proposedIsr = null
  replica.minIsr = grant.minIsr
  replica.countsFlushedBytes = grant.countsFlushedBytes
  replica.reportedEnds.clear()
  replica.logEndOffset = grant.logEndOffset
  replica.epochStartOffset = grant.logEndOffset
  replica.durableEnd = grant.countsFlushedBytes ? grant.durableEnd : grant.logEndOffset
  advanceHighWatermark(replica, effects)
}

function advanceOwnEnd(replica: Replica, end: number, effects: ReplicaEffect[]): void {
  if (end <= replica.durableEnd) return
  replica.durableEnd = end
  if (replica.role !== 'leader') return
  effects.push({ type: 'durable', offset: end })
  advanceHighWatermark(replica, effects)
}

function advanceHighWatermark(replica: Replica, effects: ReplicaEffect[]): void {
  // With too few in-sync disks it stands still: what only one disk holds must not be seen and then be lost.
  if (replica.isr.length < replica.minIsr) return
  let lowest = replica.durableEnd
  for (const brokerId of replica.isr) lowest = Math.min(lowest, endOf(replica, brokerId))
  for (const brokerId of replica.proposedIsr ?? []) lowest = Math.min(lowest, endOf(replica, brokerId))
  if (lowest <= replica.highWatermark) return
  replica.highWatermark = lowest
  effects.push({ type: 'highWatermark', offset: lowest })
}

function endOf(replica: Replica, brokerId: number): number {
  return brokerId === replica.brokerId ? replica.durableEnd : (replica.reportedEnds.get(brokerId) ?? 0)
}
