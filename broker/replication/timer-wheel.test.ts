// The wheel against a clock that the test turns: due is due, once, and cancelled is gone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Timed, TimerWheel, unscheduled } from './timer-wheel.ts'

function wheelAt(start: number) {
  let nowMs = start
  const wheel = new TimerWheel({ wallMs: () => nowMs, monotonicMs: () => nowMs })
  const fired: string[] = []
  const add = (name: string, afterMs: number, also?: () => void): Timed => {
    const entry: Timed = {
      deadlineMs: nowMs + afterMs,
      wheelSlot: unscheduled,
      wheelNext: null,
      wheelPrevious: null,
      onDeadline: () => {
        fired.push(name)
        also?.()
      },
    }
    wheel.schedule(entry)
    return entry
  }
  const passMs = (ms: number) => {
    nowMs += ms
    wheel.advance()
    return fired.splice(0)
  }
  return { wheel, add, passMs }
}

test('advance() ends what is due, once, and nothing earlier', () => {
  const { wheel, add, passMs } = wheelAt(1_003)
  add('soon', 20)
  add('later', 40)
  add('now', 0)
  assert.deepEqual(passMs(10), ['now'])
  assert.deepEqual(passMs(20), ['soon'])
  assert.deepEqual(passMs(20), ['later'])
  assert.deepEqual(passMs(10_000), [])
  assert.equal(wheel.count, 0)
})

test('a deadline further than one turn of the wheel waits for its own', () => {
  const { add, passMs } = wheelAt(0)
  add('half a minute', 30_000)
  assert.deepEqual(passMs(5_120), [])
  assert.deepEqual(passMs(20_000), [])
  assert.deepEqual(passMs(4_890), ['half a minute'])
})

test('cancel() takes an entry out wherever it is in its slot, also from within a deadline', () => {
  const { wheel, add, passMs } = wheelAt(0)
  const entries = ['a', 'b', 'c'].map(name => add(name, 50))
  wheel.cancel(entries[1]!)
  wheel.cancel(entries[1]!)
  assert.deepEqual(passMs(60).sort(), ['a', 'c'])
  const victim = add('victim', 50)
  add('killer', 50, () => wheel.cancel(victim))
  assert.deepEqual(passMs(60), ['killer'])
  assert.equal(wheel.count, 0)
})

test('a pause of the whole process expires everything that came due meanwhile', () => {
  const { add, passMs } = wheelAt(0)
  for (let i = 0; i < 100; i++) add(String(i), i * 100)
  assert.equal(passMs(60_000).length, 100)
})
