// The door for statistics that do not come from single lines: one fact reaches every step that is kept, counts may go
// down again, and a day's values are bounded.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FoldState } from '../fold/fold-state.ts'
import { valuesPerDayMax } from '../windows/catalogue.ts'
import { steps } from '../windows/steps.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { Rollup } from './rollup.ts'
import { type Connection, openStore } from './schema.ts'
import { SeriesDirectory } from './series-directory.ts'
import { SketchCache } from './sketch-cache.ts'

const noon = Date.parse('2026-11-24T12:00:00Z')
const noEdges = new Map(steps.map(step => [step.seconds, Number.NEGATIVE_INFINITY] as const))

function newRollup() {
  const connection = openStore(':memory:')
  const run = (statement: { run(...values: unknown[]): { changes: number } }, ...values: unknown[]) =>
    statement.run(...values).changes
  const series = new SeriesDirectory(connection, run)
  const sketches = new SketchCache(connection, run)
  const days = new ZoneDays('UTC')
  const state = new FoldState({ lastPosition: () => -1, valuesOfDay: () => [] }, days)
  const rollup = new Rollup(series, sketches, state.values, days, noEdges, state.admits)
  return { connection, rollup, sketches, series }
}

/** By metric and labels: the sum of the deltas of one step. */
function sums(connection: Connection, rollup: Rollup, step: 10 | 60 | 86_400): Record<string, number> {
  const found: Record<string, number> = {}
  const name = connection.prepare<[number], { metric: string; labels: string }>(
    'SELECT metric, labels FROM series WHERE id = ?',
  )
  for (const bySeries of rollup.deltas.get(step)!.values()) {
    for (const [id, n] of bySeries) {
      const { metric, labels } = name.get(id)!
      found[`${metric}${labels}`] = (found[`${metric}${labels}`] ?? 0) + n
    }
  }
  return found
}

test('count() reaches every step from the finest on, and what is taken back is gone from each', () => {
  const { connection, rollup } = newRollup()
  rollup.count('visits', 'path', '/a', noon + 1, 3)
  rollup.count('visits', 'path', '/a', noon + 70_000, -1, 60)
  rollup.count('visits', '', '', noon, 2)
  rollup.count('visits', '', '', noon, -2)
  assert.deepEqual(sums(connection, rollup, 10), { 'visits{"path":"/a"}': 3, 'visits{}': 0 })
  assert.deepEqual(sums(connection, rollup, 60), { 'visits{"path":"/a"}': 2, 'visits{}': 0 })
  assert.deepEqual(sums(connection, rollup, 86_400), { 'visits{"path":"/a"}': 2, 'visits{}': 0 })
  assert.equal(rollup.deltas.get(1)!.size, 0)
  connection.close()
})

test('sample() and distinct() are in the stored sketches once the cache is saved', () => {
  const { connection, rollup, sketches, series } = newRollup()
  rollup.sample('visit_duration', 'channel,device', 'Direct\0mobile', noon, 4000, 2)
  rollup.distinct('visitors', '', '', noon, 1, 2)
  rollup.distinct('visitors', '', '', noon, 1, 2)
  sketches.save()
  const id = series.idOf('visit_duration', 'channel,device', 'Direct\0mobile', 0)
  const day = Date.parse('2026-11-24T00:00:00Z') / 1000
  assert.equal(sketches.distribution(86_400, id, day).count, 2)
  assert.equal(sketches.distinct(10, series.idOf('visitors', '', '', 0), noon / 1000).count(), 1)
  const rows = connection.prepare('SELECT count(*) AS n FROM sketches').get()
  assert.deepEqual(rows, { n: 8 })
  connection.close()
})

test('count() puts what is beyond a day’s values into the shared one', () => {
  const { connection, rollup } = newRollup()
  for (let index = 0; index < valuesPerDayMax + 5; index++)
    rollup.count('visits', 'entry', `/${index}`, noon, 1)
  const found = sums(connection, rollup, 86_400)
  assert.equal(Object.keys(found).length, valuesPerDayMax + 1)
  assert.equal(found['visits{"entry":"__other__"}'], 5)
  connection.close()
})
