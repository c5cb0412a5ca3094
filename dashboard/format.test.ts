// The written form of every number on the page, as tables.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  counted,
  formatAge,
  formatBytes,
  formatCount,
  formatDateTime,
  formatDuration,
  formatExact,
  formatRate,
  formatRatio,
  formatTime,
  inWords,
  niceCeiling,
  plural,
  withoutTrailingZeros,
  zoneName,
} from './format.ts'

function table<Input>(rows: readonly (readonly [Input, string])[], format: (input: Input) => string): void {
  for (const [input, expected] of rows) assert.equal(format(input), expected, `format(${input})`)
}

test('formatCount() is exact below a thousand and keeps three digits above', () => {
  table(
    [
      [0, '0'],
      [7, '7'],
      [999, '999'],
      [1204, '1.20k'],
      [12_449, '12.4k'],
      [999_600, '1.00M'],
      [1_204_331, '1.20M'],
      [3.2e12, '3.20T'],
    ],
    formatCount,
  )
})

test('formatRate() keeps three significant digits at every size', () => {
  table(
    [
      [0, '0'],
      [0.004, '<0.01'],
      [8, '8'],
      [0.25, '0.25'],
      [4.2, '4.20'],
      [42.06, '42.1'],
      [842.4, '842'],
      [999.7, '1.00k'],
      [12_400, '12.4k'],
    ],
    formatRate,
  )
})

test('formatExact() separates thousands and keeps fractions', () => {
  table(
    [
      [0, '0'],
      [1234567, '1,234,567'],
      [1234.5, '1,234.5'],
    ],
    formatExact,
  )
})

test('formatRatio() prints one decimal and never rounds a real error rate to zero', () => {
  const words = (ratio: number) => inWords(formatRatio(ratio))
  table(
    [
      [0, '0.0%'],
      [0.0001, '<0.1%'],
      [0.0042, '0.4%'],
      [0.123, '12.3%'],
      [1, '100%'],
    ],
    words,
  )
})

test('formatDuration() moves from milliseconds to days', () => {
  const words = (ms: number) => inWords(formatDuration(ms))
  table(
    [
      [0, '0 ms'],
      [0.42, '0.42 ms'],
      [842, '842 ms'],
      [999.6, '1.00 s'],
      [3100, '3.10 s'],
      [42_000, '42.0 s'],
      [252_000, '4 m 12 s'],
      [11_100_000, '3 h 5 m'],
      [183_600_000, '2 d 3 h'],
    ],
    words,
  )
})

test('formatBytes() counts in 1024s', () => {
  const words = (bytes: number) => inWords(formatBytes(bytes))
  table(
    [
      [512, '512 B'],
      [1536, '1.50 KiB'],
      [1_288_490_189, '1.20 GiB'],
    ],
    words,
  )
})

test('formatAge() stays short', () => {
  table(
    [
      [400, '0 s'],
      [12_000, '12 s'],
      [119_000, '119 s'],
      [125_000, '2 m'],
      [7_500_000, '2 h 5 m'],
    ],
    formatAge,
  )
})

test('formatTime() and formatDateTime() print the asked zone', () => {
  const at = Date.UTC(2026, 10, 24, 8, 5, 9, 42)
  assert.equal(formatTime(at, 'utc'), '08:05:09')
  assert.equal(formatTime(at, 'utc', true), '08:05:09.042')
  assert.equal(formatDateTime(at, 'utc'), '2026-11-24 08:05:09')
  assert.equal(zoneName('utc', at), 'UTC')
})

test('niceCeiling() rounds an axis up to a number people say', () => {
  for (const [value, expected] of [
    [0, 1],
    [0.7, 0.8],
    [1, 1],
    [1.3, 1.5],
    [42, 50],
    [51, 60],
    [1204, 1500],
  ] as const) {
    assert.equal(Number(niceCeiling(value).toPrecision(6)), expected)
  }
})

test('withoutTrailingZeros() leaves what an axis needs', () => {
  table(
    [
      ['12.0 ms', '12 ms'],
      ['6.00 ms', '6 ms'],
      ['7.50 s', '7.5 s'],
      ['1.25k', '1.25k'],
      ['1.20k', '1.2k'],
      ['100 ms', '100 ms'],
      ['4 m 30 s', '4 m 30 s'],
      ['<0.01', '<0.01'],
    ],
    withoutTrailingZeros,
  )
})

test('plural() and counted() say one of a thing in the singular, and no other number', () => {
  assert.deepEqual(
    [0, 1, 2, 1200].map(count => counted(count, 'line')),
    ['0 lines', '1 line', '2 lines', '1.20k lines'],
  )
  assert.equal(counted(1, 'entry', 'entries'), '1 entry')
  assert.equal(counted(1200, 'entry', 'entries', formatExact), '1,200 entries')
  assert.equal(plural(1.5, 'line'), 'lines')
})
