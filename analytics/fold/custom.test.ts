// Statistics of an operator's own: what each aggregate comes to, that a new one begins beside those that run, and that
// definitions which make no sense are refused where they are written.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { CustomStatistics, customMetrics, type StatisticDefinition } from './custom.ts'
import { statisticsSchema } from './custom-schema.ts'
import { fold } from './fold.ts'
import { FoldState } from './fold-state.ts'
import { Pending } from './pending.ts'

const readMs = Date.parse('2026-11-24T08:00:30Z')
const definitions: StatisticDefinition[] = [
  {
    name: 'orders',
    topic: 'behavior',
    filter: [{ field: 'event', op: '=', value: 'Order' }],
    aggregate: 'count',
    by: ['properties.plan', 'country'],
  },
  {
    name: 'revenue',
    filter: [{ field: 'properties.price', op: '>', value: 5 }],
    aggregate: 'sum',
    field: 'properties.price',
  },
  { name: 'prices', aggregate: 'quantile', field: 'properties.price' },
  { name: 'buyers', filter: [{ field: 'userId', op: 'exists' }], aggregate: 'unique', field: 'userId' },
  { name: 'plans', aggregate: 'top', field: 'properties.plan' },
]

const line = (more: object) => JSON.stringify({ timestamp: '2026-11-24T08:00:07Z', type: 'track', ...more })
const lines = [
  line({ event: 'Order', userId: 'a', country: 'DE', properties: { plan: 'pro', price: 10 } }),
  line({ event: 'Order', userId: 'a', country: 'DE', properties: { plan: 'pro', price: '12.5' } }),
  line({ event: 'View', userId: 'b', properties: { plan: 'free', price: 5 } }),
  line({ event: 'Order', properties: { price: 'NaN', plan: { nested: true } } }),
  '{"event":"Order","__proto__":{"userId":"p"},"constructor":1}',
]

test('each aggregate counts what it says, by the fields it says', () => {
  const connection = openStore(':memory:')
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days)
  const { id } = writer.source('behavior', 0, null, 0)
  let next = 0
  const run = (statistics: readonly StatisticDefinition[]) => {
    const state = new FoldState(writer, days, { statistics: new CustomStatistics(statistics) })
    const partition = state.partition(id, 'behavior', 0, next, Number.NEGATIVE_INFINITY)
    for (const text of lines) {
      const bytes = Buffer.from(text)
      fold(state, partition, next++, readMs, bytes, 0, bytes.length, bytes.length, 0)
    }
    writer.commit(
      { partitions: [partition], pending: state.pending, ledger: [], agents: [], nowMs: readMs },
      state,
    )
    state.pending = new Pending()
  }
  const stored = (metric: string) =>
    Object.fromEntries(
      (
        connection
          .prepare(
            `SELECT labels, sum(n) AS n FROM counts JOIN series s ON s.id = series
             WHERE metric = ? AND step = 86400 GROUP BY labels`,
          )
          .all(metric) as { labels: string; n: number }[]
      ).map(row => [row.labels, row.n]),
    )
  run(definitions.slice(1))
  assert.deepEqual(stored('orders'), {})
  run(definitions)
  assert.deepEqual(stored('orders'), {
    '{"country":"DE","properties.plan":"pro"}': 2,
    '{"country":"(none)","properties.plan":"(none)"}': 2,
  })
  assert.deepEqual(stored('revenue'), { '{}': 45 })
  assert.deepEqual(stored('plans'), {
    '{"properties.plan":"pro"}': 4,
    '{"properties.plan":"free"}': 2,
    '{"properties.plan":"(none)"}': 4,
  })
  const sketches = connection
    .prepare(
      `SELECT metric, length(data) AS bytes FROM sketches k JOIN series s ON s.id = k.series
       WHERE metric IN ('prices', 'buyers') AND step = 86400 ORDER BY metric`,
    )
    .all() as { metric: string; bytes: number }[]
  assert.deepEqual(
    sketches.map(row => row.metric),
    ['buyers', 'prices'],
  )
  // Two buyers, exact: a byte and eight for each.
  assert.equal(sketches[0]!.bytes, 17)
  connection.close()
})

test('customMetrics() describes each in the words of its definition', () => {
  const metrics = customMetrics(definitions)
  assert.deepEqual(metrics.get('orders'), {
    kind: 'count',
    unit: 'count',
    definition: 'Lines of behavior where event = Order. Defined in the configuration.',
    dimensions: ['country,properties.plan'],
    total: false,
  })
  assert.deepEqual(metrics.get('plans')?.dimensions, ['properties.plan'])
  assert.equal(metrics.get('prices')?.kind, 'distribution')
})

test('statisticsSchema refuses what cannot be counted, at its place', () => {
  assert.equal(statisticsSchema.safeParse(definitions).success, true)
  const rows: [definition: object, at: string, message: RegExp][] = [
    [{ name: 'requests', aggregate: 'count' }, '0.name', /exists/],
    [{ name: 'x', aggregate: 'sum' }, '0.field', /needs a field/],
    [{ name: 'x', aggregate: 'count', by: ['a', 'b', 'c', 'd'] }, '0.by', /three/],
    [{ name: 'x', aggregate: 'count', filter: [{ field: 'a', op: '>' }] }, '0.filter.0.value', /missing/],
    [{ name: 'x', aggregate: 'count', by: ['a,b'] }, '0.by.0', /field is written/],
    [{ name: 'X y', aggregate: 'count' }, '0.name', /small letters/],
  ]
  for (const [definition, at, message] of rows) {
    const issue = statisticsSchema.safeParse([definition]).error?.issues[0]
    assert.equal(issue?.path.join('.'), at)
    assert.match(issue.message, message)
  }
})
