// The broker as its handlers see it: topics and partitions, groups, the controller, and what all requests share
// (clock, counters, deadlines, the queue of the turn). Opened by opening.ts, served by server.ts.
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import type { BrokerCounters } from './broker-metrics.ts'
import type { BrokerConfig } from './config.ts'
import { collidingName, type PartitionMeta, type Topic, topicNameFault } from './controller/cluster-state.ts'
import type { Controller, Outcome } from './controller/controller.ts'
import { type ConfigDefaults, configFault, partitionSettings } from './controller/topic-configs.ts'
import type { GroupCoordinator } from './groups/coordinator.ts'
import type { LogDirectory } from './log/log-directory.ts'
import type { Led } from './membership.ts'
import { Partition } from './replication/partition.ts'
import type { TimerWheel } from './replication/timer-wheel.ts'
import type { TurnQueue } from './replication/turn-queue.ts'
import type { AgentInstances } from './security/agent-instances.ts'
import { type ServedTopic, TopicTable } from './topic-table.ts'

export interface BrokerParts {
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly log: Log
  readonly counters: BrokerCounters
  readonly clusterId: string
  readonly logs: LogDirectory
  /** Replaced when this broker had to register anew. */
  controller: Controller
  readonly wheel: TimerWheel
  readonly turns: TurnQueue
  readonly agents: AgentInstances
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
}

/** Of one topic. Each has files of its own, made durable one after the other. */
const partitionsMax = 2_000

export class Broker {
  readonly parts: BrokerParts
  readonly topics = new TopicTable()
  readonly #creating = new Map<string, Promise<TopicOutcome>>()
  readonly #deleting = new Set<string>()
  #groups: GroupCoordinator | null = null
  #endpoint: Endpoint

  constructor(parts: BrokerParts) {
    this.parts = parts
    const { brokerId, host, port } = parts.config
    this.#endpoint = { nodeId: brokerId, host, port }
  }

  get clock(): Clock {
    return this.parts.clock
  }

  get counters(): BrokerCounters {
    return this.parts.counters
  }

  /** Where clients reach this broker. */
  get endpoint(): Endpoint {
    return this.#endpoint
  }

  set endpoint(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  get groups(): GroupCoordinator {
    if (this.#groups === null) throw new Error('The group coordinator is not loaded yet')
    return this.#groups
  }

  set groups(groups: GroupCoordinator) {
    this.#groups = groups
  }

  /** Takes up the leadership that the controller granted, opening or creating the logs. */
  serveTopic(topic: Topic): ServedTopic {
    const { config, logs, turns, configDefaults } = this.parts
    const { name, configs } = topic.meta.value
    const settings = partitionSettings(configs, configDefaults)
    const partitions = topic.partitions.map((state, index) => {
      const found = logs.get(name, index)
      // An earlier topic of this name whose files a crash left behind.
      if (found && found.topicId !== topic.id) logs.delete(name, index)
      const existing = found?.topicId === topic.id ? found : undefined
      const log = existing ?? logs.create(name, index, topic.id, settings.log)
      log.config = { ...log.config, ...settings.log }
      const partition = new Partition(log, config.brokerId, settings.batchBytesMax, turns)
      partition.lead(grantOf(state.value, settings))
      return partition
    })
    return this.topics.add(topic, partitions)
  }

  /** Every few seconds. */
  tick(): void {
    for (const { partitions } of this.topics.all()) {
      for (const partition of partitions) partition.tick()
    }
  }

  /** The session is over: nothing is promised any more under epochs that another may have passed. */
  stopLeading(): void {
    for (const { partitions } of this.topics.all()) {
      for (const partition of partitions) partition.stop('notLeaderOrFollower')
    }
  }

  /** Registered anew: every partition in its next epoch. */
  leadAgain({ controller, topics }: Led): void {
    this.parts.controller = controller
    for (const topic of topics.values()) {
      const served = this.topics.byId(topic.id)
      if (topic.meta.value.deleting) continue
      if (!served) {
        this.serveTopic(topic)
        continue
      }
      const settings = partitionSettings(served.configs, this.parts.configDefaults)
      served.topic.partitions.splice(0, topic.partitions.length, ...topic.partitions)
      served.partitions.forEach((partition, index) => {
        partition.lead(grantOf(topic.partitions[index]!.value, settings))
      })
    }
  }

  /** 'none' when the topic is durable and takes records. Two who ask for the same one at once get the same one. */
  async createTopic(wish: TopicWish): Promise<TopicOutcome> {
    const fault = this.topicFault(wish)
    if (fault) return { ...fault, topic: null }
    const { name, configs } = wish
    const partitions = wish.partitions === -1 ? this.parts.config.defaultPartitions : wish.partitions
    const creation = this.#create(name, partitions, configs)
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
  topicFault({ name, partitions, configs }: TopicWish): Outcome | null {
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
    const fault = configFault(new Map(Object.entries(configs)))
    return fault === null ? null : { error: 'invalidConfig', message: fault }
  }

  /** The topic as soon as it is there; what Metadata does for a name it may create. */
  async findOrCreate(name: string): Promise<TopicOutcome> {
    const found = this.topics.byName(name)
    if (found) return { error: 'none', message: null, topic: found }
    const creating = this.#creating.get(name)
    if (!creating) return this.createTopic({ name, partitions: -1, configs: {} })
    return creating.catch(error => ({ ...this.#notController(error), topic: null }))
  }

  /** 'none' when the name is free again. */
  async deleteTopic(served: ServedTopic): Promise<Outcome> {
    if (this.#deleting.has(served.id)) return { error: 'unknownTopicOrPartition', message: null }
    this.#deleting.add(served.id)
    try {
      await this.parts.controller.markDeleting(served.topic)
      this.topics.remove(served)
      for (const partition of served.partitions) partition.stop('unknownTopicOrPartition')
      await this.finishDeleting(served.topic)
      this.parts.log.info('topic deleted', { topic: served.name })
      return { error: 'none', message: null }
    } catch (error) {
      return this.#notController(error)
    } finally {
      this.#deleting.delete(served.id)
    }
  }

  /** Also the rest of a deletion that a crash interrupted. */
  async finishDeleting(topic: Topic): Promise<void> {
    const { logs, controller } = this.parts
    const { name } = topic.meta.value
    topic.partitions.forEach((_, index) => {
      if (logs.get(name, index)?.topicId === topic.id) logs.delete(name, index)
    })
    await controller.forgetTopic(topic)
  }

  /** A few flushes each, blocking: others are served in between. */
  async #createLogs({ id, meta, partitions }: Topic): Promise<void> {
    const { logs, configDefaults } = this.parts
    const { log } = partitionSettings(meta.value.configs, configDefaults)
    for (let index = 0; index < partitions.length; index++) {
      if (!logs.get(meta.value.name, index)) logs.create(meta.value.name, index, id, log)
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  /** What the controller could not write is for the client to ask again: by then this broker has registered anew. */
  #notController(error: unknown): Outcome {
    this.parts.log.warn('the metadata store refused a change', { error })
    return { error: 'notController', message: (error as Error).message }
  }

  async #create(name: string, partitions: number, configs: TopicWish['configs']): Promise<TopicOutcome> {
    const created = await this.parts.controller.createTopic(name, partitions, configs)
    if (created.topic === null) return { error: created.error, message: created.message, topic: null }
    await this.#createLogs(created.topic)
    const topic = this.serveTopic(created.topic)
    this.parts.log.info('topic created', { topic: name, partitions })
    return { error: 'none', message: null, topic }
  }
}

function grantOf(
  state: PartitionMeta,
  settings: { readonly countsFlushedBytes: boolean; readonly minInsyncReplicas: number },
) {
  return {
    leaderEpoch: state.leaderEpoch,
    partitionEpoch: state.partitionEpoch,
    isr: state.isr,
    minIsr: Math.min(settings.minInsyncReplicas, state.replicas.length),
    countsFlushedBytes: settings.countsFlushedBytes,
  }
}
