// OffsetFetch, v1-10. What groups have committed: -1 without an error where nothing was, everything when no topics
// are named. From v8 on for many groups at once.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { CommittedOffset } from '../groups/group-records.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { zeroUuid } from '../protocol/bytes.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { OffsetFetchRequest } from '../protocol/messages/09-offset-fetch.ts'

export function offsetFetch(
  request: OffsetFetchRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.offsetFetch> {
  if (call.apiVersion < 8) {
    const wishes = request.topics?.map(({ name, partitionIndexes }) => ({ name, partitionIndexes })) ?? null
    const refusal = broker.groups.refusalOf(request.groupId)
    if (refusal !== 'none') return { ...refused(wishes, refusal), errorCode: errorCodes[refusal] }
    return { topics: topicsOf(request.groupId, wishes, broker) }
  }
  const groups = request.groups.map(({ groupId, topics }) => {
    const wishes = topics === null ? null : topics.map(topic => named(topic, call, broker))
    const refusal = broker.groups.refusalOf(groupId)
    if (refusal !== 'none') return { groupId, topics: [], errorCode: errorCodes[refusal] }
    return { groupId, topics: topicsOf(groupId, wishes, broker) }
  })
  return { groups }
}

interface Wish {
  /** Null: an id that no topic here bears. */
  readonly name: string | null
  readonly topicId?: string
  readonly partitionIndexes: readonly number[]
}

function named(
  topic: { readonly name: string; readonly topicId: string; readonly partitionIndexes: readonly number[] },
  call: Call,
  broker: Broker,
): Wish {
  if (call.apiVersion < 10) return topic
  return { ...topic, name: broker.topics.byId(topic.topicId)?.name ?? null }
}

/** Versions below 2 have room for the error only with each partition. */
function refused(wishes: readonly Wish[] | null, error: ErrorName) {
  const topics = (wishes ?? []).map(({ name, partitionIndexes }) => ({
    name: name ?? '',
    topicId: zeroUuid,
    partitions: partitionIndexes.map(index => answerOne(index, undefined, error)),
  }))
  return { topics }
}

function topicsOf(groupId: string, wishes: readonly Wish[] | null, broker: Broker) {
  const { offsets } = broker.groups
  if (wishes === null) {
    return [...offsets.topicsOf(groupId)].map(([name, partitions]) => ({
      name,
      topicId: broker.topics.byName(name)?.id ?? zeroUuid,
      partitions: [...partitions].map(([index, committed]) => answerOne(index, committed, 'none')),
    }))
  }
  return wishes.map(({ name, topicId, partitionIndexes }) => ({
    name: name ?? '',
    topicId: topicId ?? zeroUuid,
    partitions: partitionIndexes.map(index => {
      const committed = name === null ? undefined : offsets.get(groupId, name, index)
      return answerOne(index, committed, name === null ? 'unknownTopicId' : 'none')
    }),
  }))
}

function answerOne(partitionIndex: number, committed: CommittedOffset | undefined, error: ErrorName) {
  return {
    partitionIndex,
    committedOffset: committed?.offset ?? -1,
    committedLeaderEpoch: committed?.leaderEpoch ?? -1,
    metadata: committed?.metadata ?? '',
    errorCode: errorCodes[error],
  }
}
