// What the controller decides: who leads each partition, and who is in sync that nobody can be any more. Pure: the
// cluster as the store has it and the living brokers go in, the next entries come out. Elections are from the in-sync
// set, then from the eligible replicas that left it when it was too small to commit anything; never from others
// unless the topic says so.
import type { Version } from '../metadata/store.ts'
import { effectiveMinIsr, type PartitionMeta, type Topic } from './cluster-state.ts'

/** A broker with a live registration. */
export interface LiveBroker {
  readonly epoch: number
  /** About to stop: it leads until somebody else does, and is elected no more. */
  readonly isLeaving: boolean
}

export type LiveBrokers = ReadonlyMap<number, LiveBroker>

export interface TopicRules {
  readonly minIsr: number
  readonly mayBeUnclean: boolean
}

export interface Change {
  readonly topic: Topic
  readonly index: number
  readonly version: Version
  readonly next: PartitionMeta
  readonly isUnclean: boolean
}

export interface DecideOptions {
  readonly controllerEpoch: number
  readonly rulesOf: (topic: Topic) => TopicRules
  /** Also give leadership back to preferred leaders that are in sync again. */
  readonly preferred: boolean
}

/** Every partition entry that has to change. */
export function decide(topics: Iterable<Topic>, brokers: LiveBrokers, options: DecideOptions): Change[] {
  const changes: Change[] = []
  for (const topic of topics) {
    if (topic.meta.value.deleting) continue
    const rules = options.rulesOf(topic)
    topic.partitions.forEach(({ value, version }, index) => {
      const next = nextOf(value, brokers, rules, options)
      if (next === null) return
      changes.push({ topic, index, version, next, isUnclean: isUncleanChange(value, next) })
    })
  }
  return changes
}

/** The next entry of one partition, or null when it may stay as it is. */
export function nextOf(
  now: PartitionMeta,
  brokers: LiveBrokers,
  { minIsr, mayBeUnclean }: TopicRules,
  { controllerEpoch, preferred }: Pick<DecideOptions, 'controllerEpoch' | 'preferred'>,
): PartitionMeta | null {
  const settled = settleReassignment(now)
  const { replicas } = settled
  const elr = (settled.elr ?? []).filter(id => replicas.includes(id))
  const isAble = (id: number) => brokers.get(id)?.isLeaving === false
  const leader =
    electLeader(settled, brokers, preferred) ?? (mayBeUnclean ? replicas.find(isAble) : undefined)
  const next = { ...settled, controllerEpoch, partitionEpoch: now.partitionEpoch + 1 }
  if (leader === undefined) {
    if (now.leader === -1 && settled === now) return null
    return { ...next, ...(now.leader === -1 ? {} : epochOf(now, -1, -1)), leader: -1 }
  }
  const leaderBrokerEpoch = brokers.get(leader)!.epoch
  const isSame = leader === now.leader && leaderBrokerEpoch === now.leaderBrokerEpoch
  const isUnclean = !settled.isr.includes(leader) && !elr.includes(leader)
  const isr = membersOf(settled, leader, brokers, minIsr)
  const dropped = [...settled.isr, ...elr].filter(id => !isr.includes(id) && replicas.includes(id))
  const nextElr = isr.length < effectiveMinIsr(settled, minIsr) && !isUnclean ? [...new Set(dropped)] : []
  const isUnchanged = settled === now && isSame && sameMembers(isr, now.isr) && sameMembers(nextElr, elr)
  if (isUnchanged) return null
  const epochs = isSame ? {} : epochOf(now, leader, leaderBrokerEpoch)
  // Stays until the leader has put on record what was lost.
  const leaderRecovery = isUnclean ? 1 : (settled.leaderRecovery ?? 0)
  return { ...next, ...epochs, isr, elr: nextElr, leaderRecovery }
}

/** Whether it makes somebody lead who was neither in sync nor eligible. */
export function isUncleanChange({ isr, elr = [] }: PartitionMeta, { leader }: PartitionMeta): boolean {
  return leader >= 0 && !isr.includes(leader) && !elr.includes(leader)
}

function epochOf(now: PartitionMeta, leader: number, leaderBrokerEpoch: number) {
  return { leader, leaderBrokerEpoch, leaderEpoch: now.leaderEpoch + 1 }
}

/** Who leads: the present leader while it can, else the first replica that has everything and will stay. */
function electLeader(now: PartitionMeta, brokers: LiveBrokers, preferred: boolean): number | undefined {
  const isAble = (id: number) => brokers.get(id)?.isLeaving === false
  const { leader, replicas, isr, elr = [] } = now
  const isLeading =
    isr.includes(leader) && replicas.includes(leader) && brokers.get(leader)?.epoch === now.leaderBrokerEpoch
  const first = replicas.find(id => isr.includes(id) && isAble(id))
  if (isLeading && isAble(leader)) return preferred && first === replicas[0] ? first : leader
  if (first !== undefined) return first
  // Leaving, and nobody could take over: until the very end.
  if (isLeading) return leader
  // An eligible replica may lead only where no member of the set itself can.
  return replicas.find(id => elr.includes(id) && isAble(id))
}

/** The in-sync set under a leader: without the dead, and without those who leave where enough stay. */
function membersOf(
  now: PartitionMeta,
  leader: number,
  brokers: LiveBrokers,
  minIsr: number,
): readonly number[] {
  if (!now.isr.includes(leader)) return [leader]
  const alive = now.isr.filter(id => brokers.has(id))
  const staying = alive.filter(id => id === leader || !brokers.get(id)!.isLeaving)
  return staying.length >= effectiveMinIsr(now, minIsr) ? staying : alive
}

/** A reassignment is done when everybody who is to stay is in sync. */
function settleReassignment(now: PartitionMeta): PartitionMeta {
  const { adding = [], removing = [], replicas, isr } = now
  if (adding.length === 0 && removing.length === 0) return now
  const target = replicas.filter(id => !removing.includes(id))
  if (!target.every(id => isr.includes(id))) return now
  return { ...now, replicas: target, isr: isr.filter(id => target.includes(id)), adding: [], removing: [] }
}

function sameMembers(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every(id => other.includes(id))
}
