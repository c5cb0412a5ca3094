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
  const entries: { reason: string; source: string; lines: number | null; from: string; to: string }[] = []
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
  for (let index = 0; index < 500; index++) reports.lose(loss('first', index))
  reports.lose(loss('second', 70))
  reports.lose(loss('second', 20, null))
  acknowledgeAll()
  const { lines, from, to } = entries.at(-1)!
  assert.deepEqual([entries.length, lines, from, to], [501, null, '20', '71'])
})
