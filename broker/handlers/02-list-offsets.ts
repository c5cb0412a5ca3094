// ListOffsets, v1-11. The offset of a timestamp, or of a place that a negative one names. Names that came with a
// later version than the request's are refused, as Kafka does.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import { listOffsetsTimestamps as at, type ListOffsetsRequest } from '../protocol/messages/02-list-offsets.ts'
import { epochError, knowsHighWatermark } from '../replication/fencing.ts'
import type { Partition } from '../replication/partition.ts'
import { missingError } from './leader-hints.ts'

interface Found {
  readonly error: ErrorName
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

const refused = (error: ErrorName): Found => ({ error, offset: -1, timestamp: -1, leaderEpoch: -1 })
const nothing = refused('none')

/** First version in which each name may be asked for. */
const sinceVersion = new Map<number, number>([
  [at.latest, 1],
  [at.earliest, 1],
  [at.maxTimestamp, 7],
  [at.earliestLocal, 8],
  [at.latestTiered, 9],
  [at.earliestPendingUpload, 11],
])

export function listOffsets(
  request: ListOffsetsRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.listOffsets> {
  const topics = request.topics.map(({ name, partitions }) => {
    const served = broker.topics.byName(name)
    const isVisible = call.access.may('describe', 'topic', name)
    return {
      name,
      partitions: partitions.map(({ partitionIndex, currentLeaderEpoch, timestamp }) => {
        const partition = isVisible ? served?.partitions[partitionIndex] : undefined
        const found = partition
          ? find(partition, request.replicaId, currentLeaderEpoch, timestamp, call.apiVersion)
          : refused(isVisible ? missingError(served, partitionIndex) : 'topicAuthorizationFailed')
        const { error, offset, leaderEpoch } = found
        return {
          partitionIndex,
          errorCode: errorCodes[error],
          timestamp: found.timestamp,
          offset,
          leaderEpoch,
        }
      }),
    }
  })
  return { topics }
}

function find(
  partition: Partition,
  replicaId: number,
  currentLeaderEpoch: number,
  timestamp: number,
  apiVersion: number,
): Found {
  const { replica, log } = partition
  const isReplica = replicaId >= 0
  const fenced = isReplica
    ? epochError(replica, currentLeaderEpoch)
    : partition.clientError(currentLeaderEpoch)
  if (fenced !== 'none') return refused(fenced)
  if (timestamp < 0 && apiVersion < (sinceVersion.get(timestamp) ?? Infinity))
    return refused('unsupportedVersion')
  if (!isReplica && !knowsHighWatermark(replica) && timestamp !== at.earliest) {
    return refused(apiVersion >= 5 ? 'offsetNotAvailable' : 'leaderNotAvailable')
  }
  return lookUp(partition, timestamp, isReplica ? log.logEndOffset : replica.highWatermark)
}

/** Replicas see up to the log's end, consumers what is committed. */
function lookUp({ log, replica }: Partition, timestamp: number, limitOffset: number): Found {
  switch (timestamp) {
    case at.latest:
      return { ...nothing, offset: limitOffset, leaderEpoch: replica.leaderEpoch }
    case at.earliest:
    case at.earliestLocal:
      return { ...nothing, offset: log.logStartOffset, leaderEpoch: log.epochOf(log.logStartOffset) }
    case at.latestTiered:
    case at.earliestPendingUpload:
      return nothing
    case at.maxTimestamp:
      return { ...nothing, ...log.offsetOfMaxTimestamp(limitOffset) }
    default:
      return { ...nothing, ...log.offsetForTimestamp(timestamp, limitOffset) }
  }
}
