// Makes this broker's partitions what the cluster's image says: opens or creates their logs, lets each lead, follow or
// stop, and deletes what is no longer here. A pass over everything, repeated whenever the image has changed; the same
// image again changes nothing.
import type { Log } from '../runtime/log.ts'
import type { ClusterImage } from './controller/cluster-image.ts'
import {
  effectiveMinIsr,
  encodeValue,
  isComplete,
  keys,
  type PartitionMeta,
  type Topic,
} from './controller/cluster-state.ts'
import { write } from './controller/store-writes.ts'
import { type ConfigDefaults, type PartitionSettings, partitionSettings } from './controller/topic-configs.ts'
import type { LogDirectory } from './log/log-directory.ts'
import type { Membership } from './membership.ts'
import type { Operation, Version } from './metadata/store.ts'
import { Partition, type PartitionPeers } from './replication/partition.ts'
import type { TurnQueue } from './replication/turn-queue.ts'
import type { ServedTopic, TopicTable } from './topic-table.ts'

export interface LocalPartitionsOptions {
  readonly membership: Membership
  readonly topics: TopicTable
  readonly logs: LogDirectory
  readonly turns: TurnQueue
  readonly peers: PartitionPeers
  readonly configDefaults: ConfigDefaults
  readonly log: Log
  /** Of every partition whose role may have changed. */
  readonly onRole: (partition: Partition) => void
  /** Of every topic that goes. */
  readonly onDeleted: (topic: string) => void
}

/** What a partition was last told, so that it hears only news. */
interface Told {
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly brokersGeneration: number
  readonly brokerEpoch: number
  /** Of the leader's registration; -1 when it has none. */
  readonly leaderBrokerEpoch: number
  readonly minIsr: number
}

export class LocalPartitions {
  readonly #options: LocalPartitionsOptions
  readonly #told = new WeakMap<Partition, Told>()
  /** The version of the topic's entry whose settings each partition has. */
  readonly #configured = new WeakMap<Partition, Version>()
  #isDirty = false
  #pass: Promise<void> | null = null

  constructor(options: LocalPartitionsOptions) {
    this.#options = options
  }

  /** Resolves when everything that the image held at this call has been applied. */
  async apply(): Promise<void> {
    this.#isDirty = true
    this.#pass ??= this.#passes().finally(() => {
      this.#pass = null
    })
    await this.#pass
  }

  /** The session is over: nothing is promised any more under epochs that another may have passed. */
  stopAll(): void {
    for (const partition of this.#options.topics.partitions()) {
      this.#told.delete(partition)
      partition.stop('notLeaderOrFollower')
      this.#options.onRole(partition)
    }
  }

  async #passes(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false
      await this.#onePass()
    }
  }

  async #onePass(): Promise<void> {
    const { membership, topics } = this.#options
    for (const topic of [...membership.image.topics.values()]) {
      if (!isComplete(topic)) continue
      if (topic.meta.value.deleting) await this.#delete(topic)
      else await this.#serve(topic)
    }
    for (const served of [...topics.all()]) {
      if (!membership.image.topics.has(served.id)) this.#withdraw(served)
    }
  }

  async #serve(topic: Topic): Promise<void> {
    const { membership, topics } = this.#options
    const isMissing = topic.partitions.some(
      ({ value }, index) => value.replicas.includes(membership.brokerId) && !this.#findLog(topic, index),
    )
    // A new topic is shown when it takes records.
    if (isMissing) await this.#createLogs(topic)
    const served = topics.byId(topic.id) ?? topics.add(topic)
    const settings = this.#settingsOf(topic)
    topic.partitions.forEach((state, index) => {
      this.#serveOne(served, index, state.value, settings)
    })
  }

  /** A few flushes each, blocking: others are served in between. */
  async #createLogs(topic: Topic): Promise<void> {
    const { membership, logs } = this.#options
    const { name } = topic.meta.value
    const { log } = this.#settingsOf(topic)
    for (let index = 0; index < topic.partitions.length; index++) {
      const isHere = topic.partitions[index]!.value.replicas.includes(membership.brokerId)
      if (!isHere || this.#findLog(topic, index)) continue
      // An earlier topic of this name whose files a crash left behind.
      if (logs.get(name, index)) logs.delete(name, index)
      logs.create(name, index, topic.id, log)
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  #findLog(topic: Topic, index: number) {
    const found = this.#options.logs.get(topic.meta.value.name, index)
    return found?.topicId === topic.id ? found : undefined
  }

  #serveOne(served: ServedTopic, index: number, state: PartitionMeta, settings: PartitionSettings): void {
    const { membership, turns, peers, logs, onRole } = this.#options
    const log = this.#findLog(served.topic, index)
    if (!state.replicas.includes(membership.brokerId)) {
      const partition = served.partitions[index]
      if (!partition) return
      partition.stop('notLeaderOrFollower')
      onRole(partition)
      served.partitions[index] = undefined
      logs.delete(served.name, index)
      return
    }
    if (!log) return
    let partition = served.partitions[index]
    if (!partition) {
      partition = new Partition(log, membership.brokerId, settings.batchBytesMax, turns, peers)
      served.partitions[index] = partition
    }
    const rulesVersion = served.topic.meta.version
    if (this.#configured.get(partition) !== rulesVersion) {
      this.#configured.set(partition, rulesVersion)
      partition.configure(settings)
    }
    if (this.#tell(partition, state, settings)) onRole(partition)
  }

  /** Whether there was anything to tell. */
  #tell(partition: Partition, state: PartitionMeta, settings: PartitionSettings): boolean {
    const { membership } = this.#options
    const { image, brokerEpoch } = membership
    const { leaderEpoch, partitionEpoch } = state
    const told = this.#told.get(partition)
    const isNews =
      told?.leaderEpoch !== leaderEpoch ||
      told.partitionEpoch !== partitionEpoch ||
      told.brokersGeneration !== image.brokersGeneration ||
      told.brokerEpoch !== brokerEpoch ||
      told.minIsr !== settings.minInsyncReplicas
    if (!isNews || brokerEpoch < 0) return false
    const { brokersGeneration } = image
    const endpoint = image.brokers.get(state.leader)
    const leaderBrokerEpoch = endpoint?.epoch ?? -1
    const minIsr = settings.minInsyncReplicas
    const telling = { leaderEpoch, partitionEpoch, brokerEpoch, brokersGeneration, leaderBrokerEpoch, minIsr }
    this.#told.set(partition, telling)
    if (leaderEpoch < partition.replica.leaderEpoch) return false
    const facts = {
      leaderEpoch,
      partitionEpoch,
      replicas: state.replicas,
      isr: state.isr,
      minIsr: effectiveMinIsr(state, settings.minInsyncReplicas),
      brokerEpochs: liveEpochs(image),
      countsFlushedBytes: settings.countsFlushedBytes,
    }
    const { replica } = partition
    const isSameEpoch = leaderEpoch === replica.leaderEpoch
    if (state.leader === membership.brokerId) {
      if (isSameEpoch && replica.role === 'leader') partition.updated(facts)
      // An epoch that was granted to an earlier life of this broker is led by nobody.
      else if (!isSameEpoch && state.leaderBrokerEpoch === brokerEpoch) partition.lead(facts)
      return true
    }
    if (isSameEpoch && replica.role === 'leader') return true
    const leader = endpoint ? state.leader : -1
    const isFollowing = replica.role === 'follower' && replica.leader === leader
    if (isSameEpoch && isFollowing && told?.leaderBrokerEpoch === leaderBrokerEpoch) {
      partition.updated(facts)
      return false
    }
    const reached = leader < 0 ? null : this.#options.peers.endpoints.endpointOf(leader)
    const { host: leaderHost = '', port: leaderPort = 0 } = reached ?? {}
    partition.follow({ ...facts, leader, leaderHost, leaderPort })
    return true
  }

  /** The files go, then this broker's name from the entries; when all have gone the controller forgets the topic. */
  async #delete(topic: Topic): Promise<void> {
    const { membership, topics, logs, log, onRole } = this.#options
    const { brokerId, image } = membership
    const served = topics.byId(topic.id)
    if (served) {
      topics.remove(served)
      for (const partition of served.partitions) {
        if (!partition) continue
        partition.stop('unknownTopicOrPartition')
        onRole(partition)
      }
      log.info('topic deleted', { topic: served.name })
      this.#options.onDeleted(served.name)
    }
    const operations: Operation[] = []
    topic.partitions.forEach(({ value, version }, index) => {
      if (this.#findLog(topic, index)) logs.delete(topic.meta.value.name, index)
      if (!value.replicas.includes(brokerId)) return
      const replicas = value.replicas.filter(id => id !== brokerId)
      const next = { ...value, replicas, partitionEpoch: value.partitionEpoch + 1 }
      operations.push({ update: keys.partition(topic.id, index), value: encodeValue(next), version })
    })
    if (operations.length === 0 || membership.brokerEpoch < 0) return
    // A conflict is somebody else's name going at the same time: the next pass finds the newer entry.
    const chunk = Math.max(1, membership.store.limits.transactionOperations)
    for (let start = 0; start < operations.length; start += chunk) {
      const some = operations.slice(start, start + chunk)
      await write(membership.store, image, [membership.registered], some)
    }
  }

  #withdraw(served: ServedTopic): void {
    this.#options.topics.remove(served)
    for (const partition of served.partitions) {
      if (!partition) continue
      partition.stop('unknownTopicOrPartition')
      this.#options.onRole(partition)
    }
  }

  #settingsOf(topic: Topic): PartitionSettings {
    return partitionSettings(topic.meta.value.configs, this.#options.configDefaults)
  }
}

function liveEpochs(image: ClusterImage): ReadonlyMap<number, number> {
  const epochs = new Map<number, number>()
  for (const [id, broker] of image.brokers) if (!broker.isLeaving) epochs.set(id, broker.epoch)
  return epochs
}
