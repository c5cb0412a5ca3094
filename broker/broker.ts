// The broker as its handlers see it: topics and partitions, groups, the controller, and what all requests share
// (clock, counters, deadlines, the queue of the turn). Opened by opening.ts, served by server.ts.
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { BrokerCounters } from './broker-metrics.ts'
import type { BrokerConfig } from './config.ts'
import {
  addressOn,
  collidingName,
  type Topic,
  type TopicMeta,
  topicNameFault,
} from './controller/cluster-state.ts'
import type { Controller, Outcome, TopicChange } from './controller/controller.ts'
import { placeReplicas } from './controller/placement.ts'
import type { ProducerIds } from './controller/producer-ids.ts'
import { type ConfigDefaults, configFault } from './controller/topic-configs.ts'
import type { Forwarder } from './forwarder.ts'
import type { GroupCoordinator } from './groups/coordinator.ts'
import { offsetsPartitionOf } from './groups/group-records.ts'
import type { LocalPartitions } from './local-partitions.ts'
import type { LogDirectory } from './log/log-directory.ts'
import { LossReports } from './loss-report.ts'
import type { Membership } from './membership.ts'
import { offsetsTopic } from './offsets-topic.ts'
import { apis } from './protocol/apis.ts'
import { errorName } from './protocol/errors.ts'
import type { PeerCredentials } from './replication/follower.ts'
import type { TimerWheel } from './replication/timer-wheel.ts'
import type { TurnQueue } from './replication/turn-queue.ts'
import type { AgentInstances } from './security/agent-instances.ts'
import type { Security } from './security/security.ts'
import type { ServedTopic, TopicTable } from './topic-table.ts'

export interface BrokerParts {
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly log: Log
  readonly counters: BrokerCounters
  readonly clusterId: string
  readonly logs: LogDirectory
  readonly topics: TopicTable
  readonly membership: Membership
  readonly local: LocalPartitions
  readonly producerIds: ProducerIds
  readonly forwarder: Forwarder
  readonly groups: GroupCoordinator
  readonly wheel: TimerWheel
  readonly turns: TurnQueue
  readonly agents: AgentInstances
  readonly security: Security
  /** For other brokers. */
  readonly credentials: PeerCredentials
  readonly configDefaults: ConfigDefaults
}

export interface Endpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export interface TopicOutcome extends Outcome {
  readonly topic: ServedTopic | null
}

/** A wish for a topic; -1 asks for the broker's own choice. */
export interface TopicWish {
  readonly name: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
  readonly replicationFactor?: number
  /** Replicas of each partition, chosen by the client. */
  readonly assignment?: readonly (readonly number[])[]
}

const replicationFactorDefault = 3
const takesRecordsTimeoutMs = 3_000

/** Of one topic. Each has files of its own, made durable one after the other. */
export const partitionsMax = 2_000

export class Broker {
  readonly parts: BrokerParts
  readonly losses = new LossReports(this)
  readonly #creating = new Map<string, Promise<TopicOutcome>>()

  constructor(parts: BrokerParts) {
    this.parts = parts
  }

  get clock(): Clock {
    return this.parts.clock
  }

  get counters(): BrokerCounters {
    return this.parts.counters
  }

  get topics(): TopicTable {
    return this.parts.topics
  }

  get groups(): GroupCoordinator {
    return this.parts.groups
  }

  get brokerId(): number {
    return this.parts.config.brokerId
  }

  /**
   * Where clients reach every broker that is alive. This one is always among them, between two lives too: it has just
   * been reached, and a client that is told of no broker at all may never ask again (kafkajs spins).
   */
  endpoints(listener: string | null = null): Endpoint[] {
    const { image, self } = this.parts.membership
    const all = new Map<number, Parameters<typeof addressOn>[1]>([[self.brokerId, self], ...image.brokers])
    return [...all].flatMap(([nodeId, broker]) => {
      const address = addressOn(listener, broker)
      return address ? { nodeId, host: address.host, port: address.port } : []
    })
  }

  /** Where clients of a listener find a broker; null when it is not alive, or they cannot reach it. */
  endpointOf(brokerId: number, listener: string | null = null): Endpoint | null {
    const found = this.parts.membership.image.brokers.get(brokerId)
    const address = found ? addressOn(listener, found) : null
    return address && { nodeId: brokerId, host: address.host, port: address.port }
  }

  /** Who looks after a group: the leader of its partition of the offsets topic. */
  coordinatorOf(groupId: string, listener: string | null): Endpoint | null {
    const partitions = this.topics.byName(offsetsTopic.name)?.topic.partitions ?? []
    const leader = partitions[offsetsPartitionOf(groupId, offsetsTopic.partitions)]?.value.leader
    return leader === undefined ? null : this.endpointOf(leader, listener)
  }

  /** Where this broker finds another. */
  peerOf(brokerId: number): Endpoint | null {
    return this.endpointOf(brokerId, this.parts.config.peers?.listener ?? null)
  }

  /** -1 while nobody decides. */
  get controllerId(): number {
    return this.parts.membership.image.controller?.brokerId ?? -1
  }

  /** Every few seconds. */
  tick(): void {
    for (const partition of this.topics.partitions()) partition.tick()
    this.losses.look()
  }

  /** Takes over what is new in the image of the cluster. */
  async apply(): Promise<void> {
    try {
      await this.parts.local.apply()
      this.losses.look()
    } catch (error) {
      this.parts.log.warn('the state of the cluster could not be taken over, trying again', { error })
    }
  }

  /** Whoever asks this broker next is answered by what the cluster has agreed on up to now. */
  async catchUp(): Promise<void> {
    await this.parts.membership.catchUp()
    await this.apply()
  }

  /** 'none' when the topic is durable and takes records. Two who ask for the same one at once get the same one. */
  async createTopic(wish: TopicWish): Promise<TopicOutcome> {
    const fault = this.topicFault(wish)
    if (fault) return { ...fault, topic: null }
    const { name } = wish
    const { controller } = this.parts.membership
    if (!controller)
      return { error: 'notController', message: 'Another broker is the controller.', topic: null }
    const creation = this.#create(wish, controller)
    this.#creating.set(name, creation)
    try {
      return await creation
    } catch (error) {
      return { ...this.#notController(error), topic: null }
    } finally {
      this.#creating.delete(name)
    }
  }

  /** Why a wish cannot be granted, or null. */
  topicFault({ name, partitions, configs, replicationFactor = -1 }: TopicWish): Outcome | null {
    const nameFault = topicNameFault(name)
    if (nameFault)
      return { error: 'invalidTopicException', message: `Topic name "${name}" is invalid: ${nameFault}.` }
    if (this.topics.byName(name) || this.#creating.has(name)) {
      return { error: 'topicAlreadyExists', message: `Topic '${name}' already exists.` }
    }
    const colliding = collidingName(name, this.topics.names())
    if (colliding !== null) {
      return { error: 'invalidTopicException', message: `Topic name "${name}" collides with "${colliding}".` }
    }
    if (partitions !== -1 && (partitions < 1 || partitions > partitionsMax)) {
      const message = `Number of partitions must be 1 to ${partitionsMax}, or -1 for the default.`
      return { error: 'invalidPartitions', message }
    }
    const available = this.#placeable().length
    if (replicationFactor !== -1 && (replicationFactor < 1 || replicationFactor > available)) {
      const message =
        replicationFactor < 1
          ? 'Replication factor must be larger than 0.'
          : `Replication factor: ${replicationFactor} larger than available brokers: ${available}.`
      return { error: 'invalidReplicationFactor', message }
    }
    const fault = configFault(new Map(Object.entries(configs)))
    return fault === null ? null : { error: 'invalidConfig', message: fault }
  }

  /** The replication factor of topics that name none: three copies, or as many as there are brokers. */
  get replicationFactorDefault(): number {
    return Math.min(replicationFactorDefault, this.#placeable().length)
  }

  partitionsOf({ partitions, assignment }: TopicWish): number {
    if (assignment) return assignment.length
    return partitions === -1 ? this.parts.config.defaultPartitions : partitions
  }

  /** The topic as soon as it is there; what Metadata does for a name it may create. */
  async findOrCreate(name: string): Promise<TopicOutcome> {
    const found = this.topics.byName(name)
    if (found) return { error: 'none', message: null, topic: found }
    const wish = { name, partitions: -1, configs: {} }
    const creating = this.#creating.get(name)
    if (creating) return creating.catch(error => ({ ...this.#notController(error), topic: null }))
    return this.parts.membership.controller ? this.createTopic(wish) : this.#createElsewhere(name)
  }

  /** 'none' when the name is free again. */
  async deleteTopic(served: ServedTopic): Promise<Outcome> {
    const { membership, local } = this.parts
    const { controller } = membership
    if (!controller) return { error: 'notController', message: 'Another broker is the controller.' }
    if (served.topic.meta.value.deleting) return { error: 'unknownTopicOrPartition', message: null }
    try {
      await controller.markDeleting(served.topic)
      await local.apply()
      await membership.settle()
      return { error: 'none', message: null }
    } catch (error) {
      return this.#notController(error)
    }
  }

  /** Changes a topic's own entry; 'none' when the change is durable and this broker goes by it. */
  async changeTopic(
    served: ServedTopic,
    decideOn: (now: TopicMeta) => TopicChange | Outcome,
  ): Promise<Outcome> {
    const { membership, local } = this.parts
    const { controller } = membership
    if (!controller) return { error: 'notController', message: 'Another broker is the controller.' }
    let outcome: Outcome = { error: 'none', message: null }
    try {
      await controller.changeTopic(served.topic, now => {
        const decided = decideOn(now)
        if (!('error' in decided)) return decided
        outcome = decided
        return null
      })
      await local.apply()
      await membership.settle()
      return outcome
    } catch (error) {
      return this.#notController(error)
    }
  }

  /** What the controller could not write is for the client to ask again: by then there is another, or this one anew. */
  #notController(error: unknown): Outcome {
    this.parts.log.warn('the metadata store refused a change', { error })
    return { error: 'notController', message: (error as Error).message }
  }

  async #create(wish: TopicWish, controller: Controller): Promise<TopicOutcome> {
    const { name, configs } = wish
    const created = await controller.createTopic(name, wish.assignment ?? this.#place(wish), configs)
    if (created.topicId === null) return { error: created.error, message: created.message, topic: null }
    await this.parts.local.apply()
    const topic = this.topics.byId(created.topicId)
    if (!topic) return { error: 'requestTimedOut', message: `Topic '${name}' is not there yet.`, topic: null }
    this.parts.log.info('topic created', { topic: name, partitions: topic.topic.partitions.length })
    return { error: 'none', message: null, topic }
  }

  async #createElsewhere(name: string): Promise<TopicOutcome> {
    const creation = { name, numPartitions: -1, replicationFactor: -1 }
    const answer = await this.parts.forwarder.forward(apis.createTopics, { topics: [creation] })
    const result = answer?.topics[0]
    if (!result) return { error: 'notController', message: 'The controller cannot be reached.', topic: null }
    const error = errorName(result.errorCode)
    if (error !== 'none' && error !== 'topicAlreadyExists') {
      return { error, message: result.errorMessage, topic: null }
    }
    const deadlineMs = this.clock.monotonicMs() + takesRecordsTimeoutMs
    for (;;) {
      await this.apply()
      const topic = this.topics.byName(name)
      if (topic) return { error: 'none', message: null, topic }
      if (this.clock.monotonicMs() > deadlineMs) break
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    return { error: 'leaderNotAvailable', message: null, topic: null }
  }

  /** Replicas for partitions that are added to a topic, as many each as its others have. */
  placeMore(topic: Topic, count: number): number[][] {
    const { name, configs } = topic.meta.value
    const replicationFactor = topic.partitions[0]?.value.replicas.length ?? -1
    return this.#place({ name, partitions: count, configs, replicationFactor }, topic.partitions.length)
  }

  /** Brokers that may be given replicas: those alive, and those that only are down for now. */
  #placeable(): number[] {
    const { known, brokers } = this.parts.membership.image
    return [...new Set([...brokers.keys(), ...known.keys()])]
  }

  #place(wish: TopicWish, first = 0): number[][] {
    const { brokers, topics } = this.parts.membership.image
    const all = this.#placeable()
    const live = all.filter(id => brokers.get(id)?.isLeaving === false)
    const down = all.filter(id => !live.includes(id))
    if (live.length === 0) throw new Error('No broker is alive')
    const { replicationFactor = -1 } = wish
    const copies = replicationFactor === -1 ? this.replicationFactorDefault : replicationFactor
    return placeReplicas(live, down, this.partitionsOf(wish), copies, topics.size + first)
  }
}
