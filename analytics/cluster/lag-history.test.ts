// Lag in time from the ends that were seen, or estimated, and its trend over the last minutes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { historyStepMs, LagHistory, trendOf } from './lag-history.ts'

test('time is how long ago the log ended where the group is, between two looks too', () => {
  const history = new LagHistory()
  for (let at = 0; at <= 60_000; at += 10_000) history.noteEnd('logs-0', at / 10, at)
  assert.deepEqual(history.timeOf('logs-0', 6_000, 60_000), { ms: 0, from: 'seen' })
  assert.deepEqual(history.timeOf('logs-0', 4_500, 60_000), { ms: 15_000, from: 'seen' })
  assert.deepEqual(history.timeOf('logs-0', 4_500, 75_000), { ms: 30_000, from: 'seen' })
})

test('what was there before anybody looked is estimated by the rate, and unknown where nothing comes', () => {
  const history = new LagHistory()
  history.noteEnd('logs-0', 100_000, 0)
  assert.equal(history.timeOf('logs-0', 90_000, 0), null)
  history.noteEnd('logs-0', 101_000, 10_000)
  assert.deepEqual(history.timeOf('logs-0', 91_000, 10_000), { ms: 100_000, from: 'estimated' })
  assert.equal(history.timeOf('nobody-0', 1, 0), null)
})

test('looks close together replace the newest, so that a busy page does not push out the past', () => {
  const history = new LagHistory()
  for (let at = 0; at <= 300_000; at += 1_000) history.noteEnd('logs-0', at, at)
  assert.deepEqual(history.timeOf('logs-0', 0, 300_000), { ms: 300_000, from: 'seen' })
})

test('a topic that was made anew is not measured by its past', () => {
  const history = new LagHistory()
  history.noteEnd('logs-0', 5_000, 0)
  history.noteEnd('logs-0', 10, 10_000)
  assert.equal(history.timeOf('logs-0', 5, 10_000), null)
})

test('a point every step, of the groups that are there', () => {
  const history = new LagHistory()
  history.noteLags(new Map([['a', 1]]), 0)
  history.noteLags(new Map([['a', 2]]), historyStepMs - 1)
  history.noteLags(new Map([['a', 3]]), historyStepMs)
  assert.deepEqual(history.historyOf('a'), [1, 3])
  history.noteLags(new Map(), 2 * historyStepMs)
  assert.deepEqual(history.historyOf('a'), [])
})

test('a trend is more than noise, in either direction', () => {
  assert.equal(trendOf([]), null)
  assert.equal(trendOf([0, 1]), null)
  assert.equal(trendOf([0, 3, 0, 5, 0, 4]), 'flat')
  assert.equal(trendOf([1_000, 1_020, 1_010, 990, 1_000, 1_030]), 'flat')
  assert.equal(trendOf([100, 200, 300, 400, 500, 600]), 'up')
  assert.equal(trendOf([600, 500, null, 400, 100, 0]), 'down')
})
