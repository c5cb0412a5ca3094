// Records with values of their own, produced without a pause and with retries, and the question whether those that
// were acknowledged are all there.
import assert from 'node:assert/strict'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { until } from '../eventually.ts'

const silent = { logLevel: logLevel.NOTHING, retry: { retries: 0 } }

export class KeptRecords implements AsyncDisposable {
  readonly acknowledged: string[] = []
  /** Errors of sends that were not acknowledged, newest last. */
  readonly refusals: string[] = []
  readonly #kafka: Kafka
  readonly #topic: string
  readonly #producer: Producer
  readonly #padding: string
  #count = 0
  #isStopping = false
  #running: Promise<void> = Promise.resolve()

  private constructor(brokers: readonly string[], topic: string, valueBytes: number) {
    this.#kafka = new Kafka({ brokers: [...brokers], ...silent, requestTimeout: 3_000 })
    this.#producer = this.#kafka.producer({ allowAutoTopicCreation: false, maxInFlightRequests: 1 })
    this.#topic = topic
    this.#padding = '.'.repeat(valueBytes)
  }

  static async to(brokers: readonly string[], topic: string, valueBytes = 100): Promise<KeptRecords> {
    const kept = new KeptRecords(brokers, topic, valueBytes)
    await kept.#producer.connect()
    return kept
  }

  /** One request; whether it was acknowledged. */
  async send(): Promise<boolean> {
    const values = Array.from({ length: 10 }, () => String(this.#count++))
    const messages = values.map(value => ({ key: value, value: `${value}|${this.#padding}` }))
    try {
      await this.#producer.send({ topic: this.#topic, acks: -1, timeout: 2_000, messages })
      this.acknowledged.push(...values)
      return true
    } catch (error) {
      const { cause = error } = error as { cause?: unknown }
      this.refusals.push(String((cause as { type?: string }).type ?? (cause as Error).message))
      return false
    }
  }

  /** Until `stop`. */
  start(): void {
    this.#isStopping = false
    this.#running = (async () => {
      while (!this.#isStopping) {
        if (!(await this.send())) await new Promise(resolve => setTimeout(resolve, 50))
      }
    })()
  }

  /** Resolves when so many more have been acknowledged. */
  async more(count: number): Promise<void> {
    const target = this.acknowledged.length + count
    await until(`${target} are acknowledged`, () => this.acknowledged.length >= target).catch(error => {
      assert.fail(`${error.message}; refused: ${this.refusals.slice(-5)}`)
    })
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#running
  }

  /** Reads everything; asserts that nothing acknowledged is missing. */
  async check(): Promise<void> {
    const admin = this.#kafka.admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets(this.#topic)
    await admin.disconnect()
    const found = new Set<string>()
    const left = new Map(
      ends.filter(end => end.high !== end.low).map(end => [end.partition, Number(end.high)]),
    )
    const consumer = this.#kafka.consumer({ groupId: `check-${process.pid}-${performance.now()}` })
    await consumer.connect()
    await consumer.subscribe({ topic: this.#topic, fromBeginning: true })
    const { promise, resolve } = Promise.withResolvers<void>()
    if (left.size === 0) resolve()
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { value } of batch.messages) found.add(value!.toString().split('|')[0]!)
        if (Number(batch.lastOffset()) + 1 >= left.get(batch.partition)!) left.delete(batch.partition)
        if (left.size === 0) resolve()
      },
    })
    const timer = setTimeout(resolve, 60_000)
    await promise
    clearTimeout(timer)
    await consumer.disconnect()
    const missing = this.acknowledged.filter(value => !found.has(value))
    assert.deepEqual(missing.slice(0, 10), [], `${missing.length} of ${this.acknowledged.length} are missing`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#producer.disconnect().catch(() => {})
  }
}
