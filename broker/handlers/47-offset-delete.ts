// OffsetDelete, v0. Offsets that a group has committed, of topics that none of its members reads; answered when that
// is durable.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { OffsetEntry } from '../groups/offsets.ts'
import type { LaterAnswer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { OffsetDeleteRequest } from '../protocol/messages/47-offset-delete.ts'

export async function offsetDelete(
  request: OffsetDeleteRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.offsetDelete> {
  const { groupId } = request
  if (!call.access.may('delete', 'group', groupId)) {
    return { errorCode: errorCodes.groupAuthorizationFailed }
  }
  const [refusal, subscribed] = broker.groups.deletableOffsets(groupId)
  if (refusal !== 'none') return { errorCode: errorCodes[refusal] }
  const entries: OffsetEntry[] = []
  const errorOf = (topic: string, partition: number): ErrorName => {
    if (!call.access.may('read', 'topic', topic)) return 'topicAuthorizationFailed'
    if (!broker.topics.byName(topic)?.topic.partitions[partition]) return 'unknownTopicOrPartition'
    if (subscribed === 'everything' || subscribed.has(topic)) return 'groupSubscribedToTopic'
    if (broker.groups.offsets.get(groupId, topic, partition))
      entries.push({ topic, partition, committed: null })
    return 'none'
  }
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: errorCodes[errorOf(name, partitionIndex)],
    })),
  }))
  const error = await new Promise<ErrorName>(resolve =>
    broker.groups.deleteOffsets(groupId, entries, resolve),
  )
  return error === 'none' ? { topics } : { errorCode: errorCodes[error] }
}
