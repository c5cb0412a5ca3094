// Answers to the simple questions, from committed rows: stats, series, top. Ratios are divided here, from parts that
// were stored apart; percentiles come from merged sketches, never from averaged percentiles.
import type { SeriesAnswer, StatsAnswer, StatsRow, TopAnswer } from '../http/contract.ts'
import { Distribution } from '../sketches/distribution.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { type DimensionName, otherValue } from '../windows/catalogue.ts'
import { daySeconds } from '../windows/steps.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import { freshness } from './freshness.ts'
import { type Breakdown, breakdown, endOf, fixedRange, type Range, rollingRange } from './question.ts'
import type { Rows, SeriesRow } from './rows.ts'

export interface Reading {
  readonly rows: Rows
  readonly days: ZoneDays
  readonly nowMs: number
}

export type Span = { readonly window: number } | { readonly fromMs: number; readonly toMs: number }

type Values = StatsRow['values']
type Filters = Breakdown['filters']
/** What one group is made of, before it is turned into values. */
type Part = number | Distribution | HyperLogLog

export function rangeOf(span: Span, finest: Breakdown['finest'], { rows, days, nowMs }: Reading): Range {
  if ('window' in span) return rollingRange(span.window, nowMs, finest, days)
  return fixedRange(span.fromMs, span.toMs, finest, days, rows.edges())
}

export function stats(
  reading: Reading,
  metric: string,
  span: Span,
  by: readonly DimensionName[],
  filters: Filters,
  limit: number,
): StatsAnswer {
  const wanted = breakdown(metric, by, filters)
  const range = rangeOf(span, wanted.finest, reading)
  const groups = [...groupsOf(reading, wanted, range)]
    .map(([key, part]) => ({ labels: labelsOf(wanted.by, key), part }))
    .sort((a, b) => sizeOf(b.part) - sizeOf(a.part))
    .slice(0, limit)
  const seconds = (range.toMs - range.fromMs) / 1000
  const rows: StatsRow[] = groups.map(({ labels, part }) => ({ labels, values: valuesOf(part, seconds) }))
  if (rows.length === 0 && wanted.by.length === 0)
    rows.push({ labels: {}, values: emptyValues(wanted, seconds) })
  return {
    metric,
    definition: wanted.definition.definition,
    unit: wanted.definition.unit,
    window: { from: range.fromMs, to: range.toMs },
    rows,
    freshness: freshness(reading, range.toMs),
  }
}

export function top(
  reading: Reading,
  dimension: DimensionName,
  metric: string,
  span: Span,
  filters: Filters,
  limit: number,
): TopAnswer {
  const wanted = breakdown(metric, [dimension], filters)
  const range = rangeOf(span, wanted.finest, reading)
  const groups = [...groupsOf(reading, wanted, range)].map(([key, part]) => ({
    value: key,
    count: sizeOf(part),
  }))
  const whole = groups.reduce((sum, group) => sum + group.count, 0)
  const listed = groups
    .filter(group => group.value !== otherValue)
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, limit)
  return {
    dimension,
    metric,
    window: { from: range.fromMs, to: range.toMs },
    rows: listed.map(({ value, count }) => ({ value, count, share: whole === 0 ? 0 : count / whole })),
    other: whole - listed.reduce((sum, group) => sum + group.count, 0),
    freshness: freshness(reading, range.toMs),
  }
}

/** `widthMs` is a whole number of the range's steps; a day step gives days. */
export function series(
  reading: Reading,
  wanted: Breakdown,
  range: Range,
  widthMs: number,
  limit: number,
): SeriesAnswer {
  const times = timesOf(range, widthMs, reading.days)
  const index = new Map(times.map((time, at) => [time, at]))
  const columns = new Map<string, (Part | null)[]>()
  readParts(reading, wanted, range, (key, bucketMs, part) => {
    const start = range.step.seconds === daySeconds ? bucketMs : Math.floor(bucketMs / widthMs) * widthMs
    const at = index.get(start)
    if (at === undefined) return
    let column = columns.get(key)
    if (!column) {
      column = new Array<Part | null>(times.length).fill(null)
      columns.set(key, column)
    }
    column[at] = combined(column[at] ?? null, part)
  })
  const ranked = [...columns]
    .map(([key, column]) => ({
      key,
      column,
      size: column.reduce<number>((sum, part) => sum + (part ? sizeOf(part) : 0), 0),
    }))
    .sort((a, b) => b.size - a.size)
    .slice(0, limit)
  if (ranked.length === 0 && wanted.by.length === 0) {
    ranked.push({ key: '', column: new Array<null>(times.length).fill(null), size: 0 })
  }
  const seconds = widthMs / 1000
  const empty = Object.keys(emptyValues(wanted, seconds))
  return {
    metric: wanted.metric,
    definition: wanted.definition.definition,
    unit: wanted.definition.unit,
    stepSeconds: seconds,
    times,
    series: ranked.map(({ key, column }) => {
      const points = column.map(part => (part === null ? null : valuesOf(part, seconds)))
      const values = empty.map(name => [name, points.map(point => point?.[name] ?? null)] as const)
      return { labels: labelsOf(wanted.by, key), values: Object.fromEntries(values) }
    }),
    freshness: freshness(reading, range.toMs),
  }
}

/** Groups of the breakdown over the whole range, by the values of `by` joined. */
function groupsOf(reading: Reading, wanted: Breakdown, range: Range): Map<string, Part> {
  const groups = new Map<string, Part>()
  readParts(reading, wanted, range, (key, _bucketMs, part) => {
    groups.set(key, combined(groups.get(key) ?? null, part))
  })
  return groups
}

function readParts(
  { rows, days }: Reading,
  wanted: Breakdown,
  range: Range,
  take: (key: string, bucketMs: number, part: Part) => void,
): void {
  const [from, to] = [range.fromMs / 1000, range.toMs / 1000]
  const sinceDay = days.startOf(range.fromMs) / 1000
  const matching = rows
    .series(wanted.metric, wanted.dims, sinceDay)
    .filter(row => matches(row, wanted.filters))
  const { kind } = wanted.definition
  if (kind === 'distinct' && wanted.by.length === 0 && wanted.filters.size === 0) {
    readVisitors(rows, matching, range, take)
    return
  }
  const keys = new Map(matching.map(row => [row.id, keyOf(row, wanted.by)]))
  const ids = [...keys.keys()]
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

/** Visitors of behaviour events; of requests only where there are no events at all in the range. */
function readVisitors(
  rows: Rows,
  matching: readonly SeriesRow[],
  range: Range,
  take: (key: string, bucketMs: number, part: Part) => void,
): void {
  for (const source of ['events', 'requests']) {
    const ids = matching.filter(row => row.labels['source'] === source).map(row => row.id)
    const found = rows.sketches(range.step.seconds, ids, range.fromMs / 1000, range.toMs / 1000)
    for (const { bucket, data } of found) take('', bucket * 1000, HyperLogLog.fromBytes(data))
    if (found.length > 0) return
  }
}

function matches(row: SeriesRow, filters: Filters): boolean {
  for (const [dimension, values] of filters) if (!values.has(row.labels[dimension] ?? '')) return false
  return true
}

function keyOf(row: SeriesRow, by: readonly DimensionName[]): string {
  if (by.length === 1) return row.labels[by[0]!] ?? ''
  return by.map(name => row.labels[name] ?? '').join('\0')
}

function labelsOf(by: readonly DimensionName[], key: string): Record<string, string> {
  const values = by.length === 1 ? [key] : key.split('\0')
  return Object.fromEntries(by.map((name, index) => [name, values[index] ?? '']))
}

/** Parts of one group together; the first may be changed, for it was made for this answer. */
function combined(known: Part | null, part: Part): Part {
  if (known === null) return part
  if (typeof known === 'number') return known + (part as number)
  if (known instanceof Distribution) known.merge(part as Distribution)
  else known.merge(part as HyperLogLog)
  return known
}

function sizeOf(part: Part): number {
  if (typeof part === 'number') return part
  return part instanceof Distribution ? part.count : part.count()
}

function valuesOf(part: Part, seconds: number): Values {
  if (typeof part === 'number') return { value: part, per_second: part / seconds }
  if (part instanceof HyperLogLog) return { value: part.count() }
  return { ...part.summary()! }
}

function emptyValues({ definition }: Breakdown, seconds: number): Values {
  if (definition.kind === 'count') return valuesOf(0, seconds)
  if (definition.kind === 'distinct') return { value: 0 }
  return {
    count: 0,
    mean: null,
    min: null,
    max: null,
    last: null,
    p50: null,
    p90: null,
    p95: null,
    p99: null,
  }
}

function timesOf(range: Range, widthMs: number, days: ZoneDays): number[] {
  const times: number[] = []
  if (range.step.seconds === daySeconds) {
    for (let time = range.fromMs; time < range.toMs; time = endOf(range.step, time, days)) times.push(time)
    return times
  }
  for (let time = Math.floor(range.fromMs / widthMs) * widthMs; time < range.toMs; time += widthMs)
    times.push(time)
  return times
}
