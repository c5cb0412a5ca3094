// What the cluster is: topics, their partitions, who leads them. A pure fold of the metadata store's entries,
// and the keys and values under which they lie there. Values are JSON, so that a person can read the store.
//
//   cluster/id                    the id that log directories carry too
//   cluster/controller            who decides (goes with its session); cluster/controller-epoch: its fencing number
//   brokers/ids/<id>              who is alive (goes with its session); brokers/leaving/<id>: and is about to stop
//   brokers/known/<id>            everybody who ever was, and with which log directory
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
  leavingBroker: (id: number) => `brokers/leaving/${id}`,
  knownBroker: (id: number) => `brokers/known/${id}`,
  name: (topic: string) => `names/${topic}`,
  topicMeta: (topicId: string) => `topics/${topicId}/meta`,
  partition: (topicId: string, index: number) => `topics/${topicId}/p/${index}`,
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** By the names of listeners. */
export type Addresses = Readonly<Record<string, Address>>

/** Where clients of a listener reach a broker, null for the plain one; null where it has no such listener. */
export function addressOn(
  listener: string | null,
  broker: Address & { readonly endpoints?: Addresses | undefined },
): Address | null {
  return listener === null ? broker : (broker.endpoints?.[listener] ?? null)
}

export interface BrokerRegistration {
  readonly brokerId: number
  /** Of the log directory: the same directory means the same broker in a later life. */
  readonly directoryId: string
  /** Of this life. */
  readonly incarnation: string
  /** Of the plain listener, for those on the same machine. */
  readonly host: string
  readonly port: number
  /** Of the others. */
  readonly endpoints?: Addresses
}

/** What outlives a registration. */
export interface KnownBroker {
  readonly brokerId: number
  readonly directoryId: string
  /** Of its latest registration; a clean-shutdown marker of any other one is no marker. */
  readonly brokerEpoch: number
  /** Of the same registration; its directory knows of it. */
  readonly incarnation?: string
}

export interface ControllerRegistration {
  readonly brokerId: number
  readonly directoryId: string
  readonly incarnation: string
  /** Which of its elections this is: an answer that was lost may be about an earlier one. */
  readonly epoch?: number
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
  /** The life of the leader that was granted this epoch: a later one has to be elected anew. */
  readonly leaderBrokerEpoch?: number
  /** The first is the preferred leader. */
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** Left the in-sync set when it was smaller than min ISR, so have everything that is committed. */
  readonly elr?: readonly number[]
  /** 1 after an unclean election, until the leader has everything that is left. */
  readonly leaderRecovery?: number
  /** A reassignment under way: who is to join `replicas` for good, and who is to leave. */
  readonly adding?: readonly number[]
  readonly removing?: readonly number[]
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

/** All its parts have arrived. */
export function isComplete(topic: Topic): boolean {
  const { partitions } = topic.meta.value
  for (let index = 0; index < partitions; index++) if (!topic.partitions[index]) return false
  return true
}

/** What acks=all demands; replicas that are only being added cannot be demanded yet. */
export function effectiveMinIsr({ replicas, adding = [] }: PartitionMeta, minIsr: number): number {
  return Math.max(1, Math.min(minIsr, replicas.length - adding.length))
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
