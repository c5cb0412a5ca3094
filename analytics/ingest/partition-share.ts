// Which partitions this process reads: all of them while it is alone, what its group gives it otherwise. Brings what
// the ingest reads in line with that, as topics appear and grow. Asks the cluster; decides nothing about offsets.
import type { Cluster } from '../../broker/client/cluster.ts'
import type { TopicPartition } from '../../broker/client/consumer-protocol.ts'
import { offsetAt } from '../../broker/client/fetcher.ts'
import { zeroUuid } from '../../broker/protocol/bytes.ts'
import { listOffsetsTimestamps } from '../../broker/protocol/messages/02-list-offsets.ts'
import type { Ingest } from './ingest.ts'

export type Share = 'all' | 'none' | readonly TopicPartition[]

export class PartitionShare {
  readonly #cluster: Cluster
  readonly #ingest: Ingest
  /** Those that must exist. */
  readonly #required: readonly string[]
  readonly #topics: readonly string[]
  #share: Share
  #names = new Set<string>()

  /** `topics` are those that must exist; `optional` ones are read where they do. */
  constructor(
    cluster: Cluster,
    ingest: Ingest,
    topics: readonly string[],
    optional: readonly string[],
    share: Share,
  ) {
    this.#cluster = cluster
    this.#ingest = ingest
    this.#required = topics
    this.#topics = [...topics, ...optional]
    this.#share = share
  }

  /** What is not in it any more is committed and let go at once; what is new is found by `reconcile`. */
  set(share: Share): void {
    this.#share = share
    this.#names = new Set(typeof share === 'string' ? [] : share.map(nameOf))
    this.#ingest.unassign(this.#ingest.counted().filter(partition => !this.#has(partition)))
  }

  /** True if every topic exists and every partition of the share is read. */
  async reconcile(): Promise<boolean> {
    await this.#cluster.refresh(this.#topics)
    let isComplete = this.#share !== 'none'
    for (const name of this.#topics) {
      const topic = this.#cluster.topic(name)
      if (topic?.error !== 'none') {
        if (this.#required.includes(name)) isComplete = false
        continue
      }
      const topicId = topic.id === zeroUuid ? null : topic.id
      const missing = topic.partitions
        .map(({ index }) => ({ topic: name, partition: index }))
        .filter(one => this.#has(one) && !this.#ingest.isAssigned(name, one.partition))
      const earliest = await Promise.all(
        missing.map(({ partition }) =>
          offsetAt(this.#cluster, name, partition, listOffsetsTimestamps.earliest),
        ),
      )
      for (const [at, one] of missing.entries()) {
        // The group may have given it to another meanwhile.
        if (this.#has(one)) this.#ingest.assign(name, one.partition, topicId, Math.max(earliest[at]!, 0))
      }
    }
    return isComplete
  }

  #has(partition: TopicPartition): boolean {
    return this.#share === 'all' || this.#names.has(nameOf(partition))
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
