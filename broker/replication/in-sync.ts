// Who is in sync with a leader: what each follower has fetched in this epoch, when it last had everything, and which
// set the leader therefore wants the store to hold. Pure.
import type { Replica } from './replica.ts'

/** One follower as its leader sees it, in one leader epoch. */
export interface FollowerProgress {
  /** Of the registration it fetched under; -1 before the first fetch. */
  brokerEpoch: number
  /** Its durable end, by its own word; 0 before the first fetch of this epoch. */
  fetchOffset: number
  /** When it last had everything there was; -Infinity if never. */
  caughtUpMs: number
  fetchedMs: number
  /** The leader's log end when it last fetched. */
  leaderEndAtFetch: number
  hasFetched: boolean
}

export function newProgress(caughtUpMs: number): FollowerProgress {
  return {
    brokerEpoch: -1,
    fetchOffset: 0,
    caughtUpMs,
    fetchedMs: -Infinity,
    leaderEndAtFetch: 0,
    hasFetched: false,
  }
}

/**
 * A fetch is the only word of a follower that counts. It was caught up now if it has everything now; it was caught
 * up at its previous fetch if it has by now what there was then. So a follower under steady load counts as caught up
 * although the log is always a little longer.
 */
export function noteFetch(
  progress: FollowerProgress,
  brokerEpoch: number,
  fetchOffset: number,
  leaderEnd: number,
  nowMs: number,
): void {
  // Another life of that broker: what the earlier one had says nothing about this one's disk.
  if (progress.hasFetched && brokerEpoch > progress.brokerEpoch)
    Object.assign(progress, newProgress(-Infinity))
  if (fetchOffset >= leaderEnd) progress.caughtUpMs = nowMs
  else if (progress.hasFetched && fetchOffset >= progress.leaderEndAtFetch) {
    progress.caughtUpMs = Math.max(progress.caughtUpMs, progress.fetchedMs)
  }
  progress.brokerEpoch = brokerEpoch
  progress.fetchOffset = fetchOffset
  progress.fetchedMs = nowMs
  progress.leaderEndAtFetch = leaderEnd
  progress.hasFetched = true
}

/** Has fetched in this epoch and had everything a short while ago. */
export function isKeepingUp(progress: FollowerProgress, nowMs: number, lagTimeMaxMs: number): boolean {
  return progress.hasFetched && nowMs - progress.caughtUpMs <= lagTimeMaxMs
}

/** Alive, and the life that fetched is the one that is registered. */
export function isEligible(replica: Replica, brokerId: number): boolean {
  return replica.brokerEpochs.get(brokerId) === replica.followers.get(brokerId)?.brokerEpoch
}

/** Stored and proposed: whichever of them is real, both are waited for. */
export function maximalIsr({ isr, proposedIsr }: Replica): readonly number[] {
  if (proposedIsr === null) return isr
  return [...isr, ...proposedIsr.filter(brokerId => !isr.includes(brokerId))]
}

/** A round of a follower takes a quarter of a second when there is nothing to send. */
const attendanceMs = 1_500

/** There are other members, and all of them have just asked us, in this epoch, for more. */
export function isAttended(replica: Replica, nowMs: number): boolean {
  const others = maximalIsr(replica).filter(brokerId => brokerId !== replica.brokerId)
  const isHere = (brokerId: number) => {
    const progress = replica.followers.get(brokerId)
    return progress?.hasFetched === true && nowMs - progress.fetchedMs <= attendanceMs
  }
  return others.length > 0 && others.every(isHere)
}

/** The set the leader would have written now, null if it is the stored one. */
export function inSyncSetWanted(replica: Replica, nowMs: number): readonly number[] | null {
  const { isr, replicas, brokerId: self } = replica
  const kept = isr.filter(brokerId => brokerId === self || !hasFallenOut(replica, brokerId, nowMs))
  const joining = replicas.filter(brokerId => !isr.includes(brokerId) && mayJoin(replica, brokerId, nowMs))
  if (joining.length === 0 && kept.length === isr.length) return null
  return [...kept, ...joining]
}

function hasFallenOut(replica: Replica, brokerId: number, nowMs: number): boolean {
  const progress = replica.followers.get(brokerId)
  if (!progress) return false
  // Below what is committed no member can be: its disk has lost what it once voted for.
  if (progress.hasFetched && progress.fetchOffset < replica.highWatermark) return true
  const isBehind = !progress.hasFetched || progress.fetchOffset !== replica.logEndOffset
  return isBehind && nowMs - progress.caughtUpMs > replica.lagTimeMaxMs
}

/**
 * A fetch in this epoch, by the registered life of a live broker; everything that is committed, and everything that
 * was there when the epoch began, since our own watermark may be older than what an earlier leader acknowledged; and
 * caught up, since below min ISR the watermark stands still and says little.
 */
function mayJoin(replica: Replica, brokerId: number, nowMs: number): boolean {
  const progress = replica.followers.get(brokerId)
  if (!progress?.hasFetched || !isEligible(replica, brokerId)) return false
  const { highWatermark, epochStartOffset, lagTimeMaxMs } = replica
  const hasCommitted = progress.fetchOffset >= highWatermark && progress.fetchOffset >= epochStartOffset
  return hasCommitted && isKeepingUp(progress, nowMs, lagTimeMaxMs)
}
