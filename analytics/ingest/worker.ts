// The ingest thread: finds the partitions, fetches, folds and commits, so that neither a query nor a slow browser ever
// waits for a fold. Talks to the main thread in four messages; owns the writing connection.
import { parentPort, workerData } from 'node:worker_threads'
import { FetchLoop } from '../../broker/client/fetcher.ts'
import type { GroupMember } from '../../broker/client/group-member.ts'
import { type BrokerReach, clusterAt } from '../../broker/client/reach.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createLog, type Log } from '../../runtime/log.ts'
import { flushIntervalMs, flushRecordsMax, unwatchedIntervalMs } from '../config.ts'
import { type CountingSettings, foldOptions } from '../fold/counting-settings.ts'
import { type Connection, openStore } from '../store/schema.ts'
import { processClaimant } from '../store/slots.ts'
import { Writer } from '../store/writer.ts'
import type { VisitSettings } from '../visits/conditions.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { DeadLetterSender, turnMs } from './dead-letter-sender.ts'
import type { LastCommit } from './flush-rhythm.ts'
import { Ingest, type IngestOptions } from './ingest.ts'
import type { IngestCounters } from './ingest-counters.ts'
import { joinStoreGroup, storeGroup } from './membership.ts'
import { PartitionShare } from './partition-share.ts'
import { PassedHint } from './passed-hint.ts'
import { agentsTopic, lossesTopic } from './side-records.ts'

export interface IngestThreadConfig {
  readonly path: string
  readonly reach: BrokerReach
  readonly topics: readonly string[]
  readonly timeZone: string
  readonly visits?: VisitSettings
  readonly counting?: CountingSettings
}

export type FromIngest =
  | {
      readonly type: 'counters'
      readonly counters: IngestCounters
      /** What each commit since the last report took. */
      readonly commitSeconds: readonly number[]
    }
  /** Once, when every configured topic is read. */
  | { readonly type: 'assigned' }
  | { readonly type: 'stopped' }

export type ToIngest =
  | { readonly type: 'stop' }
  /** Whether anybody looks at what is counted; somebody does until it is said that nobody does. */
  | { readonly type: 'watched'; readonly isWatched: boolean }

/** Until every topic is found; afterwards new partitions and topics are noticed in this rhythm. */
const searchMs = 500
const watchMs = 10_000
const countersMs = 1000
/** How often the brokers hear what is counted. */
const hintMs = 10_000
/** What one answer may hold; compressed, so that a replay has several times as much in memory. */
const fetchBytes = { bytesMax: 4_194_304, partitionBytesMax: 1_048_576 } as const
/** How often a slot's lease is renewed, a third of it. */
const renewMs = 10_000
/** How often it is looked for dedup rows that can go. */
const retireMs = 3_600_000
/** How long the group may take to hear that this process leaves it. */
const leaveMs = 300

/** Topics that are read beside those of the configuration. */
const ours = [lossesTopic, agentsTopic]

function run(config: IngestThreadConfig, port: NonNullable<typeof parentPort>): void {
  const log = createLog('analytics-ingest')
  const clock = systemClock
  const days = new ZoneDays(config.timeZone)
  const connection = openStore(config.path)
  const writer = newWriter(config, connection, days, log)
  const commits = new CommitTimes()
  let isWatched = true
  const ingest = newIngest(config, { writer, days, clock, log }, commits, () => isWatched)
  const cluster = clusterAt(config.reach, 'tailrace-analytics')
  const loop = new FetchLoop({ cluster, handler: ingest, clock, log, ...fetchBytes })
  ingest.attach(loop)
  const hint = new PassedHint(cluster, () => ingest.counted())
  const post = (message: FromIngest) => port.postMessage(message)
  // Who is alone begins at once and joins the group when everything is read; the group changes nothing then.
  const share = new PartitionShare(cluster, ingest, config.topics, ours, writer.isAlone ? 'all' : 'none')
  let member: GroupMember | null = null
  let stopping = false
  let assigned = false
  let searching: Promise<void> | null = null
  let timer: NodeJS.Timeout | undefined

  const search = (): Promise<void> => {
    clearTimeout(timer)
    searching ??= look().finally(() => {
      searching = null
    })
    return searching
  }
  const look = async () => {
    const isComplete = await share.reconcile().catch(() => false)
    if (stopping) return
    ingest.resumeStopped()
    if (isComplete && !assigned) {
      post({ type: 'assigned' })
      void hint.tell()
    }
    assigned ||= isComplete
    timer = setTimeout(search, isComplete ? watchMs : searchMs)
    if (isComplete || !writer.isAlone) member ??= join()
  }
  const join = () =>
    joinStoreGroup({
      reach: config.reach,
      groupId: storeGroup(connection),
      topics: [...config.topics, ...ours],
      slot: () => writer.slot,
      onAssigned: partitions => {
        log.info('partitions of this process', { slot: writer.slot, partitions: partitions.length })
        share.set(partitions)
        void (searching ?? Promise.resolve()).then(search)
      },
      onFenced: () => ingest.reread(),
      clock,
      log,
    })
  void search()
  setInterval(() => void hint.tell(), hintMs)
  setInterval(() => post(commits.report(ingest)), countersMs)
  setInterval(() => {
    if (ingest.isQuiet) writer.rest()
    writer.renew()
  }, renewMs)
  setInterval(() => ingest.retire(), retireMs)
  const sender = new DeadLetterSender(cluster, writer.deadLetters, () => ingest.sourceIds, log)
  setInterval(() => void sender.turn(), turnMs)

  port.on('message', (message: ToIngest) => {
    if (message.type === 'watched') isWatched = message.isWatched
    if (message.type !== 'stop') return
    stopping = true
    loop.close()
    ingest.close()
    const leaving = member?.close() ?? Promise.resolve()
    writer.release()
    cluster.close()
    connection.close()
    void Promise.race([leaving, new Promise(resolve => setTimeout(resolve, leaveMs))]).then(() => {
      post({ type: 'stopped' })
      process.exit(0)
    })
  })
}

function newWriter({ visits }: IngestThreadConfig, connection: Connection, days: ZoneDays, log: Log): Writer {
  const claimant = processClaimant(() => systemClock.wallMs())
  return new Writer(connection, days, { log, claimant, ...(visits && { visits }) })
}

function newIngest(
  { counting }: IngestThreadConfig,
  parts: Pick<IngestOptions, 'writer' | 'days' | 'clock' | 'log'>,
  commits: CommitTimes,
  isWatched: () => boolean,
): Ingest {
  return new Ingest({
    ...{ ...parts, fold: foldOptions(counting), flushRecordsMax, onCommit: commits.note },
    get flushIntervalMs() {
      return isWatched() ? flushIntervalMs : unwatchedIntervalMs
    },
  })
}

/** What commits took, until it is reported. */
class CommitTimes {
  readonly #seconds: number[] = []

  readonly note = ({ tookMs }: LastCommit): void => {
    this.#seconds.push(tookMs / 1000)
  }

  report(ingest: Ingest): FromIngest {
    return { type: 'counters', counters: { ...ingest.counters }, commitSeconds: this.#seconds.splice(0) }
  }
}

if (parentPort) run(workerData as IngestThreadConfig, parentPort)
