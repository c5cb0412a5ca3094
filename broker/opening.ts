// From a configuration to a broker that may be served: store, lock and logs, registration, leadership, groups. And
// back: a clean stop. The order matters: nothing is led before its log is recovered, nothing served before it is led.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../runtime/clock.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import { Broker } from './broker.ts'
import type { BrokerCounters } from './broker-metrics.ts'
import type { BrokerConfig } from './config.ts'
import { clusterIdOf } from './controller/controller.ts'
import type { ConfigDefaults } from './controller/topic-configs.ts'
import { GroupCoordinator } from './groups/coordinator.ts'
import { LogDirectory, LogDirectoryError } from './log/log-directory.ts'
import { lossesTopic, reportCorruptions } from './loss-report.ts'
import { Membership } from './membership.ts'
import type { MetadataStore } from './metadata/store.ts'
import { OffsetsTopic, offsetsTopic } from './offsets-topic.ts'
import type { Partition } from './replication/partition.ts'
import { TimerWheel } from './replication/timer-wheel.ts'
import { TurnQueue } from './replication/turn-queue.ts'
import { AgentInstances } from './security/agent-instances.ts'

export interface OpenOptions {
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly log: Log
  readonly counters: BrokerCounters
  /** The port is known before anything is registered: it is part of the registration. */
  readonly port: number
  readonly openStore: (path: string) => Promise<MetadataStore>
  /** The disk failed: the process must end, and recovery at the next start decides what is true. */
  readonly onFatal: (error: Error) => void
}

export interface OpenBroker {
  readonly broker: Broker
  /** Flushes, writes the clean-shutdown marker, gives the place in the cluster up. */
  close(): Promise<void>
}

/** Topics that keep what they hold until compaction can tidy them. */
const kept = { 'retention.ms': '-1', 'retention.bytes': '-1' }
const configsOfTopic: Readonly<Record<string, Readonly<Record<string, string>>>> = { [lossesTopic]: kept }

export async function openBroker(options: OpenOptions): Promise<OpenBroker> {
  const { config, clock, log } = options
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o750 })
  mkdirSync(dirname(config.metadataPath), { recursive: true, mode: 0o750 })
  const store = await options.openStore(config.metadataPath)
  const clusterId = await clusterIdOf(store)
  const logs = openLogs(options, clusterId)
  const host = config.advertisedHost ?? config.host
  const port = config.advertisedPort ?? options.port
  const identity = { brokerId: config.brokerId, directoryId: logs.directoryId, host, port }
  const openStore = () => options.openStore(config.metadataPath)
  const membership = new Membership(store, openStore, identity, log)
  const { controller, topics } = await membership.join()
  const wheel = new TimerWheel(clock)
  const broker = new Broker({
    config,
    clock,
    log,
    counters: options.counters,
    clusterId,
    logs,
    controller,
    wheel,
    turns: new TurnQueue(),
    agents: new AgentInstances(),
    configDefaults: configDefaults(config),
  })
  broker.endpoint = { nodeId: config.brokerId, host, port }
  await serveTopics(broker, topics.values())
  await createInitialTopics(broker)
  broker.groups = new GroupCoordinator(
    new OffsetsTopic(
      () => broker.topics.byName(offsetsTopic.name)!,
      () => clock.wallMs(),
    ),
    clock,
    log,
  )
  broker.groups.load()
  reportCorruptions(broker)
  void membership.keep(
    () => broker.stopLeading(),
    led => broker.leadAgain(led),
  )
  const close = async () => {
    broker.groups.close()
    wheel.close()
    await logs.close(broker.parts.controller.brokerEpoch)
    await membership.close()
  }
  return { broker, close }
}

function openLogs(options: OpenOptions, clusterId: string): LogDirectory {
  const { config, clock } = options
  try {
    return LogDirectory.open({
      path: config.dataDirectory,
      clusterId,
      nodeId: config.brokerId,
      nowMs: clock.wallMs(),
      config: {
        segmentBytes: config.segmentBytes,
        retentionMs: config.retentionMs,
        retentionBytes: config.retentionBytes,
      },
      listener: {
        onDurable: (log, durableEnd) => (log.owner as Partition | null)?.onDurable(durableEnd),
        onFailed: (log, error) => {
          options.log.error('the disk failed, stopping', {
            topic: log.topic,
            partition: log.partition,
            error,
          })
          options.onFatal(error)
        },
      },
    })
  } catch (error) {
    if (error instanceof LogDirectoryError)
      throw new ExitError(exitCodes.config, error.message, { cause: error })
    throw error
  }
}

async function serveTopics(
  broker: Broker,
  topics: Iterable<Parameters<Broker['serveTopic']>[0]>,
): Promise<void> {
  const known = new Set<string>()
  for (const topic of topics) {
    known.add(topic.id)
    if (topic.meta.value.deleting) await broker.finishDeleting(topic)
    else broker.serveTopic(topic)
  }
  for (const log of broker.parts.logs.logs()) {
    // Never deleted on suspicion: a metadata store restored from an older copy looks exactly like this.
    if (!known.has(log.topicId)) {
      broker.parts.log.warn('a partition belongs to no topic and is left alone', { directory: log.directory })
    }
  }
}

async function createInitialTopics(broker: Broker): Promise<void> {
  const wanted = [
    offsetsTopic,
    ...broker.parts.config.initialTopics.map(topic => ({ ...topic, configs: {} })),
  ]
  for (const { name, partitions, configs } of wanted) {
    if (broker.topics.byName(name)) continue
    const created = await broker.createTopic({ name, partitions, configs: configsOfTopic[name] ?? configs })
    if (!created.topic)
      throw new ExitError(exitCodes.config, `Cannot create topic "${name}": ${created.message}`)
  }
}

function configDefaults(config: BrokerConfig): ConfigDefaults {
  return {
    'retention.ms': String(config.retentionMs),
    'retention.bytes': String(config.retentionBytes),
    'segment.bytes': String(config.segmentBytes),
  }
}
