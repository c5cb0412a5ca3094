// When a leader looks at its own disk because a follower does not get on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newProgress, noteFetch } from './in-sync.ts'
import { RefusedFetches } from './refused-fetches.ts'

/** Fetches of one follower, each with where the leader's log ended then; the numbers of those that are looked at. */
function lookedAt(...fetches: readonly (readonly [fetchOffset: number, leaderEnd: number])[]): number[] {
  const refused = new RefusedFetches()
  const progress = newProgress(0)
  return fetches.flatMap(([fetchOffset, leaderEnd], index) => {
    const isLooked = refused.isRefusal(2, fetchOffset, progress)
    noteFetch(progress, 1, fetchOffset, leaderEnd, index)
    return isLooked ? [index] : []
  })
}

test('the third fetch of what was sent twice is looked at, once', () => {
  assert.deepEqual(lookedAt([5, 9], [5, 9], [5, 9], [5, 9], [5, 9]), [2])
  assert.deepEqual(lookedAt([5, 9], [5, 9], [5, 9], [7, 9], [7, 9], [7, 12]), [2, 5])
})

test('a follower that gets on, or waits for what is not there yet, refuses nothing', () => {
  assert.deepEqual(lookedAt([5, 5], [5, 5], [5, 5], [5, 6], [5, 6]), [])
  assert.deepEqual(lookedAt([5, 9], [6, 9], [7, 9], [8, 9]), [])
})
