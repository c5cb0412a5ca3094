// How many replicas of a topic must be in sync before a write with acks=all is acknowledged. Asked of a broker when
// there are new topics, and again every half minute; where it cannot be asked, one is enough.
import type { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import { configResourceTypes } from '../../broker/protocol/messages/32-describe-configs.ts'

const againMs = 30_000
const configName = 'min.insync.replicas'

export class TopicRules {
  readonly #timeoutMs: number
  readonly #minInSync = new Map<string, number>()
  #askedAtMs = Number.NEGATIVE_INFINITY

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  minInSyncOf(topic: string): number {
    return this.#minInSync.get(topic) ?? 1
  }

  async refresh(connection: Connection, { topics }: MetadataResponse, nowMs: number): Promise<void> {
    const names = topics.flatMap(({ name }) => name ?? [])
    if (names.every(name => this.#minInSync.has(name)) && nowMs - this.#askedAtMs < againMs) return
    this.#askedAtMs = nowMs
    try {
      const resources = names.map(resourceName => ({
        resourceType: configResourceTypes.topic,
        resourceName,
        configurationKeys: [configName],
      }))
      const options = { timeoutMs: this.#timeoutMs }
      const { results } = await connection.request(apis.describeConfigs, { resources }, options)
      for (const { resourceName, configs } of results) {
        const value = Number(configs.find(({ name }) => name === configName)?.value ?? 1)
        this.#minInSync.set(resourceName, Number.isInteger(value) ? value : 1)
      }
    } catch {
      for (const name of names) if (!this.#minInSync.has(name)) this.#minInSync.set(name, 1)
    }
  }
}
