// Buckets nest, days follow the zone, and a question gets a sensible step.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketStart, stepForWindow, steps } from './steps.ts'
import { ZoneDays } from './zone-days.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

test('every bucket of a step lies inside one of the next', () => {
  for (const time of [0, 1_795_507_200_123, 1_795_507_199_999]) {
    for (const [index, step] of steps.slice(0, -2).entries()) {
      const inner = bucketStart(time, step.ms)
      const outer = bucketStart(time, steps[index + 1]!.ms)
      assert.ok(inner >= outer && inner + step.ms <= outer + steps[index + 1]!.ms)
    }
  }
})

test('stepForWindow() takes the coarsest step that cuts the window into enough pieces', () => {
  const chosen = [30_000, minute, 5 * minute, 30 * minute, hour, 6 * hour, day, 7 * day, 28 * day].map(
    window => stepForWindow(window, 1).seconds,
  )
  assert.deepEqual(chosen, [1, 1, 10, 60, 60, 60, 900, 900, 86_400])
  assert.equal(stepForWindow(30_000, 10).seconds, 10)
  assert.equal(stepForWindow(45_000, 1).seconds, 1)
})

test('ZoneDays finds midnight across clock changes', () => {
  const rows: [zone: string, at: string, start: string, hours: number][] = [
    ['UTC', '2026-11-24T08:00:00Z', '2026-11-24T00:00:00Z', 24],
    ['Europe/Berlin', '2026-11-24T08:00:00Z', '2026-11-23T23:00:00Z', 24],
    ['Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00Z', 23],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00Z', 25],
    ['Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-24T22:00:00Z', 25],
    ['America/New_York', '2026-11-01T04:00:00Z', '2026-11-01T04:00:00Z', 25],
    ['America/New_York', '2026-11-01T03:59:59Z', '2026-10-31T04:00:00Z', 24],
    ['Asia/Kathmandu', '2026-06-01T18:14:59Z', '2026-05-31T18:15:00Z', 24],
    // Midnight itself is skipped here: the day begins at 01:00.
    ['Africa/Cairo', '2026-04-24T10:00:00Z', '2026-04-23T22:00:00Z', 23],
  ]
  for (const [zone, at, start, hours] of rows) {
    const days = new ZoneDays(zone)
    assert.equal(
      new Date(days.startOf(Date.parse(at))).toISOString(),
      new Date(start).toISOString(),
      `${zone} ${at}`,
    )
    assert.equal((days.endOf(Date.parse(at)) - Date.parse(start)) / hour, hours, `${zone} ${at}`)
  }
  assert.throws(() => new ZoneDays('Mars/Olympus'), RangeError)
})
