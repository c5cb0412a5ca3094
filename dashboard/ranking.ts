// The order of a live top list: calm enough to read. Rows change places only when one is clearly ahead, at most
// once a second, and not at all while someone points at the list. Pure.
import type { TopRow } from '../analytics/http/contract.ts'

export const rerankEveryMs = 1_000
/** A row overtakes its neighbour when it leads by this much. */
const leadToOvertake = 1.03

export interface Ranking {
  readonly order: readonly string[]
  readonly rankedAt: number
}

export const noRanking: Ranking = { order: [], rankedAt: Number.NEGATIVE_INFINITY }

/** The names in the order to show them. `held` keeps every place that still has a row; newcomers go last. */
export function rank(previous: Ranking, rows: readonly TopRow[], held: boolean, now: number): Ranking {
  const counts = new Map(rows.map(row => [row.value, row.count]))
  const stayed = previous.order.filter(name => counts.has(name))
  const known = new Set(stayed)
  const newcomers = rows.map(row => row.value).filter(name => !known.has(name))
  const order = [...stayed, ...newcomers]
  const due = now - previous.rankedAt >= rerankEveryMs
  if (held || (!due && newcomers.length === 0)) return { order, rankedAt: previous.rankedAt }
  return { order: settle(order, counts), rankedAt: now }
}

/** Insertion sort that lets near-equals keep their places. */
function settle(order: readonly string[], counts: ReadonlyMap<string, number>): string[] {
  const settled: string[] = []
  for (const name of order) {
    let place = settled.length
    while (place > 0 && (counts.get(name) ?? 0) > (counts.get(settled[place - 1]!) ?? 0) * leadToOvertake)
      place -= 1
    settled.splice(place, 0, name)
  }
  return settled
}
