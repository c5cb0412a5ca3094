// From a configuration to a broker that may be served: store, lock and logs, registration, leadership, groups. And
// back: a clean stop. The order matters: nothing is led before its log is recovered, nothing served before it is led.
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../runtime/clock.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import { Broker } from './broker.ts'
import type { BrokerCounters } from './broker-metrics.ts'
import type { BrokerConfig } from './config.ts'
import { type Addresses, addressOn, type Topic } from './controller/cluster-state.ts'
import { ProducerIds } from './controller/producer-ids.ts'
import { clusterIdOf } from './controller/registration.ts'
import { type ConfigDefaults, partitionSettings } from './controller/topic-configs.ts'
import { Forwarder } from './forwarder.ts'
import { GroupCoordinator } from './groups/coordinator.ts'
import { compactInternalTopics, configsOfInternalTopic } from './internal-topics.ts'
import { IsrWriter } from './isr-writer.ts'
import { LocalPartitions } from './local-partitions.ts'
import { type TakenDirectory, takeDirectory } from './log/flush-all.ts'
import { LogDirectory, LogDirectoryError } from './log/log-directory.ts'
import { Membership } from './membership.ts'
import { isServed, type MetadataKeys, sessionTtlMsOf, withoutCredentials } from './metadata/open-store.ts'
import type { MetadataStore } from './metadata/store.ts'
import { OffsetsTopic, offsetsTopic } from './offsets-topic.ts'
import { FollowerFetches, type PeerCredentials } from './replication/follower.ts'
import type { Partition, PartitionPeers } from './replication/partition.ts'
import { TimerWheel } from './replication/timer-wheel.ts'
import { TurnQueue } from './replication/turn-queue.ts'
import { AgentInstances } from './security/agent-instances.ts'
import { ClusterSecret, secretDirectory } from './security/cluster-secret.ts'
import { Security } from './security/security.ts'
import { TopicTable } from './topic-table.ts'

export interface OpenOptions {
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly log: Log
  readonly counters: BrokerCounters
  /** The ports are known before anything is registered: they are part of the registration. */
  readonly port: number
  readonly endpoints?: Addresses
  readonly openStore: (place: string, keys?: MetadataKeys) => Promise<MetadataStore>
  /** The disk failed: the process must end, and recovery at the next start decides what is true. */
  readonly onFatal: (error: Error) => void
}

export interface OpenBroker {
  readonly broker: Broker
  /** Lets others take over what this broker leads, while it still serves; returns at once when there are none. */
  leave(): Promise<void>
  /** Flushes, writes the clean-shutdown marker, gives the place in the cluster up. */
  close(): Promise<void>
}

/** Of a stop; the supervisor waits 1.5 s in all. */
const leaveTimeoutMs = 900
const clusterTimeoutMs = 20_000
const lookAgainMs = 20
const catchUpBytesPerSecondDefault = 50 * 1024 * 1024

export async function openBroker(options: OpenOptions): Promise<OpenBroker> {
  const { config, log } = options
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o750 })
  if (!isServed(config.metadataPath)) {
    mkdirSync(dirname(config.metadataPath), { recursive: true, mode: 0o750 })
  }
  const [store, taken] = await Promise.all([
    options.openStore(config.metadataPath, config.metadataKeys),
    takeDirectory(config.dataDirectory),
  ])
  const clusterId = await clusterIdOf(store)
  const secret = await ClusterSecret.of(store)
  secret.writeTo(secretDirectory(config.metadataPath, config.dataDirectory))
  const security = await Security.open({
    secret,
    clock: options.clock,
    sessionLifetimeMs: config.connectionsMaxReauthMs ?? 0,
  })
  const logs = openLogs(options, clusterId, taken)
  const membership = openMembership(options, store, logs)
  membership.image.onOther = (key, entry) => security.image.apply(key, entry)
  await membership.join().catch(error => {
    if (error instanceof ExitError) throw error
    throw new ExitError(exitCodes.unavailable, `Cannot join the cluster: ${(error as Error).message}`)
  })
  const followers = new FollowerFetches({
    brokerId: config.brokerId,
    brokerEpoch: () => membership.brokerEpoch,
    credentials: credentialsOf(config, secret),
    clock: options.clock,
    log,
    doubtLeader: () => void membership.lookAgain(),
    catchUpBytesPerSecond: config.replicationThrottleBytesPerSecond ?? catchUpBytesPerSecondDefault,
  })
  const broker = joinRooms(followers, options, clusterId, logs, membership, security)
  await broker.parts.local.apply()
  warnOfOrphans(broker)
  membership.keep({
    onChange: () => void broker.apply(),
    onLost: () => broker.parts.local.stopAll(),
    onRefused: options.onFatal,
  })
  await createInitialTopics(broker)
  if (membership.controller) await compactInternalTopics(broker)
  broker.losses.look()
  const close = async () => {
    broker.groups.close()
    broker.losses.close()
    followers.close()
    broker.parts.forwarder.close()
    broker.parts.wheel.close()
    const { brokerEpoch } = membership
    await logs.close(brokerEpoch)
    await membership.close()
  }
  return { broker, close, leave: () => leaveInTime(membership, log) }
}

/** The files are read for each connection: they are renewed while we run. */
function credentialsOf({ peers }: BrokerConfig, secret: ClusterSecret): PeerCredentials {
  if (!peers) return { login: secret.login }
  const text = (path: string) => readFileSync(path, 'utf8')
  const { authority, certificate, key } = peers
  return { tls: () => ({ ca: text(authority), certificate: text(certificate), key: text(key) }) }
}

/** A store that does not answer holds up no stop: what could not be handed over is elected when the lease is over. */
async function leaveInTime(membership: Membership, log: Log): Promise<void> {
  const patience = new Promise<void>(resolve => setTimeout(resolve, leaveTimeoutMs).unref())
  const left = membership.leave(leaveTimeoutMs).catch(error => log.warn('left late', { error }))
  await Promise.race([left, patience])
}

function openMembership(options: OpenOptions, store: MetadataStore, logs: LogDirectory): Membership {
  const { config, log } = options
  const defaults = configDefaults(config)
  const settingsOf = (topic: Topic) => partitionSettings(topic.meta.value.configs, defaults)
  return new Membership(store, {
    openStore: () => options.openStore(config.metadataPath, config.metadataKeys),
    sessionTtlMs: sessionTtlMsOf(config.metadataPath),
    identity: {
      brokerId: config.brokerId,
      directoryId: logs.directoryId,
      previousBrokerEpoch: logs.previousBrokerEpoch,
      isDamaged: ({ id, meta }, index) => {
        const found = logs.get(meta.value.name, index)
        return found?.topicId === id && found.corruptions.length > 0
      },
      host: config.advertisedHost ?? config.host,
      port: config.advertisedPort ?? options.port,
      endpoints: options.endpoints ?? {},
    },
    log,
    rulesOf: topic => {
      const { minInsyncReplicas: minIsr, mayBeUnclean } = settingsOf(topic)
      return { minIsr, mayBeUnclean }
    },
    isDurable: topic => settingsOf(topic).countsFlushedBytes,
    lives: logs.lives,
  })
}

function joinRooms(
  followers: FollowerFetches,
  options: OpenOptions,
  clusterId: string,
  logs: LogDirectory,
  membership: Membership,
  security: Security,
): Broker {
  const { config, clock, log, counters } = options
  const topics = new TopicTable()
  const turns = new TurnQueue()
  const { image } = membership
  const credentials = credentialsOf(config, security.secret)
  const groups = new GroupCoordinator(new OffsetsTopic(topics, () => clock.wallMs()), clock, log)
  const local = new LocalPartitions({
    membership,
    topics,
    logs,
    turns,
    peers: peersOf(options, membership, followers, (...lost) => broker.losses.cut(...lost)),
    configDefaults: configDefaults(config),
    log,
    onRole: partition => followGroups(groups, partition),
    onDeleted: topic => groups.forgetTopic(topic),
  })
  const broker: Broker = new Broker({
    config,
    clock,
    log,
    counters,
    clusterId,
    logs,
    topics,
    membership,
    local,
    producerIds: new ProducerIds(
      () => membership.store,
      () => membership.registered,
    ),
    forwarder: new Forwarder(
      () => broker.peerOf(image.controller?.brokerId ?? -1),
      credentials,
      () => broker.catchUp(),
    ),
    groups,
    wheel: new TimerWheel(clock),
    turns,
    agents: new AgentInstances(),
    security,
    credentials,
    configDefaults: configDefaults(config),
  })
  return broker
}

function peersOf(
  { clock, log, config }: OpenOptions,
  membership: Membership,
  followers: FollowerFetches,
  lost: PartitionPeers['lost'],
): PartitionPeers {
  const endpoints = {
    endpointOf: (brokerId: number, listener = config.peers?.listener ?? null) => {
      const found = membership.image.brokers.get(brokerId)
      const address = found ? addressOn(listener, found) : null
      return found && address ? { host: address.host, port: address.port, brokerEpoch: found.epoch } : null
    },
  }
  return {
    clock,
    isrChanges: new IsrWriter({
      image: membership.image,
      store: () => membership.store,
      registered: () => membership.registered,
      isClosed: () => membership.isClosed,
    }),
    endpoints,
    lease: membership,
    followers,
    alarm: ({ topic, index }, message, fields) => log.error(message, { topic, partition: index, ...fields }),
    lost,
  }
}

/** Groups live where their partition of the offsets topic is led. */
function followGroups(groups: GroupCoordinator, { topic, index, replica }: Partition): void {
  if (topic !== offsetsTopic.name) return
  if (replica.role === 'leader') groups.lead(index)
  else groups.unload(index)
}

function openLogs(options: OpenOptions, clusterId: string, taken: TakenDirectory): LogDirectory {
  const { config, clock } = options
  try {
    return LogDirectory.open({
      path: config.dataDirectory,
      taken,
      clusterId,
      nodeId: config.brokerId,
      nowMs: clock.wallMs(),
      ...(config.dataDirectoryBytes === undefined ? {} : { capBytes: config.dataDirectoryBytes }),
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
        onNotice: (message, fields) => options.log.warn(message, fields),
      },
    })
  } catch (error) {
    if (!(error instanceof LogDirectoryError)) throw error
    const hint = error.message.includes('it belongs to node')
      ? `. The metadata is read from ${withoutCredentials(config.metadataPath)}: if it was kept elsewhere until now, ` +
        'say where (--metadata), or move it with: tailrace cluster move-metadata'
      : ''
    throw new ExitError(exitCodes.config, `${error.message}${hint}`, { cause: error })
  }
}

function warnOfOrphans(broker: Broker): void {
  const { logs, membership, log } = broker.parts
  for (const { topicId, directory } of logs.logs()) {
    // Never deleted on suspicion: a metadata store restored from an older copy looks exactly like this.
    if (!membership.image.topics.has(topicId)) {
      log.warn('a partition belongs to no topic and is left alone', { directory })
    }
  }
}

/** Returns when all are there: made by the controller, whoever that is, once it sees the whole cluster. */
async function createInitialTopics(broker: Broker): Promise<void> {
  const { config, membership, log } = broker.parts
  const { clusterSize = 1 } = config
  const wanted = [offsetsTopic, ...config.initialTopics.map(topic => ({ ...topic, configs: {} }))]
  const deadlineMs = performance.now() + clusterTimeoutMs
  for (;;) {
    const missing = wanted.filter(({ name }) => !broker.topics.byName(name))
    if (missing.length === 0) return
    const isWhole = membership.image.brokers.size >= clusterSize
    if (membership.controller && isWhole) {
      for (const { name, partitions, configs } of missing) {
        const wish = { name, partitions, configs: configsOfInternalTopic[name] ?? configs }
        const { topic, error, message } = await broker.createTopic(wish)
        if (topic || error === 'topicAlreadyExists' || error === 'notController') continue
        throw new ExitError(exitCodes.config, `Cannot create topic "${name}": ${message}`)
      }
    }
    if (performance.now() > deadlineMs) {
      log.warn('serving although not all brokers are here and topics are missing', {
        brokers: membership.image.brokers.size,
        clusterSize,
      })
      return
    }
    if (!membership.controller || !isWhole) await new Promise(resolve => setTimeout(resolve, lookAgainMs))
    await broker.apply()
  }
}

function configDefaults(config: BrokerConfig): ConfigDefaults {
  return {
    'retention.ms': String(config.retentionMs),
    'retention.bytes': String(config.retentionBytes),
    'segment.bytes': String(config.segmentBytes),
    // Of two or more replicas two must have a record before it is acknowledged to acks=all.
    'min.insync.replicas': '2',
  }
}
