// Where each partition's log begins and ends, asked of its leader. A leader that does not answer leaves what it last
// said standing, and does not hold back the others.
import type { Cluster } from '../../broker/client/cluster.ts'
import { apis } from '../../broker/protocol/apis.ts'
import {
  type ListOffsetsResponse,
  listOffsetsTimestamps,
} from '../../broker/protocol/messages/02-list-offsets.ts'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'

interface Place {
  readonly topic: string
  readonly partition: number
  readonly leader: number
}

export class PartitionOffsets {
  readonly #cluster: Cluster
  readonly #timeoutMs: number
  readonly #offsets = new Map<string, { start: number; end: number }>()

  constructor(cluster: Cluster, timeoutMs: number) {
    this.#cluster = cluster
    this.#timeoutMs = timeoutMs
  }

  of(topic: string | null, partition: number): { readonly start: number; readonly end: number } | undefined {
    return this.#offsets.get(`${topic}/${partition}`)
  }

  async read(topics: MetadataResponse['topics']): Promise<void> {
    const places = topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex: partition, leaderId: leader }): Place => {
        return { topic: name ?? '', partition, leader }
      }),
    )
    const byLeader = Map.groupBy(places, ({ leader }) => leader)
    byLeader.delete(-1)
    await Promise.all(
      [...byLeader].map(([leader, led]) => this.#readFrom(leader, led).catch(() => undefined)),
    )
  }

  async #readFrom(leader: number, places: readonly Place[]): Promise<void> {
    const connection = await this.#cluster.connectionTo(leader)
    const names = [...Map.groupBy(places, ({ topic }) => topic)]
    const ask = (timestamp: number) => {
      const topics = names.map(([name, led]) => ({
        name,
        partitions: led.map(({ partition }) => ({ partitionIndex: partition, timestamp })),
      }))
      return connection.request(apis.listOffsets, { topics }, { timeoutMs: this.#timeoutMs })
    }
    const [starts, ends] = await Promise.all([
      ask(listOffsetsTimestamps.earliest),
      ask(listOffsetsTimestamps.latest),
    ])
    const endOf = offsetsOf(ends)
    for (const [key, start] of offsetsOf(starts))
      this.#offsets.set(key, { start, end: endOf.get(key) ?? start })
  }
}

function offsetsOf(answer: ListOffsetsResponse): Map<string, number> {
  const found = new Map<string, number>()
  for (const { name, partitions } of answer.topics) {
    for (const { partitionIndex, errorCode, offset } of partitions) {
      if (errorCode === 0) found.set(`${name}/${partitionIndex}`, offset)
    }
  }
  return found
}
