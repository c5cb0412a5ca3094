// Times as logs write them against Date's own reading of the same instants.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochTimeMs, parseAccessTime, parseIsoTime } from './event-time.ts'

const iso = (text: string, zonelessOffsetMs = 0) =>
  parseIsoTime(Buffer.from(text), 0, Buffer.byteLength(text), zonelessOffsetMs)
const access = (text: string) => parseAccessTime(Buffer.from(text), 0)

test('parseIsoTime() agrees with Date on every shape Date knows', () => {
  const shapes = [
    '2026-11-24T08:00:00Z',
    '2026-11-24T08:00:00.123Z',
    '2026-11-24T08:00:00.1Z',
    '2024-02-29T23:59:59.999+01:00',
    '2026-01-01T00:00:00-05:30',
    '1999-12-31T23:59:59.000Z',
  ]
  for (const text of shapes) assert.equal(iso(text), Date.parse(text), text)
})

test('parseIsoTime() reads the relatives of ISO 8601', () => {
  const expected = Date.parse('2026-11-24T08:00:00.123Z')
  for (const text of [
    '2026-11-24 08:00:00.123Z',
    '2026-11-24 08:00:00,123',
    '2026-11-24T08:00:00.123456789Z',
    '2026-11-24T09:00:00.123+0100',
    '2026-11-24T09:00:00.123+01',
    '2026-11-24 08:00:00.123 Z',
  ]) {
    assert.equal(iso(text), expected, text)
  }
  assert.equal(iso('2026-11-24T10:00:00.123', 2 * 3_600_000), expected)
})

test('parseIsoTime() is NaN for what is not a time', () => {
  for (const text of [
    '',
    'yesterday',
    '2026-11-24',
    '2026-13-24T08:00:00Z',
    '2026-02-30T08:00:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T08:60:00Z',
    '2026-11-24T08:00:00.Z',
    '2026-11-24T08:00:00.123X',
    '2026-11-24T08:00:00+1:00',
    '2026-11-24T08:00:00Zjunk',
    '2o26-11-24T08:00:00Z',
  ]) {
    assert.equal(iso(text), Number.NaN, text)
  }
})

test('parseAccessTime() reads every month and zone', () => {
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
  months.forEach((month, index) => {
    assert.equal(access(`09/${month}/2026:08:07:06 +0000`), Date.UTC(2026, index, 9, 8, 7, 6))
    assert.equal(access(`09/${month}/2026:08:07:06 -0730`), Date.UTC(2026, index, 9, 15, 37, 6))
  })
  for (const text of [
    '31/Feb/2026:08:00:00 +0000',
    '09/Foo/2026:08:00:00 +0000',
    '09/Jan/2026 08:00:00 +0000',
  ]) {
    assert.equal(access(text), Number.NaN, text)
  }
})

test('times that alternate between days do not disturb each other', () => {
  for (let day = 1; day < 28; day++) {
    assert.equal(iso(`2026-11-${String(day).padStart(2, '0')}T00:00:01Z`), Date.UTC(2026, 10, day, 0, 0, 1))
    assert.equal(iso('2026-02-31T00:00:00Z'), Number.NaN)
    assert.equal(access('01/Mar/2025:00:00:00 +0000'), Date.UTC(2025, 2, 1))
  }
})

test('epochTimeMs() tells seconds from milliseconds, microseconds and nanoseconds', () => {
  const ms = 1_795_507_200_123
  assert.deepEqual([ms / 1000, ms, ms * 1e3, ms * 1e6].map(epochTimeMs), [ms, ms, ms, ms])
  for (const value of [0, -5, Number.NaN, 1e21]) assert.equal(epochTimeMs(value), Number.NaN)
})
