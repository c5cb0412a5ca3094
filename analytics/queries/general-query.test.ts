// The general query on rows written by hand: filters, time, order, pages, comparison, and what has no meaning. Beside
// it the ranges that answers are read from, dates of zones, and globs.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { QueryAnswer } from '../http/contract.ts'
import { queryBody } from '../http/query-body.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { type Connection, openReader, openStore } from '../store/schema.ts'
import type { MetricDefinition } from '../windows/catalogue.ts'
import { defineMetrics } from '../windows/definitions.ts'
import { bucketStart, daySeconds, steps } from '../windows/steps.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { series, stats, top } from './answers.ts'
import { Calendar } from './calendar.ts'
import { compileConditions, globMatches } from './conditions.ts'
import { cursorOf } from './cursor.ts'
import { type GeneralQuery, generalQuery } from './general-query.ts'
import type { Reading } from './parts.ts'
import { breakdown } from './question.ts'
import { cover } from './reach.ts'
import { Rows } from './rows.ts'

const hourMs = 3_600_000
const at = (text: string) => Date.parse(`2026-11-${text}Z`)
const nowMs = at('24T08:30:00')
const none = new Map<never, never>()

interface Scene {
  readonly reading: Reading
  count(metric: string, labels: Record<string, string>, timeMs: number, n: number): void
  seen(part: number, timeMs: number, ...hashes: number[]): void
  ask(query: object): QueryAnswer
}

async function scene(run: (scene: Scene) => void, timeZone = 'UTC'): Promise<void> {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'general-query-'))
  const connection = openStore(join(directory.path, 'windows.db'))
  const reader = openReader(join(directory.path, 'windows.db'))
  const days = new ZoneDays(timeZone)
  const reading: Reading = { rows: new Rows(reader), days, nowMs }
  const buckets = (timeMs: number, finest: number) =>
    steps
      .filter(step => step.seconds >= finest)
      .map(({ seconds, ms }) => [
        seconds,
        (seconds === daySeconds ? days.startOf(timeMs) : bucketStart(timeMs, ms)) / 1000,
      ])
  const count: Scene['count'] = (metric, labels, timeMs, n) => {
    const id = seriesOf(connection, metric, labels)
    for (const [step, bucket] of buckets(timeMs, Object.keys(labels).length === 0 ? 1 : 10)) {
      connection
        .prepare(
          `INSERT INTO counts VALUES (?, ?, ?, ?)
           ON CONFLICT(step, series, bucket) DO UPDATE SET n = n + excluded.n`,
        )
        .run(step, id, bucket, n)
    }
  }
  const seen: Scene['seen'] = (part, timeMs, ...hashes) => {
    const sketch = new HyperLogLog()
    for (const hash of hashes) sketch.add(hash, hash)
    const id = seriesOf(connection, 'active_users', { source: 'events' })
    for (const [step, bucket] of buckets(timeMs, 10)) {
      connection
        .prepare('INSERT INTO sketches VALUES (?, ?, ?, ?, ?)')
        .run(step, id, bucket, part, sketch.toBytes())
    }
  }
  const ask = (query: object) =>
    generalQuery(reading, queryBody.parse({ metrics: ['requests'], ...query }) as GeneralQuery)
  run({ reading, count, seen, ask })
  reader.close()
  connection.close()
}

function seriesOf(connection: Connection, metric: string, labels: Record<string, string>): number {
  const dims = Object.keys(labels).sort().join(',')
  const row = [metric, dims, JSON.stringify(labels)]
  connection
    .prepare('INSERT OR IGNORE INTO series(metric, dims, labels, last_day) VALUES (?, ?, ?, 4e9)')
    .run(...row)
  const found = connection
    .prepare('SELECT id FROM series WHERE metric = ? AND dims = ? AND labels = ?')
    .get(...row)
  return (found as { id: number }).id
}

function refusal(ask: () => unknown): { kind: string; message: string; didYouMean?: string } {
  try {
    ask()
  } catch (error) {
    return error as { kind: string; message: string }
  }
  throw new assert.AssertionError({ message: 'It was not refused' })
}

function threePaths({ count }: Scene): void {
  for (const [path, n] of [
    ['/a', 5],
    ['/b', 5],
    ['/c', 9],
    ['__other__', 1],
  ] as const) {
    count('requests', { path }, at('24T08:00:10'), n)
    count('errors', { path }, at('24T08:00:10'), path === '/c' ? 3 : 0)
  }
  count('requests', {}, at('24T08:00:10'), 20)
}

test('metrics stand in columns, dimensions in rows, filters decide which, and values may be named', () =>
  scene(s => {
    threePaths(s)
    const answer = s.ask({
      metrics: ['requests', 'errors', 'requests.per_second'],
      dimensions: ['path'],
      date_range: 'day',
    })
    const half = 8.5 * 3600
    assert.deepEqual(answer.results, [
      { dimensions: ['/c'], metrics: [9, 3, 9 / half] },
      { dimensions: ['/a'], metrics: [5, 0, 5 / half] },
      { dimensions: ['/b'], metrics: [5, 0, 5 / half] },
      { dimensions: ['__other__'], metrics: [1, 0, 1 / half] },
    ])
    assert.equal(answer.meta.truncated, true)
    assert.match(answer.meta.metrics['errors']!.definition, /500/)
    const pathsOf = (...filters: unknown[]) =>
      s.ask({ dimensions: ['path'], filters }).results.map(row => row.dimensions[0])
    assert.deepEqual(pathsOf(['is', 'path', ['/a', '/c']]), ['/c', '/a'])
    assert.deepEqual(pathsOf(['not', ['contains', 'path', ['a', 'other']]]), ['/c', '/b'])
    assert.deepEqual(
      pathsOf([
        'or',
        [
          ['is', 'path', ['/b']],
          ['matches', 'path', ['?a']],
        ],
      ]),
      ['/a', '/b'],
    )
    assert.deepEqual(pathsOf(['is_not', 'path', ['/a']], ['matches_not', 'path', ['__*']]), ['/c', '/b'])
    assert.deepEqual(s.ask({ filters: [['contains_not', 'path', ['__']]] }).results[0]?.metrics, [19])
    assert.deepEqual(s.ask({}).results, [{ dimensions: [], metrics: [20] }])
    assert.deepEqual(s.ask({ date_range: ['2026-11-20', '2026-11-21'] }).results[0]?.metrics, [0])
  }))

test('pages follow each other by their last row, whatever the order', () =>
  scene(s => {
    threePaths(s)
    for (const order of [
      undefined,
      [['path', 'desc']],
      [
        ['requests', 'asc'],
        ['path', 'desc'],
      ],
    ]) {
      const base = { dimensions: ['path'], ...(order && { order_by: order }) }
      const whole = s.ask({ ...base, include: { total_rows: true } })
      assert.equal(whole.meta.total_rows, 4)
      const paged: unknown[] = []
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = s.ask({ ...base, pagination: { limit: 1, ...(cursor && { cursor }) } })
        paged.push(...page.results)
        cursor = page.meta.next
      }
      assert.deepEqual(paged, whole.results)
    }
    assert.deepEqual(
      s.ask({ dimensions: ['path'], pagination: { limit: 1, offset: 3 } }).results[0]?.dimensions,
      ['__other__'],
    )
    assert.equal(refusal(() => s.ask({ pagination: { limit: 1, cursor: 'W10' } })).kind, 'unknown-cursor')
  }))

test('time is cut as it is asked, labels name every slot, and a period is compared as far as it has passed', () =>
  scene(s => {
    s.count('requests', {}, at('24T06:10:00'), 3)
    s.count('requests', {}, at('24T08:10:00'), 5)
    s.count('requests', {}, at('23T08:10:00'), 4)
    // Yesterday, but later than now.
    s.count('requests', {}, at('23T09:10:00'), 100)
    const hours = s.ask({
      dimensions: ['time:hour'],
      date_range: 'day',
      include: { time_labels: true, comparisons: { mode: 'previous_period' } },
    })
    assert.equal(hours.meta.time_labels?.length, 24)
    assert.equal(hours.meta.time_labels[8], '2026-11-24T08:00:00+00:00')
    assert.deepEqual(hours.results, [
      {
        dimensions: ['2026-11-24T06:00:00+00:00'],
        metrics: [3],
        comparison: {
          dimensions: ['2026-11-24T06:00:00+00:00'],
          metrics: [0],
          change: [{ absolute: 3, percent: null }],
        },
      },
      {
        dimensions: ['2026-11-24T08:00:00+00:00'],
        metrics: [5],
        comparison: {
          dimensions: ['2026-11-23T08:00:00+00:00'],
          metrics: [4],
          change: [{ absolute: 1, percent: 25 }],
        },
      },
    ])
    const day = s.ask({ date_range: 'day', include: { comparisons: { mode: 'previous_period' } } })
    assert.deepEqual(day.results[0]?.comparison?.metrics, [4])
    assert.deepEqual(
      s
        .ask({ dimensions: ['time:day'], date_range: '7d' })
        .results.map(row => [row.dimensions[0], row.metrics[0]]),
      [
        ['2026-11-23', 104],
        ['2026-11-24', 8],
      ],
    )
    assert.deepEqual(s.ask({ dimensions: ['time:week'], date_range: '28d' }).results, [
      { dimensions: ['2026-11-23'], metrics: [112] },
    ])
    assert.deepEqual(
      s.ask({ dimensions: ['time:month'], date_range: '6mo', include: { time_labels: true } }).meta
        .time_labels,
      ['2026-06-01', '2026-07-01', '2026-08-01', '2026-09-01', '2026-10-01', '2026-11-01'],
    )
    assert.deepEqual(s.ask({ dimensions: ['time'], date_range: 'all' }).results.length, 4)
    assert.equal(
      refusal(() => s.ask({ dimensions: ['time:minute'], date_range: '30d' })).kind,
      'too-many-points',
    )
    assert.equal(refusal(() => s.ask({ dimensions: ['time:hours'] })).didYouMean, 'time:hour')
    assert.equal(refusal(() => s.ask({ date_range: 'week' })).kind, 'unknown-date-range')
  }))

test('stats, series and top compare with the period before', () =>
  scene(({ reading, count }) => {
    count('requests', {}, at('24T08:20:00'), 30)
    count('requests', { path: '/a' }, at('24T08:20:00'), 30)
    count('requests', {}, at('24T07:20:00'), 20)
    count('requests', { path: '/a' }, at('24T07:20:00'), 20)
    const span = { fromMs: at('24T08:00:00'), toMs: at('24T09:00:00') }
    // An hour that is half over is compared with half an hour.
    count('requests', {}, at('24T07:40:00'), 1000)
    const [row] = stats(reading, 'requests', span, [], none, 1, true).rows
    assert.deepEqual([row?.previous?.['value'], row?.change?.['value']], [20, { absolute: 10, percent: 50 }])
    const ranked = top(reading, 'path', 'requests', span, none, { limit: 1, compare: true })
    assert.deepEqual(ranked.rows[0], {
      value: '/a',
      count: 30,
      share: 1,
      previous: 20,
      change: { absolute: 10, percent: 50 },
    })
    const wanted = breakdown('requests', [], none)
    const range = { step: steps[2], fromMs: span.fromMs, toMs: span.toMs }
    const columns = series(reading, wanted, range, 20 * 60_000, 1, hourMs)
    assert.deepEqual(columns.series[0]?.values['value'], [null, 30, null])
    assert.deepEqual(columns.series[0]?.previous?.['value'], [null, 20, null])
    assert.deepEqual(columns.previousTimes?.[0], at('24T07:00:00'))
  }))

test('top goes on after its last row, and the shares are of the whole', () =>
  scene(s => {
    threePaths(s)
    const span = { fromMs: at('24T08:00:00'), toMs: at('24T09:00:00') }
    const first = top(s.reading, 'path', 'requests', span, none, { limit: 2 })
    assert.deepEqual(
      first.rows.map(row => [row.value, row.share]),
      [
        ['/c', 0.45],
        ['/a', 0.25],
      ],
    )
    const second = top(s.reading, 'path', 'requests', span, none, {
      limit: 2,
      after: cursorOf(first.next ?? undefined, 2),
    })
    assert.deepEqual([second.rows.map(row => row.value), second.next, second.truncated], [['/b'], null, true])
  }))

const ratio = { unit: 'ratio', total: true, definition: 'x', kind: 'ratio' } as const
const configured: Readonly<Record<string, MetricDefinition>> = {
  test_error_rate: { ...ratio, numerator: 'errors', denominator: 'requests', dimensions: ['path'] },
  test_bounce_rate: {
    ...ratio,
    numerator: 'errors',
    denominator: 'requests',
    dimensions: ['referrer'],
    scope: 'visit',
  },
}

test('a ratio is divided when everything is together; what has no meaning is refused', () =>
  scene(s => {
    defineMetrics(new Map(Object.entries(configured)))
    threePaths(s)
    s.count('requests', {}, at('23T08:00:10'), 20)
    s.count('errors', {}, at('23T08:00:10'), 10)
    const days = s.ask({ metrics: ['test_error_rate', 'test_error_rate.denominator'], date_range: '7d' })
    assert.deepEqual(days.results[0]?.metrics, [10 / 40, 40])
    assert.deepEqual(
      s.ask({ metrics: ['test_error_rate'], dimensions: ['path'] }).results.map(row => row.metrics[0]),
      [3 / 9, 0, 0, 0],
    )
    assert.deepEqual(
      s.ask({ metrics: ['test_error_rate'], date_range: ['2026-10-01', '2026-10-02'] }).results[0]?.metrics,
      [null],
    )
    const [worst] = top(s.reading, 'path', 'test_error_rate', { window: 24 * hourMs }, none, {
      limit: 1,
    }).rows
    assert.deepEqual(worst, { value: '/c', count: 3 / 9, share: 0.45 })
    const visit = refusal(() => s.ask({ metrics: ['test_bounce_rate'], dimensions: ['path'] }))
    assert.deepEqual([visit.kind, /whole visit/.test(visit.message)], ['visit-metric', true])
    assert.equal(
      refusal(() => s.ask({ metrics: ['requests', 'test_eror_rate'] })).didYouMean,
      'test_error_rate',
    )
    assert.equal(refusal(() => s.ask({ metrics: ['latency.p42'] })).kind, 'unknown-metric')
    assert.equal(refusal(() => s.ask({ metrics: ['metric'] })).kind, 'unknown-breakdown')
    defineMetrics(new Map())
  }))

test('what several writers saw of one bucket is put together', () =>
  scene(s => {
    s.seen(0, at('24T08:10:00'), 1 << 20, 2 << 20)
    s.seen(1, at('24T08:10:00'), 2 << 20, 3 << 20)
    assert.deepEqual(s.ask({ metrics: ['active_users'] }).results[0]?.metrics, [3])
    assert.equal(
      stats(s.reading, 'active_users', { window: hourMs }, [], none, 1).rows[0]?.values['value'],
      3,
    )
  }))

test('a span is covered by the widest steps that fit, finer ones at both ends, where they are kept', () => {
  const days = new ZoneDays('Europe/Berlin')
  const covered = (from: string, to: string, edges = new Map<number, number>()) =>
    cover(Date.parse(from), Date.parse(to), { finest: 1, days, edges }).ranges.map(range => [
      range.step.seconds,
      (range.toMs - range.fromMs) / range.step.ms,
    ])
  // The day on which the clocks go back has 25 hours, and is one day.
  assert.deepEqual(covered('2026-10-23T21:59:58Z', '2026-10-26T23:16:00Z'), [
    [1, 2],
    [86_400, 3 + 1 / 24],
    [900, 1],
    [60, 1],
  ])
  const edges = new Map([
    [1, 4e9],
    [10, 4e9],
    [60, 4e9],
    [900, 4e9],
  ])
  assert.deepEqual(covered('2026-11-01T05:00:00Z', '2026-11-02T05:00:00Z', edges), [[86_400, 2]])
  assert.equal(refusal(() => covered('2026-11-01T05:00:00Z', '2026-11-01T05:00:00Z')).kind, 'empty-range')
})

test('dates begin where the zone says, also at its far ends', () => {
  for (const zone of ['UTC', 'Pacific/Kiritimati', 'Pacific/Niue', 'America/St_Johns', 'Asia/Kathmandu']) {
    const calendar = new Calendar(new ZoneDays(zone))
    const start = calendar.startOf({ year: 2026, month: 3, day: 1 })
    assert.equal(calendar.dateText(start), '2026-03-01', zone)
    assert.equal(calendar.dateText(start - 1), '2026-02-28', zone)
    assert.equal(Date.parse(calendar.timeText(start)), start, zone)
    assert.match(calendar.timeText(start), /^2026-03-01T00:00:00/, zone)
    assert.equal(calendar.dateText(calendar.weekOf(start)), '2026-02-23', zone)
  }
})

test('globs match the whole value, and no glob takes for ever', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['/a/*', '/a/b/c', true],
    ['/a/*', '/a', false],
    ['*.js', 'x.js.map', false],
    ['?', '', false],
    ['*', '', true],
    ['a*b*c', 'a1b2b3c', true],
    ['a*b*c', 'a1b2', false],
    ['.*', 'x', false],
  ]
  for (const [glob, value, matches] of cases)
    assert.equal(globMatches(glob, value), matches, `${glob} ${value}`)
  assert.equal(globMatches(`${'*a'.repeat(200)}b`, 'a'.repeat(5000)), false)
  const deep = Array.from({ length: 12 }).reduce<unknown>(inner => ['not', inner], ['is', 'path', ['x']])
  assert.equal(refusal(() => compileConditions([deep as never])).kind, 'too-many-filters')
})
