// What a rebuild may replace, by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StepSeconds } from '../windows/steps.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { type Covering, coveredRanges, endOfTime, isAllCovered } from './covered.ts'

const midnight = Date.parse('2026-11-24T00:00:00Z') / 1000
const quarter = (index: number) => midnight + index * 900
const covering = (index: number, source: number, first: number): Covering => {
  return { bucket: quarter(index), source, first }
}

function ranges(
  covers: readonly Covering[],
  starts: readonly [number, number][],
  extra: { from?: number; edges?: [StepSeconds, number][]; zone?: string } = {},
) {
  const found = coveredRanges({
    covers,
    starts: new Map(starts),
    edges: new Map(extra.edges ?? []),
    fromSeconds: extra.from ?? 0,
    days: new ZoneDays(extra.zone ?? 'UTC'),
  })
  return (step: StepSeconds) => found.get(step)!.map(({ from, to }) => [from, to])
}

test('a quarter to which any partition has counted from below its start is left alone, and so is its day', () => {
  const of = ranges(
    [
      covering(0, 1, 0),
      covering(40, 1, 90),
      covering(40, 2, 10),
      covering(41, 1, 100),
      covering(200, 1, 500),
    ],
    [
      [1, 100],
      [2, 5],
    ],
  )
  const holes = [
    [0, quarter(0)],
    [quarter(1), quarter(40)],
    [quarter(41), endOfTime],
  ]
  assert.deepEqual(of(900), holes)
  assert.deepEqual(of(1), holes)
  assert.deepEqual(of(86_400), [
    [0, midnight],
    [midnight + 86_400, endOfTime],
  ])
})

test('a partition that is not read, and one that was begun anew, hold their quarters', () => {
  const of = ranges([covering(3, 9, 1000), covering(5, 1, -1)], [[1, 0]], { from: quarter(2) + 1 })
  assert.deepEqual(of(60), [
    [quarter(4), quarter(5)],
    [quarter(6), endOfTime],
  ])
})

test('before the edge of the quarters nobody knows what was counted; finer rows end at their own', () => {
  const of = ranges([], [[1, 0]], {
    edges: [
      [900, quarter(4)],
      [10, quarter(8) + 20],
    ],
    zone: 'Europe/Berlin',
  })
  assert.deepEqual(of(900), [[quarter(4), endOfTime]])
  assert.deepEqual(of(10), [[quarter(8) + 20, endOfTime]])
  // The day began at 23:00 UTC, before that edge: the next one is the first.
  assert.deepEqual(of(86_400), [[midnight + 23 * 3600, endOfTime]])
})

test('all is covered only where every log begins at 0 and nothing came from elsewhere', () => {
  const starts = new Map([[1, 0]])
  assert.ok(isAllCovered({ covers: [covering(0, 1, 0)], starts }))
  assert.ok(!isAllCovered({ covers: [covering(0, 1, 0)], starts: new Map([[1, 3]]) }))
  assert.ok(!isAllCovered({ covers: [covering(0, 2, 0)], starts }))
  assert.ok(!isAllCovered({ covers: [covering(0, 1, -1)], starts }))
})
