// The last lines before a moment: searches stretches that grow, each before the one looked at, until there are
// enough or the beginning is reached. What a search forwards is bounded by, this is bounded by as a whole.

import type { Cluster } from '../../broker/client/cluster.ts'
import type { TailRow } from '../http/contract.ts'
import type { SearchEnd } from '../http/contract-search.ts'
import { type SearchWish, search, searchBounds } from './search.ts'

const firstStretchMs = 30_000
const growth = 4

export interface NewestFound {
  /** In order of their time. */
  readonly rows: readonly TailRow[]
  readonly end: SearchEnd
}

/** `toMs` must be a moment; the cursor of the end is the time up to which nothing has been looked at yet. */
export async function searchNewest(
  cluster: Cluster,
  wish: SearchWish,
  signal: AbortSignal,
  monotonicMs: () => number,
): Promise<NewestFound> {
  const startMs = monotonicMs()
  const scanned = { records: 0, bytes: 0 }
  let rows: TailRow[] = []
  let toMs = wish.toMs
  let stoppedBy: SearchEnd['stoppedBy'] = 'end'
  for (let stretchMs = firstStretchMs; toMs > wish.fromMs; stretchMs *= growth) {
    const fromMs = Math.max(wish.fromMs, toMs - stretchMs)
    const bounds = {
      timeMs: searchBounds.timeMs - (monotonicMs() - startMs),
      bytes: searchBounds.bytes - scanned.bytes,
    }
    const stretch = { ...wish, fromMs, toMs, limit: Number.POSITIVE_INFINITY, cursor: undefined }
    const found = search(cluster, stretch, signal, monotonicMs, bounds)
    const last: TailRow[] = []
    let step = await found.next()
    for (; !step.done; step = await found.next()) {
      last.push(step.value)
      if (last.length >= 2 * wish.limit) last.splice(0, last.length - wish.limit)
    }
    scanned.records += step.value.scannedRecords
    scanned.bytes += step.value.scannedBytes
    stoppedBy = step.value.stoppedBy
    // Half a stretch is its beginning, and what is wanted is its end: none of it, then.
    if (stoppedBy !== 'end') break
    rows = [...last, ...rows]
    toMs = fromMs
    if (rows.length >= wish.limit) {
      stoppedBy = rows.length > wish.limit || toMs > wish.fromMs ? 'limit' : 'end'
      rows = rows.slice(-wish.limit)
      break
    }
  }
  const end = {
    cursor: String(toMs),
    complete: stoppedBy === 'end',
    stoppedBy,
    scannedRecords: scanned.records,
    scannedBytes: scanned.bytes,
  }
  return { rows, end }
}
