// The workload's client of our own kind: the idempotent producer and the fetch loop that agents and aggregators use,
// which wait out whatever passes. A send that is not settled in time is given up as unknown.
import { Cluster } from '../../broker/client/cluster.ts'
import { FetchLoop } from '../../broker/client/fetcher.ts'
import { Producer } from '../../broker/client/producer.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { systemClock } from '../../runtime/clock.ts'
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
import { quietLog } from './quiet-log.ts'

const sendTimeoutMs = 12_000
const pollWaitMs = 150
/** Also what it takes to notice a broker that has stopped without hanging up. */
const requestTimeoutMs = 3_000

export class OwnClient implements ChaosClient {
  readonly isGrouped = false
  readonly #cluster: Cluster
  readonly #producer: Producer
  readonly #loop: FetchLoop
  readonly #builder = new BatchBuilder(4_096)
  readonly #begins = new Map<Key, number>()
  readonly #onAnomaly: (what: string) => void
  #handedOut: Record<Key, Read[]> = {}
  #onReads: (() => void) | null = null
  #closed = false

  constructor({ bootstrap, onAnomaly }: ClientOptions) {
    this.#onAnomaly = onAnomaly
    this.#cluster = new Cluster({ bootstrap, clientId: 'chaos', requestTimeoutMs })
    const shared = { cluster: this.#cluster, clock: systemClock, log: quietLog }
    this.#producer = new Producer({ ...shared, timeoutMs: 2_500, requestTimeoutMs })
    this.#loop = new FetchLoop({
      ...shared,
      maxWaitMs: 100,
      handler: {
        onBatches: (topic, partition, batches) => this.#take(`${topic}/${partition}`, batches),
        onOffsetOutOfRange: (topic, partition, offset) => this.#seekAgain(topic, partition, offset),
        onTopicReplaced: topic => onAnomaly(`${topic} is said to be another topic`),
      },
    })
  }

  send(key: Key, values: readonly number[]): Promise<SendResult> {
    const { topic, partition } = splitKey(key)
    for (const value of values) this.#builder.append(null, encodeValue(key, value), undefined, Date.now())
    const batch = this.#builder.build({ codec: 'none' })
    return new Promise(resolve => {
      const timer = setTimeout(
        () => resolve({ type: 'info', offset: null, error: this.#producer.lastError ?? 'no answer' }),
        sendTimeoutMs,
      )
      this.#producer.send(topic, partition, batch, (error, offset) => {
        clearTimeout(timer)
        if (error) resolve({ type: outcomeOf(error), offset: null, error })
        // A broker that knows the sequence and not the offset says -1.
        else resolve({ type: 'ok', offset: offset < 0 ? null : offset })
      })
    })
  }

  assign(offsets: ReadonlyMap<Key, number>): void {
    for (const key of this.#begins.keys()) {
      if (offsets.has(key)) continue
      const { topic, partition } = splitKey(key)
      this.#loop.remove(topic, partition)
      this.#begins.delete(key)
      delete this.#handedOut[key]
    }
    for (const [key, offset] of offsets) {
      if (this.#begins.has(key)) continue
      const { topic, partition } = splitKey(key)
      this.#begins.set(key, offset)
      this.#loop.seek(topic, partition, offset)
    }
  }

  async poll(): Promise<PollResult> {
    if (Object.keys(this.#handedOut).length === 0) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, pollWaitMs)
        this.#onReads = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#onReads = null
    }
    const reads = this.#handedOut
    this.#handedOut = {}
    return { type: 'ok', reads }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#loop.close()
    this.#producer.close()
    this.#cluster.close()
  }

  #take(key: Key, batches: Buffer): void {
    const reads = readsIn(key, batches, this.#begins.get(key) ?? 0, this.#onAnomaly)
    if (reads.length === 0) return
    const waiting = this.#handedOut[key]
    if (waiting) waiting.push(...reads)
    else this.#handedOut[key] = reads
    this.#onReads?.()
  }

  /** Nothing is ever deleted here, so what it has read must be there again: it asks until it is. */
  #seekAgain(topic: string, partition: number, offset: number): void {
    setTimeout(() => {
      if (!this.#closed && this.#begins.has(`${topic}/${partition}`))
        this.#loop.seek(topic, partition, offset)
    }, pollWaitMs)
  }
}
