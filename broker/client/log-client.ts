// `tailrace/client`: the smallest complete client of the log, for programs that want to write records and read them.
// Produces with the idempotent producer, acknowledged by every replica in sync; reads partitions in order from where
// one says, at the reader's pace. Works against Apache Kafka too. Owns its sockets and timers.
import { systemClock } from '../../runtime/clock.ts'
import { createLog, type Log } from '../../runtime/log.ts'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import { partitionForKey } from '../protocol/murmur2.ts'
import type { CodecName } from '../protocol/record-batch.ts'
import { encodeHeaders } from '../protocol/record-headers.ts'
import { Cluster } from './cluster.ts'
import { passwordLogin } from './login.ts'
import type { TlsOptions } from './open-socket.ts'
import { Producer } from './producer.ts'
import { type SubscribeOptions, Subscription } from './subscription.ts'

export type { Lost, ReceivedRecord, SubscribeOptions, Subscription } from './subscription.ts'

export interface ClientOptions {
  /** `host:port` of one or more brokers; the others are learned. */
  readonly bootstrap: string | readonly string[]
  readonly clientId?: string
  /** SCRAM, where the listener asks who one is. */
  readonly user?: string
  readonly password?: string
  readonly mechanism?: 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  /** TLS, and whom to trust: a PEM authority, as `tailrace users` and the pasted line of an agent name it. */
  readonly tls?: TlsOptions
  /** Where troubles that pass are told; silent by default. */
  readonly log?: Log
}

export interface NewRecord {
  /** Records of one key keep their order: they go to one partition. */
  readonly key?: string | Uint8Array | null
  readonly value: string | Uint8Array | null
  readonly headers?: Readonly<Record<string, string | Uint8Array>>
  /** Milliseconds since the epoch; now by default. */
  readonly timestamp?: number
}

export interface Produced {
  readonly partition: number
  /** Of the first record; the others of this partition follow it. */
  readonly baseOffset: number
  readonly count: number
}

export interface ProduceOptions {
  readonly codec?: CodecName
  /** How long to wait for the acknowledgement; without it, as long as it takes. */
  readonly timeoutMs?: number
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
/** Of one batch, before compression: what brokers take by default, with room for its header. */
const batchBytesMax = 900_000

/** Connects, or says why not. Close it when done: it keeps the process alive. */
export async function connect(options: ClientOptions): Promise<LogClient> {
  const client = new LogClient(options)
  try {
    await client.reach()
    return client
  } catch (error) {
    client.close()
    throw error
  }
}

export class LogClient {
  readonly #cluster: Cluster
  readonly #producer: Producer
  readonly #log: Log
  readonly #subscriptions = new Set<Subscription>()
  #turn = 0

  constructor(options: ClientOptions) {
    const { bootstrap, clientId = 'tailrace-client', user, password, mechanism, tls, log = silent } = options
    this.#log = log
    if ((user === undefined) !== (password === undefined)) {
      throw new TypeError('Cannot log in: give both a user and a password, or neither')
    }
    const login =
      user === undefined || password === undefined ? {} : { login: passwordLogin(user, password, mechanism) }
    this.#cluster = new Cluster({
      bootstrap: typeof bootstrap === 'string' ? bootstrap.split(',') : bootstrap,
      clientId,
      autoCreate: true,
      credentials: { ...login, ...(tls === undefined ? {} : { tls }) },
    })
    this.#producer = new Producer({ cluster: this.#cluster, clock: systemClock, log })
  }

  /** Throws where no broker answers. */
  async reach(): Promise<void> {
    await this.#cluster.refresh([])
  }

  /**
   * Appends records and resolves once every replica in sync has them. Each is appended exactly once however often it
   * had to be sent; records of one call and partition stay together, in order.
   */
  async produce(
    topic: string,
    records: readonly NewRecord[],
    options: ProduceOptions = {},
  ): Promise<Produced[]> {
    if (records.length === 0) return []
    const partitions = await this.#partitionsOf(topic)
    this.#turn++
    const groups = Map.groupBy(records, ({ key }) =>
      key === undefined || key === null
        ? this.#turn % partitions
        : partitionForKey(Buffer.from(key), partitions),
    )
    const sent = [...groups].flatMap(([partition, group]) =>
      batchesOf(group, options.codec ?? 'zstd').map(({ bytes, count }) =>
        this.#send(topic, partition, bytes, count, options.timeoutMs),
      ),
    )
    return Promise.all(sent)
  }

  /** Every partition of the topics, from the earliest record on unless told otherwise: iterate over it. */
  subscribe(topics: string | readonly string[], options: SubscribeOptions = {}): Subscription {
    const names = typeof topics === 'string' ? [topics] : topics
    const subscription = new Subscription(this.#cluster, this.#log, names, options, () =>
      this.#subscriptions.delete(subscription),
    )
    this.#subscriptions.add(subscription)
    return subscription
  }

  /** Ends subscriptions and connections. What was not acknowledged may or may not have been appended. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.close()
    this.#producer.close()
    this.#cluster.close()
  }

  async #partitionsOf(topic: string): Promise<number> {
    for (let attempt = 0; ; attempt++) {
      const known = this.#cluster.topic(topic)
      if (known && known.error === 'none' && known.partitions.length > 0) return known.partitions.length
      if (attempt === 20) {
        throw new Error(`Cannot produce to "${topic}": ${known?.error ?? 'the cluster says nothing of it'}`)
      }
      if (attempt > 0) await new Promise(resolve => setTimeout(resolve, 100))
      await this.#cluster.refresh([topic])
    }
  }

  #send(
    topic: string,
    partition: number,
    bytes: Buffer,
    count: number,
    timeoutMs: number | undefined,
  ): Promise<Produced> {
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              const last = this.#producer.lastError
              const why = last === null ? '' : `; the last trouble: ${last}`
              const doubt = 'it may still be appended'
              reject(new Error(`No acknowledgement of "${topic}" within ${timeoutMs} ms (${doubt})${why}`))
            }, timeoutMs)
      this.#producer.send(topic, partition, bytes, (error, baseOffset) => {
        clearTimeout(timer)
        if (error) reject(new Error(`Cannot produce to "${topic}", partition ${partition}: ${error}`))
        else resolve({ partition, baseOffset, count })
      })
    })
  }
}

function batchesOf(records: readonly NewRecord[], codec: CodecName): { bytes: Buffer; count: number }[] {
  const builder = new BatchBuilder()
  const batches: { bytes: Buffer; count: number }[] = []
  const build = () => {
    const count = builder.recordCount
    batches.push({ bytes: builder.build({ codec }), count })
  }
  for (const { key, value, headers = {}, timestamp = systemClock.wallMs() } of records) {
    const valueBytes = value === null ? null : Buffer.from(value)
    if (builder.recordCount > 0 && builder.sizeInBytes + (valueBytes?.length ?? 0) > batchBytesMax) build()
    const keyBytes = key === undefined || key === null ? null : Buffer.from(key)
    builder.append(keyBytes, valueBytes, encodeHeaders(Object.entries(headers)), timestamp)
  }
  build()
  return batches
}

/** A log on standard error, for `ClientOptions.log`. */
export function standardErrorLog(): Log {
  return createLog('tailrace-client')
}
