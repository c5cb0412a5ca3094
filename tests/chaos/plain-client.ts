// The workload's client without manners: every request is sent once and its answer taken as it is. It shows what
// brokers answer in the middle of a fault, which clients that try again keep to themselves.
import { Cluster } from '../../broker/client/cluster.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import {
  type ChaosClient,
  type ClientOptions,
  encodeValue,
  type PollResult,
  readsIn,
  type SendResult,
  splitKey,
} from './chaos-client.ts'
import type { Key, Read } from './checker/history.ts'
import { outcomeOf } from './checker/outcome.ts'

const requestTimeoutMs = 3_000
const maxWaitMs = 100

export class PlainClient implements ChaosClient {
  readonly isGrouped = false
  readonly #topic: string
  readonly #cluster: Cluster
  readonly #builder = new BatchBuilder(4_096)
  readonly #onAnomaly: (what: string) => void
  #positions = new Map<Key, number>()
  #isStale = true
  #turn = 0

  constructor({ bootstrap, topic, onAnomaly }: ClientOptions) {
    this.#topic = topic
    this.#onAnomaly = onAnomaly
    this.#cluster = new Cluster({ bootstrap, clientId: 'chaos-plain', requestTimeoutMs })
  }

  async send(key: Key, values: readonly number[]): Promise<SendResult> {
    const { topic, partition } = splitKey(key)
    let connection: Awaited<ReturnType<Cluster['connectionTo']>>
    try {
      await this.#refreshIfStale()
      connection = await this.#cluster.connectionTo(this.#cluster.leaderOf(topic, partition))
    } catch (error) {
      this.#isStale = true
      // Nothing has left this client.
      return { type: 'fail', offset: null, error: (error as Error).message }
    }
    for (const value of values) this.#builder.append(null, encodeValue(key, value), undefined, Date.now())
    const records = this.#builder.build({ codec: 'none' })
    const topicId = this.#cluster.topic(topic)!.id
    const topicData = [{ name: topic, topicId, partitionData: [{ index: partition, records }] }]
    try {
      const answer = await connection.request(apis.produce, { acks: -1, timeoutMs: 2_500, topicData })
      const { errorCode, baseOffset } = answer.responses[0]!.partitionResponses[0]!
      const error = errorName(errorCode)
      if (error === 'none') return { type: 'ok', offset: baseOffset }
      this.#isStale = true
      return { type: outcomeOf(error), offset: null, error }
    } catch (error) {
      this.#isStale = true
      return { type: 'info', offset: null, error: (error as Error).message }
    }
  }

  assign(offsets: ReadonlyMap<Key, number>): void {
    const before = this.#positions
    this.#positions = new Map([...offsets].map(([key, offset]) => [key, before.get(key) ?? offset]))
  }

  /** One request to one leader: of what it leads, everything. */
  async poll(): Promise<PollResult> {
    try {
      await this.#refreshIfStale()
      const keys = this.#keysOfNextLeader()
      if (keys.length === 0) throw new Error('nobody leads')
      return { type: 'ok', reads: await this.#fetch(keys) }
    } catch (error) {
      this.#isStale = true
      await new Promise(resolve => setTimeout(resolve, maxWaitMs))
      return { type: 'fail', reads: {}, error: (error as Error).message }
    }
  }

  async close(): Promise<void> {
    this.#cluster.close()
  }

  async #refreshIfStale(): Promise<void> {
    if (!this.#isStale) return
    await this.#cluster.refresh([this.#topic])
    this.#isStale = false
  }

  #keysOfNextLeader(): Key[] {
    const byLeader = new Map<number, Key[]>()
    for (const key of this.#positions.keys()) {
      const { topic, partition } = splitKey(key)
      const leader = this.#cluster.leaderOf(topic, partition)
      if (leader < 0) this.#isStale = true
      else if (byLeader.has(leader)) byLeader.get(leader)!.push(key)
      else byLeader.set(leader, [key])
    }
    const groups = [...byLeader.values()]
    return groups[this.#turn++ % Math.max(1, groups.length)] ?? []
  }

  async #fetch(keys: readonly Key[]): Promise<Record<Key, Read[]>> {
    const { partition: first } = splitKey(keys[0]!)
    const connection = await this.#cluster.connectionTo(this.#cluster.leaderOf(this.#topic, first))
    const partitions = keys.map(key => ({
      partition: splitKey(key).partition,
      fetchOffset: this.#positions.get(key)!,
      partitionMaxBytes: 1_048_576,
    }))
    const topicId = this.#cluster.topic(this.#topic)!.id
    const topics = [{ topic: this.#topic, topicId, partitions }]
    const answer = await connection.request(apis.fetch, {
      maxWaitMs,
      minBytes: 1,
      maxBytes: 4_194_304,
      topics,
    })
    const reads: Record<Key, Read[]> = {}
    for (const { partitionIndex, errorCode, records } of answer.responses[0]?.partitions ?? []) {
      if (errorCode !== 0) this.#isStale = true
      const key = `${this.#topic}/${partitionIndex}`
      const found = readsIn(key, records ?? Buffer.alloc(0), this.#positions.get(key)!, this.#onAnomaly)
      if (errorCode !== 0 || found.length === 0) continue
      reads[key] = found
      this.#positions.set(key, found.at(-1)![0] + 1)
    }
    return reads
  }
}
