// How a span of time is covered by buckets, however long it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZoneDays } from '../windows/zone-days.ts'
import { cover } from './reach.ts'

test('all the time there is is one range of days, and no walk over each of them', () => {
  let asked = 0
  class CountedDays extends ZoneDays {
    override startOf(timeMs: number): number {
      asked++
      return super.startOf(timeMs)
    }
  }
  for (const zone of ['UTC', 'Europe/Berlin']) {
    const days = new CountedDays(zone)
    const { ranges } = cover(0, 9_999_999_999_999, { finest: 60, days, edges: new Map() })
    assert.equal(ranges.filter(({ step }) => step.seconds === 86_400).length, 1, zone)
    assert.ok(ranges.every(({ fromMs }, at) => at === 0 || fromMs === ranges[at - 1]!.toMs))
  }
  assert.ok(asked < 2_000, `${asked} days were looked up`)
  const days = new ZoneDays('UTC')
  assert.equal(days.startOf(Date.parse('2026-11-24T23:59:59.999Z')), Date.parse('2026-11-24'))
  assert.equal(days.endOf(-1), 0)
})
