// What the cluster is: topics, their partitions, who leads them. A pure fold of the metadata store's entries,
// and the keys and values under which they lie there. Values are JSON, so that a person can read the store.
//
//   cluster/id                    the id that log directories carry too
//   cluster/controller            who decides (goes with its session); cluster/controller-epoch: its fencing number
//   brokers/ids/<id>              who is alive (goes with its session)
//   names/<topic>                 topic id; what makes a name unique
//   topics/<topic id>/meta        name, partition count, configuration, whether it is being deleted
//   topics/<topic id>/p/<n>       leader, in-sync set, epochs
//   producer-ids/next             the first producer id nobody was promised
import type { Entry, Version } from '../metadata/store.ts'

export const keys = {
  clusterId: 'cluster/id',
  controller: 'cluster/controller',
  controllerEpoch: 'cluster/controller-epoch',
  producerIds: 'producer-ids/next',
  topics: 'topics/',
  broker: (id: number) => `brokers/ids/${id}`,
  name: (topic: string) => `names/${topic}`,
  topicMeta: (topicId: string) => `topics/${topicId}/meta`,
  partition: (topicId: string, index: number) => `topics/${topicId}/p/${index}`,
}

export interface BrokerRegistration {
  readonly brokerId: number
  /** Of the log directory: the same directory means the same broker in a later life. */
  readonly directoryId: string
  /** Of this life. */
  readonly incarnation: string
  readonly host: string
  readonly port: number
}

export interface ControllerRegistration {
  readonly brokerId: number
  readonly directoryId: string
  readonly incarnation: string
}

export interface TopicMeta {
  readonly name: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
  readonly deleting: boolean
}

export interface PartitionMeta {
  /** -1 when nobody leads. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly partitionEpoch: number
  readonly controllerEpoch: number
}

export interface Versioned<T> {
  readonly value: T
  readonly version: Version
}

export interface Topic {
  readonly id: string
  meta: Versioned<TopicMeta>
  readonly partitions: Versioned<PartitionMeta>[]
}

export function encodeValue(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

export function decodeValue<T>(entry: Entry): Versioned<T> {
  return { value: JSON.parse(Buffer.from(entry.value).toString()) as T, version: entry.version }
}

/** Topics by id from the entries under `topics/`; a topic without its meta entry does not exist. */
export function readTopics(entries: readonly Entry[]): Map<string, Topic> {
  const topics = new Map<string, Topic>()
  const partitions: { topicId: string; index: number; state: Versioned<PartitionMeta> }[] = []
  for (const entry of entries) {
    const [, topicId, what, index] = entry.key.split('/')
    if (topicId === undefined) continue
    if (what === 'meta')
      topics.set(topicId, { id: topicId, meta: decodeValue<TopicMeta>(entry), partitions: [] })
    if (what === 'p')
      partitions.push({ topicId, index: Number(index), state: decodeValue<PartitionMeta>(entry) })
  }
  for (const { topicId, index, state } of partitions) {
    const topic = topics.get(topicId)
    if (topic) topic.partitions[index] = state
  }
  return topics
}

/** The next life of a partition: one epoch further, led by the first of its in-sync set that is alive. */
export function elect(
  partition: PartitionMeta,
  isAlive: (brokerId: number) => boolean,
  controllerEpoch: number,
): PartitionMeta {
  const leader = partition.isr.find(isAlive) ?? -1
  return {
    ...partition,
    leader,
    leaderEpoch: partition.leaderEpoch + 1,
    partitionEpoch: partition.partitionEpoch + 1,
    controllerEpoch,
  }
}

const topicNameLengthMax = 249

/** Why Kafka would not take this name, or null. */
export function topicNameFault(name: string): string | null {
  if (name === '') return 'the name is empty'
  if (name === '.' || name === '..') return `"${name}" means a directory`
  if (name.length > topicNameLengthMax) return `the name is longer than ${topicNameLengthMax} characters`
  return /^[a-zA-Z0-9._-]+$/.test(name) ? null : 'only letters, digits, ".", "_" and "-" are allowed'
}

/** Names that differ in "." and "_" alone would share their metric names. */
export function collidingName(name: string, others: Iterable<string>): string | null {
  const flat = name.replaceAll('.', '_')
  for (const other of others) {
    if (other !== name && other.replaceAll('.', '_') === flat) return other
  }
  return null
}

const internalTopics: ReadonlySet<string> = new Set(['__consumer_offsets'])

export function isInternalTopic(name: string): boolean {
  return internalTopics.has(name)
}
