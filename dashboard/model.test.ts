// What arrives is folded at once; what is shown stands still while the reader has paused, except for the truth about
// the connection.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LiveData, Overview } from '../analytics/http/contract.ts'
import { initialLive, type LiveState } from './live-state.ts'
import { connectionOf, Model } from './model.ts'
import { ranges } from './settings.ts'

function overview(change: Partial<Overview> = {}): Overview {
  return {
    at: 100_000,
    linesTotal: 1000,
    linesPerSecond: 100,
    requestsPerSecond: 40,
    errorRatio: 0,
    latencyP95Ms: 90,
    activeUsers5m: 7,
    bytesPerSecond: 1,
    lagP50Ms: 400,
    lagP95Ms: 900,
    lossesTotal: 0,
    agents: { seen: 1, live: 1 },
    broker: { state: 'up', detail: '', since: 0 },
    freshness: { watermark: 99_000, committedAt: 99_900, lagRecords: 0, mayChange: true },
    ...change,
  }
}

function take(model: Model, data: LiveData, snapshot = false): void {
  model.take(data.kind, data, snapshot, 0)
}

function open(): LiveState {
  return { ...initialLive(1), phase: 'open', welcomed: true }
}

test('pause() freezes what is shown and counts what is new; resume() shows it', () => {
  const model = new Model()
  take(model, { kind: 'overview', overview: overview() })
  model.pause(100_000)
  take(model, { kind: 'overview', overview: overview({ linesTotal: 1204, at: 101_000 }) })
  const paused = model.view(open(), 101_000)
  assert.equal('overview' in paused, false, 'the tiles keep what they have')
  assert.deepEqual([paused.newLines, paused.pausedAt, paused.seenAt], [204, 100_000, 101_000])
  model.resume()
  const resumed = model.view(open(), 102_000)
  assert.deepEqual([resumed.overview?.linesTotal, resumed.newLines, resumed.pausedAt], [1204, 0, null])
})

test('a broker that goes down while the page is paused is told all the same', () => {
  const model = new Model()
  model.pause(0)
  take(model, { kind: 'overview', overview: overview({ broker: { state: 'down', detail: 'x', since: 5 } }) })
  assert.equal(model.view(open(), 0).broker?.state, 'down')
})

test('the cluster is told while the page is paused: it says what is', () => {
  const model = new Model()
  model.pause(0)
  const cluster = { brokers: [] } as unknown as Extract<LiveData, { kind: 'cluster' }>['cluster']
  take(model, { kind: 'cluster', cluster })
  assert.equal(model.view(open(), 0).cluster, cluster)
})

test('a snapshot of a series replaces the ring; another step than the one shown is not mixed in', () => {
  const model = new Model()
  const series = (stepSeconds: number, times: number[], value: number[]): LiveData => ({
    kind: 'series',
    series: { metric: 'requests', stepSeconds, times, values: { value } },
  })
  take(model, series(1, [1000, 2000], [5, 6]), true)
  take(model, series(10, [10_000], [99]))
  assert.equal(model.ring('requests').lastMs, 2000)
  take(model, series(1, [3000], [7]), true)
  assert.ok(Number.isNaN(model.ring('requests').at('value', 1000)))
  model.setRange(ranges['1h'])
  assert.equal(model.ring('requests').stepMs, 10_000)
})

test('foldedUntilMs() claims silence only up to what is folded and what was heard', () => {
  const model = new Model()
  assert.equal(model.foldedUntilMs(200_000), Number.NEGATIVE_INFINITY)
  take(model, { kind: 'overview', overview: overview() })
  assert.equal(model.foldedUntilMs(200_000), 100_000)
  const freshness = { watermark: 80_000, committedAt: 1, lagRecords: 5, mayChange: true }
  take(model, { kind: 'overview', overview: overview({ freshness }) })
  assert.equal(model.foldedUntilMs(200_000), 80_000)
})

test('a backlog of more than three seconds is catching up, an ordinary batch in flight is live', () => {
  const behind = (lagRecords: number, linesPerSecond: number) => {
    const freshness = { watermark: 1, committedAt: 1, lagRecords, mayChange: true }
    return connectionOf(open(), overview({ freshness, linesPerSecond }), 0).kind
  }
  assert.equal(behind(1_500, 10), 'live')
  assert.equal(behind(15_000, 30_000), 'live')
  assert.equal(behind(5_000, 10), 'catchingUp')
  assert.equal(behind(120_000, 30_000), 'catchingUp')
})

test('a refusal is shown until the topic answers or is left', () => {
  const model = new Model()
  model.refuse('tail', 'no such topic')
  assert.equal(model.view(open(), 0).refusals?.['tail'], 'no such topic')
  model.restartTail(false)
  assert.deepEqual(model.view(open(), 0).refusals, {})
  model.refuse('losses', 'not now')
  take(model, { kind: 'losses', losses: { totalLines: 0, entries: [] } })
  assert.deepEqual(model.view(open(), 0).refusals, {})
})

test('overviews that no frame showed are counted as conflated, skipped tail lines as dropped', () => {
  const model = new Model()
  take(model, { kind: 'overview', overview: overview() })
  take(model, { kind: 'overview', overview: overview() })
  take(model, { kind: 'tail', rows: [], gap: { dropped: 12 } })
  assert.deepEqual(model.counters, { conflated: 1, dropped: 12 })
})
