// Where requests came from, worked by hand: the errors of a campaign's lines go with them, a referrer beyond the day's
// limit is taken from the shared value, and both halves of a ratio are of the same lines.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { type MetricDefinition, metricCatalogue, otherValue, valuesPerDayMax } from '../windows/catalogue.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { fold } from './fold.ts'
import { FoldState } from './fold-state.ts'

const readMs = Date.parse('2026-11-24T08:00:30Z')
const definitions: Readonly<Record<string, MetricDefinition>> = metricCatalogue

const line = (target: string, status: number, referrer: string) =>
  `203.0.113.7 - - [24/Nov/2026:08:00:07 +0000] "GET ${target} HTTP/1.1" ${status} 100 "${referrer}" "-" 0.700`

/** `dims value` → metric → count, as stored by the minute. */
function stored(lines: readonly string[], full: readonly string[] = []): Map<string, Record<string, number>> {
  const connection = openStore(':memory:')
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days)
  const state = new FoldState(writer, days, { ownHosts: ['shop.example'] })
  // A day whose values of these sets are at the limit.
  for (const dims of full) for (let n = 0; n < valuesPerDayMax; n++) state.admits(dims, `seen-${n}`, readMs)
  const source = writer.source('logs', 0, null, 0)
  const partition = state.partition(source.id, 'logs', 0, 0, Number.NEGATIVE_INFINITY)
  for (const [offset, text] of lines.entries()) {
    const bytes = Buffer.from(text)
    fold(state, partition, offset, readMs, bytes, 0, bytes.length, bytes.length, 0)
  }
  const flush = { partitions: [partition], pending: state.pending, ledger: [], agents: [], nowMs: readMs }
  writer.commit(flush, state)
  const rows = connection
    .prepare<[], { metric: string; dims: string; labels: string; n: number }>(
      `SELECT s.metric, s.dims, s.labels, c.n FROM counts c JOIN series s ON s.id = c.series
       WHERE c.step = 60 AND c.n <> 0`,
    )
    .all()
  connection.close()
  const found = new Map<string, Record<string, number>>()
  for (const { metric, dims, labels, n } of rows) {
    const key = `${dims} ${Object.values(JSON.parse(labels) as object).join(' ')}`
    found.set(key, { ...found.get(key), [metric]: n })
  }
  return found
}

const letter = '?utm_source=letter&utm_medium=email&utm_campaign=autumn'
const lines = [
  line('/', 200, 'https://www.google.com/search'),
  line(`/${letter}`, 500, 'https://www.google.com/search'),
  line(`/gone${letter}`, 404, '-'),
  line('/?gclid=1', 503, 'https://www.google.com/'),
  line('/cart', 500, 'https://shop.example/'),
  line(`/cart${letter}`, 200, 'https://shop.example/'),
  line('/', 404, 'https://blog.example/post'),
]

test('the errors of a campaign’s lines count where its requests do', () => {
  const rows = stored(lines)
  const expected: [key: string, requests?: number, errors?: number | undefined, clientErrors?: number][] = [
    ['site Google', 2, 1],
    ['site letter', 3, 1, 1],
    ['site blog.example', 1, undefined, 1],
    ['channel Organic Search', 1],
    ['channel Paid Search', 1, 1],
    ['channel Email', 3, 1, 1],
    ['channel Referral', 1, undefined, 1],
    ['utm_medium email', 3, 1, 1],
    ['utm_campaign autumn', 3, 1, 1],
    // Nobody comes from one's own pages, and the addresses without a referrer all name a campaign.
    ['site (direct)'],
    ['channel Direct'],
    ['referrer www.google.com', 3, 2],
  ]
  for (const [key, ...counts] of expected) {
    const { requests, errors, client_errors, bytes } = rows.get(key) ?? {}
    assert.deepEqual([requests, errors, client_errors], [counts[0], counts[1], counts[2]], key)
    assert.equal(bytes, requests === undefined ? undefined : requests * 100, key)
  }
})

test('a referrer beyond the day’s limit shares a source, and its campaign is taken from that one', () => {
  const rows = stored(
    [line('/', 200, 'https://late.example/'), line(`/${letter}`, 500, 'https://late.example/')],
    ['referrer'],
  )
  assert.deepEqual(rows.get(`referrer ${otherValue}`), {
    requests: 2,
    errors: 1,
    bytes: 200,
  })
  assert.equal(rows.get(`site ${otherValue}`)?.['requests'], 1)
  assert.equal(rows.get(`site ${otherValue}`)?.['errors'], undefined)
  assert.equal(rows.get('site letter')?.['errors'], 1)
  assert.equal(rows.get('site late.example'), undefined)
})

test('of each line, what counts above the bar counts below it, and nothing is taken from where it was not', () => {
  const ratios = Object.values(definitions).filter(({ kind }) => kind === 'ratio')
  for (const text of lines) {
    for (const [key, counts] of stored([text])) {
      const dims = key.slice(0, key.indexOf(' '))
      for (const [metric, n] of Object.entries(counts)) {
        assert(n > 0, `${metric} by ${key} of ${text}: ${n}`)
        const { dimensions, total } = definitions[metric]!
        assert(dims === '' ? total : dimensions.includes(dims), `${metric} by ${dims} is kept but not listed`)
      }
      for (const { numerator, denominator, dimensions } of ratios) {
        if (!dimensions.includes(dims) || counts[numerator!] === undefined) continue
        assert(counts[denominator!]! >= counts[numerator!]!, `${numerator} by ${key} of ${text}`)
      }
    }
  }
})

test('a ratio is kept by what both its halves are kept by', () => {
  for (const [name, { kind, numerator, denominator, dimensions }] of Object.entries(definitions)) {
    if (kind !== 'ratio') continue
    for (const half of [numerator!, denominator!]) {
      const missing = dimensions.filter(dims => !definitions[half]!.dimensions.includes(dims))
      assert.deepEqual(missing, [], `${name} over ${half}`)
    }
  }
})
