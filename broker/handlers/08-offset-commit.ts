// OffsetCommit, v2-10. Answered when the offsets are durable in `__consumer_offsets`.
import type { Broker } from '../broker.ts'
import { type Call, parked } from '../call.ts'
import { commitMetadataLengthMax } from '../groups/coordinator.ts'
import type { OffsetEntry } from '../groups/offsets.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { OffsetCommitRequest } from '../protocol/messages/08-offset-commit.ts'
import type { ServedTopic } from '../topic-table.ts'

type RequestTopic = OffsetCommitRequest['topics'][number]

export function offsetCommit(
  request: OffsetCommitRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.offsetCommit> {
  const entries: OffsetEntry[] = []
  const topics = request.topics.map(topic => {
    const served =
      call.apiVersion >= 10 ? broker.topics.byId(topic.topicId) : broker.topics.byName(topic.name)
    const unknown: ErrorName = call.apiVersion >= 10 ? 'unknownTopicId' : 'unknownTopicOrPartition'
    const name = served?.name ?? topic.name
    const isAllowed = (call.apiVersion >= 10 && !served) || call.access.may('read', 'topic', name)
    const errors = topic.partitions.map((one): ErrorName => {
      const error = isAllowed ? (served ? refusalOf(one, served) : unknown) : 'topicAuthorizationFailed'
      if (error === 'none' && served) entries.push(entryOf(one, served, broker))
      return error
    })
    return { topic, errors }
  })
  if (!call.access.may('read', 'group', request.groupId))
    return answer(topics, 'groupAuthorizationFailed', true)
  const { groupId, memberId, groupInstanceId: instanceId, generationIdOrMemberEpoch: generation } = request
  broker.groups.commit({ groupId, memberId, instanceId, generation }, entries, error =>
    call.answer(answer(topics, error)),
  )
  return parked
}

function refusalOf(one: RequestTopic['partitions'][number], served: ServedTopic): ErrorName {
  if (!served.topic.partitions[one.partitionIndex]) return 'unknownTopicOrPartition'
  if ((one.committedMetadata?.length ?? 0) > commitMetadataLengthMax) return 'offsetMetadataTooLarge'
  return 'none'
}

function entryOf(one: RequestTopic['partitions'][number], served: ServedTopic, broker: Broker): OffsetEntry {
  return {
    topic: served.name,
    partition: one.partitionIndex,
    committed: {
      offset: one.committedOffset,
      leaderEpoch: one.committedLeaderEpoch,
      metadata: one.committedMetadata ?? '',
      commitTimestampMs: broker.clock.wallMs(),
    },
  }
}

/** A partition's own error, else what became of all that were well-formed. */
function answer(
  topics: readonly { topic: RequestTopic; errors: readonly ErrorName[] }[],
  error: ErrorName,
  isForAll = false,
) {
  return {
    topics: topics.map(({ topic, errors }) => ({
      name: topic.name,
      topicId: topic.topicId,
      partitions: topic.partitions.map(({ partitionIndex }, at) => ({
        partitionIndex,
        errorCode: errorCodes[isForAll || errors[at] === 'none' ? error : errors[at]!],
      })),
    })),
  }
}
