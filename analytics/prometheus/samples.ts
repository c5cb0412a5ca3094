// What the evaluation reads: series of samples in ascending time, and where they come from. Types, and the search in
// them. Pure.

import type { Matcher } from './expression.ts'
import type { LabelSet } from './labels.ts'

export interface SampleSeries {
  readonly labels: LabelSet
  /** Milliseconds since the epoch, ascending; may be shared by several series. */
  readonly times: Float64Array
  readonly values: Float64Array
}

export interface Fetched {
  readonly series: readonly SampleSeries[]
  /** How old a sample may be and still be the value of now. */
  readonly lookbackMs: number
}

export interface SampleSource {
  /** Everything that matches, from `fromMs` to `toMs`, both included; `wantedMs` is how dense it should be. */
  select(matchers: readonly Matcher[], fromMs: number, toMs: number, wantedMs: number): Fetched
}

/** Index of the first time that is not before `timeMs`. */
export function firstFrom(times: Float64Array, timeMs: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! < timeMs) low = middle + 1
    else high = middle
  }
  return low
}
