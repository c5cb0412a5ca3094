// Lines of formats without a parser of the fold's own: requests, events, samples and levels all the same; what is not
// of its format is a loss, and what no format names is a line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHeaders } from '../../broker/protocol/record-headers.ts'
import { VisitNoter } from '../visits/noter.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { fold } from './fold.ts'
import { FoldState } from './fold-state.ts'
import {
  setEvent,
  setHostName,
  setLevel,
  setPath,
  setReferrer,
  setUtmCampaign,
  setVirtualHost,
} from './pending.ts'

const readMs = Date.parse('2026-11-24T08:00:30Z')

function foldOne(format: string, line: string, more: readonly (readonly [string, string])[] = []) {
  const state = new FoldState({ lastPosition: () => -1, valuesOfDay: () => [] }, new ZoneDays('UTC'))
  const partition = state.partition(1, 'logs', 0, 0, Number.NEGATIVE_INFINITY)
  const value = Buffer.from(line)
  const pairs = [['format', format] as const, ...more]
  const buffer = Buffer.concat([value, encodeHeaders(pairs).subarray(1)])
  const noter = new VisitNoter(state, [])
  state.noter = noter
  // Any bytes are a key.
  noter.begin(partition, buffer, 0, 1, 0, value.length)
  fold(state, partition, 0, readMs, buffer, 0, value.length, value.length, pairs.length)
  const [bucket] = [...state.pending.buckets.values()]
  const second = bucket!.seconds.find(cell => cell !== undefined)!
  const values = (set: number) => [...bucket!.values[set]!.keys()].map(id => state.values.text(id))
  const origins = state.pending.visits.touches.map(id => noter.touch(id))
  return { state, bucket: bucket!, second, values, origins }
}

test('an access line of any format is a request, at its own time and with its own path', () => {
  const nginx = 'nginx:$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent $request_time'
  const line = '203.0.113.7 [2026-11-24T08:00:07Z] "GET /a?b HTTP/1.1" 503 12 0.042'
  const { second, bucket, values } = foldOne(nginx, line)
  const { requests, errors, bytes, lines, samples } = second
  assert.deepEqual(
    { requests, errors, bytes, lines, samples },
    { requests: 1, errors: 1, bytes: 12, lines: 1, samples: [42] },
  )
  assert.equal(bucket.seconds.indexOf(second), 7)
  assert.deepEqual(values(setPath), ['/a'])
  assert.equal(bucket.clients.length, 1)
})

test('a format that has the host that was asked counts by it', () => {
  const line =
    'Shop.example:443 203.0.113.7 - - [24/Nov/2026:08:00:07 +0000] "GET /a HTTP/1.1" 503 12 "-" "curl/8"'
  assert.deepEqual(foldOne('vhost_combined', line).values(setVirtualHost), ['shop.example'])
})

test('a campaign is found in the address of every access format, and its referrer stays whole', () => {
  const target = '/a?x=1&utm_campaign=autumn&utm_source=letter'
  const referrer = 'https://r.example/?utm_campaign=not'
  const nginx = 'nginx:$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent "$http_referer"'
  const answered = `"GET ${target} HTTP/1.1" 200 1 "${referrer}"`
  const common = `203.0.113.7 - - [24/Nov/2026:08:00:07 +0000] ${answered} "a"`
  const lines = {
    vhost_combined: `s.example:443 ${common}`,
    [nginx]: `203.0.113.7 [2026-11-24T08:00:07Z] ${answered}`,
    caddy: JSON.stringify({
      ts: readMs / 1000,
      request: { method: 'GET', uri: target, headers: { Referer: [referrer] } },
      status: 200,
    }),
    docker: JSON.stringify({
      log: `${common}\n`,
      stream: 'stdout',
      time: '2026-11-24T08:00:07Z',
    }),
  }
  for (const [format, line] of Object.entries(lines)) {
    const { values } = foldOne(format, line)
    assert.deepEqual(values(setUtmCampaign), ['autumn'], format)
    assert.deepEqual([values(setPath), values(setReferrer)], [['/a'], ['r.example']], format)
  }
})

test('an event says its campaign by the page’s address, and its browser by the user agent it carries', () => {
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'
  const url = 'https://s.example/p?utm_source=letter&utm_medium=email'
  const posthog = { $current_url: url, $raw_user_agent: agent }
  const events = {
    posthog: { event: '$pageview', distinct_id: 'd', properties: posthog },
    segment: {
      type: 'page',
      anonymousId: 'd',
      context: { userAgent: agent, page: { path: '/p', search: '?utm_source=letter&utm_medium=email' } },
    },
  }
  for (const [format, event] of Object.entries(events)) {
    const { origins, values } = foldOne(format, JSON.stringify(event))
    assert.equal(origins.length, 1, format)
    const { browser, os, device, channel, utm_source } = origins[0]!
    assert.deepEqual(
      [browser, os, device, channel, utm_source],
      ['Firefox', 'Linux', 'desktop', 'Email', 'letter'],
    )
    assert.deepEqual(values(setPath), ['/p'], format)
  }
})

test('an event in the shape of its maker is an event, and a page a pageview', () => {
  const line = '{"event":"$pageview","distinct_id":"d","properties":{"$current_url":"https://s.example/p?q"}}'
  const { second, values, bucket } = foldOne('posthog', line)
  assert.deepEqual([second.events, second.pageviews, second.requests], [1, 1, 0])
  assert.deepEqual([values(setPath), values(setEvent)], [['/p'], ['$pageview']])
  assert(bucket.eventVisitors)
})

test('samples count under their host, or else the one the record names', () => {
  const { values } = foldOne('influx', 'cpu,host=web-2 idle=9,busy=1i', [['host', 'web-1']])
  assert.deepEqual(values(setHostName), ['web-2\0cpu.idle', 'web-2\0cpu.busy'])
  assert.deepEqual(foldOne('statsd', 'a:1|c', [['host', 'web-1']]).values(setHostName), ['web-1\0a'])
  assert.deepEqual(foldOne('prometheus', '# TYPE a counter').values(setHostName), [])
})

test('a log line is a line with a level, at its own time, a zone and a year added', () => {
  const { second, bucket, values } = foldOne('syslog', '<11>Nov 24 09:00:05 h app: x', [
    ['tz', 'Europe/Berlin'],
  ])
  assert.deepEqual([second.lines, second.requests, bucket.seconds.indexOf(second)], [1, 0, 5])
  assert.deepEqual(values(setLevel), ['error'])
})

test('what is not of its format is said to be so; a format nobody knows is text', () => {
  const { state, second } = foldOne('logfmt', 'no pairs here')
  assert.deepEqual([second.lines, second.unparsed], [0, 1])
  assert.match([...state.pending.losses.values()][0]!.detail, /not of the format logfmt/)
  for (const format of ['toString', 'constructor', 'w3c:', 'later:than this']) {
    const { second } = foldOne(format, 'x')
    assert.deepEqual([second.lines, second.unparsed], [1, 0], format)
  }
})
