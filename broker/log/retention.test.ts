// A table: which segments may go, by age, by size, by the log's start, and never past the high watermark.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expiredSegments } from './retention.ts'

const hourMs = 3_600_000
const nowMs = 100 * hourMs
const keep = { retentionMs: -1, retentionBytes: -1 }

/** Ten records and 100 bytes each, the oldest first, written `ages` hours ago. */
const segments = (...ages: number[]) =>
  ages.map((age, index) => {
    const atMs = nowMs - age * hourMs
    return { sizeBytes: 100, endOffset: (index + 1) * 10, maxTimestamp: atMs, modifiedMs: atMs }
  })

test('expiredSegments() counts from the oldest, contiguously', () => {
  const cases: readonly (readonly [string, number, Parameters<typeof expiredSegments>])[] = [
    ['nothing is bounded', 0, [segments(9, 8, 7), keep, 0, 30, nowMs]],
    ['by age', 2, [segments(9, 8, 1), { ...keep, retentionMs: 5 * hourMs }, 0, 30, nowMs]],
    ['all by age', 3, [segments(9, 8, 7), { ...keep, retentionMs: 5 * hourMs }, 0, 30, nowMs]],
    [
      'an old one behind a young one stays',
      0,
      [segments(1, 9, 9), { ...keep, retentionMs: 5 * hourMs }, 0, 30, nowMs],
    ],
    [
      'by size, down to the bound and not below',
      1,
      [segments(3, 2, 1), { ...keep, retentionBytes: 150 }, 0, 30, nowMs],
    ],
    ['by size, exactly', 2, [segments(3, 2, 1), { ...keep, retentionBytes: 100 }, 0, 30, nowMs]],
    ['below the log start', 1, [segments(3, 2, 1), keep, 15, 30, nowMs]],
    ['not past the high watermark', 1, [segments(9, 9, 9), { ...keep, retentionMs: 0 }, 0, 19, nowMs]],
  ]
  for (const [name, count, args] of cases) assert.equal(expiredSegments(...args), count, name)
})

test('a timestamp in the future does not pin a segment, and one without timestamps goes by its file', () => {
  const future = [{ sizeBytes: 1, endOffset: 1, maxTimestamp: nowMs * 9, modifiedMs: nowMs - 2 * hourMs }]
  assert.equal(expiredSegments(future, { ...keep, retentionMs: hourMs }, 0, 1, nowMs), 1)
  const without = [{ sizeBytes: 1, endOffset: 1, maxTimestamp: -1, modifiedMs: nowMs - 2 * hourMs }]
  assert.equal(expiredSegments(without, { ...keep, retentionMs: hourMs }, 0, 1, nowMs), 1)
  assert.equal(expiredSegments(without, { ...keep, retentionMs: 3 * hourMs }, 0, 1, nowMs), 0)
})

test('an empty active segment is not rolled again and again', () => {
  const empty = [{ sizeBytes: 0, endOffset: 0, maxTimestamp: -1, modifiedMs: 0 }]
  assert.equal(expiredSegments(empty, { retentionMs: 0, retentionBytes: 0 }, 0, 0, nowMs), 0)
})
