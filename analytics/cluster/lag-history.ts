// How the lag of consumer groups went over the last minutes, and how long ago the log ended where a group is now. The
// second comes from having watched the log's end grow: exact between two looks. What was there before anybody looked is
// estimated, lag by the rate of arrival. Pure and bounded; the clock is handed in.

export const historyStepMs = 20_000
const historyPoints = 30
const endsMax = 60
const endsApartMs = 10_000
const partitionsMax = 10_000
/** A trend needs this many points, and more change than this share of the lag. */
const trendPoints = 3
const trendShare = 0.1
const trendRecordsMin = 10

export type Trend = 'up' | 'down' | 'flat'

export interface LagTime {
  readonly ms: number
  readonly from: 'seen' | 'estimated'
}

interface End {
  readonly atMs: number
  readonly offset: number
}

export class LagHistory {
  readonly #lags = new Map<string, (number | null)[]>()
  readonly #ends = new Map<string, End[]>()
  #pointAtMs = Number.NEGATIVE_INFINITY

  /** The lag of every group, as it is now: one point each `historyStepMs`. */
  noteLags(lags: ReadonlyMap<string, number | null>, nowMs: number): void {
    if (nowMs - this.#pointAtMs < historyStepMs) return
    this.#pointAtMs = nowMs
    for (const group of this.#lags.keys()) if (!lags.has(group)) this.#lags.delete(group)
    for (const [group, lag] of lags) {
      const points = this.#lags.get(group) ?? []
      points.push(lag)
      if (points.length > historyPoints) points.shift()
      this.#lags.set(group, points)
    }
  }

  historyOf(group: string): readonly (number | null)[] {
    return [...(this.#lags.get(group) ?? [])]
  }

  noteEnd(place: string, offset: number, nowMs: number): void {
    let ends = this.#ends.get(place)
    if (!ends) {
      if (this.#ends.size >= partitionsMax) return
      ends = []
      this.#ends.set(place, ends)
    }
    const last = ends.at(-1)
    if (last && offset < last.offset) ends.length = 0
    // The newest look stands for now; those before it stay apart, so that few of them reach far back.
    const before = ends.at(-2)
    if (before && nowMs - before.atMs < endsApartMs) ends.pop()
    ends.push({ atMs: nowMs, offset })
    if (ends.length > endsMax) ends.shift()
  }

  /** How long ago the log ended at `offset`. Null where nothing is known, or nothing comes. */
  timeOf(place: string, offset: number, nowMs: number): LagTime | null {
    const ends = this.#ends.get(place)
    const [first, last] = [ends?.[0], ends?.at(-1)]
    if (!ends || !first || !last) return null
    if (offset >= last.offset) return { ms: 0, from: 'seen' }
    if (offset >= first.offset) {
      // The first record it has not read came after the last look at which the log ended there.
      const at = ends.findLastIndex(end => end.offset <= offset)
      const [one, next] = [ends[at]!, ends[at + 1]!]
      const share = (offset - one.offset) / (next.offset - one.offset)
      return { ms: Math.max(0, nowMs - (one.atMs + share * (next.atMs - one.atMs))), from: 'seen' }
    }
    const rate = (last.offset - first.offset) / (last.atMs - first.atMs)
    return rate > 0 ? { ms: (last.offset - offset) / rate, from: 'estimated' } : null
  }
}

/** Of the newest points against those before them. */
export function trendOf(history: readonly (number | null)[]): Trend | null {
  const known = history.filter(lag => lag !== null).slice(-2 * trendPoints)
  if (known.length < trendPoints) return null
  const half = Math.floor(known.length / 2)
  const mean = (lags: readonly number[]) => lags.reduce((sum, lag) => sum + lag, 0) / lags.length
  const [before, after] = [mean(known.slice(0, half)), mean(known.slice(half))]
  const change = after - before
  if (Math.abs(change) <= Math.max(trendRecordsMin, trendShare * Math.max(before, after))) return 'flat'
  return change > 0 ? 'up' : 'down'
}
