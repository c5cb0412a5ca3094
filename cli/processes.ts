// Which processes an appliance is made of, and what each is told. Pure: settings in, specifications out.

import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AgentConfig } from '../agent/config.ts'
import { enrolmentPath } from '../agent/enrolment.ts'
import type { AnalyticsConfig } from '../analytics/config.ts'
import { visitSettings } from '../analytics/visits/condition-schemas.ts'
import type { BrokerConfig } from '../broker/config.ts'
import type { MetadataKeys } from '../broker/metadata/open-store.ts'
import type { FixturesConfig } from '../fixtures/config.ts'
import type { DataDirectory } from './data-directory.ts'
import { keepRules } from './keep-settings.ts'
import type { Settings } from './settings.ts'
import type { ProcessSpec } from './supervisor.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const hourMs = 3_600_000

/** What the aggregators read; the agent picks one of them by format. */
export const topics = ['behavior', 'metrics', 'logs'] as const

/** One of `clusterSize` brokers on ports side by side, over one metadata store. */
export function brokerProcess(
  settings: Settings,
  data: DataDirectory,
  brokerId = 1,
  clusterSize = 1,
  open: Pick<BrokerConfig, 'listeners' | 'peers'> = {},
): ProcessSpec {
  const config: BrokerConfig = {
    brokerId,
    host: '127.0.0.1',
    port: brokerPort(settings, brokerId),
    dataDirectory: join(data.path, `broker-${brokerId}`),
    ...metadataOf(settings, data),
    segmentBytes: settings.segmentBytes,
    retentionMs: settings.retentionHours * hourMs,
    retentionBytes: settings.retentionBytes,
    ...(settings.dataDirectoryBytes === undefined ? {} : { dataDirectoryBytes: settings.dataDirectoryBytes }),
    defaultPartitions: 6,
    initialTopics: [
      ...topics.map(name => ({ name, partitions: 6 })),
      { name: '__tailrace_losses', partitions: 1 },
      { name: '__tailrace_agents', partitions: 1 },
    ],
    clusterSize,
    replicationThrottleBytesPerSecond: settings.replicationThrottleBytesPerSecond,
    connectionsMaxReauthMs: settings.connectionsMaxReauthMs,
    ...open,
  }
  const name = clusterSize === 1 ? 'broker' : `broker-${brokerId}`
  return { name, entry: join(root, 'broker/main.ts'), config, stopTimeoutMs: 1_500 }
}

/** One broker of a cluster whose other brokers are started elsewhere: on the very port that was asked for. */
export function singleBrokerProcess(
  settings: Settings,
  data: DataDirectory,
  open: Pick<BrokerConfig, 'listeners' | 'peers'> = {},
): ProcessSpec {
  const spec = brokerProcess(settings, data, settings.brokerId, settings.brokers ?? 1, open)
  return { ...spec, config: { ...(spec.config as BrokerConfig), port: settings.kafkaPort } }
}

function countingOf(settings: Settings): NonNullable<AnalyticsConfig['counting']> {
  const { statistics, apdexMs, ownHosts, countryDatabase, keepAddresses } = settings
  return {
    ...{ statistics, apdexMs, ownHosts, keepsAddresses: keepAddresses },
    ...(countryDatabase !== undefined && { countryDatabase: resolve(countryDatabase) }),
  }
}

function metadataOf({ metadata, zookeeper }: Settings, data: DataDirectory) {
  if (metadata === 'sqlite') return { metadataPath: join(data.path, 'metadata.db') }
  return { metadataPath: metadata, metadataKeys: metadataKeysOf(zookeeper) }
}

/** Absolute, for whoever runs elsewhere. */
export function metadataKeysOf(zookeeper: Settings['zookeeper']): MetadataKeys {
  return Object.fromEntries(Object.entries(zookeeper).map(([name, path]) => [name, path && resolve(path)]))
}

/** 0 stays 0: any free port. */
export function brokerPort({ kafkaPort }: Settings, brokerId: number): number {
  return kafkaPort === 0 ? 0 : kafkaPort + brokerId - 1
}

export function analyticsProcess(
  settings: Settings,
  data: DataDirectory,
  bootstrap: readonly string[],
  open?: AnalyticsConfig['open'],
): ProcessSpec {
  const config: AnalyticsConfig = {
    dataDirectory: join(data.path, 'analytics'),
    bootstrap: [...bootstrap],
    // Brokers of our own are on loopback, where nobody asks.
    ...(settings.bootstrap === undefined ? {} : filesOf(settings)),
    host: '127.0.0.1',
    port: settings.httpPort,
    topics: [...topics],
    pageDirectory: join(root, 'dashboard/dist'),
    tokenPath: data.tokenPath,
    timeZone: settings.timeZone,
    visits: visitSettings(settings.goals, settings.funnels),
    counting: countingOf(settings),
    keep: keepRules(settings.retention, settings.statisticsBytes),
    brokerMetricsDirectory: data.path,
    alerts: { rules: settings.alerts, webhookAllow: settings.webhookAllow },
    ...(open && { open }),
  }
  return { name: 'analytics', entry: join(root, 'analytics/main.ts'), config, stopTimeoutMs: 1_000 }
}

/** One more process that counts beside the first; `number` is 2 or more. */
export function ingestProcess(
  settings: Settings,
  data: DataDirectory,
  bootstrap: readonly string[],
  number?: number,
): ProcessSpec {
  const spec = analyticsProcess(settings, data, bootstrap)
  const config: AnalyticsConfig = { ...(spec.config as AnalyticsConfig), ingestOnly: true }
  return { ...spec, name: number === undefined ? 'ingest' : `ingest-${number}`, config }
}

export function agentProcess(
  settings: Settings,
  data: DataDirectory,
  bootstrap: readonly string[],
): ProcessSpec {
  const config: AgentConfig = {
    dataDirectory: join(data.path, 'agent'),
    bootstrap: [...bootstrap],
    host: hostname(),
    keySeedPath: data.keySeedPath,
    inputs: settings.inputs.map(input => ({ ...input })) as AgentConfig['inputs'],
    hostMetrics: settings.hostMetrics,
    statusPort: settings.agentStatusPort,
    ...(settings.statsd && { statsd: settings.statsd }),
    ...reachOf(settings),
  }
  return { name: 'agent', entry: join(root, 'agent/main.ts'), config, stopTimeoutMs: 1_800 }
}

/** An agent that joined reaches what it joined, unless other brokers are named. */
function reachOf({ reach, data, bootstrap }: Settings): Pick<AgentConfig, 'tls' | 'login' | 'enrolled'> {
  if (bootstrap === undefined && existsSync(enrolmentPath(join(data, 'agent')))) return { enrolled: true }
  return filesOf({ reach })
}

/** Whom to trust and who one is, where brokers of others want that. */
function filesOf({ reach }: Pick<Settings, 'reach'>): Pick<AgentConfig, 'tls' | 'login'> {
  if (!reach) return {}
  const { caFile, caFingerprint, serverName: servername, user, passwordFile, mechanism } = reach
  const caPath = caFile && resolve(caFile)
  return {
    ...((caPath ?? caFingerprint) !== undefined && { tls: { caPath, caFingerprint, servername } }),
    ...(user !== undefined && { login: { user, passwordPath: resolve(passwordFile!), mechanism } }),
  }
}

/** Where a release leaves the agents that are handed out. */
export const packagesDirectory = join(root, 'release')

/** The traffic of the demo: a web shop's access logs, its behaviour events and three hosts' metrics. */
export function demoProcess(directory: string): ProcessSpec {
  const config: FixturesConfig = {
    directory,
    seed: 20_261_124,
    linesPerSecond: 150,
    files: 2,
    startTime: 'now',
    rotate: { everyLines: 200_000, keep: 2 },
  }
  return { name: 'demo', entry: join(root, 'fixtures/main.ts'), config, stopTimeoutMs: 500 }
}

/** What the demo's shop would like to know: how many who look at a product buy one. */
export const demoFunnel: Settings['funnels'][number] = {
  name: 'checkout',
  order: 'sequential',
  window: '1d',
  steps: [
    { page: '/products/*' },
    { event: 'Product Added' },
    { page: '/checkout' },
    { event: 'Order Completed' },
  ],
}

/** What the demo's agent tails. */
export function demoInputs(directory: string): Settings['inputs'] {
  return [
    { paths: [join(directory, 'access-*.log')], format: 'combined' },
    { paths: [join(directory, 'behavior*.jsonl')], format: 'json', keyField: 'anonymousId' },
    { paths: [join(directory, 'metrics*.jsonl')], format: 'metrics' },
  ]
}
