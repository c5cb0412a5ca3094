// What replication and the rest of the broker say to each other: how a partition is told its role, how it asks for a
// change of its in-sync set, and what it may know of other brokers. Types, and the stand-ins of a broker alone.
import { type Clock, systemClock } from '../../runtime/clock.ts'
import type { Partition } from './partition.ts'

/** What the store says of a partition, as far as every replica needs it. */
export interface PartitionFacts {
  readonly partitionEpoch: number
  /** Default: the in-sync set. */
  readonly replicas?: readonly number[]
  readonly isr: readonly number[]
  readonly minIsr: number
  /**
   * Of the live, unfenced brokers that are not shutting down: broker id → broker epoch. A replica that is missing
   * here, or fetches under another epoch, is not taken into the in-sync set.
   */
  readonly brokerEpochs?: ReadonlyMap<number, number>
}

export interface PartitionGrant extends PartitionFacts {
  readonly leaderEpoch: number
  readonly countsFlushedBytes: boolean
}

export interface FollowOrder extends PartitionFacts {
  /** -1 when nobody leads: the replica then waits in the new epoch. */
  readonly leader: number
  readonly leaderHost: string
  readonly leaderPort: number
  readonly leaderEpoch: number
  readonly countsFlushedBytes: boolean
}

/** How a proposed in-sync set fared. `isr` and `partitionEpoch` are what the store holds now, where that is known. */
export type IsrOutcome =
  | { readonly outcome: 'applied'; readonly partitionEpoch: number; readonly isr: readonly number[] }
  /** Surely not written, now or later. */
  | { readonly outcome: 'refused'; readonly partitionEpoch: number; readonly isr: readonly number[] }
  /** Perhaps written. Both sets go on counting until `updated` or a later outcome says which one is real. */
  | { readonly outcome: 'unknown' }

/** What the leader wants written, and under which versions it may be: anything newer in the store refuses it. */
export interface IsrProposal {
  readonly leaderEpoch: number
  /** Of the state the proposal was made from. */
  readonly partitionEpoch: number
  readonly isr: readonly number[]
  /** Epochs under which the new members fetched; each must still be that broker's registration. */
  readonly brokerEpochs: ReadonlyMap<number, number>
}

/** Writes changes of in-sync sets: one guarded transaction each, answered by `partition.isrSettled`, never at once. */
export interface IsrChanges {
  propose(partition: Partition, proposal: IsrProposal): void
}

export interface BrokerEndpoint {
  readonly host: string
  readonly port: number
  readonly brokerEpoch: number
}

export interface BrokerEndpoints {
  /** Null for brokers that are not registered now, or have no such listener; by default where brokers find it. */
  endpointOf(brokerId: number, listener?: string | null): BrokerEndpoint | null
}

/** Whether this broker's session is surely alive. Asked after every flush, before anything is promised. */
export interface Lease {
  isHeld(): boolean
}

/** Fetches what partitions follow. */
export interface Followers {
  /** Also to move from one leader, address or epoch to another. */
  follow(partition: Partition, order: FollowOrder): void
  unfollow(partition: Partition): void
  /** The partition's log is durable up to its end: it may be asked for again. */
  durable(partition: Partition): void
}

export interface PartitionPeers {
  readonly clock: Clock
  /** How long a member of the in-sync set may stay behind; Kafka's replica.lag.time.max.ms. */
  readonly lagTimeMaxMs?: number
  readonly isrChanges: IsrChanges
  readonly endpoints: BrokerEndpoints
  readonly lease: Lease
  readonly followers: Followers
  /** A follower cut away what it believed to be committed, or the like: somebody must look. */
  alarm(partition: Partition, message: string, fields: Readonly<Record<string, unknown>>): void
  /** What it knew as committed is gone from this log, and from the leader's. */
  lost(partition: Partition, fromOffset: number, toOffset: number): void
}

/** For a broker without others. */
export const noPeers: PartitionPeers = {
  clock: systemClock,
  isrChanges: { propose: () => undefined },
  endpoints: { endpointOf: () => null },
  lease: { isHeld: () => true },
  followers: { follow: () => undefined, unfollow: () => undefined, durable: () => undefined },
  alarm: () => undefined,
  lost: () => undefined,
}
