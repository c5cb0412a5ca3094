// The life of a broker process: bind the port, open the house, serve, tick, stop cleanly. Everything else is in
// the files this one joins.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { aborted, type ProcessContext } from '../runtime/lifecycle.ts'
import { Metrics } from '../runtime/metrics.ts'
import type { Broker } from './broker.ts'
import { createBrokerCounters } from './broker-metrics.ts'
import type { BrokerConfig } from './config.ts'
import type { Connection } from './connection.ts'
import type { Address } from './controller/cluster-state.ts'
import { refuseFewDescriptors } from './descriptors.ts'
import { FullDisk } from './full-disk.ts'
import { handlerTable } from './handlers/table.ts'
import { observeLogs } from './log-metrics.ts'
import { openMetadataStore } from './metadata/open-store.ts'
import { openBroker } from './opening.ts'
import { PassedOffsets } from './passed-offsets.ts'
import { parseAgentName } from './security/agent-instances.ts'
import { findSendfile } from './sendfile.ts'
import { defaultLimits, Server } from './server.ts'

const tickMs = 1_000
const metricsEveryTicks = 5
const groupsEveryTicks = 30

export async function runBroker(
  config: BrokerConfig,
  context: ProcessContext,
  clock: Clock = systemClock,
): Promise<void> {
  const { log } = context
  const metrics = new Metrics()
  const counters = createBrokerCounters(metrics)
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  refuseFewDescriptors()
  const limits = { ...defaultLimits, ...config.limits }
  const server = new Server({ clock, log, limits, findSendfile, counters })
  const port = await server.listen(config.host, config.port)
  const endpoints: Record<string, Address> = {}
  for (const listener of config.listeners ?? []) {
    const taken = await server.listenTls(listener)
    const { name, advertisedHost: host, advertisedPort = taken } = listener
    endpoints[name] = { host, port: advertisedPort }
  }
  const opened = await openBroker({
    config,
    clock,
    log,
    counters,
    port,
    endpoints,
    openStore: openMetadataStore,
    onFatal: failed.reject,
  }).catch((error: unknown) => {
    server.close()
    throw error
  })
  const { broker } = opened
  observe(metrics, broker, server)
  observeLogs(metrics, broker)
  broker.parts.security.image.onUserChanged = user => server.endSessionsOf(user)
  // A disk can be full before the first tick, and then nothing of it could be let go.
  broker.parts.logs.reserve.look()
  server.serve({
    handlers: handlerTable(broker),
    newSession: (door, host, certified) => broker.parts.security.newSession(door, host, certified),
    onRequest: (connection, call) => {
      const name = parseAgentName(call.clientId)
      if (name === null) return
      call.isFencedAgent = !broker.parts.agents.admits(connection, name, clock.monotonicMs())
      if (call.isFencedAgent) warnOfSecondInstance(broker, connection, call.clientId)
    },
    onClosed: connection => {
      broker.parts.agents.gone(connection)
      warned.delete(connection)
    },
  })
  const { clusterId } = broker.parts
  context.ready({ port, listeners: endpoints, clusterId, brokerId: config.brokerId })
  const fullDisk = new FullDisk(broker.parts.membership, log)
  const passed = new PassedOffsets(broker)
  const ticking = startTicking(broker, server, metrics, () => {
    fullDisk.look(broker.parts.logs)
    passed.look()
  })
  try {
    await Promise.race([aborted(context.signal), failed.promise])
    fullDisk.close()
    await opened.leave()
  } finally {
    clearInterval(ticking)
    passed.close()
    server.close()
    await opened.close()
  }
}

const warned = new WeakSet<Connection>()

function warnOfSecondInstance(broker: Broker, connection: Connection, clientId: string): void {
  if (warned.has(connection)) return
  warned.add(connection)
  broker.parts.log.warn('a second live instance of an agent may not write: stop one of them', {
    client: connection.clientHost,
    clientId,
  })
}

function startTicking(
  broker: Broker,
  server: Server,
  metrics: Metrics,
  lookAtDisk: () => void,
): NodeJS.Timeout {
  let ticks = 0
  const path = join(broker.parts.config.dataDirectory, 'metrics.prom')
  return setInterval(() => {
    ticks++
    broker.parts.logs.tick(broker.clock.wallMs())
    lookAtDisk()
    server.tick()
    if (ticks % groupsEveryTicks === 0) broker.groups.tick()
    if (ticks % metricsEveryTicks !== 0) return
    broker.tick()
    writeMetrics(path, metrics, broker)
  }, tickMs)
}

/** For whoever serves /metrics on this machine: this process has no port for it. */
function writeMetrics(path: string, metrics: Metrics, broker: Broker): void {
  try {
    writeFileSync(`${path}.tmp`, metrics.render(), { mode: 0o640 })
    renameSync(`${path}.tmp`, path)
  } catch (error) {
    broker.parts.log.warn('metrics could not be written', { path, error })
  }
}

function observe(metrics: Metrics, broker: Broker, server: Server): void {
  const partitions = () => [...broker.topics.partitions()]
  const perPartition = (read: (partition: ReturnType<typeof partitions>[number]) => number) => () =>
    partitions().map(one => [{ topic: one.topic, partition: String(one.index) }, read(one)] as const)
  const single = (read: () => number) => () => [[{}, read()] as const]
  const name = (text: string) => `tailrace_broker_${text}`
  metrics.observed(
    name('log_end_offset'),
    'The offset the next record gets.',
    perPartition(p => p.log.logEndOffset),
  )
  metrics.observed(
    name('high_watermark'),
    'What consumers may read up to.',
    perPartition(p => p.highWatermark),
  )
  metrics.observed(
    name('log_bytes'),
    'Size of a partition on disk.',
    perPartition(p => p.log.sizeBytes),
  )
  metrics.observed(
    name('disk_full'),
    'Produce is refused because the disk has no room.',
    single(() => Number(broker.parts.logs.isFull)),
  )
  metrics.observed(
    name('connections'),
    'Open connections.',
    single(() => server.connectionCount),
  )
  metrics.observed(
    name('held_bytes'),
    'Requests in arrival.',
    single(() => server.heldBytes),
  )
  metrics.observed(
    name('parked_requests'),
    'Requests that wait.',
    single(() => broker.parts.wheel.count),
  )
  metrics.observed(
    name('resident_bytes'),
    'Memory of the process.',
    single(() => process.memoryUsage.rss()),
  )
  metrics.observed(name('cpu_seconds'), 'CPU of the process.', single(cpuSeconds))
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
