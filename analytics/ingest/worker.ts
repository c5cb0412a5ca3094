// The ingest thread: finds the partitions, fetches, folds and commits, so that neither a query nor a slow browser ever
// waits for a fold. Talks to the main thread in four messages; owns the writing connection.
import { parentPort, workerData } from 'node:worker_threads'
import { Cluster } from '../../broker/client/cluster.ts'
import { FetchLoop, offsetAt } from '../../broker/client/fetcher.ts'
import { zeroUuid } from '../../broker/protocol/bytes.ts'
import { listOffsetsTimestamps } from '../../broker/protocol/messages/02-list-offsets.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { flushIntervalMs, flushRecordsMax } from '../config.ts'
import { openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { Ingest, type IngestCounters } from './ingest.ts'
import { PassedHint } from './passed-hint.ts'
import { agentsTopic, lossesTopic } from './side-records.ts'

export interface IngestThreadConfig {
  readonly path: string
  readonly bootstrap: readonly string[]
  readonly topics: readonly string[]
  readonly timeZone: string
}

export type FromIngest =
  | { readonly type: 'counters'; readonly counters: IngestCounters }
  /** Once, when every configured topic is read. */
  | { readonly type: 'assigned' }
  | { readonly type: 'stopped' }

export type ToIngest = { readonly type: 'stop' }

/** Until every topic is found; afterwards new partitions and topics are noticed in this rhythm. */
const searchMs = 500
const watchMs = 10_000
const countersMs = 1000
/** How often the brokers hear what is counted. */
const hintMs = 10_000

function run(config: IngestThreadConfig, port: NonNullable<typeof parentPort>): void {
  const log = createLog('analytics-ingest')
  const clock = systemClock
  const days = new ZoneDays(config.timeZone)
  const connection = openStore(config.path)
  const writer = new Writer(connection, days)
  const ingest = new Ingest({ writer, days, clock, log, flushIntervalMs, flushRecordsMax })
  const cluster = new Cluster({ bootstrap: config.bootstrap, clientId: 'tailrace-analytics' })
  const loop = new FetchLoop({ cluster, handler: ingest, clock, log })
  ingest.attach(loop)
  const hint = new PassedHint(cluster, () => ingest.counted())
  const post = (message: FromIngest) => port.postMessage(message)
  let stopping = false
  let assigned = false

  const search = async () => {
    const isComplete = await assignAll(config.topics, cluster, ingest).catch(() => false)
    if (stopping) return
    if (isComplete && !assigned) {
      post({ type: 'assigned' })
      void hint.tell()
    }
    assigned ||= isComplete
    setTimeout(search, isComplete ? watchMs : searchMs)
  }
  void search()
  setInterval(() => void hint.tell(), hintMs)
  setInterval(() => post({ type: 'counters', counters: { ...ingest.counters } }), countersMs)

  port.on('message', (message: ToIngest) => {
    if (message.type !== 'stop') return
    stopping = true
    loop.close()
    ingest.close()
    cluster.close()
    connection.close()
    post({ type: 'stopped' })
    process.exit(0)
  })
}

/** True if every topic, the two of ours included where they exist, is read in every partition. */
async function assignAll(topics: readonly string[], cluster: Cluster, ingest: Ingest): Promise<boolean> {
  const wanted = [...topics, lossesTopic, agentsTopic]
  await cluster.refresh(wanted)
  let isComplete = true
  for (const name of wanted) {
    const topic = cluster.topic(name)
    if (topic?.error !== 'none') {
      if (topics.includes(name)) isComplete = false
      continue
    }
    const topicId = topic.id === zeroUuid ? null : topic.id
    const missing = topic.partitions.filter(({ index }) => !ingest.isAssigned(name, index))
    const earliest = await Promise.all(
      missing.map(({ index }) => offsetAt(cluster, name, index, listOffsetsTimestamps.earliest)),
    )
    for (const [at, { index }] of missing.entries())
      ingest.assign(name, index, topicId, Math.max(earliest[at]!, 0))
  }
  return isComplete
}

if (parentPort) run(workerData as IngestThreadConfig, parentPort)
