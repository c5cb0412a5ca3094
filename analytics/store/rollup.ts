// Spreads pending buckets over every step they count in, inside the caller's transaction. Counts are additive deltas,
// gathered first so that a row is touched once per flush; sketches change in the cache. Writes nothing itself.
// count(), sample() and distinct() add one fact for whoever computes statistics that do not come from single lines.

import type { ByteInterner } from '../fold/interner.ts'
import { type Cell, dimensionSets, type Pending, type PendingBucket, visitorSets } from '../fold/pending.ts'
import { Distribution } from '../sketches/distribution.ts'
import type { HyperLogLog } from '../sketches/hyperloglog.ts'
import { type MetricName, otherValue } from '../windows/catalogue.ts'
import { bucketStart, daySeconds, type StepSeconds, steps } from '../windows/steps.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import type { SeriesDirectory } from './series-directory.ts'
import type { SketchCache } from './sketch-cache.ts'

/** Steps that take a row at a time; the step's edge has been passed otherwise. */
export type Edges = ReadonlyMap<StepSeconds, number>

/** Whether a value still gets a series of its own on its day; the others share `__other__`. */
export type Admits = (dims: string, value: string, timeMs: number, metric?: string) => boolean

/** By step, by bucket (seconds), by series: what to add. */
export type CountDeltas = ReadonlyMap<StepSeconds, Map<number, Map<number, number>>>

type Targets = readonly { readonly step: StepSeconds; readonly bucket: number }[]

const countFields = [
  ['lines', 'lines'],
  ['unparsed', 'unparsed'],
  ['requests', 'requests'],
  ['errors', 'errors'],
  ['client_errors', 'clientErrors'],
  ['bytes', 'bytes'],
  ['events', 'events'],
  ['pageviews', 'pageviews'],
  ['static_requests', 'staticRequests'],
  ['not_found', 'notFound'],
  ['bot_requests', 'botRequests'],
  ['time_served', 'servedMs'],
  ['apdex_points', 'apdexPoints'],
  ['apdex_points_max', 'apdexPointsMax'],
  ['metric_increase', 'increase'],
] as const satisfies readonly (readonly [MetricName, keyof Cell])[]

/** The finest step in which visitors of a dimension's value are kept. */
const visitorsFinest = 60

export class Rollup {
  readonly deltas: CountDeltas = new Map(steps.map(step => [step.seconds, new Map()]))
  /** By step: the buckets (seconds) that this flush touches. */
  readonly touched = new Map<StepSeconds, Set<number>>(steps.map(step => [step.seconds, new Set()]))
  readonly #series: SeriesDirectory
  readonly #sketches: SketchCache
  readonly #values: ByteInterner
  readonly #days: ZoneDays
  readonly #edges: Edges
  readonly #admits: Admits
  #daySeconds = 0
  /** By dimensions and value: the label it counts under on `#labelsDay`. */
  readonly #labels = new Map<string, Map<string, string>>()
  #labelsDay = Number.NaN
  #targetsMs = Number.NaN
  #targetsFinest = 0
  #targetsFound: Targets = []

  constructor(
    series: SeriesDirectory,
    sketches: SketchCache,
    values: ByteInterner,
    days: ZoneDays,
    edges: Edges,
    admits: Admits = () => true,
  ) {
    this.#series = series
    this.#sketches = sketches
    this.#values = values
    this.#days = days
    this.#edges = edges
    this.#admits = admits
  }

  /**
   * Adds `n`, which may be negative, to a counted metric. Values of several dimensions are joined by a zero byte, in
   * the order of their names in `dims`. `finest` is the finest step the metric is kept in.
   */
  count(
    metric: string,
    dims: string,
    value: string,
    timeMs: number,
    n: number,
    finest: StepSeconds = 10,
  ): void {
    if (n === 0) return
    const series = this.#seriesAt(metric, dims, value, timeMs)
    for (const { step, bucket } of this.#targets(timeMs, finest)) this.#addDelta(step, bucket, series, n)
  }

  /** Adds a value, seen `times` times, to a metric that is kept as a distribution. */
  sample(
    metric: string,
    dims: string,
    value: string,
    timeMs: number,
    sample: number,
    times = 1,
    finest: StepSeconds = 10,
  ): void {
    const series = this.#seriesAt(metric, dims, value, timeMs)
    for (const { step, bucket } of this.#targets(timeMs, finest)) {
      this.#sketches.distribution(step, series, bucket).add(sample, timeMs, times)
    }
  }

  /** Adds somebody, by the two halves of a hash, to a metric that counts distinct ones. */
  distinct(
    metric: string,
    dims: string,
    value: string,
    timeMs: number,
    high: number,
    low: number,
    finest: StepSeconds = 10,
  ): void {
    for (const sketch of this.distinctSketches(metric, dims, value, timeMs, finest)) sketch.add(high, low)
  }

  /** For many of one time: what each of them is to be added to. */
  distinctSketches(
    metric: string,
    dims: string,
    value: string,
    timeMs: number,
    finest: StepSeconds,
  ): HyperLogLog[] {
    const series = this.#seriesAt(metric, dims, value, timeMs)
    return this.#targets(timeMs, finest).map(({ step, bucket }) =>
      this.#sketches.distinct(step, series, bucket),
    )
  }

  #seriesAt(metric: string, dims: string, value: string, timeMs: number): number {
    this.#daySeconds = this.#days.startOf(timeMs) / 1000
    return this.#series.idOf(metric, dims, this.#labelOf(dims, value, timeMs), this.#daySeconds)
  }

  /** The value, or what all share that come too late in their day; asked once per flush. */
  #labelOf(dims: string, value: string, timeMs: number): string {
    if (dims === '') return value
    if (this.#daySeconds !== this.#labelsDay) {
      this.#labels.clear()
      this.#labelsDay = this.#daySeconds
    }
    let ofDims = this.#labels.get(dims)
    if (!ofDims) {
      ofDims = new Map()
      this.#labels.set(dims, ofDims)
    }
    let label = ofDims.get(value)
    if (label === undefined) {
      label = this.#admits(dims, value, timeMs) ? value : otherValue
      ofDims.set(value, label)
    }
    return label
  }

  #addDelta(step: StepSeconds, bucket: number, series: number, n: number): void {
    const byBucket = this.deltas.get(step)!
    let bySeries = byBucket.get(bucket)
    if (!bySeries) {
      bySeries = new Map()
      byBucket.set(bucket, bySeries)
    }
    bySeries.set(series, (bySeries.get(series) ?? 0) + n)
  }

  add(pending: Pending): void {
    for (const bucket of pending.buckets.values()) this.#addBucket(bucket)
  }

  /** The lag of each line of this flush, at the time of its commit. */
  addLag(readAt: ReadonlyMap<number, number>, nowMs: number): void {
    if (readAt.size === 0) return
    this.#daySeconds = this.#days.startOf(nowMs) / 1000
    const series = this.#series.idOf('lag', '', '', this.#daySeconds)
    for (const { step, bucket } of this.#targets(nowMs, 1)) {
      const distribution = this.#sketches.distribution(step, series, bucket)
      for (const [timestampMs, lines] of readAt) {
        distribution.add(Math.max(nowMs - timestampMs, 0), nowMs, lines)
      }
    }
  }

  #addBucket(bucket: PendingBucket): void {
    this.#daySeconds = this.#days.startOf(bucket.startMs) / 1000
    for (const [index, cell] of bucket.seconds.entries()) {
      if (cell) this.#addCell(cell, '', '', bucket.startMs + index * 1000, 1)
    }
    for (const [set, cells] of bucket.values.entries()) {
      const dims = dimensionSets[set]!
      for (const [value, cell] of cells)
        this.#addCell(cell, dims, this.#values.text(value), bucket.startMs, 10)
      if (visitorSets.has(set)) this.#addClients(bucket, dims, cells)
    }
    this.#addVisitors(bucket, 'events', bucket.eventVisitors)
    this.#addVisitors(bucket, 'requests', bucket.requestVisitors)
  }

  #addCell(cell: Cell, dims: string, value: string, timeMs: number, finest: StepSeconds): void {
    const targets = this.#targets(timeMs, finest)
    for (const [metric, field] of countFields) {
      if (cell[field] === 0) continue
      const series = this.#series.idOf(metric, dims, value, this.#daySeconds)
      for (const { step, bucket } of targets) this.#addDelta(step, bucket, series, cell[field])
    }
    if (cell.samples.length === 0) return
    const series = this.#series.idOf(
      dims === 'host,name' ? 'metric' : 'latency',
      dims,
      value,
      this.#daySeconds,
    )
    const targetsOfSamples = targets.map(({ step, bucket }) =>
      this.#sketches.distribution(step, series, bucket),
    )
    addSamples(targetsOfSamples, cell, timeMs)
  }

  /**
   * The distinct clients of each value, from minutes on, in sparse sketches; values beyond a day's limit share one.
   * The busiest come first, so that a flush which brings more than there is room for keeps those.
   */
  #addClients(bucket: PendingBucket, dims: string, cells: ReadonlyMap<number, Cell>): void {
    const busiest = [...cells].filter(([, cell]) => cell.clients !== null)
    if (busiest.length > 1) busiest.sort(([, a], [, b]) => b.requests - a.requests)
    const targets = this.#targets(bucket.startMs, visitorsFinest)
    for (const [value, { clients }] of busiest) {
      const text = this.#values.text(value)
      const isAdmitted = this.#admits(dims, text, bucket.startMs, 'request_visitors')
      const label = isAdmitted ? text : otherValue
      const series = this.#series.idOf('request_visitors', dims, label, this.#daySeconds)
      for (const { step, bucket: start } of targets) {
        const sketch = this.#sketches.sparseDistinct(step, series, start)
        for (const { high, low } of clients!) sketch.add(high, low)
      }
    }
  }

  #addVisitors(bucket: PendingBucket, source: string, sketch: PendingBucket['eventVisitors']): void {
    if (!sketch) return
    const series = this.#series.idOf('active_users', 'source', source, this.#daySeconds)
    for (const { step, bucket: start } of this.#targets(bucket.startMs, 10)) {
      this.#sketches.distinct(step, series, start).merge(sketch)
    }
  }

  /** The buckets of every step from `finest` on that hold this time and are still kept. */
  #targets(timeMs: number, finest: StepSeconds): Targets {
    // Facts of one time come together.
    if (timeMs === this.#targetsMs && finest === this.#targetsFinest) return this.#targetsFound
    const targets: { step: StepSeconds; bucket: number }[] = []
    for (const step of steps) {
      if (step.seconds < finest) continue
      const bucket = step.seconds === daySeconds ? this.#daySeconds : bucketStart(timeMs, step.ms) / 1000
      if (bucket < (this.#edges.get(step.seconds) ?? Number.NEGATIVE_INFINITY)) continue
      this.touched.get(step.seconds)!.add(bucket)
      targets.push({ step: step.seconds, bucket })
    }
    this.#targetsMs = timeMs
    this.#targetsFinest = finest
    this.#targetsFound = targets
    return targets
  }
}

/** From so many on it is cheaper to sort values into bins once and to add the bins to every step's. */
const samplesToGather = 32

function addSamples(targets: readonly Distribution[], cell: Cell, timeMs: number): void {
  if (cell.samples.length >= samplesToGather) {
    const gathered = new Distribution()
    for (let index = 0; index < cell.samples.length; index++)
      gathered.add(cell.samples[index]!, cell.sampleTimes[index] ?? timeMs)
    for (const target of targets) target.merge(gathered)
    return
  }
  for (const target of targets) {
    for (let index = 0; index < cell.samples.length; index++)
      target.add(cell.samples[index]!, cell.sampleTimes[index] ?? timeMs)
  }
}
