// The budget of what has arrived and is not served: bounded, without a stand-still. And a log that cannot be flooded.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../runtime/log.ts'
import type { Connection } from './connection.ts'
import { RefusalLog } from './refusal-log.ts'
import { HeldBytesBudget } from './server.ts'

/** As much of a connection as the budget looks at. */
class Holder {
  heldBytes = 0
  isPaused = false
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
}

function holding(budget: HeldBytesBudget) {
  const holders = [new Holder(), new Holder(), new Holder()]
  const hold = (index: number, bytes: number) => {
    const holder = holders[index]!
    holder.heldBytes = bytes
    budget.update(holder as unknown as Connection)
  }
  return { hold, paused: () => holders.map(({ isPaused }) => isPaused), holders }
}

test('over the limit all who hold bytes stop but one, which can so finish', () => {
  const budget = new HeldBytesBudget(100)
  const { hold, paused } = holding(budget)
  hold(0, 60)
  hold(1, 30)
  assert.deepEqual(paused(), [false, false, false])
  hold(2, 20)
  assert.equal(budget.totalBytes, 110)
  hold(0, 70)
  hold(1, 40)
  assert.deepEqual(paused(), [true, true, false])
  hold(2, 90)
  assert.deepEqual(paused(), [true, true, false], 'the one that was chosen goes on')
  hold(2, 0)
  assert.deepEqual(
    paused(),
    [true, true, false].map((_, index) => index === 1),
    'the next is chosen',
  )
  hold(0, 0)
  assert.deepEqual(paused(), [false, false, false])
})

test('a connection that ends gives back what it held', () => {
  const budget = new HeldBytesBudget(100)
  const { hold, paused, holders } = holding(budget)
  hold(0, 90)
  hold(1, 90)
  hold(0, 95)
  assert.deepEqual(paused(), [true, false, false])
  holders[1]!.heldBytes = 0
  budget.forget(holders[1] as unknown as Connection)
  assert.deepEqual([budget.totalBytes, ...paused()], [95, false, false, false])
})

test('a flood of refusals is a few lines and a count', () => {
  const lines: string[] = []
  const refusals = new RefusalLog(createLog('test', line => lines.push(line)))
  for (let count = 0; count < 1_000; count++) refusals.refused('connection closed', { count })
  refusals.tick()
  assert.equal(lines.length, 21)
  assert.match(lines.at(-1)!, /"count":980/)
  refusals.refused('connection closed', {})
  refusals.tick()
  assert.equal(lines.length, 22)
})
