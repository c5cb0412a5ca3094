// CreateTopics, v2-7. Answered when each topic is durable and, where the controller leads it, takes records, so that
// the next produce succeeds. Another broker than the controller hands the request on.
import type { Broker, TopicWish } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Outcome } from '../controller/controller.ts'
import { effectiveConfig, topicConfigNames } from '../controller/topic-configs.ts'
import { isForwarded } from '../forwarder.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { zeroUuid } from '../protocol/bytes.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { CreateTopicsRequest } from '../protocol/messages/19-create-topics.ts'
import { mayCluster } from '../security/access.ts'
import { configSourceCodes } from './32-describe-configs.ts'

const notController: Outcome = { error: 'notController', message: 'The controller cannot be reached.' }

const notAllowed: Outcome = { error: 'topicAuthorizationFailed', message: 'Authorization failed.' }

type RequestTopic = CreateTopicsRequest['topics'][number]

export async function createTopics(
  request: CreateTopicsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.createTopics> {
  const mayCreate = ({ name }: RequestTopic) =>
    mayCluster(call.access, 'create') || call.access.may('create', 'topic', name)
  const denied = request.topics.filter(topic => !mayCreate(topic))
  if (denied.length > 0) {
    const allowed = { ...request, topics: request.topics.filter(mayCreate) }
    const { topics = [] } = allowed.topics.length > 0 ? await createTopics(allowed, call, broker) : {}
    return { topics: [...topics, ...denied.map(topic => refused(topic, notAllowed))] }
  }
  if (!broker.parts.membership.controller) {
    const isHandedOn = isForwarded(call)
    const answer = isHandedOn ? null : await broker.parts.forwarder.forward(apis.createTopics, request)
    return answer ?? { topics: request.topics.map(topic => refused(topic, notController)) }
  }
  // What looks wrong may only be news: a broker that has just joined.
  const isDoubtful = (topic: RequestTopic) =>
    refusalOf(topic, broker) !== null || broker.topicFault(wishOf(topic)) !== null
  if (request.topics.some(isDoubtful)) await broker.catchUp()
  const topics = []
  for (const topic of request.topics) {
    const isTwice = request.topics.filter(({ name }) => name === topic.name).length > 1
    const refusal = isTwice ? twice(topic) : refusalOf(topic, broker)
    topics.push(refusal ? refused(topic, refusal) : await createOne(topic, request.validateOnly, broker))
  }
  return { topics }
}

async function createOne(topic: RequestTopic, validateOnly: boolean, broker: Broker) {
  const wish = wishOf(topic)
  const fault = broker.topicFault(wish)
  if (fault) return refused(topic, fault)
  if (validateOnly) return accepted(topic, zeroUuid, wish, broker)
  const created = await broker.createTopic(wish)
  return created.topic
    ? accepted(topic, created.topic.id, wish, broker)
    : refused(topic, { error: created.error, message: created.message })
}

function wishOf({ name, numPartitions, replicationFactor, assignments, configs }: RequestTopic): TopicWish {
  const wish = { name, configs: Object.fromEntries(configs.map(config => [config.name, config.value ?? ''])) }
  if (assignments.length === 0) return { ...wish, partitions: numPartitions, replicationFactor }
  const ordered = [...assignments].sort((one, other) => one.partitionIndex - other.partitionIndex)
  return { ...wish, partitions: assignments.length, assignment: ordered.map(({ brokerIds }) => brokerIds) }
}

function twice({ name }: RequestTopic): Outcome {
  return { error: 'invalidRequest', message: `Duplicate topic name "${name}" in the request.` }
}

/** What is wrong with the wish before the topic itself is looked at. */
function refusalOf(topic: RequestTopic, broker: Broker): Outcome | null {
  const { replicationFactor, assignments, numPartitions, configs } = topic
  const nulled = configs.find(config => config.value === null)
  if (nulled)
    return { error: 'invalidConfig', message: `Null value not allowed for topic config "${nulled.name}".` }
  if (assignments.length === 0) return null
  if (numPartitions !== -1 || replicationFactor !== -1) {
    const message = 'Both a manual assignment and a number of partitions or replicas were given.'
    return { error: 'invalidRequest', message }
  }
  const indexes = new Set(assignments.map(({ partitionIndex }) => partitionIndex))
  const copies = assignments[0]!.brokerIds.length
  const isSound = assignments.every(({ brokerIds }, index) => {
    const isLive = brokerIds.every(brokerId => broker.endpointOf(brokerId) !== null)
    return indexes.has(index) && isLive && brokerIds.length === copies && new Set(brokerIds).size === copies
  })
  if (isSound && copies > 0) return null
  const message =
    'Partitions must be numbered from 0, each with as many living brokers as the others, each once.'
  return { error: 'invalidReplicaAssignment', message }
}

function refused({ name }: RequestTopic, { error, message }: Outcome) {
  return { name, topicId: zeroUuid, errorCode: errorCodes[error], errorMessage: message, configs: null }
}

function accepted({ name }: RequestTopic, topicId: string, wish: TopicWish, broker: Broker) {
  const { replicationFactor = -1, assignment } = wish
  const copies = replicationFactor === -1 ? broker.replicationFactorDefault : replicationFactor
  return {
    name,
    topicId,
    errorCode: errorCodes.none,
    numPartitions: broker.partitionsOf(wish),
    replicationFactor: assignment?.[0]?.length ?? copies,
    configs: topicConfigNames.map(configName => {
      const { value, source } = effectiveConfig(configName, wish.configs, broker.parts.configDefaults)
      return { name: configName, value, configSource: configSourceCodes[source] }
    }),
  }
}
