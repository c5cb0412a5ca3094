// Ranges of history: the URL round trip, what is asked of the API, steps back and forth, words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  dragged,
  type HistoryRange,
  inputMs,
  inputText,
  lengthMs,
  rangeOf,
  rangeParameters,
  rangeWords,
  refreshMs,
  spanParameters,
  stepOf,
  stepped,
} from './range.ts'

const now = Date.parse('2026-11-24T12:00:00Z')
const hour = 3_600_000

test('the URL keeps a relative range relative and an absolute one as moments', () => {
  const ranges: readonly HistoryRange[] = [
    { kind: 'last', name: '15m' },
    { kind: 'last', name: '90d' },
    { kind: 'between', fromMs: now - hour, toMs: now },
    { kind: 'between', fromMs: now - hour + 123, toMs: now },
  ]
  for (const range of ranges) {
    const search = new URLSearchParams(rangeParameters(range)).toString()
    assert.deepEqual(rangeOf(search, '24h'), range, search)
  }
  assert.deepEqual(rangeParameters(ranges[2]!), {
    r: '',
    from: '2026-11-24T11:00:00Z',
    to: '2026-11-24T12:00:00Z',
  })
})

test('what the URL says wrongly is as if it said nothing', () => {
  const wrong = [
    '',
    'r=',
    'r=5x',
    'r=0m',
    'r=99999d',
    'from=2026-11-24',
    'from=b&to=a',
    'from=1795521600&to=1795518000',
  ]
  for (const search of wrong) assert.deepEqual(rangeOf(search, '24h'), { kind: 'last', name: '24h' }, search)
  assert.equal(rangeOf('from=1795518000&to=1795521600', '24h').kind, 'between')
})

test('the API is asked for a window or for two moments', () => {
  assert.deepEqual(spanParameters({ kind: 'last', name: '7d' }), { window: '7d' })
  assert.deepEqual(spanParameters({ kind: 'between', fromMs: now - hour, toMs: now }), {
    from: '2026-11-24T11:00:00Z',
    to: '2026-11-24T12:00:00Z',
  })
})

test('a step back leaves the present, and steps forward lead there again', () => {
  const back = stepped({ kind: 'last', name: '1h' }, -1, now, '1h')
  assert.deepEqual(back, { kind: 'between', fromMs: now - 2 * hour, toMs: now - hour })
  const farther = stepped(back, -1, now, '1h')
  assert.deepEqual(farther, { kind: 'between', fromMs: now - 3 * hour, toMs: now - 2 * hour })
  assert.deepEqual(stepped(farther, 1, now, '1h'), back)
  assert.deepEqual(stepped(back, 1, now + 60_000, '1h'), { kind: 'last', name: '1h' })
  const odd = stepped({ kind: 'between', fromMs: now - 7 * 60_000, toMs: now }, 1, now, '24h')
  assert.deepEqual(odd, { kind: 'last', name: '7m' })
})

test('a drag is whole seconds and at least ten of them', () => {
  assert.deepEqual(dragged(now + 1, now + 1500), { kind: 'between', fromMs: now, toMs: now + 10_000 })
  assert.deepEqual(dragged(now + 999, now + hour + 1), {
    kind: 'between',
    fromMs: now,
    toMs: now + hour + 1000,
  })
})

test('words say the day once where it is the same', () => {
  assert.equal(rangeWords({ kind: 'last', name: '7d' }, 'utc'), 'Last 7 days')
  assert.equal(rangeWords({ kind: 'last', name: '3h' }, 'utc'), 'Last 3h')
  const words = (fromMs: number, toMs: number) => rangeWords({ kind: 'between', fromMs, toMs }, 'utc')
  assert.equal(words(now - hour, now), '2026-11-24 11:00 – 12:00')
  assert.equal(words(now - 24 * hour, now), '2026-11-23 12:00 – 2026-11-24 12:00')
  assert.equal(words(now - 30_000, now), '2026-11-24 11:59:30 – 12:00:00')
})

test('inputs of a moment round trip in the zone that is shown', () => {
  assert.equal(inputText(now, 'utc'), '2026-11-24T12:00')
  assert.equal(inputMs('2026-11-24T12:00', 'utc'), now)
  assert.equal(inputMs(inputText(now, 'local'), 'local'), now)
  assert.equal(inputMs('', 'utc'), null)
  assert.equal(inputMs('noon', 'utc'), null)
})

test('buckets and refreshes grow with the range, and a past range is asked for once', () => {
  const steps = ['15m', '24h', '7d', '28d', '90d'].map(name => stepOf({ kind: 'last', name }))
  assert.deepEqual(steps, [undefined, undefined, '1h', '6h', undefined])
  assert.equal(refreshMs({ kind: 'between', fromMs: 0, toMs: 1 }), undefined)
  assert.ok(refreshMs({ kind: 'last', name: '15m' })! < refreshMs({ kind: 'last', name: '90d' })!)
  assert.equal(lengthMs({ kind: 'last', name: '90d' }), 90 * 24 * hour)
})
