// OffsetForLeaderEpoch, v2-4. Where an epoch ended. For the latest one that is the log's end, not the high
// watermark: anything lower reads as lost data to a client, which then rewinds.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { OffsetForLeaderEpochRequest } from '../protocol/messages/23-offset-for-leader-epoch.ts'
import { epochError } from '../replication/fencing.ts'
import type { Partition } from '../replication/partition.ts'

export function offsetForLeaderEpoch(
  request: OffsetForLeaderEpochRequest,
  _call: Call,
  broker: Broker,
): Answer<typeof apis.offsetForLeaderEpoch> {
  const topics = request.topics.map(({ topic, partitions }) => {
    const served = broker.topics.byName(topic)
    return {
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => ({
        partition,
        ...find(served?.partitions[partition], currentLeaderEpoch, leaderEpoch),
      })),
    }
  })
  return { topics }
}

function find(partition: Partition | undefined, currentLeaderEpoch: number, leaderEpoch: number) {
  const error: ErrorName = partition
    ? epochError(partition.replica, currentLeaderEpoch)
    : 'unknownTopicOrPartition'
  if (!partition || error !== 'none') return { errorCode: errorCodes[error] }
  const { log, replica } = partition
  // The epoch we lead in exists before its first batch does.
  if (leaderEpoch === replica.leaderEpoch) return { errorCode: 0, leaderEpoch, endOffset: log.logEndOffset }
  const { epoch, endOffset } = log.endOffsetForEpoch(leaderEpoch)
  return { errorCode: 0, leaderEpoch: epoch, endOffset }
}
