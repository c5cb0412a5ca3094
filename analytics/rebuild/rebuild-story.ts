// What tests of this room share: a rebuild on a log in memory, and the statistics of a store in a form to compare.
import { setImmediate } from 'node:timers/promises'
import { createLog } from '../../runtime/log.ts'
import type { FoldOptions } from '../fold/fold-state.ts'
import { Ingest } from '../ingest/ingest.ts'
import { partitions, silent, startIngest, TestClock, topics } from '../ingest/ingest-story.ts'
import { type MemoryLog, MemoryLoop } from '../ingest/memory-log.ts'
import { type Connection, openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { type RebuildOptions, rebuild } from './rebuild.ts'
import type { TakenOver } from './take-over.ts'

export interface RebuildStory {
  readonly fromSeconds?: number
  readonly settings?: string
  readonly logged?: string[]
  readonly extra?: Partial<RebuildOptions>
  /** Called at every wait, before the loop turns; whatever it throws ends the rebuild as a crash would. */
  onWait?(turn: number): void
}

/** Batches that the rebuild is handed at once: few, so that there are many moments to crash in. */
const batchesAtOnce = 2

export function runRebuild(path: string, log: MemoryLog, story: RebuildStory = {}): Promise<TakenOver> {
  let loop: MemoryLoop | null = null
  let turns = 0
  return rebuild({
    path,
    topics: Object.keys(topics),
    question: { fromSeconds: story.fromSeconds ?? 0, timeZone: 'UTC', settings: story.settings ?? '' },
    clock: new TestClock(),
    nearRecords: 20,
    flushRecordsMax: 10,
    log: createLog('test', line => void story.logged?.push(line)),
    earliest: async (topic, partition) => log.start(topic, partition),
    newLoop: handler => {
      loop = new MemoryLoop(log, handler)
      return Object.assign(loop, { close: () => {} })
    },
    wait: async () => {
      story.onWait?.(turns++)
      await setImmediate()
      loop!.turn(batchesAtOnce)
    },
    ...story.extra,
  })
}

/** The live count of all that is in the log. */
export function countLive(path: string, log: MemoryLog) {
  const connection = openStore(path)
  connection.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES ('store', 'test')").run()
  const live = startIngest(connection, log, new TestClock())
  return countAll(connection, live)
}

/** The same with other settings of the fold, from the first record on. */
export function countLiveWith(path: string, log: MemoryLog, fold: FoldOptions) {
  const connection = openStore(path)
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days)
  const options = { clock: new TestClock(), log: silent, flushIntervalMs: 60_000, flushRecordsMax: 40 }
  const ingest = new Ingest({ writer, days, fold, ...options })
  const loop = new MemoryLoop(log, ingest)
  ingest.attach(loop)
  for (const topic of Object.keys(topics)) {
    for (let partition = 0; partition < partitions; partition++) ingest.assign(topic, partition, 'id', 0)
  }
  return countAll(connection, { ingest, loop, writer })
}

function countAll(connection: Connection, live: ReturnType<typeof startIngest>) {
  while (live.loop.turn());
  live.ingest.flush()
  return { ...live, connection }
}

/** Every row but the lag's, sketches as bytes, whatever the numbers of series. */
export function statisticsOf(connection: Connection): Map<string, string | number> {
  const found = new Map<string, string | number>()
  const rows = connection
    .prepare<[], { name: string; value: string | number }>(
      `SELECT s.metric || ' ' || s.dims || ' ' || s.labels || ' ' || c.step || ' ' || c.bucket AS name, c.n AS value
         FROM counts c JOIN series s ON s.id = c.series
       UNION ALL
       SELECT s.metric || ' ' || s.dims || ' ' || s.labels || ' ' || k.step || ' ' || k.bucket || ' #' || k.part,
         hex(k.data)
         FROM sketches k JOIN series s ON s.id = k.series WHERE s.metric <> 'lag'`,
    )
    .all()
  for (const { name, value } of rows) found.set(name, value)
  return found
}
