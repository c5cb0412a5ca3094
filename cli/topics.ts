// `tailrace topics`: which topics there are, what each is made of, how durable it is, and changing that. Over Kafka's
// own admin calls; any broker that answers will do, for it hands changes on to the controller.
import { apis } from '../broker/protocol/apis.ts'
import { type ErrorName, errorName } from '../broker/protocol/errors.ts'
import { configResourceTypes, configSources } from '../broker/protocol/messages/32-describe-configs.ts'
import { configOperations } from '../broker/protocol/messages/44-incremental-alter-configs.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { AdminPartition, ClusterAdmin } from './cluster-admin.ts'

export interface TopicSummary {
  readonly topic: string
  readonly partitions: number
  readonly replicas: number
  readonly internal: boolean
}

export interface TopicReport extends TopicSummary {
  /** Of `flush.messages`: what an acknowledgement means. */
  readonly durability: 'flushed' | 'page cache'
  /** Those that were set for this topic. */
  readonly configs: Readonly<Record<string, string>>
  readonly states: readonly AdminPartition[]
}

export interface TopicSettings {
  /** -1: the broker's choice. */
  readonly partitions: number
  readonly replicas: number
  readonly configs: ReadonlyMap<string, string>
}

export interface TopicChange {
  /** Null: as many as there are. */
  readonly partitions: number | null
  readonly set: ReadonlyMap<string, string>
  readonly remove: readonly string[]
}

const durabilityConfig = 'flush.messages'
const timeoutMs = 15_000

export async function listTopics(admin: ClusterAdmin): Promise<TopicSummary[]> {
  const { topics } = await admin.request(apis.metadata, { topics: null })
  return topics
    .map(({ name, partitions, isInternal }) => ({
      topic: name ?? '',
      partitions: partitions.length,
      replicas: Math.max(0, ...partitions.map(({ replicaNodes }) => replicaNodes.length)),
      internal: isInternal,
    }))
    .sort((one, other) => (one.topic < other.topic ? -1 : 1))
}

export async function describeTopic(admin: ClusterAdmin, topic: string): Promise<TopicReport> {
  const summary = (await listTopics(admin)).find(one => one.topic === topic)
  if (!summary)
    throw new ExitError(exitCodes.failed, `There is no topic "${topic}"; see: tailrace topics list`)
  const resources = [
    { resourceType: configResourceTypes.topic, resourceName: topic, configurationKeys: null },
  ]
  const answer = await admin.request(apis.describeConfigs, { resources })
  const { errorCode, errorMessage, configs } = answer.results[0]!
  refuse(errorCode, errorMessage, topic)
  const { partitions } = await admin.view()
  const own = configs.filter(({ configSource }) => configSource === configSources.topic)
  return {
    ...summary,
    durability:
      configs.find(({ name }) => name === durabilityConfig)?.value === '1' ? 'flushed' : 'page cache',
    configs: Object.fromEntries(own.map(({ name, value }) => [name, value ?? ''])),
    states: partitions.filter(state => state.topic === topic),
  }
}

export async function createTopic(
  admin: ClusterAdmin,
  name: string,
  { partitions, replicas, configs }: TopicSettings,
): Promise<void> {
  const topic = {
    name,
    numPartitions: partitions,
    replicationFactor: replicas,
    configs: [...configs].map(([config, value]) => ({ name: config, value })),
  }
  const { topics } = await admin.request(apis.createTopics, { topics: [topic], timeoutMs })
  refuse(topics[0]!.errorCode, topics[0]!.errorMessage, name)
}

export async function alterTopic(admin: ClusterAdmin, name: string, change: TopicChange): Promise<void> {
  const configs = [
    ...[...change.set].map(([config, value]) => ({
      name: config,
      configOperation: configOperations.set,
      value,
    })),
    ...change.remove.map(config => ({ name: config, configOperation: configOperations.delete, value: null })),
  ]
  if (configs.length > 0) {
    const resources = [{ resourceType: configResourceTypes.topic, resourceName: name, configs }]
    const { responses } = await admin.request(apis.incrementalAlterConfigs, { resources })
    refuse(responses[0]!.errorCode, responses[0]!.errorMessage, name)
  }
  if (change.partitions === null) return
  const topics = [{ name, count: change.partitions, assignments: null }]
  const { results } = await admin.request(apis.createPartitions, { topics, timeoutMs })
  refuse(results[0]!.errorCode, results[0]!.errorMessage, name)
}

/** Everything before `offset`, -1 for all there is. Returns where the log begins now. */
export async function deleteRecords(
  admin: ClusterAdmin,
  name: string,
  partition: number,
  offset: number,
): Promise<number> {
  const { brokers, partitions } = await admin.view()
  const leader = partitions.find(one => one.topic === name && one.index === partition)?.leader
  const address = brokers.find(({ id }) => id === leader)
  if (!address) {
    const why = leader === undefined ? 'there is no such partition' : 'nobody leads it now'
    throw new ExitError(exitCodes.failed, `Topic "${name}", partition ${partition}: ${why}`)
  }
  const topics = [{ name, partitions: [{ partitionIndex: partition, offset }] }]
  const at = `${address.host}:${address.port}`
  const answer = await admin.requestAt(at, apis.deleteRecords, { topics, timeoutMs })
  const { errorCode, lowWatermark } = answer.topics[0]!.partitions[0]!
  refuse(errorCode, null, name)
  return lowWatermark
}

export async function deleteTopic(admin: ClusterAdmin, name: string): Promise<void> {
  const topics = [{ name }]
  const { responses } = await admin.request(apis.deleteTopics, { topics, topicNames: [name], timeoutMs })
  refuse(responses[0]!.errorCode, responses[0]!.errorMessage, name)
}

/** Where the broker says no more than its error's name. */
const sentences: Partial<Record<ErrorName, string>> = {
  unknownTopicOrPartition: 'there is no such topic; `tailrace topics list` has those that are there',
  invalidTopicException: 'a name has letters, digits, dots, dashes and underscores, 249 of them at most',
  topicAuthorizationFailed: 'this user may not do that; `tailrace users list` says who may',
  requestTimedOut: 'the brokers did not answer in time; `tailrace cluster health` says how they are',
}

function refuse(errorCode: number, message: string | null, topic: string): void {
  if (errorCode === 0) return
  const name = errorName(errorCode)
  throw new ExitError(exitCodes.failed, `Topic "${topic}": ${message ?? sentences[name] ?? name}`)
}
