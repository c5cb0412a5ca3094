// `npm run bench -- queries`: how long the questions of a page and of a script take on a year of rollups, through the
// query thread, in milliseconds from asking to the answer's text. Writes a store of its own under the temporary
// directory; the machine may be busy with other work, so the CPU a question takes stands beside it.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QueryThread } from '../../analytics/queries/query-thread.ts'
import type { QuestionName } from '../../analytics/queries/questions.ts'
import { Distribution } from '../../analytics/sketches/distribution.ts'
import { HyperLogLog } from '../../analytics/sketches/hyperloglog.ts'
import { type Connection, openStore } from '../../analytics/store/schema.ts'
import { steps } from '../../analytics/windows/steps.ts'
import { Random } from '../../fixtures/random.ts'
import { createLog } from '../../runtime/log.ts'
import { markdownTable } from './markdown-table.ts'

const nowMs = Date.parse('2026-11-24T12:00:00Z')
const yearSeconds = 365 * 86_400
const targetMs = 50
const rounds = 40

/** Values of a dimension in the steps of days, and those busy enough to be in each bucket of the finer ones. */
const sizes = { path: [2000, 200], status: [12, 8], referrer: [1000, 50] } as const

const window = (text: string) => ({ window: text, limit: 1000 })
const questions: readonly (readonly [string, QuestionName, object])[] = [
  ['requests, 5 minutes', 'stats', { ...window('5m'), metric: 'requests' }],
  ['requests, a year', 'stats', { ...window('365d'), metric: 'requests' }],
  ['requests by path, a day', 'stats', { ...window('1d'), metric: 'requests', by: 'path' }],
  ['top paths, 30 days', 'top', { ...window('30d'), dimension: 'path', limit: 10 }],
  ['top paths, a year', 'top', { ...window('365d'), dimension: 'path', limit: 10 }],
  ['latency, 7 days, compared', 'stats', { ...window('7d'), metric: 'latency', compare: 'previous' }],
  ['latency, a year', 'stats', { ...window('365d'), metric: 'latency' }],
  ['visitors, 30 days', 'stats', { ...window('30d'), metric: 'active_users' }],
  ['visitors, a year', 'stats', { ...window('365d'), metric: 'active_users' }],
  ['requests over a day', 'series', { ...window('1d'), metric: 'requests', limit: 10 }],
  [
    'requests by status over 30 days',
    'series',
    { ...window('30d'), metric: 'requests', by: 'status', limit: 10 },
  ],
  ['latency over a year', 'series', { ...window('365d'), metric: 'latency', limit: 10 }],
  [
    'query: three metrics by day, a year',
    'query',
    query(['requests', 'errors', 'active_users'], '12mo', ['time:day']),
  ],
  ['query: two metrics by path, a month', 'query', query(['requests', 'errors'], '30d', ['path'])],
  [
    'rate by status, 6 hours, PromQL',
    'prometheus',
    range('sum by (status) (rate(tailrace_requests_by_status_total[5m]))', 6),
  ],
  ['rate of the whole, 90 days, PromQL', 'prometheus', range('rate(tailrace_requests_total[6h])', 90 * 24)],
  ['access panels, a day', 'accessPanels', window('1d')],
  ['error budget, 28 days', 'slo', { objective: 0.999, window: '28d' }],
]

function query(metrics: readonly string[], dateRange: string, dimensions: readonly string[]): object {
  const pagination = { limit: 1000, offset: 0 }
  return { metrics, date_range: dateRange, dimensions, filters: [], include: {}, pagination }
}

function range(text: string, hours: number): object {
  const [start, end] = [nowMs / 1000 - hours * 3600, nowMs / 1000]
  return {
    endpoint: 'query_range',
    parameters: { query: text, start: `${start}`, end: `${end}`, step: `${hours * 10}` },
  }
}

export async function runQueries(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-queries-'))
  try {
    const storePath = join(directory, 'windows.db')
    const rows = writeYear(storePath)
    const megabytes = (statSync(storePath).size / 1e6).toFixed(0)
    console.log(`A year of rollups: ${rows} rows, ${megabytes} MB.\n`)
    const thread = new QueryThread({ storePath, timeZone: 'UTC', log: createLog('bench') })
    const table: string[][] = []
    let isMet = true
    for (const [name, question, asked] of questions) {
      const { p50, p95, cpu, read } = await measure(thread, question, asked)
      if (p95 > targetMs) isMet = false
      table.push([
        name,
        read.toFixed(0),
        p50.toFixed(1),
        p95.toFixed(1),
        cpu.toFixed(1),
        p95 > targetMs ? 'over' : '',
      ])
    }
    console.log(
      markdownTable(['question', 'rows read', 'p50 ms', 'p95 ms', 'CPU ms', `over ${targetMs} ms`], table),
    )
    await thread.close()
    if (!isMet) process.exitCode = 1
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function measure(thread: QueryThread, question: QuestionName, asked: object) {
  const took: number[] = []
  let read = 0
  const ask = async () => (read = (await thread.ask({ question, asked, nowMs, asker: 'bench' })).rows)
  for (let warm = 0; warm < 5; warm++) await ask()
  const cpuBefore = process.cpuUsage()
  for (let round = 0; round < rounds; round++) {
    const before = performance.now()
    await ask()
    took.push(performance.now() - before)
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  took.sort((a, b) => a - b)
  const at = (share: number) => took[Math.ceil(share * rounds) - 1]!
  return { p50: at(0.5), p95: at(0.95), cpu: (user + system) / 1000 / rounds, read }
}

/** Every step as far back as it is kept, a year at most. */
function writeYear(path: string): number {
  const connection = openStore(path)
  connection.pragma('synchronous = OFF')
  let rows = 0
  connection.transaction(() => {
    for (const metric of ['requests', 'errors', 'bytes', 'events', 'lines'])
      rows += writeCounts(connection, metric, '', [''], 1)
    for (const [dims, [all, busy]] of Object.entries(sizes)) {
      const values = Array.from({ length: all }, (_, index) => `/${dims}/${index}`)
      for (const metric of ['requests', 'errors']) {
        rows += writeCounts(connection, metric, dims, values.slice(0, busy), 10)
        rows += writeCounts(connection, metric, dims, values.slice(busy), 86_400)
      }
    }
    rows += writeSketches(connection, 'latency', '', '{}', distribution())
    rows += writeSketches(connection, 'active_users', 'source', '{"source":"events"}', visitors())
    for (const { seconds, retentionMs } of steps) {
      connection
        .prepare('INSERT OR REPLACE INTO edges VALUES (?, ?)')
        .run(seconds, (nowMs - retentionMs) / 1000)
    }
    connection.exec('ANALYZE')
  })()
  connection.close()
  return rows
}

/** Buckets of a step up to now, by a recursion inside SQLite: a hundred times faster than row by row. */
const bucketsOf = `WITH RECURSIVE b(bucket) AS (
  SELECT @from UNION ALL SELECT bucket + @step FROM b WHERE bucket + @step < @to)`

function spans(finest: number) {
  return steps
    .filter(step => step.seconds >= finest)
    .map(({ seconds, retentionMs }) => {
      const back = Math.min(retentionMs / 1000, yearSeconds)
      const from = Math.ceil((nowMs / 1000 - back) / seconds) * seconds
      return { step: seconds, from, to: nowMs / 1000 }
    })
}

function writeCounts(
  connection: Connection,
  metric: string,
  dims: string,
  values: readonly string[],
  finest: number,
): number {
  const insert = connection.prepare(
    `${bucketsOf} INSERT INTO counts SELECT @step, @id, bucket, 1 + abs(random() % 1000) FROM b`,
  )
  let rows = 0
  for (const value of values) {
    const id = seriesId(connection, metric, dims, dims === '' ? '{}' : JSON.stringify({ [dims]: value }))
    for (const span of spans(finest)) {
      // Few paths are asked for in every bucket of a minute.
      if (dims !== '' && span.step < 900 && id % 4 !== 0) continue
      rows += insert.run({ ...span, id }).changes
    }
  }
  return rows
}

function writeSketches(
  connection: Connection,
  metric: string,
  dims: string,
  labels: string,
  data: Buffer,
): number {
  const insert = connection.prepare(
    `${bucketsOf} INSERT INTO sketches SELECT @step, @id, bucket, 0, @data FROM b`,
  )
  const id = seriesId(connection, metric, dims, labels)
  return spans(10).reduce((rows, span) => rows + insert.run({ ...span, id, data }).changes, 0)
}

function seriesId(connection: Connection, metric: string, dims: string, labels: string): number {
  const insert = connection.prepare('INSERT INTO series(metric, dims, labels, last_day) VALUES (?, ?, ?, ?)')
  return insert.run(metric, dims, labels, nowMs / 1000).lastInsertRowid as number
}

function distribution(): Buffer {
  const random = new Random(7)
  const sketch = new Distribution()
  for (let count = 0; count < 5000; count++) sketch.add(5 + 400 * random.fraction() ** 3, count)
  return sketch.toBytes()
}

function visitors(): Buffer {
  const random = new Random(8)
  const sketch = new HyperLogLog()
  for (let count = 0; count < 20_000; count++) sketch.add(random.bits(), random.bits())
  return sketch.toBytes()
}
