// The tail never loses a line without a row that says so, and never grows without bound.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TailRow } from '../analytics/http/contract.ts'
import { shownMax, TailBuffer, type TailEntry, waitingMax } from './tail-buffer.ts'

function row(offset: number | string, partition = 0): TailRow {
  return { topic: 'logs', partition, offset: String(offset), at: 1, line: `line ${offset}`, level: 'info' }
}

function rows(from: number, count: number): TailRow[] {
  return Array.from({ length: count }, (_, index) => row(from + index))
}

function words(entries: readonly TailEntry[]): string {
  return entries
    .map(entry => (entry.kind === 'row' ? entry.row.offset : `[${entry.lines ?? '?'} ${entry.cause}]`))
    .join(' ')
}

test('append() puts the gap where the lines are missing: before the rows that came with it', () => {
  const tail = new TailBuffer()
  tail.append(rows(1, 2), undefined, false, 0)
  tail.append(rows(40, 2), { dropped: 37 }, false, 0)
  assert.equal(words(tail.entries), '1 2 [37 fast] 40 41')
})

test('hold() freezes the view and counts what waits; release() lets it in', () => {
  const tail = new TailBuffer()
  tail.append(rows(1, 2), undefined, false, 0)
  tail.hold('scroll')
  tail.append(rows(3, 2), { dropped: 5 }, false, 0)
  assert.equal(words(tail.entries), '1 2')
  assert.equal(tail.waitingLines, 7)
  tail.hold('pause')
  tail.release('scroll')
  assert.equal(tail.held, true, 'one reason is left')
  tail.release('pause')
  assert.equal(words(tail.entries), '1 2 [5 fast] 3 4')
  assert.equal(tail.waitingLines, 0)
})

test('what waits too long becomes one gap with the exact number', () => {
  const tail = new TailBuffer()
  tail.hold('scroll')
  for (let batch = 0; batch < 20; batch += 1) tail.append(rows(1 + batch * 500, 500), undefined, false, 0)
  assert.equal(tail.waitingLines, 10_000)
  tail.release('scroll')
  const [first] = tail.entries
  assert.ok(first?.kind === 'gap' && first.cause === 'held' && first.lines !== null)
  assert.equal(first.lines + tail.entries.length - 1, 10_000)
  assert.ok(tail.entries.length <= waitingMax + 501)
})

test('the shown list is bounded and keeps the newest', () => {
  const tail = new TailBuffer()
  for (let batch = 0; batch < 30; batch += 1) tail.append(rows(batch * 1000, 1000), undefined, false, 0)
  assert.ok(tail.entries.length <= shownMax + 500)
  assert.equal(words(tail.entries.slice(-1)), '29999')
})

test('resume() after a reconnect shows each line once and numbers what lies between', () => {
  const tail = new TailBuffer()
  tail.append([row(1), row(2), row(8, 1)], undefined, false, 0)
  tail.resume([row(2), row(3), row(9, 1)], false, 0)
  assert.equal(words(tail.entries), '1 2 8 3 9', 'nothing is missing')
  tail.resume([row(7), row(12, 1), row(5, 2)], false, 0)
  assert.equal(words(tail.entries), '1 2 8 3 9 [5 away] 7 12 5')
  tail.resume([row(20)], true, 0)
  assert.equal(words(tail.entries).endsWith('[? away] 20'), true, 'a filter hides how many matched')
})

test('after a restart of the server the rows that follow an empty snapshot are shown once too', () => {
  const tail = new TailBuffer()
  tail.append([row(1), row(2), row(3), row(8, 1)], undefined, false, 0)
  tail.resume([], false, 0)
  tail.append([row(2), row(3)], undefined, false, 0)
  tail.append([row(3), row(6), row(8, 1)], undefined, false, 0)
  assert.equal(words(tail.entries), '1 2 3 8 [2 away] 6')
  tail.append([row(7), row(9, 1)], undefined, false, 0)
  assert.equal(words(tail.entries), '1 2 3 8 [2 away] 6 7 9')
})

test('rows whose times and offsets disagree are all shown; a topic made anew is not taken for the old one', () => {
  const tail = new TailBuffer()
  const at = (offset: number, time: number) => ({ ...row(offset), at: time })
  tail.append([at(6, 10), at(5, 11)], undefined, false, 0)
  tail.resume([], false, 0)
  tail.append([at(5, 11), at(6, 10), at(7, 12)], undefined, false, 0)
  assert.equal(words(tail.entries), '6 5 7')
  tail.resume([], false, 0)
  tail.append([at(0, 20), at(1, 21)], undefined, false, 0)
  assert.equal(words(tail.entries), '6 5 7 0 1')
})

test('offsets beyond 2^53 are compared and subtracted exactly', () => {
  const tail = new TailBuffer()
  tail.append([row('9007199254740993')], undefined, false, 0)
  tail.resume([row('9007199254740993'), row('9007199254740995'), row('10000000000000000000')], false, 0)
  assert.equal(words(tail.entries), '9007199254740993 [1 away] 9007199254740995 10000000000000000000')
})

test('a gap knows where its lines lie, and is filled in its place', () => {
  const tail = new TailBuffer()
  tail.append([row(1), row(7, 1)], undefined, false, 0)
  const partitions = [{ partition: 0, fromOffset: '2', toOffset: '5' }]
  tail.append([row(6)], { dropped: 4, partitions }, false, 0)
  tail.resume([row(9), row(8, 1)], false, 0)
  const [first, second] = tail.entries.filter(entry => entry.kind === 'gap')
  assert.deepEqual(first?.ranges, [{ partition: 0, from: '2', to: '5' }])
  assert.deepEqual(second?.ranges, [{ partition: 0, from: '7', to: '8' }])
  tail.fill(first!.id, rows(2, 2), [{ partition: 0, from: '4', to: '5' }], 0)
  assert.equal(words(tail.entries), '1 7 2 3 [2 fast] 6 [2 away] 9 8')
  const left = tail.entries.find(entry => entry.kind === 'gap')!
  tail.fill(left.id, rows(4, 2), [], 0)
  assert.equal(words(tail.entries), '1 7 2 3 4 5 6 [2 away] 9 8')
  tail.hold('scroll')
  for (let batch = 0; batch < 12; batch += 1) tail.append(rows(100 + batch * 500, 500), undefined, false, 0)
  tail.release('scroll')
  const held = tail.entries.find(entry => entry.kind === 'gap' && entry.cause === 'held')
  assert.deepEqual(held?.kind === 'gap' && held.ranges, [{ partition: 0, from: '100', to: '1099' }])
})

test('clear() starts over: the next rows are not a resume', () => {
  const tail = new TailBuffer()
  tail.append(rows(1, 3), undefined, false, 0)
  tail.clear()
  tail.resume(rows(100, 1), false, 0)
  assert.equal(words(tail.entries), '100')
})
