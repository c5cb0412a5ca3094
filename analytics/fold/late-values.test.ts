// Values beyond a day's limit: one that turns frequent is listed, with a bound to what is missing of it; those that
// come once each, as in a flood, are not, however many there are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { top } from '../queries/answers.ts'
import { Rows } from '../queries/rows.ts'
import { openStore } from '../store/schema.ts'
import { Writer } from '../store/writer.ts'
import { valuesPerDayMax } from '../windows/catalogue.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { fold } from './fold.ts'
import { FoldState } from './fold-state.ts'
import { LateValues, lateValuesMax } from './late-values.ts'
import { Pending } from './pending.ts'

test('a path that turns hot after 24,000 others is listed within the bound that __other__ gives', () => {
  const connection = openStore(':memory:')
  const days = new ZoneDays('UTC')
  const writer = new Writer(connection, days)
  const state = new FoldState(writer, days)
  const { id } = writer.source('logs', 0, null, 0)
  const partition = state.partition(id, 'logs', 0, 0, Number.NEGATIVE_INFINITY)
  const readMs = Date.parse('2026-11-24T23:10:00Z')
  const add = (clock: string, path: string) => {
    const text = `203.0.113.7 - - [24/Nov/2026:${clock} +0000] "GET ${path} HTTP/1.1" 200 9 "-" "a"`
    const bytes = Buffer.from(text)
    fold(state, partition, partition.next, readMs, bytes, 0, bytes.length, bytes.length, 0)
  }
  const commit = () => {
    const flush = { partitions: [partition], pending: state.pending, ledger: [], agents: [], nowMs: readMs }
    writer.commit(flush, state)
    state.pending = new Pending()
  }
  for (let n = 0; n < 24_000; n++) add('08:00:07', `/p/${n}`)
  commit()
  for (let n = 0; n < 3000; n++) add('23:00:01', n % 3 === 0 ? '/hot' : `/q/${n}`)
  commit()
  const reading = { rows: new Rows(connection), days, nowMs: readMs }
  const day = { fromMs: Date.parse('2026-11-24'), toMs: Date.parse('2026-11-25') }
  const answer = top(reading, 'path', 'requests', day, new Map(), { limit: 5000 })
  const [hot] = answer.rows
  assert.equal(hot!.value, '/hot')
  assert.ok(hot!.count <= 1000 && hot!.count + answer.error! >= 1000)
  // And it is by far not as bad as that.
  assert.ok(hot!.count >= 850, `${hot!.count} of 1000`)
  assert.equal(answer.truncated, true)
  assert.equal(answer.rows.length, valuesPerDayMax + 1)
  assert.equal(
    answer.rows.reduce((sum, { count }) => sum + count, answer.error!),
    27_000,
  )
  connection.close()
})

test('values that come once each never get in, and room grows dearer with each that does', () => {
  const late = new LateValues()
  for (let value = 0; value < 100_000; value++) assert.equal(late.admits(value, 0), false)
  const linesUntilAdmitted = (value: number, already: number) => {
    const fresh = new LateValues()
    for (let lines = 1; lines < 100_000; lines++) if (fresh.admits(value, already)) return lines
    return null
  }
  assert.deepEqual(
    [0, 49, 50, 100, 500].map(already => linesUntilAdmitted(7, already)),
    [16, 16, 32, 64, 16_384],
  )
  assert.equal(linesUntilAdmitted(7, lateValuesMax), null)
})
