// What the overview measures by itself: from a line to the screen, and how long the disk lasts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskForecast } from './disk-forecast.ts'
import { mostBehind } from './panels/tiles-specs.ts'
import { PixelLag } from './pixel-lag.ts'

test('line to pixel: the middle and the slow end of what appeared in the last minute', () => {
  const lag = new PixelLag()
  assert.equal(lag.quantiles(0), null)
  for (let ms = 1; ms <= 100; ms += 1) lag.add(1_000, ms)
  assert.deepEqual(lag.quantiles(2_000), { p50: 51, p95: 96 })
  lag.add(50_000, -5)
  assert.deepEqual(lag.quantiles(62_000), { p50: 0, p95: 0 }, 'older ones are forgotten, clocks may differ')
  assert.equal(lag.quantiles(200_000), null)
})

test('days left: from growth over a minute at least, and for ever where nothing grows', () => {
  const growing = new DiskForecast()
  growing.add(0, 1_000)
  growing.add(30_000, 2_000)
  assert.equal(growing.daysLeft(1e6), null)
  growing.add(86_400, 87_400)
  assert.equal(growing.daysLeft(86_400_000), 1)
  const still = new DiskForecast()
  still.add(0, 5)
  still.add(61_000, 5)
  assert.equal(still.daysLeft(1), Number.POSITIVE_INFINITY)
})

test('group lag: of whoever is furthest behind, ourselves not counted', () => {
  const own = { group: 'tailrace-analytics', lag: 900 }
  const unknown = { group: 'new', lag: null }
  assert.equal(mostBehind([own, { group: 'tailrace-analytics.ad35dce8', lag: null }]), null)
  assert.equal(mostBehind([own, unknown]), unknown)
  assert.equal(mostBehind([own, unknown, { group: 'a', lag: 0 }, { group: 'b', lag: 7 }])?.group, 'b')
})
