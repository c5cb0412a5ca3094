// What follows from access lines, worked by hand: browsers, systems, channels and kinds of content from a small log,
// bots apart, visitors once, and every dimension adding up to the whole.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { expand } from './expand.ts'
import { fold } from './fold.ts'
import { type FoldOptions, FoldState } from './fold-state.ts'
import { type Cell, dimensionSets } from './pending.ts'

const readMs = Date.parse('2026-11-24T08:00:30Z')
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'
const phone =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36'
const google = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'

const request = (
  client: string,
  target: string,
  status: number,
  referrer: string,
  agent: string,
  seconds = '',
) =>
  `${client} - - [24/Nov/2026:08:00:07 +0000] "GET ${target} HTTP/1.1" ${status} 100 "${referrer}" "${agent}"${seconds}`

const lines = [
  request('203.0.113.7', '/', 200, 'https://www.google.com/search', firefox, ' 0.100'),
  request('203.0.113.7', '/app.js', 200, 'https://shop.example/', firefox, ' 0.501'),
  request('203.0.113.9', '/', 304, '-', phone, ' 2.001'),
  request('203.0.113.9', '/gone', 404, '-', phone),
  request('198.51.100.1', '/?utm_source=letter&utm_medium=email', 200, 'https://mail.google.com/', phone),
  request('66.249.66.1', '/', 500, '-', google, ' 0.001'),
]

function foldAll(options: FoldOptions, zone = 'UTC') {
  const state = new FoldState({ lastPosition: () => -1, valuesOfDay: () => [] }, new ZoneDays(zone), options)
  const partition = state.partition(1, 'logs', 0, 0, Number.NEGATIVE_INFINITY)
  for (const [offset, line] of lines.entries()) {
    const bytes = Buffer.from(line)
    fold(state, partition, offset, readMs, bytes, 0, bytes.length, bytes.length, 0)
  }
  expand(state, state.pending)
  const [bucket] = [...state.pending.buckets.values()]
  /** What a dimension's values have of a field. */
  const by = (dims: (typeof dimensionSets)[number], field: keyof Cell) => {
    const rows = [...bucket!.values[dimensionSets.indexOf(dims)]!].map(([id, cell]) => {
      const found = cell[field]
      return [state.values.text(id), found instanceof Set ? found.size : found] as const
    })
    return Object.fromEntries(rows.filter(([, n]) => n !== 0 && n !== null))
  }
  return { bucket: bucket!, total: bucket!.seconds[7]!, by }
}

test('requests are counted by who asked, from where and for what', () => {
  const { by, total } = foldAll({ ownHosts: ['shop.example'] })
  const rows: [dims: Parameters<typeof by>[0], field: keyof Cell, expected: Record<string, number>][] = [
    ['browser', 'requests', { Firefox: 2, Chrome: 3, Googlebot: 1 }],
    ['browser_version', 'requests', { 'Firefox 144': 2, 'Chrome 142': 3, Googlebot: 1 }],
    ['os', 'requests', { Linux: 2, Android: 3, '(unknown)': 1 }],
    ['device', 'requests', { desktop: 2, mobile: 3, bot: 1 }],
    ['device', 'clients', { desktop: 1, mobile: 2 }],
    ['client', 'requests', { '203.0.113.0/24': 4, '198.51.100.0/24': 1, '66.249.66.0/24': 1 }],
    ['bot', 'botRequests', { Googlebot: 1 }],
    ['status_class', 'requests', { '2xx': 3, '3xx': 1, '4xx': 1, '5xx': 1 }],
    ['status_class', 'clients', { '2xx': 2, '3xx': 1, '4xx': 1 }],
    ['outcome', 'requests', { success: 4, client_error: 1, error: 1 }],
    ['content', 'requests', { page: 5, script: 1 }],
    ['content', 'bytes', { page: 500, script: 100 }],
    ['path', 'notFound', { '/gone': 1 }],
    ['path', 'staticRequests', { '/app.js': 1 }],
    ['path', 'clients', { '/': 3, '/app.js': 1, '/gone': 1 }],
    ['hour', 'requests', { '08': 6 }],
    ['hour', 'clients', { '08': 3 }],
    // The campaign counts instead of its referrer; one's own pages send nobody.
    ['channel', 'requests', { 'Organic Search': 1, Direct: 3, Email: 1 }],
    ['channel', 'bytes', { 'Organic Search': 100, Direct: 300, Email: 100 }],
    ['channel', 'clients', { 'Organic Search': 1, Direct: 1, Email: 1 }],
    ['site', 'requests', { Google: 1, '(direct)': 3, letter: 1 }],
    ['utm_medium', 'requests', { email: 1 }],
    ['path', 'servedMs', { '/': 2102, '/app.js': 501 }],
  ]
  for (const [dims, field, expected] of rows) assert.deepEqual(by(dims, field), expected, `${dims} ${field}`)
  const { requests, errors, clientErrors, botRequests, notFound, staticRequests, bytes } = total
  assert.deepEqual(
    { requests, errors, clientErrors, botRequests, notFound, staticRequests, bytes },
    { requests: 6, errors: 1, clientErrors: 1, botRequests: 1, notFound: 1, staticRequests: 1, bytes: 600 },
  )
})

test('every dimension of requests adds up to the whole', () => {
  const { by } = foldAll({})
  const whole = [
    'path',
    'status',
    'method',
    'referrer',
    'status_class',
    'outcome',
    'content',
    'browser',
    'os',
  ] as const
  for (const dims of [...whole, 'device', 'client', 'site', 'channel', 'hour'] as const) {
    const sum = Object.values(by(dims, 'requests')).reduce<number>((all, n) => all + Number(n), 0)
    assert.equal(sum, 6, dims)
  }
})

test('apdex has two points for the satisfied, one for the tolerated, none for errors and the slow', () => {
  // 100 ms, 501 ms, 2,001 ms, and an error after 1 ms.
  const points = (apdexMs?: number) => foldAll({ apdexMs }).total.apdexPoints
  assert.deepEqual([points(), points(100), points(501), points(2001)], [3, 2, 5, 6])
  assert.equal(foldAll({}).total.apdexPointsMax, 8)
})

test('countries come from a database, addresses whole if asked for, hours from the zone', () => {
  const countryOf = (address: string) => (address.startsWith('203') ? 'DE' : '(unknown)')
  const { by } = foldAll({ countryOf, keepsAddresses: true }, 'Asia/Kathmandu')
  assert.deepEqual(by('country', 'requests'), { DE: 4, '(unknown)': 2 })
  assert.deepEqual(by('country', 'clients'), { DE: 2, '(unknown)': 1 })
  assert.equal(by('client', 'requests')['203.0.113.7'], 2)
  assert.deepEqual(by('hour', 'requests'), { 13: 6 })
  assert.deepEqual(foldAll({}).by('country', 'requests'), {})
})

test('a flush stores the visitors of each value in sparse sketches, from minutes on', () => {
  const connection = openStore(':memory:')
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days)
  const state = new FoldState(writer, days)
  const source = writer.source('logs', 0, null, 0)
  const partition = state.partition(source.id, 'logs', 0, 0, Number.NEGATIVE_INFINITY)
  for (const [offset, line] of lines.entries()) {
    const bytes = Buffer.from(line)
    fold(state, partition, offset, readMs, bytes, 0, bytes.length, bytes.length, 0)
  }
  writer.commit(
    { partitions: [partition], pending: state.pending, ledger: [], agents: [], nowMs: readMs },
    state,
  )
  const rows = connection
    .prepare(
      `SELECT step, length(data) AS bytes FROM sketches k JOIN series s ON s.id = k.series
       WHERE metric = 'request_visitors' AND labels = '{"device":"mobile"}' ORDER BY step`,
    )
    .all()
  assert.deepEqual(
    rows,
    [60, 900, 86_400].map(step => ({ step, bytes: 7 })),
  )
  connection.close()
})

test('clients that are remembered hold nothing of a flush that is over', () => {
  const { bucket } = foldAll({})
  const clients = bucket.clients.map(({ client }) => client)
  assert.equal(clients.length, 4)
  for (const client of clients) assert.deepEqual([client.bucket, client.cell], [null, null])
})
