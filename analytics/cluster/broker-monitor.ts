// Asks the brokers every second who they are and who leads what, and keeps a connection to each, whose end tells at
// once that one went. Rides through the absence of some and of all; what was last told is kept, in a file too.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Cluster } from '../../broker/client/cluster.ts'
import type { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { ClusterAnswer, ClusterState, Overview } from '../http/contract.ts'
import type { TopicState } from '../http/contract-cluster.ts'
import type { SourceState } from '../queries/rows.ts'
import { ClusterStory, type StoryRecord } from './cluster-story.ts'
import { PartitionOffsets } from './partition-offsets.ts'
import { TopicRates } from './topic-rates.ts'
import { TopicRules } from './topic-rules.ts'
import { UsageReader } from './usage-reader.ts'

const pollMs = 1000
const answerTimeoutMs = 3000

type BrokerState = Overview['broker']

export interface BrokerMonitorOptions {
  /** Its own: a long poll of somebody else must not hold these answers back. */
  readonly cluster: Cluster
  readonly clock: Clock
  /** Where what is known of the brokers outlives this process. */
  readonly recordPath?: string
  /** Where brokers of this machine leave their metrics, in directories `broker-N`. */
  readonly metricsDirectory?: string | undefined
  /** Called at every change between some broker that answers and none. */
  onChange?(state: BrokerState): void
  /** Called when a record could not be written. */
  onError?(error: Error): void
}

export class BrokerMonitor {
  readonly #options: BrokerMonitorOptions
  readonly #story: ClusterStory
  readonly #offsets: PartitionOffsets
  readonly #rules = new TopicRules(answerTimeoutMs)
  readonly #usage: UsageReader
  readonly #rates = new TopicRates()
  /** Brokers that could not be reached when last tried. */
  readonly #unreachable = new Set<number>()
  readonly #reaching = new Set<number>()
  readonly #watched = new WeakSet<Connection>()
  #state: BrokerState
  #recorded = 0
  #timer: NodeJS.Timeout | null = null
  #isPolling = false
  #closed = false

  constructor(options: BrokerMonitorOptions) {
    this.#options = options
    this.#story = new ClusterStory(readRecord(options.recordPath))
    this.#offsets = new PartitionOffsets(options.cluster, answerTimeoutMs)
    this.#usage = new UsageReader(options)
    this.#state = { state: 'down', detail: 'not reached yet', since: options.clock.wallMs() }
  }

  /** Whether anybody answers at all. */
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

  clusterState(): ClusterState {
    return this.#story.state(
      topic => this.#rules.minInSyncOf(topic),
      id => this.#usage.of(id),
    )
  }

  /** As last told; none before that. */
  topicNames(): string[] {
    return (this.#story.metadata?.topics ?? []).map(({ name }) => name ?? '')
  }

  /** Somebody has changed something: the next answer is to tell it. */
  changed(): void {
    this.#rules.forget()
    void this.#poll()
  }

  /** The cluster as last told; offsets are asked for now if anybody answers. */
  async cluster(sources: readonly SourceState[]): Promise<ClusterAnswer> {
    const topics = this.#story.metadata?.topics ?? []
    if (this.#state.state === 'up') await this.#offsets.read(topics)
    const next = new Map(sources.map(source => [`${source.topic}/${source.partition}`, source.next]))
    this.#rates.keepOnly(new Set(topics.map(({ name }) => name ?? '')))
    const described = topics.map(topic => this.#topic(topic, next))
    return { ...this.clusterState(), topics: described.sort((a, b) => (a.name < b.name ? -1 : 1)) }
  }

  #topic(topic: MetadataResponse['topics'][number], next: ReadonlyMap<string, number>): TopicState {
    const name = topic.name ?? ''
    let end = 0
    const partitions = topic.partitions.map(one => {
      const { partitionIndex: partition, leaderId: leader, leaderEpoch, replicaNodes, isrNodes } = one
      const offsets = this.#offsets.of(topic.name, partition)
      const folded = next.get(`${name}/${partition}`)
      end += offsets?.end ?? 0
      return {
        ...{ partition, leader, leaderEpoch, replicas: [...replicaNodes], isr: [...isrNodes] },
        logStartOffset: String(offsets?.start ?? 0),
        highWatermark: String(offsets?.end ?? folded ?? 0),
        folded: folded === undefined ? null : String(folded),
        sizeBytes: this.#usage.sizeOf(name, partition),
      }
    })
    return {
      ...{ name, internal: topic.isInternal || name.startsWith('__') },
      recordsPerSecond: this.#rates.look(name, end, this.#options.clock.monotonicMs()),
      ...this.#rules.keepingOf(name),
      partitions: partitions.sort((a, b) => a.partition - b.partition),
    }
  }

  async #poll(): Promise<void> {
    if (this.#isPolling || this.#closed) return
    this.#isPolling = true
    if (this.#timer) clearTimeout(this.#timer)
    const { clock } = this.#options
    try {
      const { connection, metadata } = await this.#ask()
      await this.#learnAddresses(metadata)
      for (const { nodeId } of metadata.brokers) this.#reach(nodeId)
      this.#story.tell(metadata, id => !this.#unreachable.has(id), clock.wallMs())
      this.#sayHowMany()
      await this.#rules.refresh(connection, metadata, clock.monotonicMs())
    } catch (error) {
      this.#story.lostAll(clock.wallMs())
      this.#become('down', error instanceof Error ? error.message : String(error))
    }
    this.#isPolling = false
    this.#keep()
    if (!this.#closed) this.#timer = setTimeout(() => void this.#poll(), pollMs)
  }

  /** One that hangs or has just gone does not speak for the others: they are asked next. */
  async #ask(): Promise<{ readonly connection: Connection; readonly metadata: MetadataResponse }> {
    // Null asks for every topic.
    const request = { topics: null, allowAutoTopicCreation: false }
    for (let tries = this.#story.brokersUp; ; tries--) {
      const connection = await this.#options.cluster.anyConnection()
      try {
        const metadata = await connection.request(apis.metadata, request, { timeoutMs: answerTimeoutMs })
        return { connection, metadata }
      } catch (error) {
        connection.close()
        if (tries <= 0) throw error
      }
    }
  }

  async #learnAddresses({ brokers }: MetadataResponse): Promise<void> {
    const { cluster } = this.#options
    const known = new Map(cluster.brokers.map(({ id, host, port }) => [id, `${host}:${port}`]))
    if (brokers.some(({ nodeId, host, port }) => known.get(nodeId) !== `${host}:${port}`)) {
      await cluster.refresh([])
    }
  }

  /** Makes sure that there is a connection to a broker, whose end will tell. Does not wait for one that hangs. */
  #reach(id: number): void {
    const open = this.#options.cluster.openConnectionTo(id)
    if (open) {
      this.#unreachable.delete(id)
      this.#watch(id, open)
      this.#usage.refresh(id, open)
      return
    }
    if (this.#reaching.has(id)) return
    this.#reaching.add(id)
    this.#options.cluster
      .connectionTo(id)
      .then(connection => {
        this.#unreachable.delete(id)
        this.#watch(id, connection)
      })
      .catch(() => this.#lost(id))
      .finally(() => this.#reaching.delete(id))
  }

  /** A broker that dies may be back before the next poll, and the page is to say so all the same. */
  #watch(id: number, connection: Connection): void {
    if (this.#watched.has(connection)) return
    this.#watched.add(connection)
    void connection.closed.then(() => {
      if (this.#closed) return
      this.#lost(id)
      void this.#poll()
    })
  }

  #lost(id: number): void {
    if (this.#closed) return
    this.#unreachable.add(id)
    this.#story.lost(id, this.#options.clock.wallMs())
    this.#sayHowMany()
  }

  #sayHowMany(): void {
    const { brokersUp: up, brokersKnown: known } = this.#story
    if (up === 0) this.#become('down', 'the connection ended')
    else if (up < known) this.#become('up', `${up} of ${known} brokers answer`)
    else this.#become('up', known === 1 ? 'one broker answers' : `${known} brokers answer`)
  }

  #become(state: BrokerState['state'], detail: string): void {
    if (this.#closed) return
    const changed = state !== this.#state.state
    if (!changed && detail === this.#state.detail) return
    this.#state = { state, detail, since: changed ? this.#options.clock.wallMs() : this.#state.since }
    if (changed) this.#options.onChange?.(this.#state)
  }

  /** Whole or not at all; a power cut may take the newest of it, which is only a memory of what can be seen again. */
  #keep(): void {
    const { recordPath, onError } = this.#options
    if (recordPath === undefined || this.#recorded === this.#story.version || this.#closed) return
    this.#recorded = this.#story.version
    try {
      writeFileSync(`${recordPath}.tmp`, JSON.stringify(this.#story.record()), { mode: 0o640 })
      renameSync(`${recordPath}.tmp`, recordPath)
    } catch (error) {
      onError?.(error as Error)
    }
  }
}

function readRecord(path: string | undefined): StoryRecord | undefined {
  if (path === undefined) return undefined
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as Partial<StoryRecord>
    const { clusterId, brokers, leaderships, elections } = record
    return clusterId && brokers && leaderships && elections
      ? { clusterId, brokers, leaderships, elections }
      : undefined
  } catch {
    // None yet, or cut short: what it held is seen again.
    return undefined
  }
}
