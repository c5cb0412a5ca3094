// What one group of an answer is made of, before it is turned into values: counts, sketches, pairs of counts. Parts of
// the same group add up, whichever step, writer or series they come from. Pure but for the reading.
import type { StatsRow } from '../http/contract.ts'
import { Distribution } from '../sketches/distribution.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import type { VisitSettings } from '../visits/conditions.ts'
import { visitorsProblem } from '../visits/visit-reads.ts'
import type { DimensionName, MetricDefinition } from '../windows/catalogue.ts'
import { isOfVisitors } from '../windows/visit-catalogue.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import type { Breakdown, Range } from './question.ts'
import type { Rows, SeriesRow } from './rows.ts'

export interface Reading {
  readonly rows: Rows
  readonly days: ZoneDays
  readonly nowMs: number
  /** Goals and funnels that are configured. */
  readonly visits?: VisitSettings
}

export type Values = StatsRow['values']

/** Two counts that are divided when everything is together, and not before. */
export class Ratio {
  numerator: number
  denominator: number

  constructor(numerator: number, denominator: number) {
    this.numerator = numerator
    this.denominator = denominator
  }

  get value(): number | null {
    return this.denominator === 0 ? null : this.numerator / this.denominator
  }
}

export type Part = number | Distribution | HyperLogLog | Ratio

/** Parts of one group together; the first may be changed, for it was made for this answer. */
export function combined(known: Part | null, part: Part): Part {
  if (known === null) return part
  if (typeof known === 'number') return known + (part as number)
  if (known instanceof Ratio) {
    known.numerator += (part as Ratio).numerator
    known.denominator += (part as Ratio).denominator
  } else if (known instanceof Distribution) known.merge(part as Distribution)
  else known.merge(part as HyperLogLog)
  return known
}

/** How much a group weighs among others; of a ratio, what it is a part of. */
export function sizeOf(part: Part): number {
  if (typeof part === 'number') return part
  if (part instanceof Ratio) return part.denominator
  return part instanceof Distribution ? part.count : part.count()
}

export function valuesOf(part: Part, seconds: number): Values {
  if (typeof part === 'number') return { value: part, per_second: part / seconds }
  if (part instanceof Ratio) {
    return { value: part.value, numerator: part.numerator, denominator: part.denominator }
  }
  if (part instanceof HyperLogLog) return { value: part.count() }
  return { ...part.summary()! }
}

export function emptyValues({ kind }: MetricDefinition, seconds: number): Values {
  if (kind === 'count') return valuesOf(0, seconds)
  if (kind === 'ratio') return valuesOf(new Ratio(0, 0), seconds)
  if (kind === 'distinct') return { value: 0 }
  const nothing = { mean: null, min: null, max: null, last: null, p50: null, p90: null, p95: null, p99: null }
  return { count: 0, ...nothing }
}

type Take = (key: string, bucketMs: number, part: Part) => void

/** Hands over every part of the breakdown in the ranges, with its group and the start of its bucket. */
export function readParts(reading: Reading, wanted: Breakdown, ranges: readonly Range[], take: Take): void {
  const { definition } = wanted
  if (definition.kind !== 'ratio') {
    readEither(reading, wanted, ranges, take)
    return
  }
  const half = (metric: string): Breakdown => ({
    ...wanted,
    metric,
    definition: { ...definition, kind: 'count' },
  })
  const source = readEither(reading, half(definition.denominator!), ranges, (key, at, n) =>
    take(key, at, new Ratio(0, n as number)),
  )
  // Both counts are of the same visitors.
  const of = source === null ? half(definition.numerator!) : seenBy(half(definition.numerator!), source)
  for (const range of ranges) {
    readStored(reading, of, range, (key, at, n) => take(key, at, new Ratio(n as number, 0)))
  }
}

/** Of events, or of requests only where there are no events at all in the range; which, where it matters. */
function readEither(
  reading: Reading,
  wanted: Breakdown,
  ranges: readonly Range[],
  take: Take,
): string | null {
  if (!wanted.prefersEvents) {
    for (const range of ranges) readStored(reading, wanted, range, take)
    return null
  }
  let isFound = false
  const found: Take = (key, at, part) => {
    isFound = true
    take(key, at, part)
  }
  for (const range of ranges) readStored(reading, seenBy(wanted, 'events'), range, found)
  if (isFound) return 'events'
  for (const range of ranges) readStored(reading, seenBy(wanted, 'requests'), range, take)
  return 'requests'
}

function seenBy(wanted: Breakdown, source: string): Breakdown {
  return { ...wanted, matches: labels => labels['source'] === source && wanted.matches(labels) }
}

function readStored({ rows, days }: Reading, wanted: Breakdown, range: Range, take: Take): void {
  const [from, to] = [range.fromMs / 1000, range.toMs / 1000]
  const sinceDay = days.startOf(range.fromMs) / 1000
  const matching = rows.series(wanted.metric, wanted.dims, sinceDay).filter(row => wanted.matches(row.labels))
  const { kind } = wanted.definition
  const keys = new Map(matching.map(row => [row.id, keyOf(row, wanted.by)]))
  const ids = [...keys.keys()]
  if (ids.length === 0) return
  if (isOfVisitors(wanted.metric)) refuseNoVisitors(rows, matching)
  if (kind === 'count' && wanted.addsUp) {
    for (const [id, n] of rows.sums(range.step.seconds, ids, from, to)) take(keys.get(id)!, range.fromMs, n)
    return
  }
  if (kind === 'count') {
    for (const { series: id, bucket, n } of rows.counts(range.step.seconds, ids, from, to)) {
      take(keys.get(id)!, bucket * 1000, n)
    }
    return
  }
  for (const { series: id, bucket, data } of rows.sketches(range.step.seconds, ids, from, to)) {
    take(
      keys.get(id)!,
      bucket * 1000,
      kind === 'distinct' ? HyperLogLog.fromBytes(data) : Distribution.fromBytes(data),
    )
  }
}

/** Where the record key is not the visitor, nothing is told of visitors. */
function refuseNoVisitors(rows: Rows, matching: readonly SeriesRow[]): void {
  const topics = rows.visits.topics()
  for (const source of new Set(matching.map(row => row.labels['source']))) {
    const problem = visitorsProblem(topics, source === 'requests' ? 1 : 0)
    if (problem) throw problem
  }
}

function keyOf(row: SeriesRow, by: readonly DimensionName[]): string {
  if (by.length === 1) return row.labels[by[0]!] ?? ''
  return by.map(name => row.labels[name] ?? '').join('\0')
}

export function labelsOf(by: readonly DimensionName[], key: string): Record<string, string> {
  const values = by.length === 1 ? [key] : key.split('\0')
  return Object.fromEntries(by.map((name, index) => [name, values[index] ?? '']))
}
