// The cluster as this broker knows it: the store's entries, folded as they arrive by the watch or by this broker's own
// writes, in whatever order; per key the later write wins. It may be behind, so whoever acts on it guards what it
// writes by the versions it has read. Memory only.
import type { Entry, Position, Version } from '../metadata/store.ts'
import {
  type Addresses,
  type BrokerRegistration,
  type ControllerRegistration,
  decodeValue,
  type KnownBroker,
  keys,
  type PartitionMeta,
  type Topic,
  type TopicMeta,
} from './cluster-state.ts'
import type { LiveBroker } from './decide.ts'

export interface RegisteredBroker extends LiveBroker {
  readonly brokerId: number
  readonly host: string
  readonly port: number
  readonly endpoints: Addresses
  readonly incarnation: string
  readonly version: Version
}

export class ClusterImage {
  /** By id; also those being deleted, and those of which not all parts have arrived. */
  readonly topics = new Map<string, Topic>()
  /** Alive now. */
  readonly brokers = new Map<number, RegisteredBroker>()
  /** Ever registered. */
  readonly known = new Map<number, KnownBroker>()
  /** Told of what is none of the image's own, as it changes. */
  onOther: (key: string, entry: Entry | null) => void = () => {}
  controller: (ControllerRegistration & { readonly version: Version }) | null = null
  controllerEpoch: { readonly epoch: number; readonly version: Version } | null = null
  /** Counts changes of `brokers`. */
  brokersGeneration = 0
  readonly #positions = new Map<string, Position>()
  readonly #leaving = new Set<number>()
  readonly #orphans = new Map<string, { value: PartitionMeta; version: Version }[]>()

  /** Everything the store holds; what was written later than that is kept. */
  replaceAll(entries: readonly Entry[], at: Position): void {
    const present = new Set<string>()
    for (const entry of entries) {
      present.add(entry.key)
      this.apply(entry.key, entry, entry.position)
    }
    for (const [key, position] of [...this.#positions]) {
      if (!present.has(key) && position <= at) this.apply(key, null, at)
    }
  }

  apply(key: string, entry: Entry | null, at: Position): void {
    const known = this.#positions.get(key)
    if (known !== undefined && at < known) return
    // A removal leaves its position behind, so that an older write which arrives late does not bring the key back.
    this.#positions.set(key, at)
    const [room, id, what, index] = key.split('/')
    if (room === 'topics') this.#applyTopic(id!, what!, Number(index), entry)
    else if (room === 'brokers') this.#applyBroker(id!, Number(what), entry)
    else if (key === keys.controller) {
      this.controller = entry && {
        ...decodeValue<ControllerRegistration>(entry).value,
        version: entry.version,
      }
    } else if (key === keys.controllerEpoch && entry) {
      const { value, version } = decodeValue<{ epoch: number }>(entry)
      this.controllerEpoch = { epoch: value.epoch, version }
    } else this.onOther(key, entry)
  }

  #applyTopic(id: string, what: string, index: number, entry: Entry | null): void {
    const topic = this.topics.get(id)
    if (what === 'meta') {
      if (entry === null) this.topics.delete(id)
      else if (topic) topic.meta = decodeValue<TopicMeta>(entry)
      else
        this.topics.set(id, {
          id,
          meta: decodeValue<TopicMeta>(entry),
          partitions: this.#orphans.get(id) ?? [],
        })
      this.#orphans.delete(id)
      return
    }
    if (entry === null) return
    let partitions = topic?.partitions ?? this.#orphans.get(id)
    if (!partitions) this.#orphans.set(id, (partitions = []))
    partitions[index] = decodeValue<PartitionMeta>(entry)
  }

  #applyBroker(what: string, id: number, entry: Entry | null): void {
    if (what === 'known') {
      if (entry) this.known.set(id, decodeValue<KnownBroker>(entry).value)
      else this.known.delete(id)
      return
    }
    this.brokersGeneration++
    if (what === 'leaving') {
      if (entry) this.#leaving.add(id)
      else this.#leaving.delete(id)
      const broker = this.brokers.get(id)
      if (broker) this.brokers.set(id, { ...broker, isLeaving: entry !== null })
    } else if (entry === null) this.brokers.delete(id)
    else {
      const { value, version } = decodeValue<BrokerRegistration>(entry)
      const { host, port, endpoints = {}, incarnation } = value
      const isLeaving = this.#leaving.has(id)
      const epoch = Number(entry.position)
      this.brokers.set(id, { brokerId: id, epoch, isLeaving, host, port, endpoints, incarnation, version })
    }
  }
}
