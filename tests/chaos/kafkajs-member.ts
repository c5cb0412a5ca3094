// The workload's client of another make: kafkajs, its idempotent producer, and a member of a consumer group that
// commits what it has read before a poll is complete. Its own retries are left on, as its users have them.
import { type Consumer, Kafka, logLevel, type Producer } from 'kafkajs'
import {
  type ChaosClient,
  type ClientOptions,
  decodeValue,
  encodeValue,
  type PollResult,
  type SendResult,
  splitKey,
} from './chaos-client.ts'
import type { Key, Read } from './checker/history.ts'
import { outcomeOfException } from './checker/outcome.ts'

const sendTimeoutMs = 15_000
const pollWaitMs = 300
const closeTimeoutMs = 2_000

interface Delivery {
  readonly key: Key
  readonly reads: readonly Read[]
  readonly nextOffset: number
  readonly settle: (error: Error | null) => void
}

export class KafkajsMember implements ChaosClient {
  readonly isGrouped = true
  readonly #producer: Producer
  readonly #consumer: Consumer
  readonly #started: Promise<unknown>
  readonly #onAnomaly: (what: string) => void
  readonly #deliveries: Delivery[] = []
  #onDelivery: (() => void) | null = null
  #closed = false

  constructor({ bootstrap, topic, onAnomaly }: ClientOptions) {
    this.#onAnomaly = onAnomaly
    const kafka = new Kafka({
      clientId: 'chaos-kafkajs',
      brokers: [...bootstrap],
      logLevel: logLevel.NOTHING,
      requestTimeout: 3_000,
      connectionTimeout: 1_000,
      retry: { initialRetryTime: 100, retries: 30, maxRetryTime: 1_000 },
    })
    this.#producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    })
    this.#consumer = kafka.consumer({ groupId: 'chaos', sessionTimeout: 6_000, maxWaitTimeInMs: 100 })
    this.#started = this.#start(topic)
    this.#started.catch(() => {})
  }

  async send(key: Key, values: readonly number[]): Promise<SendResult> {
    const { topic, partition } = splitKey(key)
    const messages = values.map(value => ({ partition, value: encodeValue(key, value) }))
    try {
      await withTimeout(this.#started, sendTimeoutMs)
    } catch (error) {
      return { type: 'fail', offset: null, error: (error as Error).message }
    }
    try {
      const [answer] = await withTimeout(this.#producer.send({ topic, messages, acks: -1 }), sendTimeoutMs)
      const offset = Number(answer?.baseOffset ?? -1)
      return { type: 'ok', offset: offset < 0 ? null : offset }
    } catch (error) {
      return { type: outcomeOfException(error as Error), offset: null, error: (error as Error).message }
    }
  }

  assign(): void {}

  async poll(): Promise<PollResult> {
    if (this.#deliveries.length === 0) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, pollWaitMs)
        this.#onDelivery = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#onDelivery = null
    }
    const delivery = this.#deliveries.shift()
    if (!delivery) return { type: 'ok', reads: {} }
    const { key, reads, nextOffset, settle } = delivery
    const { topic, partition } = splitKey(key)
    try {
      const offset = String(nextOffset)
      await withTimeout(this.#consumer.commitOffsets([{ topic, partition, offset }]), sendTimeoutMs)
      settle(null)
      return { type: 'ok', reads: { [key]: reads } }
    } catch (error) {
      settle(error as Error)
      return { type: 'info', reads: { [key]: reads }, error: (error as Error).message }
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { settle } of this.#deliveries.splice(0)) settle(new Error('closed'))
    const ends = Promise.allSettled([this.#producer.disconnect(), this.#consumer.disconnect()])
    await withTimeout(ends, closeTimeoutMs).catch(() => {})
  }

  async #start(topic: string): Promise<void> {
    await this.#producer.connect()
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topic, fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset }) => {
        const key = `${batch.topic}/${batch.partition}`
        const reads: Read[] = []
        for (const { offset, value } of batch.messages) {
          const decoded = value === null ? null : decodeValue(key, value)
          if (decoded === null) this.#onAnomaly(`${key} at ${offset}: a record that was never sent there`)
          else reads.push([Number(offset), decoded])
        }
        if (reads.length === 0) return
        const nextOffset = Number(batch.lastOffset()) + 1
        await this.#deliver(key, reads, nextOffset)
        resolveOffset(batch.lastOffset())
      },
    })
  }

  /** Resolves when a poll has taken it and its offset is committed. */
  #deliver(key: Key, reads: readonly Read[], nextOffset: number): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('closed'))
    return new Promise((resolve, reject) => {
      const settle = (error: Error | null) => (error ? reject(error) : resolve())
      this.#deliveries.push({ key, reads, nextOffset, settle })
      this.#onDelivery?.()
    })
  }
}

function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('no answer in time')), timeoutMs)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
