// Kafka's admin calls over the connections that analytics has: any broker hands changes on to the controller; what is a
// partition's is asked of its leader, what is a group's of its coordinator.
import type { Cluster } from '../../broker/client/cluster.ts'
import { ConnectionError } from '../../broker/client/connection.ts'
import { type AnyApi, apis } from '../../broker/protocol/apis.ts'
import type { Body, Encodable } from '../../broker/protocol/fields.ts'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import { refuse, unreachable } from './refusal.ts'

export const adminTimeoutMs = 15_000

export class AdminClient {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async request<A extends AnyApi>(api: A, body: Encodable<A['request']>): Promise<Body<A['response']>> {
    try {
      const connection = await this.#cluster.anyConnection()
      return await connection.request(api, body, { timeoutMs: adminTimeoutMs })
    } catch (error) {
      throw asProblem(error)
    }
  }

  async requestOf<A extends AnyApi>(
    broker: number,
    api: A,
    body: Encodable<A['request']>,
  ): Promise<Body<A['response']>> {
    try {
      if (!this.#cluster.brokers.some(({ id }) => id === broker)) await this.#cluster.refresh([])
      const connection = await this.#cluster.connectionTo(broker)
      return await connection.request(api, body, { timeoutMs: adminTimeoutMs })
    } catch (error) {
      throw asProblem(error)
    }
  }

  /** Null asks for every topic. */
  metadata(topics: readonly string[] | null): Promise<MetadataResponse> {
    const named = topics?.map(name => ({ name })) ?? null
    return this.request(apis.metadata, { topics: named, allowAutoTopicCreation: false })
  }

  async coordinatorOf(group: string): Promise<number> {
    const { coordinators } = await this.request(apis.findCoordinator, { coordinatorKeys: [group] })
    const { nodeId, errorCode, errorMessage } = coordinators[0]!
    refuse(errorCode, errorMessage, `Group "${group}"`)
    return nodeId
  }
}

function asProblem(error: unknown): unknown {
  return error instanceof ConnectionError ? unreachable(error) : error
}
