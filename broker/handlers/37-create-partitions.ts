// CreatePartitions, v0-3. Partitions are added to topics, placed by the client or by the controller; keyed records go
// elsewhere from then on. The controller writes it; another broker hands the request on.
import { type Broker, partitionsMax } from '../broker.ts'
import type { Call } from '../call.ts'
import type { TopicMeta } from '../controller/cluster-state.ts'
import type { Outcome, TopicChange } from '../controller/controller.ts'
import { isForwarded } from '../forwarder.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { CreatePartitionsRequest } from '../protocol/messages/37-create-partitions.ts'
import type { ServedTopic } from '../topic-table.ts'
import { throughController } from './through-controller.ts'

type Wish = CreatePartitionsRequest['topics'][number]

export async function createPartitions(
  request: CreatePartitionsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.createPartitions> {
  // Named twice is answered once.
  const wishes = request.topics.filter(({ name }, at) => {
    return request.topics.findIndex(topic => topic.name === name) === at
  })
  const results = await throughController(wishes, {
    refusalOf: ({ name }: Wish): Outcome | null => {
      if (request.topics.filter(topic => topic.name === name).length > 1) {
        return { error: 'invalidRequest', message: 'Duplicate topic name.' }
      }
      if (call.access.may('alter', 'topic', name)) return null
      return { error: 'topicAuthorizationFailed', message: 'Authorization failed.' }
    },
    serve: async wish => answerOf(wish, await addTo(wish, request.validateOnly, broker)),
    refuse: answerOf,
    forward: async topics => {
      const body = { ...request, topics }
      return (await broker.parts.forwarder.forward(apis.createPartitions, body))?.results ?? null
    },
    isController: broker.parts.membership.controller !== null,
    mayForward: !isForwarded(call),
  })
  return { results }
}

function answerOf({ name }: Wish, { error, message }: Outcome) {
  return { name, errorCode: errorCodes[error], errorMessage: message }
}

async function addTo(wish: Wish, validateOnly: boolean, broker: Broker): Promise<Outcome> {
  const served = broker.topics.byName(wish.name)
  if (!served) return { error: 'unknownTopicOrPartition', message: 'There is no such topic.' }
  const decideOn = (now: TopicMeta) => changeOf(wish, now, served, broker)
  if (!validateOnly) return broker.changeTopic(served, decideOn)
  const decided = decideOn(served.topic.meta.value)
  return 'error' in decided ? decided : { error: 'none', message: null }
}

function changeOf(
  { count, assignments }: Wish,
  { partitions }: TopicMeta,
  { topic, isInternal }: ServedTopic,
  broker: Broker,
): TopicChange | Outcome {
  if (isInternal) {
    // Groups are spread over its partitions by their number: another one would lose them.
    return { error: 'invalidRequest', message: 'An internal topic keeps the partitions it has.' }
  }
  if (count <= partitions || count > partitionsMax) {
    const message =
      count === partitions
        ? `Topic already has ${partitions} partition(s).`
        : count < partitions
          ? `The topic currently has ${partitions} partition(s); ${count} would not be an increase.`
          : `A topic has no more than ${partitionsMax} partitions.`
    return { error: 'invalidPartitions', message }
  }
  if (assignments === null) return { added: broker.placeMore(topic, count - partitions) }
  const fault = assignmentFault(
    assignments,
    count - partitions,
    topic.partitions[0]!.value.replicas.length,
    broker,
  )
  if (fault !== null) return { error: 'invalidReplicaAssignment', message: fault }
  return { added: assignments.map(({ brokerIds }) => brokerIds) }
}

function assignmentFault(
  assignments: NonNullable<Wish['assignments']>,
  added: number,
  copies: number,
  broker: Broker,
): string | null {
  if (assignments.length !== added) {
    return `Attempted to add ${added} partition(s), but ${assignments.length} assignment(s) were given.`
  }
  const isSound = assignments.every(({ brokerIds }) => {
    const isLive = brokerIds.every(brokerId => broker.endpointOf(brokerId) !== null)
    return isLive && brokerIds.length === copies && new Set(brokerIds).size === copies
  })
  return isSound ? null : `Each new partition must be given ${copies} living brokers, each once.`
}
