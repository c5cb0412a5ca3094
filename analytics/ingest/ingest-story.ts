// What tests of this room share: a seeded history of records with repetitions, late and hostile lines, an ingest on a
// log in memory, and the comparison of committed rows with a naive count of the same records.
import assert from 'node:assert/strict'
import type { CodecName } from '../../broker/protocol/record-batch.ts'
import type { Clock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { Distribution } from '../sketches/distribution.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { type Connection, openStore } from '../store/schema.ts'
import { Writer, type WriterOptions } from '../store/writer.ts'
import { type MetricName, metricCatalogue } from '../windows/catalogue.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { Ingest } from './ingest.ts'
import { MemoryLog, MemoryLoop, type TestRecord } from './memory-log.ts'
import type { NaiveRecord, NaiveResult } from './naive-count.ts'
import { storyLine } from './story-lines.ts'

export const baseMs = Date.parse('2026-11-24T08:00:00Z')
export const silent = createLog('test', () => {})
export const topics = { logs: 'combined', behavior: 'json', metrics: 'metrics' } as const
export const partitions = 2

export class TestClock implements Clock {
  nowMs = baseMs + 60_000
  wallMs(): number {
    return this.nowMs
  }
  monotonicMs(): number {
    return this.nowMs
  }
}

export function seeded(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

export function startIngest(
  connection: Connection,
  log: MemoryLog,
  clock: Clock,
  options: WriterOptions = {},
) {
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days, options)
  const ingest = new Ingest({
    writer,
    days,
    clock,
    log: silent,
    flushIntervalMs: 60_000,
    flushRecordsMax: 40,
  })
  const loop = new MemoryLoop(log, ingest)
  ingest.attach(loop)
  for (const topic of Object.keys(topics)) {
    for (let partition = 0; partition < partitions; partition++) ingest.assign(topic, partition, 'id', 0)
  }
  return { ingest, loop, writer }
}

/** A seeded history: what lies in the log, and the same records for the naive count. */
export function randomLog(seed: number, batches: number): { log: MemoryLog; records: NaiveRecord[] } {
  const random = seeded(seed)
  const log = new MemoryLog()
  const records: NaiveRecord[] = []
  const position = new Map<string, number>()
  const sent = new Map<string, NaiveRecord[]>()
  for (let batch = 0; batch < batches; batch++) {
    const topic = Object.keys(topics)[random(3)] as keyof typeof topics
    const partition = random(partitions)
    const key = `${topic}-${partition}`
    const before = sent.get(key) ?? []
    let made: NaiveRecord[]
    // An agent that was killed sends the last records again, all of one src from some point on.
    if (before.length > 0 && random(4) === 0) {
      const again = before[random(before.length)]!
      made = before.slice(before.indexOf(again)).filter(record => record.src === again.src)
    } else {
      made = Array.from({ length: 1 + random(12) }, () => {
        const src = random(10) === 0 ? undefined : `agent001.file${random(2)}.0`
        const pos = (position.get(`${key} ${src}`) ?? 0) + 1 + random(200)
        if (src !== undefined) position.set(`${key} ${src}`, pos)
        return randomRecord(random, topic, partition, src, src === undefined ? undefined : pos)
      })
      sent.set(key, [...before, ...made.filter(record => record.src !== undefined)])
    }
    if (made.length === 0) continue
    const codec = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as CodecName[])[random(5)]!
    log.produce(topic, partition, made.map(recordOf), codec)
    records.push(...made)
  }
  return { log, records }
}

/** As the log takes it: a service is a header. */
export function recordOf({ service, ...record }: NaiveRecord): TestRecord {
  return { ...(record as TestRecord), ...(service !== undefined && { extra: [['service', service]] }) }
}

function randomRecord(
  random: (below: number) => number,
  topic: keyof typeof topics,
  partition: number,
  src: string | undefined,
  pos: number | undefined,
): NaiveRecord {
  // Some late by minutes, some claiming to come from the future.
  const timeMs =
    baseMs + random(90_000) - (random(8) === 0 ? 300_000 : 0) + (random(40) === 0 ? 3_600_000 : 0)
  const timestampMs = baseMs + 90_000
  const { line, format: own } = storyLine(random, topic, timeMs)
  const format = random(25) === 0 ? 'raw' : own
  const service = random(3) === 0 ? `service${random(2)}` : undefined
  const said = random(30) === 0 && format !== 'raw' ? '\u0000garbage "<script>' : line
  return { line: said, timestampMs, topic, partition, src, pos, format, service }
}

interface SketchRow {
  readonly metric: string
  readonly dims: string
  readonly labels: string
  readonly step: number
  readonly bucket: number
  readonly data: Buffer
}

/** What the naive count knows, by every dimension; the others are compared with an undisturbed run. */
const naiveMetrics: ReadonlySet<string> = new Set<MetricName>([
  ...(['lines', 'unparsed', 'requests', 'errors', 'client_errors', 'bytes', 'static_requests'] as const),
  ...(['not_found', 'bot_requests', 'time_served', 'apdex_points', 'apdex_points_max'] as const),
  ...(['events', 'pageviews', 'metric_increase'] as const),
  ...(['latency', 'metric', 'active_users', 'request_visitors'] as const),
])

function isNaive({ metric }: { readonly metric: string }): boolean {
  return naiveMetrics.has(metric)
}

/** Every count of every statistic, and every merged sketch in figures, is what an undisturbed run comes to. */
export function assertAsUndisturbed(connection: Connection, undisturbed: Connection): void {
  assert.deepEqual(difference(allRows(connection), allRows(undisturbed)), [])
}

function allRows(connection: Connection): Map<string, number> {
  const counts = connection
    .prepare<[], CountRow>(
      'SELECT s.metric, s.dims, s.labels, c.step, c.bucket, c.n FROM counts c JOIN series s ON s.id = c.series',
    )
    .all()
  const sketches = connection
    .prepare<[], SketchRow>(
      `SELECT s.metric, s.dims, s.labels, k.step, k.bucket, k.data FROM sketches k JOIN series s ON s.id = k.series
       WHERE s.metric <> 'lag'`,
    )
    .all()
  const rows = new Map(counts.filter(({ n }) => n !== 0).map(row => [keyOf(row), row.n]))
  for (const [key, shares] of Map.groupBy(sketches, keyOf)) {
    const isDistinct = metricKind(shares[0]!.metric) === 'distinct'
    for (const [name, value] of Object.entries(isDistinct ? distinctOf(shares) : valuesOf(shares)))
      rows.set(`${key} ${name}`, value)
  }
  return rows
}

function metricKind(metric: string): string {
  return metricCatalogue[metric as MetricName].kind
}

function distinctOf(shares: readonly SketchRow[]): { distinct: number } {
  const [sketch, ...others] = shares.map(({ data }) => HyperLogLog.fromBytes(data))
  for (const other of others) sketch!.merge(other)
  return { distinct: sketch!.count() }
}

function valuesOf(shares: readonly SketchRow[]): Record<string, number> {
  const [sketch, ...others] = shares.map(({ data }) => Distribution.fromBytes(data))
  for (const other of others) sketch!.merge(other)
  const { count, min, max, mean, p50, p99 } = sketch!.summary()!
  // The order of adding is another.
  return { count, min, max, mean: Number(mean.toPrecision(9)), p50, p99 }
}

interface CountRow {
  readonly metric: string
  readonly dims: string
  readonly labels: string
  readonly step: number
  readonly bucket: number
  readonly n: number
}

export function assertSame(connection: Connection, expected: NaiveResult): void {
  const counts = connection
    .prepare(
      'SELECT s.metric, s.dims, s.labels, c.step, c.bucket, c.n FROM counts c JOIN series s ON s.id = c.series',
    )
    .all() as CountRow[]
  const found = new Map(counts.filter(row => isNaive(row) && row.n !== 0).map(row => [keyOf(row), row.n]))
  assert.deepEqual(difference(found, expected.counts), [])
  const rows = connection
    .prepare<[], SketchRow>(
      `SELECT s.metric, s.dims, s.labels, k.step, k.bucket, k.data FROM sketches k JOIN series s ON s.id = k.series
       WHERE s.metric <> 'lag'`,
    )
    .all()
  // Each slot keeps its own share; whoever reads merges them.
  const sketches = [...Map.groupBy(rows.filter(isNaive), keyOf).values()]
  assert.equal(sketches.length, expected.samples.size + expected.visitors.size)
  for (const shares of sketches) {
    const key = keyOf(shares[0]!)
    if (metricKind(shares[0]!.metric) === 'distinct') {
      const { distinct } = distinctOf(shares)
      const { size } = expected.visitors.get(key)!
      // Those of requests by a dimension are never exact.
      const tolerance = shares[0]!.metric === 'request_visitors' ? Math.max(1, size * 0.03) : 0
      assert.ok(Math.abs(distinct - size) <= tolerance, `${key}: ${distinct} for ${size}`)
      continue
    }
    const values = expected.samples.get(key) ?? []
    const [sketch, ...others] = shares.map(({ data }) => Distribution.fromBytes(data))
    for (const other of others) sketch!.merge(other)
    const { count, min, max, mean, p50 } = sketch!.summary()!
    const total = values.reduce((sum, value) => sum + value, 0)
    assert.deepEqual([count, min, max], [values.length, Math.min(...values), Math.max(...values)], key)
    assert.ok(Math.abs(mean * count - total) < 1e-6 * Math.max(1, total), key)
    const middle = values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!
    assert.ok(Math.abs(p50 - middle) <= 0.011 * middle + 1e-9, `${key}: ${p50} for ${middle}`)
  }
}

function keyOf(row: { metric: string; dims: string; labels: string; step: number; bucket: number }): string {
  return `${row.metric} ${row.dims} ${row.labels} ${row.step} ${row.bucket}`
}

/** The first rows that differ, so that a failure can be read. */
function difference(found: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): string[] {
  return [...new Set([...found.keys(), ...expected.keys()])]
    .filter(key => found.get(key) !== expected.get(key))
    .slice(0, 10)
    .map(key => `${key}: ${found.get(key)}, expected ${expected.get(key)}`)
}

export function drain({ ingest, loop }: Pick<ReturnType<typeof startIngest>, 'ingest' | 'loop'>): void {
  while (loop.turn());
  assert.ok(ingest.flush())
}

export function totalLines(connection: Connection): unknown {
  const sql =
    "SELECT sum(n) AS n FROM counts JOIN series s ON s.id = series WHERE metric = 'lines' AND dims = ''"
  return connection.prepare(`${sql} AND step = 60`).pluck().get()
}

/** A store that one process filled from this log, undisturbed. */
export function undisturbedRun(path: string, log: MemoryLog): Connection {
  const connection = openStore(path)
  drain(startIngest(connection, log, new TestClock()))
  return connection
}
