// The stored buckets as series of samples. A bucket becomes a sample at its end, once that has passed.
//
//   stored            |  +3  |      |  +5  |     increments by bucket
//   counter   3 ......3......3......8      8     what was counted from the first day kept until the bucket's end
//   sketch            |  q   |      |  q   |     a gauge: of that bucket alone, nothing where nothing was
//
// Counted from the oldest day on, a counter is the same whichever range is asked for, and never falls while the oldest
// day is kept; when it goes, the counter is seen to begin again, as after a restart. A late line raises what follows.

import type { Reading } from '../queries/parts.ts'
import { endOf, startOf } from '../queries/question.ts'
import { cover } from '../queries/reach.ts'
import type { SeriesRow } from '../queries/rows.ts'
import { Distribution } from '../sketches/distribution.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { daySeconds, type Step, type StepSeconds, steps } from '../windows/steps.ts'
import type { Matcher } from './expression.ts'
import { LabelSet } from './labels.ts'
import { type NamedMetric, namedMetrics, quantiles } from './names.ts'
import { execution } from './promql-error.ts'
import type { Fetched, SampleSeries, SampleSource } from './samples.ts'

/** Sixteen bytes each; a page draws a few thousand. */
export const samplesMax = 5_000_000
const usualLookbackMs = 5 * 60_000

interface Grid {
  readonly step: Step
  readonly fromMs: number
  readonly toMs: number
  /** Ends of the buckets. */
  readonly times: Float64Array
}

export class StoreSamples implements SampleSource {
  readonly #reading: Reading
  #left = samplesMax

  constructor(reading: Reading) {
    this.#reading = reading
  }

  select(matchers: readonly Matcher[], fromMs: number, toMs: number, wantedMs: number): Fetched {
    const found = this.matching(matchers, fromMs)
    let lookbackMs = usualLookbackMs
    const series: SampleSeries[] = []
    for (const { named, rows } of found) {
      const grid = this.#grid(named, fromMs, toMs, wantedMs)
      lookbackMs = Math.max(lookbackMs, grid.step.ms * 1.1)
      if (grid.times.length === 0) continue
      series.push(
        ...(named.field === 'n' ? this.#counts(named, rows, grid) : this.#sketches(named, rows, grid)),
      )
    }
    return { series: series.filter(({ labels }) => matchesAll(matchers, labels)), lookbackMs }
  }

  /** Every metric whose name matches, and its stored series whose labels may. */
  matching(matchers: readonly Matcher[], fromMs: number): { named: NamedMetric; rows: SeriesRow[] }[] {
    const { rows, days } = this.#reading
    const sinceDay = days.startOf(fromMs) / 1000
    const ofName = matchers.filter(matcher => matcher.name === '__name__')
    return namedMetrics()
      .filter(({ name }) => ofName.every(matcher => matcher.matches(name)))
      .map(named => {
        // A quantile is no stored label; it is looked at when the series are there.
        const others = matchers.filter(
          ({ name }) => name !== '__name__' && !(name === 'quantile' && named.field === 'quantile'),
        )
        const stored = rows.series(named.metric, named.dims, sinceDay)
        return {
          named,
          rows: stored.filter(row => others.every(({ name, matches }) => matches(row.labels[name] ?? ''))),
        }
      })
      .filter(({ rows: stored }) => stored.length > 0)
  }

  /** The widest step that is narrow enough, of those kept since then; else the narrowest kept. */
  #grid({ dims, definition, field }: NamedMetric, fromMs: number, toMs: number, wantedMs: number): Grid {
    const { rows, days, nowMs } = this.#reading
    const finest: StepSeconds = field === 'n' && dims === '' ? 1 : (definition.finest ?? 10)
    const edges = rows.edges()
    const kept = steps.filter(
      step => step.seconds >= finest && (edges.get(step.seconds) ?? 0) * 1000 <= fromMs,
    )
    const step = kept.findLast(({ ms }) => ms <= wantedMs) ?? kept[0] ?? steps.at(-1)!
    // A sample before the first one asked for, so that there is a value of then.
    const first = Math.max(startOf(step, fromMs, days) - step.ms, rows.firstDay() * 1000)
    const last = Math.min(toMs, nowMs)
    const times: number[] = []
    let at = startOf(step, first, days)
    const start = at
    for (let end = endOf(step, at, days); end <= last; end = endOf(step, at, days)) {
      times.push(end)
      at = end
      if (times.length > samplesMax) throw tooMany()
    }
    return { step, fromMs: start, toMs: at, times: Float64Array.from(times) }
  }

  #take(samples: number): void {
    this.#left -= samples
    if (this.#left < 0) throw tooMany()
  }

  #counts(named: NamedMetric, rows: readonly SeriesRow[], grid: Grid): SampleSeries[] {
    const before = this.#before(named, rows, grid)
    this.#take(rows.length * grid.times.length)
    const values = new Map(rows.map(row => [row.id, new Float64Array(grid.times.length)]))
    const ids = [...values.keys()]
    const { fromMs, toMs, step } = grid
    for (const { series, bucket, n } of this.#reading.rows.counts(
      step.seconds,
      ids,
      fromMs / 1000,
      toMs / 1000,
    )) {
      values.get(series)![this.#index(grid, bucket * 1000)]! += n
    }
    return rows.map(row => {
      const column = values.get(row.id)!
      let sum = before.get(row.id) ?? 0
      for (let at = 0; at < column.length; at++) {
        sum += column[at]!
        column[at] = sum
      }
      return { labels: labelsOf(named, row), times: grid.times, values: column }
    })
  }

  /** What was counted before the grid begins, by series. */
  #before(
    { definition, dims }: NamedMetric,
    rows: readonly SeriesRow[],
    { fromMs }: Grid,
  ): Map<number, number> {
    const { rows: reader, days } = this.#reading
    const first = reader.firstDay() * 1000
    const sums = new Map<number, number>()
    if (first >= fromMs) return sums
    const finest: StepSeconds = dims === '' ? 1 : (definition.finest ?? 10)
    const ids = rows.map(row => row.id)
    for (const range of cover(first, fromMs, { finest, days, edges: reader.edges() }).ranges) {
      const to = Math.min(range.toMs, fromMs)
      for (const [id, n] of reader.sums(range.step.seconds, ids, range.fromMs / 1000, to / 1000)) {
        sums.set(id, (sums.get(id) ?? 0) + n)
      }
    }
    return sums
  }

  #index({ step, fromMs, times }: Grid, bucketMs: number): number {
    if (step.seconds !== daySeconds) return (bucketMs - fromMs) / step.ms
    return times.indexOf(this.#reading.days.endOf(bucketMs))
  }

  #sketches(named: NamedMetric, rows: readonly SeriesRow[], grid: Grid): SampleSeries[] {
    const byId = new Map(rows.map(row => [row.id, new Map<number, Distribution | HyperLogLog>()]))
    const { fromMs, toMs, step } = grid
    const ids = [...byId.keys()]
    for (const { series, bucket, data } of this.#reading.rows.sketches(
      step.seconds,
      ids,
      fromMs / 1000,
      toMs / 1000,
    )) {
      const buckets = byId.get(series)!
      const index = this.#index(grid, bucket * 1000)
      const known = buckets.get(index)
      // Several writers may have seen the same bucket.
      if (known instanceof HyperLogLog) known.merge(HyperLogLog.fromBytes(data))
      else if (known) known.merge(Distribution.fromBytes(data))
      else
        buckets.set(
          index,
          named.field === 'distinct' ? HyperLogLog.fromBytes(data) : Distribution.fromBytes(data),
        )
    }
    const isCounter = named.field === 'count' || named.field === 'sum'
    return rows.flatMap(row => {
      const buckets = byId.get(row.id)!
      this.#take(isCounter ? grid.times.length : buckets.size * quantiles.length)
      if (isCounter) return [counterOf(named, row, grid, buckets)]
      if (named.field !== 'quantile')
        return [gaugeOf(labelsOf(named, row), grid, buckets, numberOf(named.field))]
      return quantiles.map(([quantile, value]) =>
        gaugeOf(labelsOf(named, row, { quantile }), grid, buckets, numberOf(value)),
      )
    })
  }
}

type Buckets = ReadonlyMap<number, Distribution | HyperLogLog>

/** Counted from the first sample of this answer on: sketches of all time are not put together for it. */
function counterOf(named: NamedMetric, row: SeriesRow, { times }: Grid, buckets: Buckets): SampleSeries {
  const values = new Float64Array(times.length)
  let sum = 0
  for (let at = 0; at < times.length; at++) {
    const distribution = buckets.get(at) as Distribution | undefined
    if (distribution) sum += named.field === 'count' ? distribution.count : distribution.sum
    values[at] = sum
  }
  return { labels: labelsOf(named, row), times, values }
}

function gaugeOf(
  labels: LabelSet,
  { times }: Grid,
  buckets: Buckets,
  read: (of: Distribution | HyperLogLog) => number,
): SampleSeries {
  const indexes = [...buckets.keys()].sort((a, b) => a - b)
  return {
    labels,
    times: Float64Array.from(indexes, at => times[at]!),
    values: Float64Array.from(indexes, at => read(buckets.get(at)!)),
  }
}

function numberOf(name: string): (of: Distribution | HyperLogLog) => number {
  return of => {
    if (of instanceof HyperLogLog) return of.count()
    return (of.summary() as unknown as Record<string, number>)[name]!
  }
}

function labelsOf({ name }: NamedMetric, row: SeriesRow, more: Record<string, string> = {}): LabelSet {
  return new LabelSet({ __name__: name, ...row.labels, ...more })
}

export function matchesAll(matchers: readonly Matcher[], labels: LabelSet): boolean {
  return matchers.every(({ name, matches }) => matches(labels.get(name)))
}

function tooMany(): Error {
  return execution('query processing would load too many samples into memory in query execution')
}
