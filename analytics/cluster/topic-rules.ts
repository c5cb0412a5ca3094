// What is set for each topic: how long it is kept, how durable it is, and how many replicas must be in sync before a
// write with acks=all is acknowledged. Asked of a broker when there are new topics, and again every half minute; where
// it cannot be asked, one in sync is enough and the rest is not known.
import type { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import { configResourceTypes } from '../../broker/protocol/messages/32-describe-configs.ts'
import type { TopicState } from '../http/contract-cluster.ts'

const againMs = 30_000
const names = {
  minInSync: 'min.insync.replicas',
  retentionMs: 'retention.ms',
  retentionBytes: 'retention.bytes',
  cleanupPolicy: 'cleanup.policy',
  flushMessages: 'flush.messages',
} as const

export type TopicKeeping = Pick<TopicState, 'retentionMs' | 'retentionBytes' | 'cleanupPolicy' | 'durability'>

const notKnown: TopicKeeping = {
  retentionMs: null,
  retentionBytes: null,
  cleanupPolicy: null,
  durability: null,
}

export class TopicRules {
  readonly #timeoutMs: number
  readonly #minInSync = new Map<string, number>()
  readonly #keeping = new Map<string, TopicKeeping>()
  #askedAtMs = Number.NEGATIVE_INFINITY

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  minInSyncOf(topic: string): number {
    return this.#minInSync.get(topic) ?? 1
  }

  keepingOf(topic: string): TopicKeeping {
    return this.#keeping.get(topic) ?? notKnown
  }

  /** Somebody has changed them: what is known is asked for again. */
  forget(): void {
    this.#askedAtMs = Number.NEGATIVE_INFINITY
  }

  async refresh(connection: Connection, { topics }: MetadataResponse, nowMs: number): Promise<void> {
    const found = topics.flatMap(({ name }) => name ?? [])
    if (found.every(name => this.#minInSync.has(name)) && nowMs - this.#askedAtMs < againMs) return
    this.#askedAtMs = nowMs
    try {
      const resources = found.map(resourceName => ({
        resourceType: configResourceTypes.topic,
        resourceName,
        configurationKeys: Object.values(names),
      }))
      const options = { timeoutMs: this.#timeoutMs }
      const { results } = await connection.request(apis.describeConfigs, { resources }, options)
      for (const { resourceName, configs } of results) {
        const values = new Map(configs.map(({ name, value }) => [name, value]))
        const minInSync = Number(values.get(names.minInSync) ?? 1)
        this.#minInSync.set(resourceName, Number.isInteger(minInSync) ? minInSync : 1)
        this.#keeping.set(resourceName, keepingIn(values))
      }
    } catch {
      for (const name of found) if (!this.#minInSync.has(name)) this.#minInSync.set(name, 1)
    }
  }
}

function keepingIn(values: ReadonlyMap<string, string | null>): TopicKeeping {
  const flush = values.get(names.flushMessages)
  return {
    retentionMs: numberIn(values.get(names.retentionMs)),
    retentionBytes: numberIn(values.get(names.retentionBytes)),
    cleanupPolicy: values.get(names.cleanupPolicy) ?? null,
    durability: flush === undefined ? null : flush === '1' ? 'flushed' : 'page cache',
  }
}

function numberIn(text: string | null | undefined): number | null {
  const number = Number(text ?? Number.NaN)
  return Number.isFinite(number) ? number : null
}
