// The moment a rebuild becomes what is shown: in the caller's transaction on the live store, with the rebuilt one
// attached as `fresh`, both at the same offsets. Rows of buckets that the log covers are replaced where they differ;
// all others stay what the live count made them.
import { edgeSeconds } from '../store/housekeeping.ts'
import type { Connection } from '../store/schema.ts'
import { fenceWriters } from '../store/slots.ts'
import { type StepSeconds, steps } from '../windows/steps.ts'
import { isOfVisitors } from '../windows/visit-catalogue.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import { type Covering, coveredRanges, endOfTime, isAllCovered, type Range } from './covered.ts'

export interface TakeOver {
  /** By source: where the rebuild began to read. */
  readonly starts: ReadonlyMap<number, number>
  readonly fromSeconds: number
  readonly days: ZoneDays
}

export interface TakenOver {
  /** Rows that have changed, gone or come. */
  readonly rows: number
  /** Whether visits, which rest on all that a visitor ever did, were rebuilt too. */
  readonly visits: boolean
  readonly ranges: ReadonlyMap<StepSeconds, readonly Range[]>
}

/** Counted line by line, unlike the rest of what is known of visitors. */
const ofSingleLines = new Set(['visitors', 'conversions', 'converters'])
/** What a counter grew by is told by the sample before, which the log may hold no more. */
const restsOnThePast = new Set(['metric_increase'])
/** Told to whoever shows them live. */
const bucketsToldMax = 1000
const visitTables = ['visitors', 'visit_names', 'visit_sources', 'visit_keys', 'visit_conditions']

export function takeOver(connection: Connection, request: TakeOver): TakenOver {
  const covers = connection.prepare<[], Covering>('SELECT bucket, source, first FROM main.covers').all()
  const question = { ...request, covers, edges: edgeSeconds(connection) }
  const ranges = coveredRanges(question)
  const visits =
    request.fromSeconds <= 0 && isAllCovered(question) && readsEverything(connection, request.starts)
  mapSeries(connection, visits)
  let rows = 0
  for (const [step, ofStep] of ranges)
    for (const range of ofStep) rows += replaceRange(connection, step, range)
  connection.exec(
    `UPDATE main.series SET last_day = max(last_day, coalesce(
       (SELECT f.last_day FROM temp.ids i JOIN fresh.series f ON f.id = i.fresh WHERE i.live = series.id), 0))`,
  )
  if (visits) for (const table of visitTables) replaceTable(connection, table)
  // Whoever counts holds sketches and visitors in memory that are no longer so.
  fenceWriters(connection)
  tellChanges(connection, ranges)
  connection.exec('DROP TABLE temp.ids; DROP TABLE temp.kept')
  return { rows, visits, ranges }
}

/** No partition has been begun anew, and none is left out. */
function readsEverything(connection: Connection, starts: ReadonlyMap<number, number>): boolean {
  const sources = connection
    .prepare<[], { id: number; epoch: number }>(
      "SELECT id, epoch FROM main.sources WHERE topic NOT LIKE '\\_\\_%' ESCAPE '\\'",
    )
    .all()
  return sources.every(({ id, epoch }) => epoch === 0 && starts.has(id))
}

/** temp.ids: a series' number there and here. temp.kept: those whose rows stay whatever the rebuild says. */
function mapSeries(connection: Connection, withVisits: boolean): void {
  connection.exec(`
    CREATE TEMP TABLE kept(id INTEGER PRIMARY KEY);
    CREATE TEMP TABLE ids(fresh INTEGER PRIMARY KEY, live INTEGER NOT NULL UNIQUE);
  `)
  const metrics = connection
    .prepare('SELECT metric FROM main.series UNION SELECT metric FROM fresh.series')
    .pluck()
    .all() as string[]
  const kept = JSON.stringify(metrics.filter(metric => isKept(metric, withVisits)))
  connection
    .prepare(
      'INSERT INTO temp.kept SELECT id FROM main.series WHERE metric IN (SELECT value FROM json_each(?))',
    )
    .run(kept)
  connection
    .prepare(
      `INSERT OR IGNORE INTO main.series(metric, dims, labels, last_day)
       SELECT metric, dims, labels, last_day FROM fresh.series
       WHERE metric NOT IN (SELECT value FROM json_each(?)) ORDER BY id`,
    )
    .run(kept)
  connection
    .prepare(
      `INSERT INTO temp.ids SELECT f.id, s.id FROM fresh.series f
       JOIN main.series s ON s.metric = f.metric AND s.dims = f.dims AND s.labels = f.labels
       WHERE f.metric NOT IN (SELECT value FROM json_each(?))`,
    )
    .run(kept)
}

/** How long lines took to be counted is a fact of the live count alone. */
function isKept(metric: string, withVisits: boolean): boolean {
  if (metric === 'lag') return true
  return !withVisits && (restsOnThePast.has(metric) || (isOfVisitors(metric) && !ofSingleLines.has(metric)))
}

/** Only what differs is written: little, unless the statistics have changed. */
function replaceRange(connection: Connection, step: StepSeconds, range: Range): number {
  const bounds = { step, ...range }
  let rows = 0
  for (const sql of [
    `DELETE FROM main.counts WHERE step = @step AND bucket >= @from AND bucket < @to
       AND series NOT IN (SELECT id FROM temp.kept) AND NOT EXISTS (
         SELECT 1 FROM temp.ids i JOIN fresh.counts f ON f.step = @step AND f.series = i.fresh
         WHERE i.live = main.counts.series AND f.bucket = main.counts.bucket)`,
    `INSERT INTO main.counts(step, series, bucket, n)
       SELECT f.step, i.live, f.bucket, f.n FROM temp.ids i JOIN fresh.counts f ON f.series = i.fresh
       WHERE f.step = @step AND f.bucket >= @from AND f.bucket < @to
       ON CONFLICT(step, series, bucket) DO UPDATE SET n = excluded.n WHERE n <> excluded.n`,
    `DELETE FROM main.sketches WHERE step = @step AND bucket >= @from AND bucket < @to
       AND series NOT IN (SELECT id FROM temp.kept) AND (part <> 0 OR NOT EXISTS (
         SELECT 1 FROM temp.ids i JOIN fresh.sketches f ON f.step = @step AND f.series = i.fresh
         WHERE i.live = main.sketches.series AND f.bucket = main.sketches.bucket))`,
    `INSERT INTO main.sketches(step, series, bucket, part, data)
       SELECT f.step, i.live, f.bucket, 0, f.data FROM temp.ids i JOIN fresh.sketches f ON f.series = i.fresh
       WHERE f.step = @step AND f.bucket >= @from AND f.bucket < @to AND f.part = 0
       ON CONFLICT(step, series, bucket, part) DO UPDATE SET data = excluded.data WHERE data <> excluded.data`,
  ]) {
    rows += connection.prepare(sql).run(bounds).changes
  }
  return rows
}

function replaceTable(connection: Connection, table: string): void {
  connection.exec(`DELETE FROM main.${table}; INSERT INTO main.${table} SELECT * FROM fresh.${table}`)
}

function tellChanges(connection: Connection, ranges: ReadonlyMap<StepSeconds, readonly Range[]>): void {
  const version = connection.prepare('SELECT version FROM main.writer WHERE id = 1').pluck().get()
  const tell = connection.prepare(
    'INSERT OR IGNORE INTO main.changes(version, step, bucket) VALUES (?, ?, ?)',
  )
  const newest = connection.prepare('SELECT max(bucket) FROM fresh.covers').pluck().get() as number | null
  if (newest === null) return
  for (const { seconds } of steps) {
    const last = ranges.get(seconds)?.at(-1)
    // Of the newest range, the newest buckets: days begin where the zone says, and are told by their rows.
    if (!last || last.to !== endOfTime || seconds === 86_400) continue
    const to = newest + 900
    for (let bucket = to - seconds, told = 0; bucket >= last.from && told < bucketsToldMax; told++) {
      tell.run(version, seconds, bucket)
      bucket -= seconds
    }
  }
  connection
    .prepare(
      `INSERT OR IGNORE INTO main.changes(version, step, bucket)
       SELECT DISTINCT ?, 86400, bucket FROM fresh.counts WHERE step = 86400 AND bucket >= ? - 172800`,
    )
    .run(version, newest)
}
