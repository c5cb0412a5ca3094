// The group by which several processes on one store share the partitions. Each store has a group of its own, so that
// two installations on one Kafka cluster each count everything. Offsets are not kept in it: the store has them.
import type { TopicPartition } from '../../broker/client/consumer-protocol.ts'
import { GroupMember } from '../../broker/client/group-member.ts'
import { type BrokerReach, clusterAt } from '../../broker/client/reach.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { Connection } from '../store/schema.ts'
import { aggregatorsGroup } from './passed-hint.ts'

export interface MembershipOptions {
  readonly reach: BrokerReach
  readonly groupId: string
  readonly topics: readonly string[]
  /** Of this process; it keeps its place in the group when it is started again in the same slot. */
  readonly slot: () => number
  readonly onAssigned: (partitions: readonly TopicPartition[]) => void
  readonly onFenced: () => void
  readonly clock: Clock
  readonly log: Log
}

export function joinStoreGroup({ reach, slot, ...rest }: MembershipOptions): GroupMember {
  const cluster = clusterAt(reach, 'tailrace-analytics-member')
  return new GroupMember({ ...rest, cluster, instanceId: () => `slot-${slot()}` })
}

/** The same for every process on this store, and for a copy of it. */
export function storeGroup(connection: Connection): string {
  const id = connection.prepare("SELECT value FROM meta WHERE key = 'store'").pluck().get()
  return typeof id === 'string' ? `${aggregatorsGroup}.${id.slice(0, 8)}` : `${aggregatorsGroup}.count`
}
