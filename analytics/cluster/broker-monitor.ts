// What the brokers say of themselves, asked every second: whether they answer at all, who leads what, where logs begin
// and end. A connection that ends tells at once. Rides through their absence; the last answer is kept.
import type { Cluster } from '../../broker/client/cluster.ts'
import type { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { listOffsetsTimestamps } from '../../broker/protocol/messages/02-list-offsets.ts'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { ClusterAnswer, Overview } from '../http/contract.ts'
import type { SourceState } from '../queries/rows.ts'

const pollMs = 1000
const answerTimeoutMs = 3000

type BrokerState = Overview['broker']

export interface BrokerMonitorOptions {
  /** Its own: a long poll of somebody else must not hold these answers back. */
  readonly cluster: Cluster
  readonly clock: Clock
  /** Called at every change between up and down. */
  onChange?(state: BrokerState): void
}

export class BrokerMonitor {
  readonly #options: BrokerMonitorOptions
  #state: BrokerState
  #metadata: MetadataResponse | null = null
  #offsets = new Map<string, { start: number; end: number }>()
  #timer: NodeJS.Timeout | null = null
  #watched: Connection | null = null
  #closed = false

  constructor(options: BrokerMonitorOptions) {
    this.#options = options
    this.#state = { state: 'down', detail: 'not reached yet', since: options.clock.wallMs() }
  }

  get state(): BrokerState {
    return this.#state
  }

  start(): void {
    void this.#poll()
  }

  close(): void {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  /** The cluster as last told; offsets are asked for now if anybody answers. */
  async cluster(sources: readonly SourceState[]): Promise<ClusterAnswer> {
    await this.#readOffsets().catch(() => undefined)
    const metadata = this.#metadata
    if (!metadata) return { clusterId: '', controllerId: -1, brokers: [], topics: [] }
    const isUp = this.#state.state === 'up'
    const next = new Map(sources.map(source => [`${source.topic}/${source.partition}`, source.next]))
    const topics = metadata.topics.map(topic => ({
      name: topic.name ?? '',
      partitions: topic.partitions
        .map(({ partitionIndex: partition, leaderId, isrNodes }) => {
          const offsets = this.#offsets.get(`${topic.name}/${partition}`)
          const folded = next.get(`${topic.name}/${partition}`)
          return {
            partition,
            leader: leaderId,
            isr: [...isrNodes],
            logStartOffset: String(offsets?.start ?? 0),
            highWatermark: String(offsets?.end ?? folded ?? 0),
            folded: folded === undefined ? null : String(folded),
          }
        })
        .sort((a, b) => a.partition - b.partition),
    }))
    return {
      clusterId: metadata.clusterId ?? '',
      controllerId: metadata.controllerId,
      brokers: metadata.brokers.map(({ nodeId: id, host, port }) => ({ id, host, port, up: isUp })),
      topics: topics.sort((a, b) => (a.name < b.name ? -1 : 1)),
    }
  }

  async #poll(): Promise<void> {
    try {
      const connection = await this.#options.cluster.anyConnection()
      // Null asks for every topic.
      const request = { topics: null, allowAutoTopicCreation: false }
      this.#metadata = await connection.request(apis.metadata, request, { timeoutMs: answerTimeoutMs })
      this.#watch(connection)
      const { brokers } = this.#metadata
      this.#become('up', brokers.length === 1 ? 'one broker answers' : `${brokers.length} brokers`)
    } catch (error) {
      this.#become('down', error instanceof Error ? error.message : String(error))
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.#poll(), pollMs)
  }

  /** A broker that dies may be back before the next poll, and the page is to say so all the same. */
  #watch(connection: Connection): void {
    if (this.#watched === connection) return
    this.#watched = connection
    void connection.closed.then(() => {
      if (this.#watched === connection) this.#become('down', 'the connection ended')
    })
  }

  #become(state: BrokerState['state'], detail: string): void {
    if (this.#closed) return
    const changed = state !== this.#state.state
    if (!changed && detail === this.#state.detail) return
    this.#state = { state, detail, since: changed ? this.#options.clock.wallMs() : this.#state.since }
    if (changed) this.#options.onChange?.(this.#state)
  }

  async #readOffsets(): Promise<void> {
    const { cluster } = this.#options
    const topics = this.#metadata?.topics ?? []
    const names = topics.flatMap(topic => (topic.name === null ? [] : [topic.name]))
    if (this.#state.state !== 'up' || names.length === 0) return
    await cluster.refresh(names)
    const byLeader = Map.groupBy(
      topics.flatMap(topic => topic.partitions.map(partition => ({ topic: topic.name ?? '', ...partition }))),
      partition => partition.leaderId,
    )
    for (const [leader, partitions] of byLeader) {
      if (leader < 0) continue
      const connection = await cluster.connectionTo(leader)
      const ask = (timestamp: number) =>
        connection.request(
          apis.listOffsets,
          {
            topics: [...Map.groupBy(partitions, partition => partition.topic)].map(([name, rows]) => ({
              name,
              partitions: rows.map(row => ({ partitionIndex: row.partitionIndex, timestamp })),
            })),
          },
          { timeoutMs: answerTimeoutMs },
        )
      const answers = await Promise.all([
        ask(listOffsetsTimestamps.earliest),
        ask(listOffsetsTimestamps.latest),
      ])
      const [starts, ends] = answers.map(answer => offsetsOf(answer)) as [
        Map<string, number>,
        Map<string, number>,
      ]
      for (const [key, start] of starts) this.#offsets.set(key, { start, end: ends.get(key) ?? start })
    }
  }
}

interface OffsetsAnswer {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly errorCode: number
      readonly offset: number
    }[]
  }[]
}

function offsetsOf(answer: OffsetsAnswer): Map<string, number> {
  const found = new Map<string, number>()
  for (const { name, partitions } of answer.topics) {
    for (const { partitionIndex, errorCode, offset } of partitions) {
      if (errorCode === 0) found.set(`${name}/${partitionIndex}`, offset)
    }
  }
  return found
}
