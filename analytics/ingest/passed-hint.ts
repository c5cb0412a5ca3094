// Tells the brokers how far everything is counted, as offsets of a consumer group: at the cap of its data directory a
// broker deletes first what is below them, and `tailrace groups` shows them. A hint, nothing else: what was counted is
// known by the store alone. Says it now and then, and what failed again later.
import type { Cluster } from '../../broker/client/cluster.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { zeroUuid } from '../../broker/protocol/bytes.ts'

/** The brokers look for this name: see broker/passed-offsets.ts. */
export const aggregatorsGroup = 'tailrace-analytics'

export interface CountedPartition {
  readonly topic: string
  readonly partition: number
  /** Everything below is in the store. */
  readonly offset: number
}

export class PassedHint {
  readonly #cluster: Cluster
  readonly #counted: () => readonly CountedPartition[]
  readonly #told = new Map<string, number>()
  #isTelling = false

  constructor(cluster: Cluster, counted: () => readonly CountedPartition[]) {
    this.#cluster = cluster
    this.#counted = counted
  }

  /** Never throws; resolves true when the brokers know what there was to tell. */
  async tell(): Promise<boolean> {
    if (this.#isTelling) return false
    this.#isTelling = true
    try {
      const news = this.#counted().filter(({ topic, partition, offset }) => {
        return this.#told.get(`${topic}/${partition}`) !== offset
      })
      return news.length === 0 || (await this.#commit(news))
    } catch {
      return false
    } finally {
      this.#isTelling = false
    }
  }

  async #commit(news: readonly CountedPartition[]): Promise<boolean> {
    const any = await this.#cluster.anyConnection()
    const wish = { key: aggregatorsGroup, keyType: 0, coordinatorKeys: [aggregatorsGroup] }
    const found = await any.request(apis.findCoordinator, wish)
    const { nodeId } = found.coordinators[0] ?? found
    if (nodeId < 0) return false
    const coordinator = await this.#cluster.connectionTo(nodeId)
    const answer = await coordinator.request(apis.offsetCommit, {
      groupId: aggregatorsGroup,
      topics: [...Map.groupBy(news, ({ topic }) => topic)].map(([name, counted]) => ({
        name,
        topicId: this.#cluster.topic(name)?.id ?? zeroUuid,
        partitions: counted.map(({ partition, offset }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedMetadata: '',
        })),
      })),
    })
    const isTaken = answer.topics.every(({ partitions }) => partitions.every(one => one.errorCode === 0))
    if (isTaken)
      for (const { topic, partition, offset } of news) this.#told.set(`${topic}/${partition}`, offset)
    return isTaken
  }
}
