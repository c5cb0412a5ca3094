// Rings keep the newest buckets and nothing else; windows say zero only where zero is known.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  axisTop,
  emptyColumns,
  fillColumns,
  hasPoints,
  pointsOf,
  summarise,
  windowEndingAt,
} from './chart-window.ts'
import { SeriesRing } from './series-ring.ts'

const never = Number.NEGATIVE_INFINITY

test('upsert() replaces a bucket by its time, whatever order they come in', () => {
  const ring = new SeriesRing(1000, 10)
  ring.upsert([5000, 6000], { value: [1, 2] })
  ring.upsert([5000], { value: [7] })
  assert.deepEqual([ring.at('value', 5000), ring.at('value', 6000)], [7, 2])
  ring.upsert([4000], { value: [3] })
  assert.deepEqual([ring.firstMs, ring.lastMs], [4000, 6000])
})

test('a bucket that laps the ring takes the slot with all its columns; one too old changes nothing', () => {
  const ring = new SeriesRing(1000, 4)
  ring.upsert([1000], { p50: [1], p95: [2] })
  ring.upsert([5000], { p50: [9] })
  assert.equal(ring.at('p50', 5000), 9)
  assert.ok(Number.isNaN(ring.at('p95', 5000)), 'the old p95 did not stay under the new time')
  ring.upsert([1000], { p50: [3] })
  assert.equal(ring.at('p50', 5000), 9)
  assert.ok(Number.isNaN(ring.at('p50', 1000)))
})

test('clear() forgets values and extent', () => {
  const ring = new SeriesRing(1000, 4)
  ring.upsert([1000], { value: [1] })
  const { version } = ring
  ring.clear()
  assert.ok(Number.isNaN(ring.at('value', 1000)))
  assert.equal(ring.lastMs, never)
  assert.ok(ring.version > version)
})

test('windowEndingAt() ends with the last bucket that has been over for a second', () => {
  assert.deepEqual(windowEndingAt(10_900, 1000, 3, 0), { fromMs: 6000, toMs: 8000 })
  assert.deepEqual(windowEndingAt(11_000, 1000, 3, 0), { fromMs: 7000, toMs: 9000 })
  assert.deepEqual(windowEndingAt(61_000, 10_000, 2, 0), { fromMs: 40_000, toMs: 50_000 })
})

test('windowEndingAt() of a young log starts with its first value, at least forty buckets back', () => {
  const from = (firstMs: number) => windowEndingAt(1_002_000, 1000, 300, firstMs).fromMs
  assert.equal(from(995_000), 961_000, 'too young: forty buckets')
  assert.equal(from(900_000), 900_000)
  assert.equal(from(100_000), 701_000, 'old enough: all three hundred')
  assert.equal(from(Number.POSITIVE_INFINITY), 701_000, 'nothing yet')
})

test('fillColumns() turns counts into rates, known silence into zero, and the unknown into a gap', () => {
  const requests = new SeriesRing(1000, 20)
  const errors = new SeriesRing(1000, 20)
  const latency = new SeriesRing(1000, 20)
  requests.upsert([2000, 3000, 5000], { value: [10, 20, 40] })
  errors.upsert([3000], { value: [1] })
  latency.upsert([2000, 5000], { p95: [80, 90] })
  const lines = [
    { ring: requests, key: 'value', scale: 1, counts: true },
    { ring: errors, key: 'value', scale: 1, counts: true },
    { ring: latency, key: 'p95', scale: 1, counts: false },
  ]
  const columns = emptyColumns(3)
  fillColumns(columns, lines, { fromMs: 1000, toMs: 7000 }, 1000, 8500)
  assert.deepEqual(columns, [
    [1, 2, 3, 4, 5, 6, 7],
    [null, 10, 20, 0, 40, 0, null],
    [null, 0, 1, 0, 0, 0, null],
    [null, 80, null, null, 90, null, null],
  ])
  fillColumns(columns, lines, { fromMs: 5000, toMs: 6000 }, 1000, never)
  assert.deepEqual(
    columns,
    [
      [5, 6],
      [40, null],
      [0, null],
      [90, null],
    ],
    'nothing is claimed beyond the last bucket',
  )
})

test('fillColumns() scales a ten-second bucket to a rate', () => {
  const ring = new SeriesRing(10_000, 20)
  ring.upsert([20_000], { value: [50] })
  const columns = emptyColumns(1)
  fillColumns(
    columns,
    [{ ring, key: 'value', scale: 0.1, counts: true }],
    { fromMs: 20_000, toMs: 20_000 },
    10_000,
    never,
  )
  assert.deepEqual(columns, [[20], [5]])
  assert.equal(hasPoints(columns), true)
  assert.equal(axisTop(columns), 5)
})

test('summarise() says in words what the lines show', () => {
  const text = summarise(
    [
      [1, 2, 3],
      [4, 9, 6],
      [null, null, null],
    ],
    ['requests', 'errors'],
    value => `${value}/s`,
  )
  assert.equal(text, 'requests now 6/s, lowest 4/s, highest 9/s; errors: no data.')
})

test('few values are points too; of many only what stands alone', () => {
  assert.deepEqual(pointsOf([null, 3, 4, null]), [1, 2])
  assert.equal(pointsOf([null, null]), null)
  const many = Array.from({ length: 30 }, (_, at) => (at === 9 || at === 11 ? null : at))
  assert.deepEqual(pointsOf(many), [10])
  assert.equal(pointsOf(many.map((_, at) => at)), null)
})
