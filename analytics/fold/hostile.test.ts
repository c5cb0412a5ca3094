// Lines that somebody made to do harm, or that a broken program wrote: none of them throws, each is counted or in the
// ledger, every good line between them counts, and what is held stays within its bounds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { valuesPerDayMax } from '../windows/catalogue.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { CustomStatistics } from './custom.ts'
import { fold } from './fold.ts'
import { FoldState } from './fold-state.ts'
import { Pending } from './pending.ts'

const readMs = Date.parse('2026-11-24T08:00:30Z')
const good = '{"timestamp":"2026-11-24T08:00:07Z","type":"page","anonymousId":"v","path":"/good","n":1}'
const access = (path: string, client: string, agent: string) =>
  `${client} - - [24/Nov/2026:08:00:07 +0000] "GET ${path} HTTP/1.1" 200 9 "-" "${agent}" 0.010`

const statistics = new CustomStatistics([
  { name: 'total', aggregate: 'sum', field: 'n' },
  { name: 'by_proto', aggregate: 'count', by: ['__proto__', 'constructor', 'a.b'] },
  { name: 'who', aggregate: 'unique', field: 'anonymousId' },
])

function start() {
  const connection = openStore(':memory:')
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days)
  const { id } = writer.source('behavior', 0, null, 0)
  const state = new FoldState(writer, days, { statistics })
  const partition = state.partition(id, 'behavior', 0, 0, Number.NEGATIVE_INFINITY)
  const add = (line: string | Buffer) => {
    const bytes = Buffer.from(line)
    fold(state, partition, partition.next, readMs, bytes, 0, bytes.length, bytes.length, 0)
  }
  const commit = () => {
    writer.commit(
      { partitions: [partition], pending: state.pending, ledger: [], agents: [], nowMs: readMs },
      state,
    )
    state.pending = new Pending()
  }
  const sum = (metric: string, dims = '') =>
    connection
      .prepare(
        `SELECT coalesce(sum(n), 0) FROM counts JOIN series s ON s.id = series
         WHERE metric = ? AND dims = ? AND step = 86400`,
      )
      .pluck()
      .get(metric, dims) as number
  return { state, add, commit, sum, connection }
}

test('hostile events are counted or in the ledger, and every good line between them counts', () => {
  const { state, add, commit, sum, connection } = start()
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  const rest = '"timestamp":"2026-11-24T08:00:07Z","type":"track","event":"e"'
  const lines = [
    `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},${rest}}`,
    `{${rest},"anonymousId":"__proto__","path":"constructor"}`,
    `{${rest},"n":"12","path":5,"anonymousId":{"toString":1}}`,
    `{${rest},"n":9223372036854775807,"userId":9223372036854775807}`,
    `{${rest},"n":NaN}`,
    `{${rest},"n":1e999}`,
    `{${rest},"n":-0}`,
    nested(1000),
    nested(100_000),
    '['.repeat(100_000),
    '{"timestamp":"0000-01-01T00:00:00Z","type":"page"}',
    '{"timestamp":"9999-12-31T23:59:59Z","type":"page"}',
    '{"timestamp":-62167219200000,"type":"page"}',
    '{"timestamp":1e300,"type":"page"}',
    `{${rest},"path":"${'x'.repeat(10 * 1024 * 1024)}"}`,
    `{${rest},"path":"\\u0000\\ud800","anonymousId":"\\u0000"}`,
    access('/%00%ff/../..', '999.999.999.999', '<script>alert(1)</script>'),
    access(`/?utm_source=${'%'.repeat(2000)}&utm_medium=__proto__`, '::1', 'x'.repeat(100_000)),
    Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  ]
  for (const line of lines) {
    add(line)
    add(good)
  }
  commit()
  const lost = connection.prepare('SELECT coalesce(sum(lines), 0) FROM losses').pluck().get() as number
  assert.equal(sum('lines') + lost, lines.length * 2)
  const goodPath = connection
    .prepare(
      `SELECT n FROM counts JOIN series s ON s.id = series
       WHERE metric = 'pageviews' AND labels = '{"path":"/good"}' AND step = 86400`,
    )
    .pluck()
    .get()
  assert.equal(goodPath, lines.length)
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  // What is a number counts as one: the good lines, the text "12" and 2^63, as doubles have it.
  assert.equal(sum('total'), lines.length + 12 + 2 ** 63)
  assert.ok(state.values.size < 200)
  connection.close()
})

test('a flood of distinct paths, clients and user agents stays within its bounds and adds up', () => {
  const { add, commit, sum, connection } = start()
  const floods = 24_000
  for (let index = 0; index < floods; index++) {
    const client = `10.${index & 255}.${(index >>> 8) & 255}.1`
    add(access(`/p/${index}?x`, client, index < 2500 ? `UA/${index}` : 'UA'))
    if (index % 8000 === 7999) commit()
  }
  commit()
  assert.equal(sum('requests'), floods)
  for (const dims of ['path', 'client', 'browser', 'status'])
    assert.equal(sum('requests', dims), floods, dims)
  const rows = connection
    .prepare(
      `SELECT dims, metric, count(*) AS n FROM series WHERE metric IN ('requests', 'request_visitors')
       GROUP BY dims, metric`,
    )
    .all() as { dims: string; metric: string; n: number }[]
  for (const { dims, metric, n } of rows)
    assert.ok(n <= (metric === 'requests' ? valuesPerDayMax : 1000) + 1, `${metric} ${dims}: ${n}`)
  connection.close()
})
