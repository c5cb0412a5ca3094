// Every state of the pill and the banner, and which one wins.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Overview } from '../analytics/http/contract.ts'
import { type Connection, initialPage, type PageState } from './store.ts'
import { ageOf, bannerWords, pillWords } from './words.ts'

const clockMs = Date.UTC(2026, 10, 24, 12, 0, 42)
const overview: Overview = {
  at: clockMs - 500,
  linesTotal: 1_000_000,
  linesPerSecond: 842,
  requestsPerSecond: 400,
  errorRatio: 0.01,
  latencyP95Ms: 120,
  activeUsers5m: 31,
  bytesPerSecond: 5000,
  lagP50Ms: 412,
  lagP95Ms: 900,
  lossesTotal: 0,
  agents: { seen: 1, live: 1 },
  broker: { state: 'up', detail: '', since: 0 },
  freshness: { watermark: clockMs, committedAt: clockMs, lagRecords: 0, mayChange: true },
}

function page(connection: Connection, change: Partial<PageState> = {}): PageState {
  const settings = {
    range: '5m',
    topic: 'logs',
    filter: '',
    theme: 'system',
    zone: 'utc',
    wrap: false,
    density: 'compact',
  } as const
  return {
    ...initialPage(settings, clockMs),
    connection,
    overview,
    broker: overview.broker,
    seenAt: overview.at,
    ...change,
  }
}

function pill(connection: Connection, change: Partial<PageState> = {}): string {
  const { state, word, detail, action } = pillWords(page(connection, change))
  return `${state}: ${word}${detail === '' ? '' : ` · ${detail}`} (${action})`
}

test('the pill names every state', () => {
  const paused = { pausedAt: clockMs, newLines: 1204 }
  assert.deepEqual(
    [
      pill({ kind: 'connecting' }),
      pill({ kind: 'live' }),
      pill({ kind: 'live' }, paused),
      pill({ kind: 'catchingUp', linesBehind: 120_000 }),
      pill({ kind: 'catchingUp', linesBehind: 0 }),
      pill({ kind: 'stale', seconds: 12 }),
      pill({ kind: 'reconnecting', seconds: 4 }),
      pill({ kind: 'reconnecting', seconds: null }),
      pill({ kind: 'outdated' }),
    ],
    [
      'connecting: Connecting (none)',
      'live: Live · 412 ms (pause)',
      'paused: Paused · 1.20k new (resume)',
      'catching-up: Catching up · 120k behind (pause)',
      'catching-up: Catching up (pause)',
      'stale: Stale · 12 s (retry)',
      'reconnecting: Reconnecting in 4 s · retry now (retry)',
      'reconnecting: Reconnecting · retry now (retry)',
      'outdated: Stopped (none)',
    ],
  )
})

test('a paused page that has lost its server says so first', () => {
  assert.match(pill({ kind: 'stale', seconds: 12 }, { pausedAt: clockMs }), /^stale/)
  assert.match(pill({ kind: 'reconnecting', seconds: 1 }, { pausedAt: clockMs }), /^reconnecting/)
})

test('while the broker is down the page is connected and yet not live', () => {
  const broker = { state: 'down', detail: '', since: clockMs - 30_000 } as const
  assert.equal(pill({ kind: 'live' }, { broker }), 'stale: Stale · 30 s (pause)')
})

test('the banner says in words that the broker is down, since when, and that nothing is lost', () => {
  const broker = { state: 'down', detail: 'connection refused', since: clockMs - 30_000 } as const
  const words = bannerWords(page({ kind: 'live' }, { broker }))
  assert.equal(words?.title, 'The broker is down')
  assert.match(words.text, /^Since 12:00:12 \(connection refused\)\..*nothing is lost/)
})

test('one broker of three that is down leaves the page live, and is named in the banner', () => {
  const broker = (id: number) => ({ id, up: id !== 2, since: clockMs - 30_000, replicas: 36 })
  const partitionCounts = { total: 36, underReplicated: 36, underMinIsr: 0, offline: 0 }
  const cluster = { brokers: [1, 2, 3].map(broker), partitionCounts } as unknown as PageState['cluster']
  assert.equal(pill({ kind: 'live' }, { cluster }), 'live: Live · 2 of 3 brokers (pause)')
  const words = bannerWords(page({ kind: 'live' }, { cluster }))
  assert.deepEqual([words?.kind, words?.tone, words?.title], ['someBrokersDown', 'warn', 'Broker 2 is down'])
  const none = { state: 'down', detail: '', since: 0 } as const
  assert.equal(bannerWords(page({ kind: 'live' }, { cluster, broker: none }))?.kind, 'brokerDown')
})

test('a lost server becomes a sentence only after some seconds, and outranks what it last said of the broker', () => {
  const lost = { kind: 'reconnecting', seconds: 1 } as const
  assert.equal(bannerWords(page(lost)), null)
  const broker = { state: 'down', detail: '', since: 0 } as const
  assert.equal(bannerWords(page(lost, { seenAt: clockMs - 20_000, broker }))?.kind, 'serverDown')
  assert.equal(bannerWords(page(lost, { seenAt: null, overview: null }))?.kind, 'serverDown')
})

test('an old page is told to reload, by force or by choice', () => {
  assert.equal(bannerWords(page({ kind: 'outdated' }))?.action, 'reload')
  assert.equal(bannerWords(page({ kind: 'live' }, { newerBuild: true }))?.kind, 'newerBuild')
  assert.equal(bannerWords(page({ kind: 'live' })), null)
})

test('a zoomed page says that its charts are not the present, unless something worse is true', () => {
  const zoom = { fromMs: clockMs - 60_000, toMs: clockMs - 30_000 }
  const words = pillWords(page({ kind: 'live' }, { zoom }))
  assert.deepEqual([words.state, words.word, words.action], ['historic', 'Historic range', 'present'])
  assert.equal(pillWords(page({ kind: 'stale', seconds: 12 }, { zoom })).state, 'stale')
  assert.equal(pillWords(page({ kind: 'live' }, { zoom, pausedAt: clockMs })).state, 'paused')
})

test('ageOf() speaks only while the page is cut off', () => {
  const old = { seenAt: clockMs - 72_000 }
  assert.equal(ageOf(page({ kind: 'stale', seconds: 12 }, old)), '72 s')
  assert.equal(ageOf(page({ kind: 'live' }, old)), null)
  const blink = { kind: 'reconnecting', seconds: null } as const
  assert.equal(ageOf(page(blink, { seenAt: clockMs - 900 })), null)
})
