// Who leads instead (KIP-951): beside an error that says "not me", the leader's id and epoch as far as this broker
// knows them, and its address once an answer. Saves the client a round of Metadata. Reads state, changes nothing.
import type { ErrorName } from '../protocol/errors.ts'
import type { Partition } from '../replication/partition.ts'
import type { ServedTopic } from '../topic-table.ts'

export interface LeaderHint {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface NodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** The hints of one answer. */
export class LeaderHints {
  readonly nodeEndpoints: NodeEndpoint[] = []
  readonly #listener: string | null

  /** Addresses are those of the listener the client came through. */
  constructor(listener: string | null) {
    this.#listener = listener
  }

  /** Undefined where the error is another one, or nobody else is known to lead. */
  of(error: ErrorName, served: ServedTopic | undefined, index: number): LeaderHint | undefined {
    if (error !== 'notLeaderOrFollower' && error !== 'fencedLeaderEpoch') return undefined
    const hint = served && leaderOf(served, index)
    if (!hint || hint.leaderId < 0) return undefined
    const { leaderId } = hint
    const peers = (served.partitions[index] ?? served.partitions.find(isHere))?.peers
    const endpoint = peers?.endpoints.endpointOf(leaderId, this.#listener)
    if (endpoint && !this.nodeEndpoints.some(({ nodeId }) => nodeId === leaderId)) {
      this.nodeEndpoints.push({ nodeId: leaderId, host: endpoint.host, port: endpoint.port, rack: null })
    }
    return hint
  }
}

/** A partition that others have replicas of, or that does not exist. */
export function missingError(served: ServedTopic | undefined, index: number): ErrorName {
  return served?.topic.partitions[index] ? 'notLeaderOrFollower' : 'unknownTopicOrPartition'
}

/** The replica may have heard of a newer epoch than the store's image here, or the other way round. */
function leaderOf(served: ServedTopic, index: number): LeaderHint | null {
  const replica = served.partitions[index]?.replica
  const stored = served.topic.partitions[index]?.value
  if (replica && replica.leader >= 0 && replica.leaderEpoch >= (stored?.leaderEpoch ?? -1)) {
    return { leaderId: replica.leader, leaderEpoch: replica.leaderEpoch }
  }
  return stored ? { leaderId: stored.leader, leaderEpoch: stored.leaderEpoch } : null
}

function isHere(partition: Partition | undefined): partition is Partition {
  return partition !== undefined
}
