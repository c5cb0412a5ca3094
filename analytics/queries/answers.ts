// Answers to the simple questions, from committed rows: stats, series, top. Ratios are divided here, from parts that
// were stored apart; percentiles come from merged sketches, never from averaged percentiles.
import type { SeriesAnswer, StatsAnswer, StatsRow, TopAnswer, TopRow } from '../http/contract.ts'
import { type DimensionName, otherValue } from '../windows/catalogue.ts'
import { daySeconds } from '../windows/steps.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import { changeOf, changesOf } from './change.ts'
import { type Cursor, cursorText } from './cursor.ts'
import { freshness } from './freshness.ts'
import {
  combined,
  emptyValues,
  labelsOf,
  type Part,
  Ratio,
  type Reading,
  readParts,
  sizeOf,
  type Values,
  valuesOf,
} from './parts.ts'
import { type Breakdown, breakdown, endOf, type Filters, type Range } from './question.ts'
import { cover, lengthOf, previousSpan, type Reach, reachOf, type Span } from './reach.ts'

export type { Reading } from './parts.ts'
export type { Span } from './reach.ts'

export function stats(
  reading: Reading,
  metric: string,
  span: Span,
  by: readonly DimensionName[],
  filters: Filters,
  limit: number,
  compare = false,
): StatsAnswer {
  const wanted = breakdown(metric, by, filters)
  const { definition } = wanted
  const reach = reachOf(span, wanted.finest, reading)
  const groups = groupsOf(reading, wanted, reach)
  const before = compare ? previousGroups(reading, wanted, reach, lengthOf(span)) : null
  if (wanted.by.length === 0 && groups.size === 0 && before) groups.set('', nothing(wanted))
  const ranked = [...groups].sort(([, a], [, b]) => sizeOf(b) - sizeOf(a)).slice(0, limit)
  const seconds = secondsOf(reach)
  const rows: StatsRow[] = ranked.map(([key, part]) => {
    const row = { labels: labelsOf(wanted.by, key), values: valuesIn(wanted, part, seconds) }
    if (!before) return row
    const was = before.groups.get(key) ?? null
    const previous = valuesIn(wanted, was, secondsOf(before.reach))
    return { ...row, previous, change: changesOf(row.values, previous) }
  })
  if (rows.length === 0 && wanted.by.length === 0) {
    rows.push({ labels: {}, values: emptyValues(definition, seconds) })
  }
  return {
    metric,
    definition: definition.definition,
    unit: definition.unit,
    window: windowOf(reach),
    ...(before && { previousWindow: windowOf(before.reach) }),
    rows,
    truncated: ranked.length < groups.size || hasOther(groups.keys()),
    freshness: freshness(reading, reach.toMs),
  }
}

export interface TopOptions {
  readonly limit: number
  readonly compare?: boolean
  /** Where the page before ended: its last count and value. */
  readonly after?: Cursor | null
}

export function top(
  reading: Reading,
  dimension: DimensionName,
  metric: string,
  span: Span,
  filters: Filters,
  { limit, compare = false, after = null }: TopOptions,
): TopAnswer {
  const wanted = breakdown(metric, [dimension], filters)
  const reach = reachOf(span, wanted.finest, reading)
  const groups = groupsOf(reading, wanted, reach)
  const before = compare ? previousGroups(reading, wanted, reach, lengthOf(span)) : null
  const isRatio = wanted.definition.kind === 'ratio'
  const others = groups.get(otherValue)
  const countOf = (part: Part) => (part instanceof Ratio ? (part.value ?? 0) : sizeOf(part))
  const whole = [...groups.values()].reduce<number>((sum, part) => sum + sizeOf(part), 0)
  const all = [...groups]
    .filter(([key]) => key !== otherValue)
    .map(([value, part]) => ({ value, count: countOf(part), size: sizeOf(part) }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
  const left = after === null ? all : all.filter(row => isAfter(row, after))
  const listed = left.slice(0, limit)
  const rows: TopRow[] = listed.map(({ value, count, size }) => {
    const row = { value, count, share: whole === 0 ? 0 : Math.max(size, 0) / whole }
    if (!before) return row
    const was = before.groups.get(value)
    const previous = was === undefined ? (isRatio ? null : 0) : countOf(was)
    return { ...row, previous, change: changeOf(count, previous) }
  })
  const last = listed.at(-1)
  return {
    dimension,
    metric,
    window: windowOf(reach),
    ...(before && { previousWindow: windowOf(before.reach) }),
    rows,
    other: isRatio ? 0 : whole - listed.reduce((sum, row) => sum + row.count, 0),
    truncated: groups.has(otherValue),
    ...(others !== undefined && !isRatio && { error: sizeOf(others) }),
    next: last !== undefined && left.length > listed.length ? cursorText([last.count, last.value]) : null,
    freshness: freshness(reading, reach.toMs),
  }
}

function isAfter(row: { count: number; value: string }, [count, value]: Cursor): boolean {
  return row.count < Number(count) || (row.count === Number(count) && row.value > String(value))
}

/** `widthMs` is a whole number of the range's steps; a day step gives days. */
export function series(
  reading: Reading,
  wanted: Breakdown,
  range: Range,
  widthMs: number,
  limit: number,
  compareLengthMs: number | null = null,
): SeriesAnswer {
  const times = timesOf(range, widthMs, reading.days)
  const reach = { fromMs: range.fromMs, toMs: range.toMs, ranges: [range] }
  const columns = columnsOf(reading, wanted, reach, widthMs, times)
  const ranked = [...columns]
    .map(([key, column]) => ({ key, column, size: weightOf(column) }))
    .sort((a, b) => b.size - a.size)
    .slice(0, limit)
  if (ranked.length === 0 && wanted.by.length === 0) {
    ranked.push({ key: '', column: new Array<null>(times.length).fill(null), size: 0 })
  }
  const seconds = widthMs / 1000
  const names = Object.keys(emptyValues(wanted.definition, seconds))
  const shown = (column: readonly (Part | null)[]) => {
    const points = column.map(part => (part === null ? null : valuesOf(part, seconds)))
    return Object.fromEntries(names.map(name => [name, points.map(point => point?.[name] ?? null)]))
  }
  const before =
    compareLengthMs === null ? null : previousColumns(reading, wanted, reach, widthMs, times, compareLengthMs)
  const empty = new Array<null>(times.length).fill(null)
  return {
    metric: wanted.metric,
    definition: wanted.definition.definition,
    unit: wanted.definition.unit,
    stepSeconds: seconds,
    times,
    ...(before && { previousTimes: before.times }),
    series: ranked.map(({ key, column }) => ({
      labels: labelsOf(wanted.by, key),
      values: shown(column),
      ...(before && { previous: shown(before.columns.get(key) ?? empty) }),
    })),
    truncated: ranked.length < columns.size || hasOther(columns.keys()),
    freshness: freshness(reading, range.toMs),
  }
}

type Columns = Map<string, (Part | null)[]>

function columnsOf(
  reading: Reading,
  wanted: Breakdown,
  reach: Reach,
  widthMs: number,
  times: readonly number[],
): Columns {
  const index = new Map(times.map((time, at) => [time, at]))
  const isDays = widthMs === daySeconds * 1000
  const columns: Columns = new Map()
  readParts(reading, wanted, reach.ranges, (key, bucketMs, part) => {
    const start = isDays ? reading.days.startOf(bucketMs) : Math.floor(bucketMs / widthMs) * widthMs
    const at = index.get(start)
    if (at === undefined) return
    let column = columns.get(key)
    if (!column) {
      column = new Array<Part | null>(times.length).fill(null)
      columns.set(key, column)
    }
    column[at] = combined(column[at] ?? null, part)
  })
  return columns
}

/** The same columns one period earlier, up to the moment that corresponds to now. */
function previousColumns(
  reading: Reading,
  wanted: Breakdown,
  reach: Reach,
  widthMs: number,
  times: readonly number[],
  lengthMs: number,
): { times: number[]; columns: Columns } {
  const isDays = widthMs === daySeconds * 1000
  const shiftMs = isDays || lengthMs % widthMs === 0 ? lengthMs : reach.toMs - reach.fromMs
  const span = previousSpan(reach, shiftMs, reading)
  const { days, rows } = reading
  const earlier = times.map(time => (isDays ? days.startOf(time - shiftMs + 43_200_000) : time - shiftMs))
  const rules = { finest: wanted.finest, coarsest: reach.ranges[0]!.step.seconds, days, edges: rows.edges() }
  const before = cover(span.fromMs, span.toMs, rules)
  return { times: earlier, columns: columnsOf(reading, wanted, before, widthMs, earlier) }
}

/** Groups of the breakdown over the whole reach, by the values of `by` joined. */
export function groupsOf(reading: Reading, wanted: Breakdown, reach: Reach): Map<string, Part> {
  const groups = new Map<string, Part>()
  readParts(reading, { ...wanted, addsUp: true }, reach.ranges, (key, _bucketMs, part) => {
    groups.set(key, combined(groups.get(key) ?? null, part))
  })
  return groups
}

function previousGroups(reading: Reading, wanted: Breakdown, reach: Reach, lengthMs: number) {
  const { fromMs, toMs } = previousSpan(reach, lengthMs, reading)
  const { days, rows } = reading
  const before = cover(fromMs, toMs, { finest: wanted.finest, days, edges: rows.edges() })
  return { reach: before, groups: groupsOf(reading, wanted, before) }
}

function valuesIn({ definition }: Breakdown, part: Part | null, seconds: number): Values {
  const isNothing = part === null || (definition.kind === 'distribution' && sizeOf(part) === 0)
  return isNothing ? emptyValues(definition, seconds) : valuesOf(part, seconds)
}

function nothing({ definition }: Breakdown): Part {
  return definition.kind === 'ratio' ? new Ratio(0, 0) : 0
}

const windowOf = ({ fromMs, toMs }: Reach) => ({ from: fromMs, to: toMs })
const secondsOf = ({ fromMs, toMs }: Reach) => (toMs - fromMs) / 1000

function weightOf(column: readonly (Part | null)[]): number {
  return column.reduce<number>((sum, part) => sum + (part === null ? 0 : sizeOf(part)), 0)
}

function hasOther(keys: Iterable<string>): boolean {
  for (const key of keys) if (key === otherValue || key.includes(`${otherValue}\0`)) return true
  return false
}

export function timesOf(range: Range, widthMs: number, days: ZoneDays): number[] {
  const times: number[] = []
  if (range.step.seconds === daySeconds) {
    for (let time = range.fromMs; time < range.toMs; time = endOf(range.step, time, days)) times.push(time)
    return times
  }
  for (let time = Math.floor(range.fromMs / widthMs) * widthMs; time < range.toMs; time += widthMs)
    times.push(time)
  return times
}
