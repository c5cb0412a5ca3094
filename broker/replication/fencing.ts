// What a replica answers before anything is done: may this be appended, is this fetch one of our epoch, is it a
// follower's, may the watermark be told? Pure questions; errors as the wire names them.
import type { ErrorName } from '../protocol/errors.ts'
import { isAttended } from './in-sync.ts'
import type { Replica } from './replica.ts'

/** May a produce be appended? Asked before anything is written, with the answer of `mayPromise`. */
export function produceError(replica: Replica, acks: number, isPromising: boolean): ErrorName {
  if (!isPromising) return 'notLeaderOrFollower'
  return acks === -1 && replica.isr.length < replica.minIsr ? 'notEnoughReplicas' : 'none'
}

/** The epoch a client or a follower believes in, -1 when it does not say. An older belief is fenced by any role. */
export function epochError(replica: Replica, currentLeaderEpoch: number): ErrorName {
  if (currentLeaderEpoch >= 0) {
    if (currentLeaderEpoch < replica.leaderEpoch) return 'fencedLeaderEpoch'
    if (currentLeaderEpoch > replica.leaderEpoch) return 'unknownLeaderEpoch'
  }
  return replica.role === 'leader' ? 'none' : 'notLeaderOrFollower'
}

/** A client that reads: from a leader that may have been replaced it would learn what is no longer so. */
export function clientError(replica: Replica, currentLeaderEpoch: number, isPromising: boolean): ErrorName {
  const fenced = epochError(replica, currentLeaderEpoch)
  return fenced === 'none' && !isPromising ? 'notLeaderOrFollower' : fenced
}

/** Whether a fetch by this broker is a follower's, under a registration that nothing newer has replaced. */
export function followerError(replica: Replica, brokerId: number, brokerEpoch: number): ErrorName {
  if (replica.role !== 'leader') return 'notLeaderOrFollower'
  // It may know of a reassignment that we have not read yet: it asks again.
  if (!replica.replicas.includes(brokerId) || brokerId === replica.brokerId) return 'notLeaderOrFollower'
  const known = replica.followers.get(brokerId)
  return known && brokerEpoch < known.brokerEpoch ? 'notLeaderOrFollower' : 'none'
}

/**
 * May a leader promise anything now? While its lease is held nobody else can have been elected. When the lease may have
 * run out, others may speak for it: every other member of the set fetches from us, in this epoch, so none of them has
 * been elected. So produce goes on while the metadata store is away, and a leader that was paused promises nothing.
 */
export function mayPromise(replica: Replica, isLeaseHeld: boolean, nowMs: number): boolean {
  return replica.role === 'leader' && (isLeaseHeld || isAttended(replica, nowMs))
}

/** False while the watermark is still an earlier leader's: the latest offset must not seem to go backwards. */
export function knowsHighWatermark(replica: Replica): boolean {
  return replica.highWatermark >= replica.epochStartOffset
}
