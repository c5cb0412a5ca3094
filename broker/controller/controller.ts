// The elected controller: what it decides (decide.ts) it writes as guarded transactions on the metadata store. Every
// write is guarded by its own entry, so a controller that was replaced changes nothing. Touches the store only; who
// leads what is applied by each broker.
import type { Log } from '../../runtime/log.ts'
import type { Guard, MetadataStore, Operation, Session } from '../metadata/store.ts'
import type { ErrorName } from '../protocol/errors.ts'
import type { ClusterImage } from './cluster-image.ts'
import {
  type ControllerRegistration,
  decodeValue,
  encodeValue,
  keys,
  type PartitionMeta,
  type Topic,
  type TopicMeta,
} from './cluster-state.ts'
import { type Change, decide, type TopicRules } from './decide.ts'
import { ControllerFencedError, newUuid } from './registration.ts'
import { refresh, type WriteOutcome, write } from './store-writes.ts'

export interface ControllerOptions {
  readonly store: MetadataStore
  readonly session: Session
  readonly image: ClusterImage
  readonly brokerId: number
  readonly directoryId: string
  readonly incarnation: string
  /** Of this broker's registration. */
  readonly registered: Guard
  readonly log: Log
  readonly rulesOf: (topic: Topic) => TopicRules
}

export interface TopicChange {
  /** Default: as they are. */
  readonly configs?: Readonly<Record<string, string>>
  /** The replicas of each new partition. */
  readonly added?: readonly (readonly number[])[]
}

export type Outcome = { readonly error: ErrorName; readonly message: string | null }
const done: Outcome = { error: 'none', message: null }

const attemptsMax = 50

export class Controller {
  /** Raised by one at each election; in every partition entry this controller writes. */
  readonly epoch: number
  readonly #options: ControllerOptions
  readonly #own: Guard

  private constructor(options: ControllerOptions, epoch: number, own: Guard) {
    this.#options = options
    this.epoch = epoch
    this.#own = own
  }

  /** Null when another broker is the controller. An earlier life of the same directory is replaced at once. */
  static async elect(options: ControllerOptions): Promise<Controller | null> {
    const { store, session, image, brokerId, directoryId, incarnation, registered } = options
    const holder = await store.get(keys.controller)
    if (holder) {
      image.apply(holder.key, holder, holder.position)
      if (decodeValue<ControllerRegistration>(holder).value.directoryId !== directoryId) return null
    }
    const current = await store.get(keys.controllerEpoch)
    const epoch = (current ? decodeValue<{ epoch: number }>(current).value.epoch : 0) + 1
    const value = encodeValue({ epoch })
    const own: ControllerRegistration = { brokerId, directoryId, incarnation, epoch }
    const operations: Operation[] = [
      ...(holder ? [{ remove: keys.controller, version: holder.version }] : []),
      current
        ? { update: keys.controllerEpoch, value, version: current.version }
        : { create: keys.controllerEpoch, value },
      { create: keys.controller, value: encodeValue(own), session },
    ]
    const result = await write(store, image, [registered], operations)
    if (result.outcome === 'conflict') return null
    const entry = await store.get(keys.controller)
    const elected = entry && decodeValue<ControllerRegistration>(entry).value
    if (elected?.incarnation !== incarnation || elected.epoch !== epoch) return null
    return new Controller(options, epoch, { key: keys.controller, version: entry!.version })
  }

  /** Writes what decide() finds until it finds nothing. Throws when another controller has taken over. */
  async settle(preferred = false): Promise<readonly Change[]> {
    const { store, image, rulesOf, log } = this.#options
    const written: Change[] = []
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const options = { controllerEpoch: this.epoch, rulesOf, preferred }
      const changes = decide(image.topics.values(), image.brokers, options)
      const forgotten = [...image.topics.values()].filter(isEmptied)
      if (changes.length === 0 && forgotten.length === 0) return written
      let isBehind = false
      for (const some of chunksOf(changes, store.limits.transactionOperations)) {
        const result = await this.#write(some.map(operationOf))
        if (result.outcome === 'applied') written.push(...some)
        else isBehind = true
      }
      for (const topic of forgotten) {
        if ((await this.#forget(topic)).outcome !== 'applied') isBehind = true
      }
      if (isBehind) await this.#catchUp()
    }
    log.warn('the cluster changes faster than it can be decided on')
    return written
  }

  /** Durable when it returns 'none'. The first live replica of each partition leads it, in epoch 0. */
  async createTopic(
    name: string,
    assignment: readonly (readonly number[])[],
    configs: Readonly<Record<string, string>>,
  ): Promise<Outcome & { readonly topicId: string | null }> {
    const { store, image } = this.#options
    const id = newUuid()
    const meta: TopicMeta = { name, partitions: assignment.length, configs, deleting: false }
    const operations: Operation[] = [
      { create: keys.name(name), value: encodeValue({ id }) },
      { create: keys.topicMeta(id), value: encodeValue(meta) },
      ...assignment.map((replicas, index) => ({
        create: keys.partition(id, index),
        value: encodeValue(this.#firstState(replicas)),
      })),
    ]
    const result = await this.#write(operations)
    if (result.outcome === 'unknown') {
      // The reply was lost: what the store holds tells whether it happened.
      await refresh(store, image)
      return image.topics.has(id)
        ? { ...done, topicId: id }
        : { error: 'requestTimedOut', message: result.cause.message, topicId: null }
    }
    if (result.outcome === 'conflict') {
      const isTaken = (await store.get(keys.name(name))) !== null
      await this.#catchUp()
      if (!isTaken) throw new ControllerFencedError('The store refused a new topic')
      return { error: 'topicAlreadyExists', message: `Topic '${name}' already exists.`, topicId: null }
    }
    return { ...done, topicId: id }
  }

  /** Frees the name; brokers delete their files, and the last one's word lets `settle` forget the topic. */
  async markDeleting(topic: Topic): Promise<void> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const { value, version } = topic.meta
      if (value.deleting) return
      const name = await this.#options.store.get(keys.name(value.name))
      const operations: Operation[] = [
        { update: keys.topicMeta(topic.id), value: encodeValue({ ...value, deleting: true }), version },
      ]
      if (name) operations.push({ remove: name.key, version: name.version })
      if ((await this.#write(operations)).outcome === 'applied') return
      await this.#catchUp()
    }
    throw new ControllerFencedError('The store refused the deletion')
  }

  /**
   * A topic's own entry, by the caller's decision on the present one, together with partitions that are added to it;
   * null when that refuses.
   */
  async changeTopic(topic: Topic, decideOn: (now: TopicMeta) => TopicChange | null): Promise<boolean> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const { value, version } = topic.meta
      const change = decideOn(value)
      if (change === null) return false
      const { configs = value.configs, added = [] } = change
      const meta: TopicMeta = { ...value, configs, partitions: value.partitions + added.length }
      const operations: Operation[] = [
        { update: keys.topicMeta(topic.id), value: encodeValue(meta), version },
        ...added.map((replicas, at) => ({
          create: keys.partition(topic.id, value.partitions + at),
          value: encodeValue(this.#firstState(replicas)),
        })),
      ]
      if ((await this.#write(operations)).outcome === 'applied') return true
      await this.#catchUp()
    }
    throw new ControllerFencedError('The store refused the change')
  }

  /** One partition, by the caller's decision on its present entry; null when that refuses. */
  async change(
    topic: Topic,
    index: number,
    decideOn: (now: PartitionMeta) => PartitionMeta | null,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const { value, version } = topic.partitions[index]!
      const next = decideOn(value)
      if (next === null) return false
      const stamped = { ...next, controllerEpoch: this.epoch, partitionEpoch: value.partitionEpoch + 1 }
      const key = keys.partition(topic.id, index)
      const result = await this.#write([{ update: key, value: encodeValue(stamped), version }])
      if (result.outcome === 'applied') return true
      await this.#catchUp()
    }
    throw new ControllerFencedError('The store refused the change')
  }

  /** Only a broker that no partition counts on. */
  async forgetBroker(brokerId: number): Promise<Outcome> {
    const { image, store } = this.#options
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      await this.#catchUp()
      const held = [...image.topics.values()].flatMap(({ partitions }) => {
        return partitions.filter(({ value }) => value.replicas.includes(brokerId))
      })
      if (held.length > 0) {
        const message = `Broker ${brokerId} still holds ${held.length} replicas.`
        return { error: 'invalidRequest', message }
      }
      const known = await store.get(keys.knownBroker(brokerId))
      if (!known) return { error: 'brokerIdNotRegistered', message: `There is no broker ${brokerId}.` }
      const result = await this.#write([{ remove: known.key, version: known.version }])
      if (result.outcome === 'applied') return done
    }
    throw new ControllerFencedError('The store refused to forget a broker')
  }

  #firstState(replicas: readonly number[]): PartitionMeta {
    const { brokers } = this.#options.image
    const isr = replicas.filter(id => brokers.has(id))
    const leader = isr.find(id => !brokers.get(id)!.isLeaving) ?? isr[0] ?? -1
    const leaderBrokerEpoch = brokers.get(leader)?.epoch ?? -1
    const epochs = { leaderEpoch: 0, partitionEpoch: 0, controllerEpoch: this.epoch }
    return { leader, leaderBrokerEpoch, replicas, isr, ...epochs }
  }

  #forget(topic: Topic): Promise<WriteOutcome> {
    const operations: Operation[] = topic.partitions.map((partition, index) => ({
      remove: keys.partition(topic.id, index),
      version: partition.version,
    }))
    operations.push({ remove: keys.topicMeta(topic.id), version: topic.meta.version })
    return this.#write(operations)
  }

  #write(operations: readonly Operation[]): Promise<WriteOutcome> {
    const { store, image } = this.#options
    return write(store, image, [this.#own], operations)
  }

  /** After a conflict: either the image was behind, or this is the controller no more. */
  async #catchUp(): Promise<void> {
    const { store, image } = this.#options
    await refresh(store, image)
    const holder = await store.get(keys.controller)
    if (holder?.version !== this.#own.version)
      throw new ControllerFencedError('Another controller was elected')
  }
}

/** Every broker has deleted its files. */
function isEmptied({ meta, partitions }: Topic): boolean {
  return meta.value.deleting && partitions.every(({ value }) => value.replicas.length === 0)
}

function operationOf({ topic, index, version, next }: Change): Operation {
  return { update: keys.partition(topic.id, index), value: encodeValue(next), version }
}

function* chunksOf<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += Math.max(1, size)) yield all.slice(start, start + size)
}
