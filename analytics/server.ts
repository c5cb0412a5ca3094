// Joins what answers: the reading connection, the monitor of the brokers, HTTP and the live socket on one port.
// Everything but the count itself, which has a thread of its own.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Application } from 'express'
import type { Cluster } from '../broker/client/cluster.ts'
import { clusterAt } from '../broker/client/reach.ts'
import type { Clock } from '../runtime/clock.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import { Metrics } from '../runtime/metrics.ts'
import { AuditLog } from './accounts/audit-log.ts'
import { addAdmin } from './admin/admin-routes.ts'
import { addAlerts } from './alerts/alert-routes.ts'
import { Alerts } from './alerts/alerts.ts'
import { prometheusAlerts, prometheusRules } from './alerts/prometheus-rules.ts'
import { type AppDatabase, openAppDatabase } from './app/app-database.ts'
import { brokerMetricsTexts, joinMetrics } from './cluster/broker-metrics.ts'
import { BrokerMonitor } from './cluster/broker-monitor.ts'
import { GroupMonitor } from './cluster/group-monitor.ts'
import type { AnalyticsConfig } from './config.ts'
import { Enrolling, type OpenDoor } from './enrolment/enrolling.ts'
import { Enrolments } from './enrolment/enrolments.ts'
import type { AccessRules } from './http/access.ts'
import { addGroups } from './http/groups.ts'
import { createApplication, type Doors } from './http/server.ts'
import { adminToken, Sessions, writePrivate } from './http/sessions.ts'
import { LiveServer } from './live/live-server.ts'
import { TailFeed } from './live/tail-feed.ts'
import { openDoor } from './open-door.ts'
import type { Reading } from './queries/answers.ts'
import { QueryThread } from './queries/query-thread.ts'
import { Rows } from './queries/rows.ts'
import { agentAnswer } from './queries/side-answers.ts'
import { addSearch } from './search/search-routes.ts'
import { openReader } from './store/schema.ts'
import { observeStore } from './store/store-metrics.ts'
import { ZoneDays } from './windows/zone-days.ts'

/** Who has asked may ask again: for so long the count is as fresh as for a page. */
const askedLatelyMs = 10_000
/** Episodes that a live page is told of. */
const alertsShown = 50

export interface AnswerOptions {
  readonly config: AnalyticsConfig
  readonly storePath: string
  readonly clock: Clock
  readonly log: Log
  readonly metrics?: Metrics
  /** Null while the count runs, else what is missing. */
  notReady?(): string | null
}

export interface AnswerServer {
  readonly port: number
  /** Of HTTPS; null while only this machine is served. */
  readonly publicPort: number | null
  readonly metrics: Metrics
  readonly sessions: Sessions
  readonly application: Application
  /** A page is open, or somebody has asked a moment ago. */
  isWatched(): boolean
  close(): Promise<void>
}

export async function startAnswering(options: AnswerOptions): Promise<AnswerServer> {
  const { config, clock, log, metrics = new Metrics() } = options
  const connection = openReader(options.storePath)
  const rows = new Rows(connection)
  const days = new ZoneDays(config.timeZone)
  const { timeZone, visits } = config
  const queries = new QueryThread({ storePath: options.storePath, timeZone, visits, log })
  const reading = (): Reading => ({ rows, days, nowMs: clock.wallMs() })
  const database = openAppDatabase(join(config.dataDirectory, 'app.db'))
  const sessions = new Sessions(database, adminToken(config.tokenPath), clock)
  const publicOrigins = [...(config.publicOrigins ?? [])]
  const access = { sessions, publicOrigins, audit: new AuditLog(database, clock, log) }
  const build = buildOf(config.pageDirectory)

  const newCluster = (clientId: string) => clusterAt(config, clientId, { requestTimeoutMs: 5000 })
  const clusters = {
    monitor: newCluster('tailrace-monitor'),
    tail: newCluster('tailrace-tail'),
    search: newCluster('tailrace-search'),
    admin: newCluster('tailrace-admin'),
  }
  const monitor = monitorOf(config, clusters.monitor, clock, log)
  const joining = startJoining(config, newCluster('tailrace-enrolling'), reading, clock, log)
  const { enrolling } = joining
  const watching = startWatching(options, { database, reading, access, build, monitor, clusters, enrolling })
  const { live } = watching
  sessions.onEnded = session => live.endSession(session)
  observeState(metrics, rows, live)
  observeStore(metrics, connection)
  observeCluster(metrics, monitor)
  observeQueries(metrics, queries)
  const application = createApplication({
    enrolling,
    addMore: watching.addRoutes,
    alerting: {
      rules: () => prometheusRules(watching.alerts.rulesNow()),
      alerts: () => prometheusAlerts(watching.alerts.rulesNow()),
    },
    context: {
      queries,
      nowMs: () => clock.wallMs(),
      cluster: () => monitor.cluster(rows.sources()),
    },
    access,
    metrics,
    log,
    build,
    pageDirectory: config.pageDirectory,
    brokerMetrics: () => metricsOfBrokers(config, clock),
    notReady: () => options.notReady?.() ?? null,
  })
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, application)
  server.on('upgrade', (request, socket, head) => live.upgrade(request, socket, head))
  const port = await listen(server, config)
  const door = config.open ? await openDoor(config.open, application, log) : null
  if (door) {
    door.server.on('upgrade', (request, socket, head) => live.upgrade(request, socket, head))
    publicOrigins.push(joining.opened(door.port))
  }
  writeLoginLink(config, port, sessions)
  monitor.start()
  watching.alerts.start()

  const close = async () => {
    monitor.close()
    watching.close()
    for (const cluster of Object.values(clusters)) cluster.close()
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    // Pages that have heard "restarting" close their sockets themselves; whoever has not, a moment later.
    setTimeout(() => server.closeAllConnections(), 300).unref()
    server.closeIdleConnections()
    await Promise.all([closed, door?.close(), queries.close()])
    connection.close()
    database.close()
    joining.close()
  }
  const isWatched = () => live.clients > 0 || performance.now() - queries.lastAskedMs < askedLatelyMs
  return { port, publicPort: door?.port ?? null, metrics, sessions, application, isWatched, close }
}

interface WatchOptions {
  readonly database: AppDatabase
  reading(): Reading
  readonly access: AccessRules
  readonly build: string
  readonly monitor: BrokerMonitor
  readonly clusters: Readonly<Record<'monitor' | 'tail' | 'search' | 'admin', Cluster>>
  readonly enrolling: Enrolling
}

/** Alerts, consumer groups, and the live socket that tells of them and of everything else. */
function startWatching(options: AnswerOptions, known: WatchOptions) {
  const { config, clock, log } = options
  const { database, reading, access, build, monitor, clusters, enrolling } = known
  const otherTopics = () => monitor.topicNames()
  const feed = new TailFeed({ cluster: clusters.tail, clock, log, topics: config.topics, otherTopics })
  const alerts = alertsOf(options, database, reading, () => monitor.state.state === 'up')
  const groups = new GroupMonitor(clusters.monitor, clock)
  groups.start()
  const live = new LiveServer({
    access,
    context: {
      reading,
      broker: () => monitor.state,
      cluster: () => monitor.clusterState(),
      isRemoved: (agentId, lastSeenMs) => enrolling.isRemoved(agentId, lastSeenMs),
    },
    lists: {
      groups: () => groups.latest(),
      alerts: () => alerts.answer(alertsShown),
      alertsVersion: () => alerts.version,
    },
    tail: args => feed.source(args),
    clock,
    log,
    build,
  })
  return {
    alerts,
    live,
    addRoutes(application: Application, doors: Doors): void {
      addAlerts(application, { alerts, nowMs: () => clock.wallMs(), ...doors })
      addGroups(application, { groups, ...doors })
      addAdmin(application, {
        cluster: clusters.admin,
        groups,
        ...doors,
        agent: id => agentAnswer(reading().rows, id),
        nowMs: () => clock.wallMs(),
        onChanged: () => monitor.changed(),
      })
      addSearch(application, { cluster: clusters.search, clock, ...doors })
    },
    close(): void {
      groups.close()
      alerts.close()
      live.close()
      feed.close()
    },
  }
}

function metricsOfBrokers({ brokerMetricsDirectory: directory }: AnalyticsConfig, clock: Clock): string {
  return directory === undefined ? '' : joinMetrics(brokerMetricsTexts(directory, clock.wallMs()))
}

function writeLoginLink({ loginLinkPath, host }: AnalyticsConfig, port: number, sessions: Sessions): void {
  if (loginLinkPath === undefined) return
  writePrivate(loginLinkPath, `http://${host}:${port}/login#t=${sessions.makeLink().token}\n`)
}

function alertsOf(
  { config, clock, log }: AnswerOptions,
  database: AppDatabase,
  reading: () => Reading,
  isReading: () => boolean,
): Alerts {
  const { rules: fileRules = [], webhookAllow = [] } = config.alerts ?? {}
  return new Alerts({ database, reading, isReading, clock, log, fileRules, webhookAllow })
}

function monitorOf(config: AnalyticsConfig, cluster: Cluster, clock: Clock, log: Log): BrokerMonitor {
  return new BrokerMonitor({
    cluster,
    clock,
    recordPath: join(config.dataDirectory, 'cluster.json'),
    metricsDirectory: config.brokerMetricsDirectory,
    onChange: ({ state, detail }) =>
      log.info(state === 'up' ? 'a broker answers' : 'no broker answers', { detail }),
    onError: error => log.warn('what is known of the brokers could not be written', { error: error.message }),
  })
}

/** What is needed for agents to join; they can once the port for others is open. */
function startJoining(
  config: AnalyticsConfig,
  cluster: Cluster,
  reading: () => Reading,
  clock: Clock,
  log: Log,
) {
  const enrolments = new Enrolments(join(config.dataDirectory, 'enrolments.db'), clock)
  let door: OpenDoor | null = null
  return {
    enrolling: new Enrolling({
      enrolments,
      cluster,
      clock,
      log,
      reported: agentId => agentAnswer(reading().rows, agentId),
      door: () => door,
    }),
    /** The origin by which others reach this server. */
    opened(port: number): string {
      const { host, kafka, keySeedPath, packagesDirectory, authority: authorityPath } = config.open!
      const origin = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
      door = { origin, kafka, keySeedPath, packagesDirectory, authorityPath }
      return origin
    },
    close(): void {
      cluster.close()
      enrolments.close()
    },
  }
}

function listen(server: Server, { host, port }: AnalyticsConfig): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') reject(error)
      else {
        const advice = 'Stop what uses it, or choose another with --http-port'
        reject(
          new ExitError(exitCodes.config, `Cannot listen on ${host}:${port}: the port is taken. ${advice}`),
        )
      }
    })
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

/** What the store says at each scrape. */
function observeState(metrics: Metrics, rows: Rows, live: LiveServer): void {
  const sources = () => rows.sources().filter(source => !source.topic.startsWith('__'))
  metrics.observed('tailrace_live_sockets', 'Pages connected to the live socket.', () => [[{}, live.clients]])
  metrics.observed('tailrace_live_queued_bytes', 'The most that waits here for one page to read it.', () => [
    [{}, live.queuedBytesMost],
  ])
  metrics.observed('tailrace_loss_lines', 'Lines in the loss ledger.', () => [[{}, rows.lossTotal()]])
  metrics.observed('tailrace_consumer_lag_records', 'Records in the log that are not counted yet.', () =>
    sources().map(({ topic, partition, highWatermark, next }) => {
      return [{ topic, partition: String(partition) }, Math.max(highWatermark - next, 0)] as const
    }),
  )
  metrics.observed(
    'tailrace_watermark_seconds',
    'Newest event time counted, in seconds since the epoch.',
    () =>
      sources()
        .filter(source => source.watermarkMs !== null)
        .map(
          ({ topic, partition, watermarkMs }) =>
            [{ topic, partition: String(partition) }, watermarkMs! / 1000] as const,
        ),
  )
}

/** How the questions of HTTP fared, at each scrape. */
function observeQueries(metrics: Metrics, queries: QueryThread): void {
  metrics.observed('tailrace_queries_waiting', 'Questions waiting or under way.', () => [[{}, queries.depth]])
  metrics.observed('tailrace_queries', 'Questions of HTTP since the start, by how they ended.', () =>
    Object.entries(queries.counters).map(([outcome, count]) => [{ outcome }, count] as const),
  )
}

/** What is known of the brokers at each scrape. */
function observeCluster(metrics: Metrics, monitor: BrokerMonitor): void {
  metrics.observed('tailrace_broker_up', 'Whether a broker that ought to be there answers.', () =>
    monitor.clusterState().brokers.map(({ id, up }) => [{ broker: String(id) }, up ? 1 : 0] as const),
  )
  const counted = 'Partitions that lack a replica in sync, that take no acks=all, and that nobody leads.'
  metrics.observed('tailrace_troubled_partitions', counted, () => {
    const { underReplicated, underMinIsr, offline } = monitor.clusterState().partitionCounts
    return [
      [{ state: 'under_replicated' }, underReplicated],
      [{ state: 'under_min_isr' }, underMinIsr],
      [{ state: 'offline' }, offline],
    ]
  })
}

/** Changes with the version and with the page, so that a page knows when it is older than its server. */
function buildOf(pageDirectory: string | undefined): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const page = pageDirectory === undefined ? '' : join(pageDirectory, 'index.html')
  if (page === '' || !existsSync(page)) return version
  return `${version}-${createHash('sha256').update(readFileSync(page)).digest('hex').slice(0, 8)}`
}
