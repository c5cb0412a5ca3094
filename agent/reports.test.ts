// What waits for the ledger while no broker answers: bounded in memory, complete in its sums.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SentCallback } from '../broker/client/lane.ts'
import type { Producer } from '../broker/client/producer.ts'
import { walkRecords } from '../broker/protocol/record-walk.ts'
import { systemClock } from '../runtime/clock.ts'
import { Reports } from './reports.ts'
import type { Loss } from './tracker.ts'

function scene() {
  const waiting: { batch: Buffer; callback: SentCallback }[] = []
  const send = (_topic: string, _partition: number, batch: Buffer, callback: SentCallback) => {
    waiting.push({ batch, callback })
  }
  let settled = 0
  const producer = { send } as unknown as Producer
  const reports = new Reports(producer, systemClock, () => settled++)
  const entries: {
    detail: string
    reason: string
    source: string
    lines: number | null
    from: string
    to: string
  }[] = []
  const acknowledgeAll = () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) {
      walkRecords(one.batch, (_offset, _time, buffer, _ks, _ke, start, end) => {
        entries.push(JSON.parse(buffer.toString('utf8', start, end)))
      })
      one.callback(null, 0)
    }
  }
  return { waiting, reports, entries, acknowledgeAll, settled: () => settled }
}

const loss = (source: string, from: number, lines: number | null = 1): Loss => {
  return { source, from, to: from + 1, reason: 'line-cut', lines, detail: 'too long' }
}

test('with no broker for 100,000 losses a bounded number waits, and every line is in the sums', () => {
  const { waiting, reports, entries, acknowledgeAll, settled } = scene()
  for (let index = 0; index < 100_000; index++) reports.lose(loss(`src-${index % 2_000}`, index))
  assert(waiting.length <= 500 && reports.owed <= 1_001, `${waiting.length} waiting, ${reports.owed} owed`)
  acknowledgeAll()
  assert.equal(
    entries.reduce((sum, { lines }) => sum + lines!, 0),
    100_000,
  )
  assert.equal(reports.owed, 0)
  assert.equal(settled(), 1)
})

test('a sum of one source spans its losses; an unknown number of lines stays unknown', () => {
  const { reports, entries, acknowledgeAll } = scene()
  for (let index = 0; index < 500; index++) reports.lose(loss(`first-${index}`, index))
  reports.lose(loss('second', 70))
  reports.lose(loss('second', 20, null))
  acknowledgeAll()
  const { lines, from, to } = entries.at(-1)!
  assert.deepEqual([entries.length, lines, from, to], [501, null, '20', '71'])
})

test('a file full of lines that are too long is a few entries, each with how many it stands for', () => {
  const { waiting, reports, entries, acknowledgeAll, settled } = scene()
  for (let round = 0; round < 10; round++) {
    for (let index = 0; index < 1_000; index++) reports.lose(loss('one', round * 1_000 + index))
    assert.equal(waiting.length, 1)
    acknowledgeAll()
  }
  assert.equal(entries.length, 20)
  assert.equal(
    entries.reduce((sum, { lines }) => sum + lines!, 0),
    10_000,
  )
  assert.deepEqual([entries[1]!.from, entries[1]!.to, entries[1]!.lines], ['1', '1000', 999])
  assert.equal(entries[1]!.detail, '999 entries in one; the first: too long')
  assert.deepEqual([reports.owed, settled()], [0, 10])
})
