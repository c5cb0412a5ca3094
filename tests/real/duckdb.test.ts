// Every count a second time: the same generated files through the whole of ours (keys, fold, SQLite store, HTTP API)
// and through DuckDB, which reads the lines by expressions and JSON reading of its own and finds visits by window
// functions. Counts, sums, least and greatest are equal; distinct visitors lie within 2 %, quantiles within 1 %.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { hashKeyOf, keyLength, keyRule, writeVisitorKey } from '../../agent/key.ts'
import type { StatsAnswer, StatsRow } from '../../analytics/http/contract.ts'
import type { PathsAnswer, VisitsAnswer } from '../../analytics/http/contract-visits.ts'
import type { TestRecord } from '../../analytics/ingest/memory-log.ts'
import type { AnswerServer } from '../../analytics/server.ts'
import { FixedClock, StoreFeed, startTestServer, testConfig } from '../../analytics/test-store.ts'
import { TrafficRun } from '../../fixtures/run.ts'
import { type DuckDb, type SqlRow, startDuckDb } from './duckdb.ts'
import { isBot, readFiles } from './duckdb-tables.ts'

const visitorLines = 80_000
const sampleLines = 20_000
const lines = visitorLines + sampleLines
const startMs = Date.parse('2026-11-23T18:00:00Z')
const nowMs = Date.parse('2026-11-24T12:00:00Z')
const span = 'from=2026-11-23T00:00:00Z&to=2026-11-25T00:00:00Z'
const inputs = [
  { topic: 'logs', format: 'combined', files: /^access-/, keyField: null },
  { topic: 'behavior', format: 'json', files: /^behavior/, keyField: 'anonymousId' },
  { topic: 'metrics', format: 'metrics', files: /^metrics/, keyField: null },
] as const

let directory: Awaited<ReturnType<typeof mkdtempDisposable>>
let server: AnswerServer
let token: string
let duck: DuckDb

before(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), 'duckdb-'))
  const traffic = join(directory.path, 'traffic')
  const ofAll = { directory: traffic, seed: 20_261_124, linesPerSecond: 'max', startTime: startMs } as const
  // Hosts tell of themselves however quiet it is: theirs are few hours, and visitors have the night.
  for (const run of [
    new TrafficRun({ ...ofAll, lines: visitorLines, files: 2, metricsFiles: 0, trafficPerSecond: 4 }),
    new TrafficRun({ ...ofAll, lines: sampleLines, files: 0, behaviorFiles: 0 }),
  ])
    await run.run(new AbortController().signal)
  const config = testConfig(directory.path)
  const clock = new FixedClock()
  clock.atMs = nowMs
  count(traffic, join(config.dataDirectory, 'windows.db'), clock)
  server = await startTestServer(config, clock)
  token = readFileSync(config.tokenPath, 'utf8').trim()
  duck = await startDuckDb(directory.path)
  await readFiles(duck, traffic)
})

after(async () => {
  duck?.close()
  await server?.close()
  await directory.remove()
})

/** Ours: records as an agent makes them, through log, fold and commit. */
function count(traffic: string, storePath: string, clock: FixedClock): void {
  const feed = new StoreFeed(storePath, clock)
  const output = Buffer.alloc(keyLength)
  for (const { topic, format, files, keyField } of inputs) {
    const rule = keyRule(format, hashKeyOf('seed'), keyField)
    for (const [index, name] of readdirSync(traffic)
      .filter(name => files.test(name))
      .sort()
      .entries()) {
      let pos = 0
      const records: TestRecord[] = []
      for (const line of readFileSync(join(traffic, name), 'utf8').split('\n').slice(0, -1)) {
        const bytes = Buffer.from(line)
        const hasKey = writeVisitorKey(rule, bytes, 0, bytes.length, output)
        const key = hasKey ? output.toString('latin1') : '0000000000000000'
        records.push({
          line: bytes,
          timestampMs: nowMs - 1000,
          src: `agent001.${topic}${index}.0`,
          pos,
          format,
          key,
        })
        pos += bytes.length + 1
      }
      for (let at = 0; at < records.length; at += 2000) feed.add(topic, records.slice(at, at + 2000))
    }
  }
  feed.close()
}

async function ask<Answer>(path: string): Promise<Answer> {
  const headers = { Authorization: `Bearer ${token}` }
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/${path}`, { headers })
  const text = await response.text()
  assert.equal(response.status, 200, `${path}: ${text}`)
  return JSON.parse(text) as Answer
}

async function stats(metric: string, by = '', more = ''): Promise<readonly StatsRow[]> {
  const wanted =
    by === ''
      ? ''
      : by
          .split(',')
          .map(name => `&by=${name}`)
          .join('')
  const answer = await ask<StatsAnswer>(`stats/${metric}?${span}&limit=2000${wanted}${more}`)
  assert.equal(answer.truncated, false, `${metric} by ${by}`)
  return answer.rows
}

let compared = 0

/** The rows of SQL have `name` (or host and name) and `n`; groups with nothing in them are no rows on either side. */
async function same(metric: string, by: string, sql: string, more = ''): Promise<void> {
  const names = by === '' ? [] : by.split(',')
  const ours = (await stats(metric, by, more))
    .map(({ labels, values }) => [names.map(name => labels[name]).join(' '), values['value'] ?? 0] as const)
    .filter(([, n]) => n !== 0)
  const theirs = (await duck.rows(sql)).map(({ name, n }) => [String(name ?? ''), Number(n)] as const)
  assert.ok(theirs.length > 0, `nothing in ${sql}`)
  assert.deepEqual(sorted(ours), sorted(theirs), `${metric} by ${by}`)
  compared += theirs.length
}

const sorted = (pairs: readonly (readonly [string, number])[]) =>
  pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))

const single = async (sql: string): Promise<SqlRow> => (await duck.rows(sql))[0]!

test('every line was read by both', async t => {
  const { n } = await single(
    'SELECT (SELECT count(*) FROM requests) + (SELECT count(*) FROM events) + (SELECT count(*) FROM samples) AS n',
  )
  assert.equal(n, lines)
  assert.equal((await stats('lines'))[0]!.values['value'], lines)
  assert.deepEqual(await duck.rows(`SELECT line FROM requests WHERE path = '' OR status IS NULL LIMIT 1`), [])
  const { from, to } = await single(
    'SELECT strftime(make_timestamp(min(millis) * 1000), \'%d %H:%M\') AS "from", ' +
      'strftime(make_timestamp(max(millis) * 1000), \'%d %H:%M\') AS "to" FROM requests',
  )
  t.diagnostic(`${lines} lines, from ${from} to ${to}`)
})

const hour = `strftime(make_timestamp(millis * 1000), '%H')`
const classOf = `(status // 100)::VARCHAR || 'xx'`
const outcome = `CASE WHEN status >= 500 THEN 'error' WHEN status >= 400 THEN 'client_error' ELSE 'success' END`

test('requests, errors, bytes and what was not found: the whole, and by every plain dimension', async t => {
  const kinds: Readonly<Record<string, { readonly n: string; readonly where: string }>> = {
    requests: { n: 'count(*)', where: 'true' },
    errors: { n: 'count(*)', where: 'status >= 500' },
    client_errors: { n: 'count(*)', where: 'status BETWEEN 400 AND 499' },
    bytes: { n: 'sum(bytes)', where: 'bytes > 0' },
  }
  const dimensions = { path: 'path', method: 'method', status_class: classOf, hour }
  const before = compared
  for (const [metric, { n, where }] of Object.entries(kinds)) {
    await same(metric, '', `SELECT ${n} AS n FROM requests WHERE ${where}`)
    for (const [by, name] of Object.entries(dimensions)) {
      if (metric === 'bytes' && by === 'hour') continue
      await same(metric, by, `SELECT ${name} AS name, ${n} AS n FROM requests WHERE ${where} GROUP BY 1`)
    }
  }
  await same('requests', 'status', 'SELECT status AS name, count(*) AS n FROM requests GROUP BY 1')
  await same('requests', 'outcome', `SELECT ${outcome} AS name, count(*) AS n FROM requests GROUP BY 1`)
  await same(
    'not_found',
    'path',
    'SELECT path AS name, count(*) AS n FROM requests WHERE status = 404 GROUP BY 1',
  )
  t.diagnostic(`${compared - before} numbers of access logs are equal`)
})

test('a filter, and minute by minute', async t => {
  await same(
    ...(['requests', 'path'] as const),
    `SELECT path AS name, count(*) AS n FROM requests WHERE path IN ('/', '/cart') GROUP BY 1`,
    '&filter=path:/&filter=path:/cart',
  )
  const from = '2026-11-23T20:00:00Z'
  const answer = await ask<{ times: number[]; series: { values: Record<string, (number | null)[]> }[] }>(
    `series/requests?from=${from}&to=2026-11-24T02:00:00Z&step=1m`,
  )
  const rows = await duck.rows(
    `SELECT (millis // 60000) * 60000 AS name, count(*) AS n FROM requests GROUP BY 1`,
  )
  const theirs = new Map(rows.map(({ name, n }) => [name, n]))
  const ours = answer.series[0]!.values['value']!
  assert.equal(answer.times.length, 360)
  assert.deepEqual(
    ours.map(n => n ?? 0),
    answer.times.map(time => theirs.get(time) ?? 0),
  )
  t.diagnostic('360 minutes are equal')
})

test('events, pageviews and their dimensions', async t => {
  const before = compared
  const referrer = `CASE WHEN referrer = '' THEN '(direct)' ELSE regexp_extract(referrer, '^https?://([^/:]+)', 1) END`
  await same('events', '', 'SELECT count(*) AS n FROM events')
  await same('pageviews', '', `SELECT count(*) AS n FROM events WHERE type = 'page'`)
  for (const [by, name] of Object.entries({ event: 'event', path: 'path', hour }))
    await same('events', by, `SELECT ${name} AS name, count(*) AS n FROM events GROUP BY 1`)
  for (const [by, name] of Object.entries({ path: 'path', referrer, hour }))
    await same(
      'pageviews',
      by,
      `SELECT ${name} AS name, count(*) AS n FROM events WHERE type = 'page' GROUP BY 1`,
    )
  t.diagnostic(`${compared - before} numbers of events are equal`)
})

const quantiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const

/** Least, greatest, number and sum equal; a quantile within 1 % of what lies at its rank, or between two that do. */
function sameDistribution(ours: StatsRow['values'], values: readonly number[], name: string): number {
  assert.equal(ours['count'], values.length, name)
  assert.equal(ours['min'], values[0], name)
  assert.equal(ours['max'], values.at(-1), name)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  assert.ok(
    Math.abs(ours['mean']! - mean) <= 1e-9 * Math.max(1, Math.abs(mean)),
    `${name}: ${ours['mean']}, ${mean}`,
  )
  let worst = 0
  for (const [label, q] of Object.entries(quantiles)) {
    const rank = q * (values.length - 1)
    const [low, high] = [values[Math.floor(rank)]!, values[Math.ceil(rank)]!]
    const value = ours[label]!
    const off = value < low ? (low - value) / low : value > high ? (value - high) / high : 0
    worst = Math.max(worst, off)
    assert.ok(off <= 0.0101, `${name} ${label}: ${value}, and at that rank ${low} to ${high}`)
  }
  return worst
}

async function sortedValues(sql: string): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>()
  for (const { name, value } of await duck.rows(sql)) {
    const values = found.get(String(name))
    if (values) values.push(Number(value))
    else found.set(String(name), [Number(value)])
  }
  return found
}

test('latency and host metrics: number, sum, least and greatest exactly, quantiles within 1 %', async t => {
  let worst = 0
  let groups = 0
  const check = async (metric: string, by: string, sql: string) => {
    const theirs = await sortedValues(sql)
    const ours = await stats(metric, by)
    assert.equal(ours.length, theirs.size, `${metric} by ${by}`)
    for (const { labels, values } of ours) {
      const name = by
        .split(',')
        .map(one => labels[one] ?? '')
        .join(' ')
      worst = Math.max(worst, sameDistribution(values, theirs.get(name)!, `${metric} ${name}`))
      groups++
    }
  }
  await check('latency', '', `SELECT '' AS name, ms AS value FROM requests ORDER BY value`)
  await check('latency', 'path', 'SELECT path AS name, ms AS value FROM requests ORDER BY value')
  await check('latency', 'outcome', `SELECT ${outcome} AS name, ms AS value FROM requests ORDER BY value`)
  await check('metric', 'host,name', `SELECT host || ' ' || name AS name, value FROM samples ORDER BY value`)
  t.diagnostic(`${groups} distributions; the worst quantile is off by ${(worst * 100).toFixed(2)} %`)
})

/** Of 4,096 registers; three times that is the most that is let pass. */
const standardError = 1.04 / Math.sqrt(4096)

test('distinct visitors within 2 %, as errors are added up: by their squares', async t => {
  const off: number[] = []
  const within = (ours: number, theirs: number, name: string) => {
    off.push((ours - theirs) / theirs)
    // Two of a few visitors in one register are one.
    const most = 2 + theirs * 3 * standardError
    assert.ok(Math.abs(ours - theirs) <= most, `${name}: ${ours}, and DuckDB ${theirs}`)
  }
  const { n } = await single('SELECT count(DISTINCT "anonymousId") AS n FROM events')
  for (const metric of ['active_users', 'visitors']) {
    const [row] = await stats(metric, 'source', '&filter=source:events')
    within(row!.values['value']!, Number(n), metric)
  }
  for (const [by, name] of Object.entries({ status_class: classOf, path: 'path' })) {
    const theirs = await duck.rows(
      `SELECT ${name} AS name, count(DISTINCT address || chr(1) || agent) AS n FROM requests
        WHERE NOT ${isBot} GROUP BY 1`,
    )
    const ours = new Map(
      (await stats('request_visitors', by)).map(row => [row.labels[by], row.values['value']]),
    )
    assert.equal(ours.size, theirs.length, by)
    for (const row of theirs)
      within(ours.get(String(row['name'])) ?? 0, Number(row['n']), `${by} ${row['name']}`)
  }
  const usual = Math.sqrt(off.reduce((sum, one) => sum + one * one, 0) / off.length)
  assert.ok(usual <= 0.02)
  t.diagnostic(`${n} visitors of events; ${off.length} numbers, off by ${(usual * 100).toFixed(2)} %`)
})

for (const source of ['events', 'requests'] as const) {
  test(`visits by ${source}: their number, three kinds of bounces, durations, pages, ways`, t =>
    visits(source, t))
}

async function visits(source: 'events' | 'requests', t: TestContext): Promise<void> {
  const ofSource = `&filter=source:${source}`
  const bounce = 'pages = 1 AND done = 0'
  const theirs = await single(`
    SELECT count(*) AS visits, count(DISTINCT visitor) AS visitors, sum(pages) AS pageviews,
      count(*) FILTER (${bounce}) AS plausible, count(*) FILTER (pages = 1) AS umami,
      count(*) FILTER (pages = 1 AND length < 10000) AS posthog,
      sum(CASE WHEN ${bounce} THEN 0 ELSE length END) AS ms, max(visit) AS most FROM ${source}_visits`)
  assert.ok(Number(theirs['most']) > 1, 'some visitor came again')
  const answer = await ask<VisitsAnswer>(`visits?${span}&source=${source}`)
  const total = Number(theirs['visits'])
  assert.deepEqual([answer.visits, answer.pageviews], [total, theirs['pageviews']])
  assert.deepEqual(answer.untracked, { beyondLimit: 0, tooLate: 0 })
  for (const kind of ['plausible', 'umami', 'posthog'] as const)
    assert.equal(answer.bounceRate[kind].rate, Number(theirs[kind]) / total, kind)
  assert.equal(answer.duration.meanMs, Number(theirs['ms']) / total)
  const visitors = Number(theirs['visitors'])
  const isNear = Math.abs(answer.visitors - visitors) <= visitors * 3 * standardError
  assert.ok(isNear, `${answer.visitors} visitors, and DuckDB ${visitors}`)
  const before = compared
  const starts = `SELECT path AS name, visitor, visit,
    row_number() OVER (PARTITION BY visitor, visit ORDER BY millis, place) AS nth,
    row_number() OVER (PARTITION BY visitor, visit ORDER BY millis DESC, place DESC) AS back
    FROM ${source}_steps WHERE page`
  await same(
    'visits',
    'entry_page',
    `SELECT name, count(*) AS n FROM (${starts}) WHERE nth = 1 GROUP BY 1`,
    ofSource,
  )
  await same(
    'exits',
    'path',
    `SELECT name, count(*) AS n FROM (${starts}) WHERE back = 1 GROUP BY 1`,
    ofSource,
  )
  const next = `SELECT path,
    lead(path) OVER (PARTITION BY visitor, visit ORDER BY millis, place) AS next FROM ${source}_steps WHERE page`
  const ways = await duck.rows(
    `SELECT path || ' ' || next AS name, count(*) AS n FROM (${next}) WHERE next IS NOT NULL GROUP BY 1`,
  )
  const { rows } = await ask<PathsAnswer>(`paths?${span}&source=${source}&limit=1000`)
  const known = new Map(ways.map(({ name, n }) => [name, n]))
  for (const row of rows)
    assert.equal(row.count, known.get(`${row.page} ${row.next}`), `${row.page} ${row.next}`)
  t.diagnostic(
    `${total} visits of ${theirs['visitors']} visitors, ${theirs['plausible']}, ${theirs['umami']} and ` +
      `${theirs['posthog']} bounces, ${theirs['pageviews']} pageviews, mean ` +
      `${Math.round(answer.duration.meanMs!)} ms; ${compared - before + rows.length} numbers by page and way are equal`,
  )
}
