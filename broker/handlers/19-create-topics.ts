// CreateTopics, v2-7. Answered when each topic is durable and takes records, so that the next produce succeeds.
import type { Broker, TopicWish } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Outcome } from '../controller/controller.ts'
import { effectiveConfig, topicConfigNames } from '../controller/topic-configs.ts'
import type { LaterAnswer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { zeroUuid } from '../protocol/bytes.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { CreateTopicsRequest } from '../protocol/messages/19-create-topics.ts'
import { configSourceCodes } from './32-describe-configs.ts'

type RequestTopic = CreateTopicsRequest['topics'][number]

export async function createTopics(
  request: CreateTopicsRequest,
  _call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.createTopics> {
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
  const partitions = wish.partitions === -1 ? broker.parts.config.defaultPartitions : wish.partitions
  if (validateOnly) return accepted(topic, zeroUuid, partitions, wish, broker)
  const created = await broker.createTopic(wish)
  return created.topic
    ? accepted(topic, created.topic.id, partitions, wish, broker)
    : refused(topic, { error: created.error, message: created.message })
}

function wishOf({ name, numPartitions, assignments, configs }: RequestTopic): TopicWish {
  return {
    name,
    partitions: assignments.length > 0 ? assignments.length : numPartitions,
    configs: Object.fromEntries(configs.map(config => [config.name, config.value ?? ''])),
  }
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
  if (assignments.length === 0) {
    if (replicationFactor === -1 || replicationFactor === 1) return null
    const message = `Replication factor: ${replicationFactor} larger than available brokers: 1.`
    return { error: 'invalidReplicationFactor', message }
  }
  if (numPartitions !== -1 || replicationFactor !== -1) {
    const message = 'Both a manual assignment and a number of partitions or replicas were given.'
    return { error: 'invalidRequest', message }
  }
  const { nodeId } = broker.endpoint
  const indexes = new Set(assignments.map(({ partitionIndex }) => partitionIndex))
  const isDense = assignments.every((_, index) => indexes.has(index))
  const isHere = assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === nodeId)
  if (isDense && isHere) return null
  const message = `Partitions must be numbered from 0 and assigned to broker ${nodeId}.`
  return { error: 'invalidReplicaAssignment', message }
}

function refused({ name }: RequestTopic, { error, message }: Outcome) {
  return { name, topicId: zeroUuid, errorCode: errorCodes[error], errorMessage: message, configs: null }
}

function accepted(
  { name }: RequestTopic,
  topicId: string,
  numPartitions: number,
  wish: TopicWish,
  broker: Broker,
) {
  return {
    name,
    topicId,
    errorCode: errorCodes.none,
    numPartitions,
    replicationFactor: 1,
    configs: topicConfigNames.map(configName => {
      const { value, source } = effectiveConfig(configName, wish.configs, broker.parts.configDefaults)
      return { name: configName, value, configSource: configSourceCodes[source] }
    }),
  }
}
