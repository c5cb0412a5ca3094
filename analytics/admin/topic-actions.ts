// What an admin does to topics: make, set, widen, cut, delete; and which settings a topic has. Kafka's admin calls and
// nothing else; refusals are problems with the broker's reason.
import { apis } from '../../broker/protocol/apis.ts'
import { configResourceTypes, configSources } from '../../broker/protocol/messages/32-describe-configs.ts'
import { electionTypes } from '../../broker/protocol/messages/43-elect-leaders.ts'
import { configOperations } from '../../broker/protocol/messages/44-incremental-alter-configs.ts'
import type { TopicConfig, TopicConfigsAnswer } from '../http/contract-cluster.ts'
import { type AdminClient, adminTimeoutMs as timeoutMs } from './admin-client.ts'
import { refuse } from './refusal.ts'

export interface TopicWish {
  readonly topic: string
  /** -1: the broker's choice. */
  readonly partitions: number
  readonly replicas: number
  readonly configs: Readonly<Record<string, string>>
}

export async function createTopic(admin: AdminClient, wish: TopicWish): Promise<void> {
  const configs = Object.entries(wish.configs).map(([name, value]) => ({ name, value }))
  const { topic: name, partitions: numPartitions, replicas: replicationFactor } = wish
  const { topics } = await admin.request(apis.createTopics, {
    topics: [{ name, numPartitions, replicationFactor, configs }],
    timeoutMs,
  })
  refuse(topics[0]!.errorCode, topics[0]!.errorMessage, named(name))
}

export async function alterConfigs(
  admin: AdminClient,
  topic: string,
  set: Readonly<Record<string, string>>,
  remove: readonly string[],
): Promise<void> {
  const configs = [
    ...Object.entries(set).map(([name, value]) => ({ name, configOperation: configOperations.set, value })),
    ...remove.map(name => ({ name, configOperation: configOperations.delete, value: null })),
  ]
  const resources = [{ resourceType: configResourceTypes.topic, resourceName: topic, configs }]
  const { responses } = await admin.request(apis.incrementalAlterConfigs, { resources })
  refuse(responses[0]!.errorCode, responses[0]!.errorMessage, named(topic))
}

/** `count`: how many there are to be. */
export async function addPartitions(admin: AdminClient, name: string, count: number): Promise<void> {
  const topics = [{ name, count, assignments: null }]
  const { results } = await admin.request(apis.createPartitions, { topics, timeoutMs })
  refuse(results[0]!.errorCode, results[0]!.errorMessage, named(name))
}

/** Everything before `offset`, of one partition; -1: all there is. Returns where the log begins now. */
export async function deleteRecords(
  admin: AdminClient,
  name: string,
  partition: number,
  offset: number,
): Promise<number> {
  const metadata = await admin.metadata([name])
  const found = metadata.topics[0]!
  refuse(found.errorCode, null, named(name))
  const place = `${named(name)}, partition ${partition}`
  const leader = found.partitions.find(one => one.partitionIndex === partition)?.leaderId
  if (leader === undefined) refuse(unknownPartition, null, place)
  if (leader === -1) refuse(noLeader, null, place)
  const topics = [{ name, partitions: [{ partitionIndex: partition, offset }] }]
  const answer = await admin.requestOf(leader!, apis.deleteRecords, { topics, timeoutMs })
  const { errorCode, lowWatermark } = answer.topics[0]!.partitions[0]!
  refuse(errorCode, null, place)
  return lowWatermark
}

const unknownPartition = 3
const noLeader = 5

export async function deleteTopic(admin: AdminClient, name: string): Promise<void> {
  const topics = [{ name }]
  const { responses } = await admin.request(apis.deleteTopics, { topics, topicNames: [name], timeoutMs })
  refuse(responses[0]!.errorCode, responses[0]!.errorMessage, named(name))
}

export async function topicConfigs(admin: AdminClient, topic: string): Promise<TopicConfigsAnswer> {
  const { topics } = await admin.metadata([topic])
  refuse(topics[0]!.errorCode, null, named(topic))
  const resourceType = configResourceTypes.topic
  const { results } = await admin.request(apis.describeConfigs, {
    resources: [{ resourceType, resourceName: topic, configurationKeys: null }],
  })
  const { errorCode, errorMessage, configs } = results[0]!
  refuse(errorCode, errorMessage, named(topic))
  return {
    topic,
    configs: configs
      .map(({ name, value, readOnly, isSensitive, configSource }): TopicConfig => {
        return { name, value: isSensitive ? null : value, readOnly, source: sourceOf(configSource) }
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

function sourceOf(source: number): TopicConfig['source'] {
  if (source === configSources.topic) return 'topic'
  return source === configSources.default ? 'default' : 'broker'
}

/** Leadership goes back to where it was planned; in how many partitions it moved. */
export async function electPreferred(admin: AdminClient): Promise<number> {
  const answer = await admin.request(apis.electLeaders, {
    electionType: electionTypes.preferred,
    topicPartitions: null,
  })
  refuse(answer.errorCode, null, 'Election')
  const results = answer.replicaElectionResults.flatMap(({ partitionResult }) => partitionResult)
  return results.filter(({ errorCode }) => errorCode === 0).length
}

function named(topic: string): string {
  return `Topic "${topic}"`
}
