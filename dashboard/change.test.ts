// A past of 120 steps, and what a tile says of how it moved.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeOf, changeWords } from './change.ts'

const past = (before: number, now: number) =>
  Array.from({ length: 120 }, (_, index) => (index < 30 ? before : index < 90 ? 1_000 : now))

const cases: readonly (readonly [what: string, values: readonly number[], words: string])[] = [
  ['as before', past(100, 100.4), '±0 %'],
  ['more', past(100, 112), '+12 %'],
  ['less', past(100, 92), '−8 %'],
  ['nothing any more', past(100, 0), '−100 %'],
  ['many times', past(10, 142), '×14'],
  ['nothing before', past(0, 5), ''],
  ['not known before', past(Number.NaN, 5), ''],
  ['not known now', past(5, Number.NaN), ''],
  ['too short a past', [1, 2, 3], ''],
]

for (const [what, values, words] of cases) {
  test(`${what}: "${words}"`, () => assert.equal(changeWords(changeOf(values)), words))
}
