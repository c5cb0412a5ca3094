// Decides when what is folded is committed: in a steady rhythm while commits are quick, and less often the longer they
// take, so that a slow disk or many series cost freshness and not the time in which lines are counted. What a commit
// writes is bounded by how many different rows there are, so fewer commits write fewer rows for the same lines. Pure.

/** Times are of the monotonic clock. */
export interface LastCommit {
  readonly endedMs: number
  readonly tookMs: number
}

export const noCommit: LastCommit = { endedMs: Number.NEGATIVE_INFINITY, tookMs: 0 }

/** What arrives after a quiet moment waits only for the rest of its own fetch, not for the next regular commit. */
const gatherMs = 20
/** Twice as long as the last commit took: committing takes a third of the time at most. */
const pausePerCommit = 2
/** Nobody waits longer for the sake of this. */
const pauseMaxMs = 2000

export function commitBetween(startedMs: number, endedMs: number): LastCommit {
  return { endedMs, tookMs: endedMs - startedMs }
}

/** When what has been pending since `pendingSinceMs` is to be committed, at the latest. */
export function flushDueMs(pendingSinceMs: number, last: LastCommit, intervalMs: number): number {
  const pauseMs = Math.max(intervalMs, Math.min(pausePerCommit * last.tookMs, pauseMaxMs))
  return Math.max(last.endedMs + pauseMs, pendingSinceMs + gatherMs)
}
