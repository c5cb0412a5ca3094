// A cluster as a client sees it: which brokers there are, who leads which partition, one connection to each broker.
// Metadata is asked for when somebody needs it or says that it is stale; nothing is retried here without a caller.
import { apis } from '../protocol/apis.ts'
import { zeroUuid } from '../protocol/bytes.ts'
import { type ErrorName, errorName } from '../protocol/errors.ts'
import type { MetadataResponse } from '../protocol/messages/03-metadata.ts'
import { Connection, ConnectionError, type ConnectionOptions } from './connection.ts'

export interface BrokerAddress {
  readonly id: number
  readonly host: string
  readonly port: number
}

export interface PartitionMetadata {
  readonly index: number
  /** -1 while nobody leads. */
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface TopicMetadata {
  readonly name: string
  /** The zero id where the broker has no topic ids. */
  readonly id: string
  readonly error: ErrorName
  /** By partition index. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface ClusterOptions {
  /** `host:port` of any brokers; the others are learned. */
  readonly bootstrap: readonly string[]
  readonly clientId: string
  /** Ask the broker to create topics that are missing. */
  readonly autoCreate?: boolean
  readonly requestTimeoutMs?: number
  /** Who the client is, and how it reaches brokers elsewhere. */
  readonly credentials?: Pick<ConnectionOptions, 'login' | 'tls'>
}

export class Cluster {
  readonly #options: ClusterOptions
  readonly #bootstrap: readonly Omit<BrokerAddress, 'id'>[]
  readonly #connections = new Map<string, Connection>()
  readonly #opening = new Map<string, Promise<Connection>>()
  readonly #topics = new Map<string, TopicMetadata>()
  readonly #topicNames = new Map<string, string>()
  #brokers = new Map<number, BrokerAddress>()
  #clusterId: string | null = null
  #controllerId = -1
  #refreshing: Promise<void> | null = null
  readonly #wanted = new Set<string>()
  #closed = false

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#bootstrap = options.bootstrap.map(parseAddress)
    if (this.#bootstrap.length === 0)
      throw new TypeError('Cannot find a cluster: no bootstrap address is given')
  }

  get clusterId(): string | null {
    return this.#clusterId
  }

  get controllerId(): number {
    return this.#controllerId
  }

  get brokers(): readonly BrokerAddress[] {
    return [...this.#brokers.values()]
  }

  /** What was last heard of a topic; null before anything was. */
  topic(name: string): TopicMetadata | null {
    return this.#topics.get(name) ?? null
  }

  topicNameOf(id: string): string | null {
    return this.#topicNames.get(id) ?? null
  }

  /** Who leads a partition as far as is known; -1 when nobody does or nothing is known. */
  leaderOf(topic: string, partition: number): number {
    return this.#topics.get(topic)?.partitions[partition]?.leaderId ?? -1
  }

  /** Asks for these topics, and for every one asked for before. Calls while one is under way share the next one. */
  async refresh(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#wanted.add(topic)
    if (this.#refreshing) await this.#refreshing.catch(() => undefined)
    this.#refreshing ??= this.#ask().finally(() => {
      this.#refreshing = null
    })
    await this.#refreshing
  }

  /** The open connection to a broker, or a new one. */
  connectionTo(brokerId: number): Promise<Connection> {
    const broker = this.#brokers.get(brokerId)
    if (!broker)
      return Promise.reject(new ConnectionError(`Cannot reach broker ${brokerId}: its address is not known`))
    return this.#connect(broker.host, broker.port)
  }

  /** The open connection to a broker, if there is one. */
  openConnectionTo(brokerId: number): Connection | null {
    const broker = this.#brokers.get(brokerId)
    const connection = broker && this.#connections.get(`${broker.host}:${broker.port}`)
    return connection?.isOpen ? connection : null
  }

  /** Any broker that answers: one that is connected, else the known ones, else the bootstrap addresses. */
  async anyConnection(): Promise<Connection> {
    for (const connection of this.#connections.values()) if (connection.isOpen) return connection
    let failure: unknown = null
    for (const { host, port } of [...this.#brokers.values(), ...this.#bootstrap]) {
      try {
        return await this.#connect(host, port)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }

  #connect(host: string, port: number): Promise<Connection> {
    const address = `${host}:${port}`
    const existing = this.#connections.get(address)
    if (existing?.isOpen) return Promise.resolve(existing)
    let opening = this.#opening.get(address)
    if (!opening) {
      opening = this.#open(host, port).finally(() => this.#opening.delete(address))
      this.#opening.set(address, opening)
    }
    return opening
  }

  async #open(host: string, port: number): Promise<Connection> {
    if (this.#closed) throw new ConnectionError('Cannot connect: this client is closed')
    const { clientId, requestTimeoutMs, credentials } = this.#options
    const timeout = requestTimeoutMs === undefined ? {} : { requestTimeoutMs }
    const connection = await Connection.open({ host, port, clientId, ...timeout, ...credentials })
    if (this.#closed) {
      connection.close()
      throw new ConnectionError('Cannot connect: this client is closed')
    }
    this.#connections.set(`${host}:${port}`, connection)
    return connection
  }

  async #ask(): Promise<void> {
    const connection = await this.anyConnection()
    const answer = await connection.request(apis.metadata, {
      topics: [...this.#wanted].map(name => ({ name })),
      allowAutoTopicCreation: this.#options.autoCreate ?? false,
    })
    this.#learn(answer)
  }

  #learn(answer: MetadataResponse): void {
    this.#clusterId = answer.clusterId
    this.#controllerId = answer.controllerId
    this.#brokers = new Map(
      answer.brokers.map(({ nodeId, host, port }) => [nodeId, { id: nodeId, host, port }]),
    )
    for (const topic of answer.topics) {
      if (topic.name === null) continue
      const partitions: PartitionMetadata[] = []
      for (const { partitionIndex: index, leaderId, leaderEpoch } of topic.partitions) {
        partitions[index] = { index, leaderId, leaderEpoch }
      }
      const previous = this.#topics.get(topic.name)
      if (previous) this.#topicNames.delete(previous.id)
      if (topic.topicId !== zeroUuid) this.#topicNames.set(topic.topicId, topic.name)
      this.#topics.set(topic.name, {
        name: topic.name,
        id: topic.topicId,
        error: errorName(topic.errorCode),
        partitions,
      })
    }
  }
}

function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text)
  if (!match) throw new TypeError(`Cannot use "${text}" as a broker's address: write host:port`)
  return { host: (match[1] ?? match[2])!, port: Number(match[3]) }
}
