// The bucket that limits catching up, and the order in which a fetch round asks.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CatchUpThrottle, orderOfRound } from './throttle.ts'

test('over any longer time no more passes than the rate and one second of it', () => {
  const throttle = new CatchUpThrottle(1_000_000, 0)
  const answerBytes = 300_000
  let passed = 0
  for (let nowMs = 0; nowMs < 10_000; nowMs++) {
    if (!throttle.isOpen(nowMs)) continue
    throttle.took(answerBytes, nowMs)
    passed += answerBytes
  }
  assert(passed <= 11_000_000 + answerBytes, `${passed} bytes`)
  assert(passed >= 10_500_000, `no less than the rate: ${passed} bytes`)
})

test('an overdrawn bucket says how long to wait, and is open then', () => {
  const throttle = new CatchUpThrottle(1_000, 5_000)
  assert.equal(throttle.waitMs(5_000), 0)
  throttle.took(4_000, 5_000)
  assert.equal(throttle.waitMs(5_000), 3_100)
  assert.equal(throttle.isOpen(8_099), false)
  assert.equal(throttle.isOpen(8_100), true)
})

test('what was not used for long is not saved up, and a clock that stands still gives nothing', () => {
  const throttle = new CatchUpThrottle(1_000, 0)
  throttle.took(2_000, 60_000)
  assert.equal(throttle.waitMs(60_000), 1_100)
  assert.equal(throttle.waitMs(59_000), 1_100)
})

test('those in sync are asked for first, those behind once in four rounds, and everybody is first in turn', () => {
  const firsts = Array.from({ length: 24 }, (_, turn) => orderOfRound(['a', 'b'], ['X', 'Y', 'Z'], turn)[0])
  assert.deepEqual(firsts.slice(0, 8), ['a', 'b', 'a', 'X', 'a', 'b', 'a', 'Y'])
  for (const row of ['a', 'b', 'X', 'Y', 'Z']) assert(firsts.includes(row), `${row} is never first`)
  for (let turn = 0; turn < 12; turn++) {
    const order = orderOfRound(['a', 'b'], ['X', 'Y', 'Z'], turn)
    assert.deepEqual([...order].sort(), ['X', 'Y', 'Z', 'a', 'b'], 'each once')
    const lastInSync = Math.max(order.indexOf('a'), order.indexOf('b'))
    const overtakers = order.slice(0, lastInSync).filter(row => row === row.toUpperCase())
    assert(overtakers.length <= 1, 'no more than one of those behind comes before those in sync')
  }
  assert.deepEqual(orderOfRound([], ['X', 'Y'], 4), ['Y', 'X'])
  assert.deepEqual(orderOfRound(['a', 'b'], [], 1), ['b', 'a'])
})
