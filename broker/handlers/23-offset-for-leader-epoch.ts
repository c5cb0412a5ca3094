// OffsetForLeaderEpoch, v2-4. Where an epoch ended. For the latest one that is the log's end, not the high
// watermark: anything lower reads as lost data to a client, which then rewinds.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { OffsetForLeaderEpochRequest } from '../protocol/messages/23-offset-for-leader-epoch.ts'
import type { ServedTopic } from '../topic-table.ts'
import { missingError } from './leader-hints.ts'

const denied = { errorCode: errorCodes.topicAuthorizationFailed }

export function offsetForLeaderEpoch(
  request: OffsetForLeaderEpochRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.offsetForLeaderEpoch> {
  const topics = request.topics.map(({ topic, partitions }) => {
    const served = broker.topics.byName(topic)
    const isVisible = call.access.may('describe', 'topic', topic)
    return {
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => ({
        partition,
        ...(isVisible ? find(served, partition, currentLeaderEpoch, leaderEpoch) : denied),
      })),
    }
  })
  return { topics }
}

function find(
  served: ServedTopic | undefined,
  index: number,
  currentLeaderEpoch: number,
  leaderEpoch: number,
) {
  const partition = served?.partitions[index]
  if (!partition) return { errorCode: errorCodes[missingError(served, index)] }
  const error = partition.clientError(currentLeaderEpoch)
  if (error !== 'none') return { errorCode: errorCodes[error] }
  const { epoch, endOffset } = partition.endOffsetForEpoch(leaderEpoch)
  return { errorCode: 0, leaderEpoch: epoch, endOffset }
}
