// Functions of the samples within a range: rates with Prometheus's extrapolation to the edges of the range, and
// aggregates over time. `from` and `to` are indexes into the series; the range is closed at both ends, as in
// Prometheus 2. Null where there are too few samples. Pure.
import { quantileOf } from './quantile.ts'
import type { SampleSeries } from './samples.ts'

export interface RangeWindow {
  readonly series: SampleSeries
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly startMs: number
  readonly endMs: number
}

export type RangeFunction = (window: RangeWindow, parameter: number) => number | null

export const rangeFunctions: Readonly<Record<string, RangeFunction>> = {
  rate: window => extrapolated(window, true, true),
  increase: window => extrapolated(window, true, false),
  delta: window => extrapolated(window, false, false),
  irate: window => lastTwo(window, true),
  idelta: window => lastTwo(window, false),
  sum_over_time: window => valuesIn(window).reduce((sum, value) => sum + value, 0),
  avg_over_time: window =>
    valuesIn(window).reduce((sum, value) => sum + value, 0) / (window.to - window.from),
  min_over_time: window => extreme(valuesIn(window), (a, b) => a < b),
  max_over_time: window => extreme(valuesIn(window), (a, b) => a > b),
  count_over_time: window => window.to - window.from,
  present_over_time: () => 1,
  last_over_time: window => window.series.values[window.to - 1]!,
  quantile_over_time: (window, quantile) => quantileOf([...valuesIn(window)], quantile),
  stddev_over_time: window => Math.sqrt(variance(valuesIn(window))),
  stdvar_over_time: window => variance(valuesIn(window)),
  changes: window =>
    countPairs(window, (before, after) => before !== after && !(Number.isNaN(before) && Number.isNaN(after))),
  resets: window => countPairs(window, (before, after) => after < before),
}

function valuesIn({ series, from, to }: RangeWindow): Float64Array {
  return series.values.subarray(from, to)
}

/** Whatever comes later than NaN replaces it. */
function extreme(values: Float64Array, isBetter: (a: number, b: number) => boolean): number {
  let best = values[0]!
  for (const value of values) if (isBetter(value, best) || Number.isNaN(best)) best = value
  return best
}

function variance(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
}

function countPairs(
  { series, from, to }: RangeWindow,
  counts: (before: number, after: number) => boolean,
): number {
  let found = 0
  for (let at = from + 1; at < to; at++) if (counts(series.values[at - 1]!, series.values[at]!)) found++
  return found
}

function lastTwo({ series, from, to }: RangeWindow, isRate: boolean): number | null {
  if (to - from < 2) return null
  const [before, last] = [series.values[to - 2]!, series.values[to - 1]!]
  const difference = isRate && last < before ? last : last - before
  const ms = series.times[to - 1]! - series.times[to - 2]!
  if (ms === 0) return null
  return isRate ? difference / (ms / 1000) : difference
}

/**
 * The samples of a range seldom lie on its edges. Where the first or last one is about as far from the edge as samples
 * are from each other, the series is taken to go on to the edge; else for half a distance. A counter is not taken below
 * zero, and a value below the one before means that it began again at zero.
 */
function extrapolated(
  { series, from, to, startMs, endMs }: RangeWindow,
  isCounter: boolean,
  isRate: boolean,
): number | null {
  const { times, values } = series
  const count = to - from
  if (count < 2) return null
  let difference = values[to - 1]! - values[from]!
  if (isCounter) {
    for (let at = from + 1; at < to; at++) if (values[at]! < values[at - 1]!) difference += values[at - 1]!
  }
  let toStart = (times[from]! - startMs) / 1000
  const toEnd = (endMs - times[to - 1]!) / 1000
  const sampled = (times[to - 1]! - times[from]!) / 1000
  const apart = sampled / (count - 1)
  if (isCounter && difference > 0 && values[from]! >= 0) {
    toStart = Math.min(toStart, sampled * (values[from]! / difference))
  }
  const near = apart * 1.1
  const whole = sampled + (toStart < near ? toStart : apart / 2) + (toEnd < near ? toEnd : apart / 2)
  const increase = difference * (whole / sampled)
  return isRate ? increase / ((endMs - startMs) / 1000) : increase
}
