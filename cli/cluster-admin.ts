// A cluster as its operators see it, over Kafka's own admin calls: any broker that can be reached answers, and when it
// goes away another is asked. Sockets only; what is to be done with the answers is decided elsewhere.
import { Connection } from '../broker/client/connection.ts'
import { type AnyApi, apis } from '../broker/protocol/apis.ts'
import type { Body, Encodable } from '../broker/protocol/fields.ts'
import { configResourceTypes } from '../broker/protocol/messages/32-describe-configs.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

export interface AdminBroker {
  readonly id: number
  readonly host: string
  readonly port: number
}

export interface AdminPartition {
  readonly topic: string
  readonly index: number
  /** -1 when nobody leads. */
  readonly leader: number
  /** All that hold it, those that are to leave included. */
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly adding: readonly number[]
  readonly removing: readonly number[]
  readonly minIsr: number
}

export interface AdminView {
  /** Alive. */
  readonly brokers: readonly AdminBroker[]
  readonly controller: number
  readonly partitions: readonly AdminPartition[]
}

const clientId = 'tailrace-cluster'
const connectTimeoutMs = 2_000
const requestTimeoutMs = 15_000
const minIsrConfig = 'min.insync.replicas'

export class ClusterAdmin implements Disposable {
  readonly #bootstrap: readonly string[]
  readonly #connections = new Map<string, Connection>()
  #known: readonly string[] = []

  constructor(bootstrap: readonly string[]) {
    this.#bootstrap = bootstrap
  }

  /** Asked of whoever answers. Throws ExitError 69 when nobody does. */
  async request<A extends AnyApi>(api: A, body: Encodable<A['request']>): Promise<Body<A['response']>> {
    let last: unknown
    const addresses = new Set([...this.#open(), ...this.#bootstrap, ...this.#known])
    for (const address of addresses) {
      try {
        return await this.requestAt(address, api, body)
      } catch (error) {
        last = error
      }
    }
    throw new ExitError(
      exitCodes.unavailable,
      `Cannot reach a broker at ${[...addresses].join(', ')}: ${(last as Error).message}. ` +
        'Is `tailrace up` running? Name another address with --bootstrap HOST:PORT',
      { cause: last },
    )
  }

  async requestAt<A extends AnyApi>(
    address: string,
    api: A,
    body: Encodable<A['request']>,
  ): Promise<Body<A['response']>> {
    try {
      return await (await this.#connectionTo(address)).request(api, body, { timeoutMs: requestTimeoutMs })
    } catch (error) {
      this.#connections.get(address)?.close()
      this.#connections.delete(address)
      throw error
    }
  }

  async view(): Promise<AdminView> {
    const metadata = await this.request(apis.metadata, { topics: null })
    const names = metadata.topics.flatMap(({ name }) => name ?? [])
    const [moving, minIsr] = [await this.#reassignments(), await this.#minIsrOf(names)]
    const brokers = metadata.brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port }))
    this.#known = brokers.map(addressOf)
    const partitions = metadata.topics.flatMap(({ name, partitions: ofTopic }) =>
      ofTopic.map(({ partitionIndex: index, leaderId, replicaNodes, isrNodes }) => {
        const topic = name ?? ''
        const { adding, removing } = moving.get(`${topic}-${index}`) ?? nothingMoves
        const demanded = Math.min(minIsr.get(topic) ?? 1, replicaNodes.length - adding.length)
        const ids = { leader: leaderId, replicas: replicaNodes, isr: isrNodes, adding, removing }
        return { topic, index, ...ids, minIsr: Math.max(1, demanded) }
      }),
    )
    return { brokers, controller: metadata.controllerId, partitions }
  }

  /** What each broker holds of each partition, in bytes: '<broker> <topic>-<index>'. The dead hold nothing. */
  async sizes(brokers: readonly AdminBroker[]): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>()
    for (const broker of brokers) {
      const answer = await this.requestAt(addressOf(broker), apis.describeLogDirs, { topics: null }).catch(
        () => null,
      )
      for (const { topics } of answer?.results ?? []) {
        for (const { name, partitions } of topics) {
          for (const { partitionIndex, partitionSize } of partitions) {
            sizes.set(`${broker.id} ${name}-${partitionIndex}`, partitionSize)
          }
        }
      }
    }
    return sizes
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections.values()) connection.close()
  }

  async #reassignments() {
    const moving = new Map<string, { adding: readonly number[]; removing: readonly number[] }>()
    const { topics } = await this.request(apis.listPartitionReassignments, { topics: null })
    for (const { name, partitions } of topics) {
      for (const { partitionIndex, addingReplicas: adding, removingReplicas: removing } of partitions) {
        moving.set(`${name}-${partitionIndex}`, { adding, removing })
      }
    }
    return moving
  }

  async #minIsrOf(topics: readonly string[]): Promise<Map<string, number>> {
    const resources = topics.map(resourceName => {
      return { resourceType: configResourceTypes.topic, resourceName, configurationKeys: [minIsrConfig] }
    })
    const { results } = await this.request(apis.describeConfigs, { resources })
    return new Map(results.map(({ resourceName, configs }) => [resourceName, Number(configs[0]?.value ?? 1)]))
  }

  async #connectionTo(address: string): Promise<Connection> {
    const open = this.#connections.get(address)
    if (open?.isOpen) return open
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon)
    const port = Number(address.slice(colon + 1))
    const connection = await Connection.open({ host, port, clientId, connectTimeoutMs })
    this.#connections.set(address, connection)
    return connection
  }

  #open(): string[] {
    return [...this.#connections].filter(([, connection]) => connection.isOpen).map(([address]) => address)
  }
}

const nothingMoves = { adding: [], removing: [] }

function addressOf({ host, port }: AdminBroker): string {
  return `${host}:${port}`
}
