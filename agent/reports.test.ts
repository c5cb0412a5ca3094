// What waits for the ledger while no broker answers: bounded in memory, complete in its sums.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SentCallback } from '../broker/client/lane.ts'
import type { Producer } from '../broker/client/producer.ts'
import { walkRecords } from '../broker/protocol/record-walk.ts'
import { Reports } from './reports.ts'
import type { Loss } from './tracker.ts'

function scene() {
  const waiting: { batch: Buffer; callback: SentCallback }[] = []
  const send = (_topic: string, _partition: number, batch: Buffer, callback: SentCallback) => {
    waiting.push({ batch, callback })
  }
  let settled = 0
  const producer = { send } as unknown as Producer
  let now = 0
  const clock = { wallMs: () => now, monotonicMs: () => now }
  const reports = new Reports(producer, clock, () => settled++)
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
  const pass = (ms: number) => {
    now += ms
  }
  return { waiting, reports, entries, acknowledgeAll, pass, settled: () => settled }
}

const loss = (source: string, from: number, lines: number | null = 1): Loss => {
  return { source, from, to: from + 1, reason: 'line-cut', lines, detail: 'too long' }
}

test('with no broker for 100,000 losses a bounded number waits, and every line is in the sums', () => {
  const { waiting, reports, entries, acknowledgeAll, settled } = scene()
  for (let index = 0; index < 100_000; index++) reports.lose(loss(`src-${index % 2_000}`, index))
  assert(waiting.length <= 500 && reports.owed <= 1_001, `${waiting.length} waiting, ${reports.owed} owed`)
  reports.hurry()
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

test('a file full of lines that are too long is an entry a second, each with how many it stands for', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { waiting, reports, entries, acknowledgeAll, pass, settled } = scene()
  for (let index = 0; index < 9_500; index++) {
    reports.lose(loss('one', index))
    assert(waiting.length <= 1)
    acknowledgeAll()
    pass(1)
    t.mock.timers.tick(1)
  }
  acknowledgeAll()
  const sum = () => entries.reduce((lines, entry) => lines + entry.lines!, 0)
  assert.equal(entries.length, 10)
  assert(sum() < 9_500 && reports.owed === 1)
  assert.deepEqual([entries[1]!.from, entries[1]!.to, entries[1]!.lines], ['1', '1000', 999])
  assert.equal(entries[1]!.detail, '999 entries in one; the first: too long')
  reports.hurry()
  acknowledgeAll()
  assert.deepEqual([sum(), entries.length, reports.owed, settled()], [9_500, 11, 0, 2])
})

test('what is owed is known one by one, until the broker has it', () => {
  const { reports, acknowledgeAll, pass } = scene()
  for (const from of [1, 2, 3]) reports.lose(loss('one', from))
  reports.lose(loss('other', 4))
  assert.deepEqual(
    reports.owedLosses.map(({ source, from, to, lines }) => [source, from, to, lines]),
    [
      ['one', 1, 2, 1],
      ['other', 4, 5, 1],
      ['one', 2, 4, 2],
    ],
  )
  acknowledgeAll()
  assert.deepEqual(
    reports.owedLosses.map(({ from, lines }) => [from, lines]),
    [[2, 2]],
  )
  pass(1_000)
  reports.hurry()
  acknowledgeAll()
  assert.deepEqual(reports.owedLosses, [])
})
