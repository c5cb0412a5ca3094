// Decides for the cluster, by guarded transactions on the metadata store: registration, its own election,
// topics, leader epochs, producer ids. Every write is guarded by this controller's own entry, so a controller
// that was replaced changes nothing. Touches the store only; who leads what is applied by the broker.
import { randomBytes } from 'node:crypto'
import type { Log } from '../../runtime/log.ts'
import type { Guard, MetadataStore, Operation, Session, Version } from '../metadata/store.ts'
import type { ErrorName } from '../protocol/errors.ts'
import {
  type BrokerRegistration,
  type ControllerRegistration,
  decodeValue,
  elect,
  encodeValue,
  keys,
  type PartitionMeta,
  readTopics,
  type Topic,
  type TopicMeta,
} from './cluster-state.ts'

/** A write that the store could not settle in this time is given up; the caller may try again. */
const transactionTimeoutMs = 5_000
/** Handed out one by one from memory; a crash skips the rest of a block, ids are plenty. */
const producerIdBlock = 1_000

export interface ControllerOptions {
  readonly store: MetadataStore
  readonly session: Session
  readonly brokerId: number
  readonly directoryId: string
  readonly host: string
  readonly port: number
  readonly log: Log
}

export type Outcome = { readonly error: ErrorName; readonly message: string | null }
const done: Outcome = { error: 'none', message: null }

/** The store answered something that this controller's next step cannot be decided on: it must start over. */
export class ControllerFencedError extends Error {
  override readonly name = 'ControllerFencedError'
}

/** 16 random bytes as 22 characters; never one that starts with "-", which command lines would take for a flag. */
export function newUuid(): string {
  for (;;) {
    const text = randomBytes(16).toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

/** The cluster's id; made by whoever comes first. */
export async function clusterIdOf(store: MetadataStore): Promise<string> {
  for (;;) {
    const entry = await store.get(keys.clusterId)
    if (entry) return decodeValue<{ id: string }>(entry).value.id
    const value = encodeValue({ id: newUuid() })
    await store.transact([], [{ create: keys.clusterId, value }], transactionTimeoutMs)
  }
}

export class Controller {
  /** Raised by one at each election; in every partition entry this controller writes. */
  readonly epoch: number
  /** The store's position of this life's registration: a later life has a larger one. */
  readonly brokerEpoch: number
  readonly #options: ControllerOptions
  readonly #own: Guard
  #nextProducerId = 0
  #producerIdsEnd = 0
  #producerIdRefill: Promise<void> | null = null

  private constructor(options: ControllerOptions, epoch: number, brokerEpoch: number, own: Guard) {
    this.#options = options
    this.epoch = epoch
    this.brokerEpoch = brokerEpoch
    this.#own = own
  }

  /**
   * Registers this broker and makes it the controller. Whoever holds the lock of the log directory replaces what
   * an earlier life of the same directory left behind at once, instead of waiting for its session to lapse.
   */
  static async open(options: ControllerOptions): Promise<Controller> {
    const { store, brokerId, directoryId, host, port } = options
    const incarnation = newUuid()
    const registration: BrokerRegistration = { brokerId, directoryId, incarnation, host, port }
    const registered = await replaceOwn(options, keys.broker(brokerId), registration, [])
    const current = await store.get(keys.controllerEpoch)
    const epoch = (current ? decodeValue<{ epoch: number }>(current).value.epoch : 0) + 1
    const value = encodeValue({ epoch })
    const raise: Operation = current
      ? { update: keys.controllerEpoch, value, version: current.version }
      : { create: keys.controllerEpoch, value }
    const elected = await replaceOwn(
      options,
      keys.controller,
      { brokerId, directoryId, incarnation } satisfies ControllerRegistration,
      [raise],
    )
    const own = { key: keys.controller, version: elected.version }
    return new Controller(options, epoch, Number(registered.position), own)
  }

  async topics(): Promise<Map<string, Topic>> {
    await this.#options.store.barrier()
    return readTopics((await this.#options.store.list(keys.topics)).entries)
  }

  /** One epoch further for every partition that this broker may lead, in as few transactions as the store allows. */
  async electAll(topics: Iterable<Topic>): Promise<void> {
    const isAlive = (brokerId: number) => brokerId === this.#options.brokerId
    const pending: { topic: Topic; index: number; next: PartitionMeta; operation: Operation }[] = []
    for (const topic of topics) {
      topic.partitions.forEach((partition, index) => {
        const next = elect(partition.value, isAlive, this.epoch)
        const key = keys.partition(topic.id, index)
        const operation = { update: key, value: encodeValue(next), version: partition.version }
        pending.push({ topic, index, next, operation })
      })
    }
    const chunk = Math.max(1, this.#options.store.limits.transactionOperations)
    for (let start = 0; start < pending.length; start += chunk) {
      const some = pending.slice(start, start + chunk)
      const versions = await this.#write(some.map(({ operation }) => operation))
      some.forEach(({ topic, index, next }, at) => {
        topic.partitions[index] = { value: next, version: versions[at]! }
      })
    }
  }

  /** Durable when it returns 'none'. The topic's partitions are led by this broker, in epoch 0. */
  async createTopic(
    name: string,
    partitions: number,
    configs: Readonly<Record<string, string>>,
  ): Promise<Outcome & { readonly topic: Topic | null }> {
    const { store, brokerId } = this.#options
    const id = newUuid()
    const meta: TopicMeta = { name, partitions, configs, deleting: false }
    const partition: PartitionMeta = {
      leader: brokerId,
      leaderEpoch: 0,
      replicas: [brokerId],
      isr: [brokerId],
      partitionEpoch: 0,
      controllerEpoch: this.epoch,
    }
    const operations: Operation[] = [
      { create: keys.name(name), value: encodeValue({ id }) },
      { create: keys.topicMeta(id), value: encodeValue(meta) },
    ]
    for (let index = 0; index < partitions; index++) {
      operations.push({ create: keys.partition(id, index), value: encodeValue(partition) })
    }
    const result = await store.transact([this.#own], operations, transactionTimeoutMs)
    if (result.outcome === 'unknown') {
      // The reply was lost: what the store holds tells whether it happened.
      const topic = (await this.topics()).get(id)
      return topic
        ? { ...done, topic }
        : { error: 'requestTimedOut', message: result.cause.message, topic: null }
    }
    if (result.outcome === 'conflict') {
      const isTaken = (await store.get(keys.name(name))) !== null
      if (!isTaken) throw new ControllerFencedError('Another controller was elected')
      return { error: 'topicAlreadyExists', message: `Topic '${name}' already exists.`, topic: null }
    }
    const { versions } = result
    const states = Array.from({ length: partitions }, (_, index) => ({
      value: partition,
      version: versions[index + 2]!,
    }))
    return { ...done, topic: { id, meta: { value: meta, version: versions[1]! }, partitions: states } }
  }

  /** Frees the name; the log files may go now, and `forgetTopic` follows when they have. */
  async markDeleting(topic: Topic): Promise<void> {
    const name = await this.#options.store.get(keys.name(topic.meta.value.name))
    const meta = { ...topic.meta.value, deleting: true }
    const operations: Operation[] = [
      { update: keys.topicMeta(topic.id), value: encodeValue(meta), version: topic.meta.version },
    ]
    if (name) operations.push({ remove: name.key, version: name.version })
    const versions = await this.#write(operations)
    topic.meta = { value: meta, version: versions[0]! }
  }

  async forgetTopic(topic: Topic): Promise<void> {
    const operations: Operation[] = [{ remove: keys.topicMeta(topic.id), version: topic.meta.version }]
    topic.partitions.forEach((partition, index) => {
      operations.push({ remove: keys.partition(topic.id, index), version: partition.version })
    })
    await this.#write(operations)
  }

  /** Never the same twice, over all lives of the cluster: a block is claimed in the store before its first is given. */
  async nextProducerId(): Promise<number> {
    while (this.#nextProducerId === this.#producerIdsEnd) {
      this.#producerIdRefill ??= this.#refillProducerIds().finally(() => {
        this.#producerIdRefill = null
      })
      await this.#producerIdRefill
    }
    return this.#nextProducerId++
  }

  async #refillProducerIds(): Promise<void> {
    const current = await this.#options.store.get(keys.producerIds)
    const next = current ? decodeValue<{ next: number }>(current).value.next : 0
    const value = encodeValue({ next: next + producerIdBlock })
    await this.#write([
      current
        ? { update: keys.producerIds, value, version: current.version }
        : { create: keys.producerIds, value },
    ])
    this.#nextProducerId = next
    this.#producerIdsEnd = next + producerIdBlock
  }

  async #write(operations: readonly Operation[]): Promise<readonly Version[]> {
    const result = await this.#options.store.transact([this.#own], operations, transactionTimeoutMs)
    if (result.outcome === 'applied') return result.versions as readonly Version[]
    throw new ControllerFencedError(
      `Cannot write ${operations.length} entries: ${result.outcome === 'unknown' ? result.cause.message : 'conflict'}`,
    )
  }
}

/** Creates an ephemeral entry, in place of one that an earlier life of this directory left. */
async function replaceOwn(
  options: ControllerOptions,
  key: string,
  value: BrokerRegistration | ControllerRegistration,
  more: readonly Operation[],
): Promise<{ readonly version: Version; readonly position: bigint }> {
  const { store, session, directoryId } = options
  const deadlineMs = performance.now() + 2 * session.ttlMs + transactionTimeoutMs
  for (;;) {
    const left = await store.get(key)
    const isOurs =
      left !== null && decodeValue<ControllerRegistration>(left).value.directoryId === directoryId
    if (left === null || isOurs) {
      const operations: Operation[] = left ? [{ remove: key, version: left.version }] : []
      operations.push({ create: key, value: encodeValue(value), session }, ...more)
      const result = await store.transact([], operations, transactionTimeoutMs)
      if (result.outcome === 'applied') {
        const version = result.versions[left ? 1 : 0]!
        return { version, position: result.position }
      }
    }
    if (performance.now() > deadlineMs) {
      throw new ControllerFencedError(
        `Cannot take ${key}: it is held by ${left ? Buffer.from(left.value) : 'nobody'}`,
      )
    }
    options.log.warn('waiting for an earlier holder to lapse', { key })
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}
