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
    const refusal = refusalOf(request.groupId, call, broker)
    if (refusal !== 'none') return { ...refused(wishes, refusal), errorCode: errorCodes[refusal] }
    return { topics: topicsOf(request.groupId, wishes, call, broker) }
  }
  const groups = request.groups.map(({ groupId, topics }) => {
    const wishes = topics === null ? null : topics.map(topic => named(topic, call, broker))
    const refusal = refusalOf(groupId, call, broker)
    if (refusal !== 'none') return { groupId, topics: [], errorCode: errorCodes[refusal] }
    return { groupId, topics: topicsOf(groupId, wishes, call, broker) }
  })
  return { groups }
}

function refusalOf(groupId: string, call: Call, broker: Broker): ErrorName {
  const isAllowed = call.access.may('describe', 'group', groupId)
  return isAllowed ? broker.groups.refusalOf(groupId) : 'groupAuthorizationFailed'
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

function topicsOf(groupId: string, wishes: readonly Wish[] | null, call: Call, broker: Broker) {
  const isVisible = (name: string) => call.access.may('describe', 'topic', name)
  const { offsets } = broker.groups
  if (wishes === null) {
    const visible = [...offsets.topicsOf(groupId)].filter(([name]) => isVisible(name))
    return visible.map(([name, partitions]) => ({
      name,
      topicId: broker.topics.byName(name)?.id ?? zeroUuid,
      partitions: [...partitions].map(([index, committed]) => answerOne(index, committed, 'none')),
    }))
  }
  return wishes.map(({ name, topicId, partitionIndexes }) => ({
    name: name ?? '',
    topicId: topicId ?? zeroUuid,
    partitions: partitionIndexes.map(index => {
      if (name === null) return answerOne(index, undefined, 'unknownTopicId')
      if (!isVisible(name)) return answerOne(index, undefined, 'topicAuthorizationFailed')
      return answerOne(index, offsets.get(groupId, name, index), 'none')
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
