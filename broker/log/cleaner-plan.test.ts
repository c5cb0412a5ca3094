// A table: what there is to clean, when it is due, and which segments become one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupSegments, planCleaning } from './cleaner-plan.ts'

const nowMs = 1_000_000_000
const config = {
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.POSITIVE_INFINITY,
  minCleanableDirtyRatio: 0.5,
  deleteRetentionMs: 0,
}

/** Ten offsets each. */
const segments = (...sizes: number[]) =>
  sizes.map((sizeBytes, index) => ({
    baseOffset: index * 10,
    endOffset: index * 10 + 10,
    sizeBytes,
    maxTimestamp: nowMs - 1_000 * (sizes.length - index),
    modifiedMs: nowMs,
  }))

test('planCleaning() bounds the dirty part and says whether it is worth it', () => {
  const all = segments(100, 100, 100)
  const plan = (more: Partial<typeof config>, clean: number, start: number, committed: number) => {
    const found = planCleaning(all, { ...config, ...more }, clean, start, committed, nowMs)
    return found && [found.firstDirtyOffset, found.endOffset, found.dirtyBytes, found.cleanBytes, found.isDue]
  }
  assert.deepEqual(plan({}, 0, 0, 30), [0, 30, 300, 0, true], 'all of it')
  assert.deepEqual(plan({}, 10, 0, 30), [10, 30, 200, 100, true], 'after the last cleaning')
  assert.deepEqual(plan({}, 20, 0, 30), [20, 30, 100, 200, false], 'too little is dirty')
  assert.deepEqual(plan({ minCleanableDirtyRatio: 0.3 }, 20, 0, 30), [20, 30, 100, 200, true])
  assert.deepEqual(plan({}, 0, 15, 30), [15, 30, 200, 100, true], 'from the log start')
  assert.deepEqual(plan({}, 0, 0, 29), [0, 20, 200, 0, true], 'not past what is committed')
  assert.deepEqual(plan({ minCompactionLagMs: 1_500 }, 0, 0, 30), [0, 20, 200, 0, true], 'not what is young')
  assert.deepEqual(plan({ maxCompactionLagMs: 999 }, 20, 0, 30), [20, 30, 100, 200, true], 'what has waited')
  assert.deepEqual(plan({ maxCompactionLagMs: 1_000 }, 20, 0, 30), [20, 30, 100, 200, false])
  assert.equal(plan({}, 30, 0, 30), null, 'nothing new')
  assert.equal(planCleaning([], config, 0, 0, 0, nowMs), null, 'nothing sealed')
})

test('a timestamp in the future does not keep a segment from being cleaned', () => {
  const future = [{ ...segments(100)[0]!, maxTimestamp: nowMs * 2, modifiedMs: nowMs - 5_000 }]
  assert(planCleaning(future, { ...config, minCompactionLagMs: 1_000 }, 0, 0, 10, nowMs))
})

test('groupSegments() joins neighbours up to the size of a segment and the reach of an index', () => {
  const sizes = (groups: { sizeBytes: number }[][]) => groups.map(group => group.map(one => one.sizeBytes))
  assert.deepEqual(sizes(groupSegments(segments(40, 40, 40, 100, 5), 50, 100)), [[40, 40], [40], [100], [5]])
  assert.deepEqual(sizes(groupSegments(segments(40, 40, 40), 20, 100)), [[40, 40]], 'below the end only')
  const far = segments(1, 1).map((one, index) => ({ ...one, endOffset: index === 0 ? 10 : 2 ** 31 + 20 }))
  assert.deepEqual(sizes(groupSegments(far, 2 ** 32, 100)), [[1], [1]])
})
