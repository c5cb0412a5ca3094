// What the page says of the brokers: the banner when some are down, what partitions lack, elections put together that
// happened together. Pure.
import type {
  ClusterState,
  Election,
  ElectionReason,
  PartitionTrouble,
  TroubleState,
} from '../analytics/http/contract.ts'
import { counted, formatTime, type Zone } from './format.ts'

export interface BrokerTrouble {
  readonly tone: 'warn' | 'critical'
  readonly title: string
  readonly text: string
  /** For the pill: `2 of 3 brokers`. */
  readonly short: string
}

/** Some brokers are down while others answer; null otherwise, for then nobody answers at all or all is well. */
export function brokerTrouble(cluster: ClusterState | null, zone: Zone): BrokerTrouble | null {
  const brokers = cluster?.brokers ?? []
  const up = brokers.filter(broker => broker.up).length
  // One that holds nothing was taken out, or is new: nobody misses it.
  const down = brokers.filter(broker => !broker.up && broker.replicas > 0)
  if (!cluster || down.length === 0 || up === 0) return null
  const { underMinIsr, offline } = cluster.partitionCounts
  const waiting = Math.max(underMinIsr, offline)
  const names = down.map(broker => broker.id).join(', ')
  const title =
    down.length === 1 ? `Broker ${names} is down` : `Brokers ${names} of ${brokers.length} are down`
  const since = `Since ${formatTime(Math.min(...down.map(broker => broker.since)), zone)}.`
  const others = up === 1 ? 'The other one leads' : `The other ${up} lead`
  const text =
    waiting === 0
      ? `${since} ${others} every partition: lines are taken and counted as before.`
      : `${since} Lines for ${partitions(waiting)} wait at their agents until enough are back; nothing is lost.`
  const tone = waiting === 0 ? 'warn' : 'critical'
  return { tone, title, text, short: `${up} of ${brokers.length} brokers` }
}

export interface ElectionGroup {
  readonly at: number
  readonly from: number
  readonly to: number
  readonly reason: ElectionReason | null
  /** `logs-4`, in the order of the elections. */
  readonly partitions: readonly string[]
}

/** A broker that goes gives up many partitions at once, or nearly. */
const togetherMs = 5_000

/** Newest first, as the elections are. */
export function electionGroups(elections: readonly Election[]): ElectionGroup[] {
  const groups: {
    at: number
    from: number
    to: number
    reason: ElectionReason | null
    partitions: string[]
  }[] = []
  for (const { at, from, to, reason, topic, partition } of elections) {
    const group = groups.findLast(
      one =>
        one.from === from && one.to === to && one.reason === reason && Math.abs(one.at - at) <= togetherMs,
    )
    if (group) group.partitions.push(`${topic}-${partition}`)
    else groups.push({ at, from, to, reason, partitions: [`${topic}-${partition}`] })
  }
  return groups
}

export function reasonWords({ reason, from }: Pick<ElectionGroup, 'reason' | 'from'>): string {
  switch (reason) {
    case 'leaderDown':
      return `broker ${from} went down`
    case 'leaderStopped':
      return `broker ${from} was stopped`
    case 'restarted':
      return `broker ${from} started again`
    case 'preferred':
      return 'back to the preferred leader'
    case 'moved':
      return 'moved to other brokers'
    case null:
      return ''
  }
}

export interface Lack {
  readonly state: TroubleState
  readonly words: string
  /** Some of them by name. */
  readonly names: readonly string[]
}

/** What partitions lack, the worst first; empty when every copy is in sync. */
export function lacks({ partitionCounts, troubled }: ClusterState): Lack[] {
  const { offline, underMinIsr, underReplicated } = partitionCounts
  const named = (state: TroubleState) => troubled.filter(one => one.state === state).map(nameOf)
  const rows: readonly (readonly [TroubleState, number, string])[] = [
    ['offline', offline, 'without a leader'],
    ['underMinIsr', underMinIsr, 'under min ISR: acks=all waits'],
    ['underReplicated', underReplicated, 'under-replicated'],
  ]
  return rows
    .filter(([, count]) => count > 0)
    .map(([state, count, what]) => ({ state, words: `${partitions(count)} ${what}`, names: named(state) }))
}

function nameOf({ topic, partition }: PartitionTrouble): string {
  return `${topic}-${partition}`
}

export function partitions(count: number): string {
  return counted(count, 'partition', undefined, String)
}
