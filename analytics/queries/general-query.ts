// POST /api/v1/query: several metrics by several dimensions and by time, filtered, ordered, compared, page by page, in
// the shape of Plausible's Stats API v2. Every cell is what /stats would say of it.
import type { QueryAnswer } from '../http/contract.ts'
import { type DimensionName, dimensionNames, otherValue } from '../windows/catalogue.ts'
import { definitionOf } from '../windows/definitions.ts'
import { daySeconds, type StepSeconds } from '../windows/steps.ts'
import { Calendar } from './calendar.ts'
import { changeOf } from './change.ts'
import { type Compiled, type Condition, compileConditions } from './conditions.ts'
import { type Cursor, cursorOf, cursorText } from './cursor.ts'
import { type DateRange, momentsOf } from './date-range.ts'
import { freshness } from './freshness.ts'
import { combined, emptyValues, type Part, type Reading, readParts, valuesOf } from './parts.ts'
import { ProblemError, unknownName } from './problem.ts'
import { type Breakdown, breakdownBy, dimensionNamed, metricNamed } from './question.ts'
import { cover, type Moments, previousSpan, type Reach } from './reach.ts'
import { pointsMax } from './series-width.ts'

export interface GeneralQuery {
  readonly metrics: readonly string[]
  readonly date_range: DateRange
  readonly dimensions: readonly string[]
  readonly filters: readonly Condition[]
  readonly order_by?: readonly (readonly [string, 'asc' | 'desc'])[] | undefined
  readonly include: {
    readonly comparisons?: { readonly mode: 'previous_period' } | undefined
    readonly time_labels?: boolean | undefined
    readonly total_rows?: boolean | undefined
  }
  readonly pagination: {
    readonly limit: number
    readonly offset: number
    readonly cursor?: string | undefined
  }
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
export const timeDimensions = ['time', 'time:minute', 'time:hour', 'time:day', 'time:week', 'time:month']
/** What a metric's name alone stands for, by its kind; `latency.p95` names another of its values. */
const mainValue = { count: 'value', distinct: 'value', ratio: 'value', distribution: 'mean' } as const

interface Measure {
  /** As it was asked for. */
  readonly name: string
  readonly value: string
  readonly wanted: Breakdown
}

interface Slots {
  readonly labels: readonly string[]
  /** Widest step whose buckets each lie in one slot. */
  readonly coarsest: StepSeconds
  startOf(timeMs: number): number
  readonly index: ReadonlyMap<number, number>
}

/** Where and how a question is cut. */
interface Frame {
  readonly moments: Moments
  readonly slots: Slots | null
  readonly timeName: string | null
  /** Which of the dimensions is time; -1 where none is. */
  readonly timeAt: number
}

interface Row {
  readonly dimensions: readonly string[]
  readonly metrics: readonly (number | null)[]
}

export function generalQuery(reading: Reading, query: GeneralQuery): QueryAnswer {
  const calendar = new Calendar(reading.days)
  const moments = momentsOf(query.date_range, calendar, reading)
  const { named, timeAt, timeName } = dimensionsOf(query.dimensions)
  const conditions = compileConditions(query.filters)
  const measures = query.metrics.map(name => measureOf(name, named, conditions))
  const slots = timeName === null ? null : slotsOf(timeName, moments, calendar, reading)
  const frame = { moments, slots, timeName, timeAt }
  const rows = rowsOf(reading, measures, frame)
  const order = orderOf(query)
  const all = [...rows.values()].sort((a, b) => order(keyOf(a), keyOf(b)))
  const cursor = cursorOf(query.pagination.cursor, query.metrics.length + query.dimensions.length)
  const left = cursor === null ? all : all.filter(row => order(keyOf(row), cursor) > 0)
  const { limit, offset } = query.pagination
  const shown = left.slice(offset, offset + limit)
  const before = query.include.comparisons ? previousRows(reading, measures, frame) : null
  const last = shown.at(-1)
  return {
    results: shown.map(row => (before ? compared(row, before, measures) : row)),
    meta: {
      metrics: Object.fromEntries(measures.map(measure => [measure.name, wordsOf(measure)])),
      ...(query.include.time_labels && { time_labels: slots?.labels ?? [] }),
      ...(query.include.total_rows && { total_rows: rows.size }),
      next: last !== undefined && left.length > offset + limit ? cursorText(keyOf(last)) : null,
      truncated: all.some(row => row.dimensions.includes(otherValue)),
      freshness: freshness(reading, moments.toMs),
    },
    query: {
      ...query,
      date_range: [calendar.timeText(moments.fromMs), calendar.timeText(moments.toMs)],
    },
  }
}

function dimensionsOf(dimensions: readonly string[]) {
  const times = dimensions.filter(name => name === 'time' || name.startsWith('time:'))
  const unknown = times.find(name => !timeDimensions.includes(name))
  if (unknown !== undefined) throw unknownName('dimension', unknown, [...timeDimensions, ...dimensionNames])
  if (times.length > 1) {
    throw new ProblemError(400, 'bad-field', 'Cannot read dimensions', 'At most one of them may be time.')
  }
  const named = dimensions.filter(name => !times.includes(name)).map(dimensionNamed)
  return {
    named,
    timeName: times[0] ?? null,
    timeAt: times[0] === undefined ? -1 : dimensions.indexOf(times[0]),
  }
}

function measureOf(name: string, by: readonly DimensionName[], { dimensions, test }: Compiled): Measure {
  const [metric = '', asked] = name.split('.')
  const definition = definitionOf(metricNamed(metric))!
  const known = Object.keys(emptyValues(definition, 1))
  const value = asked ?? mainValue[definition.kind]
  if (!known.includes(value)) {
    const names = known.map(valueName => `${metric}.${valueName}`)
    throw unknownName('metric', name, names)
  }
  const wanted = breakdownBy(metric, by, dimensions, test)
  if (wanted.by !== by && by.length === 0 && wanted.by.length > 0) {
    const detail = `A total of ${metric} would mean nothing. Ask for it by ${wanted.by.join(' and ')}.`
    throw new ProblemError(400, 'unknown-breakdown', 'This breakdown is not kept', detail)
  }
  return { name, value, wanted }
}

function slotsOf(name: string, { fromMs, toMs }: Moments, calendar: Calendar, { days }: Reading): Slots {
  const lengthMs = toMs - fromMs
  const auto = lengthMs <= 2 * hourMs ? 'time:minute' : lengthMs <= 2 * dayMs ? 'time:hour' : 'time:day'
  const unit = name === 'time' ? auto : name
  const widthMs = unit === 'time:minute' ? minuteMs : unit === 'time:hour' ? hourMs : dayMs
  if (lengthMs / widthMs > pointsMax) {
    const points = Math.ceil(lengthMs / widthMs)
    const detail = `That would be ${points} points; at most ${pointsMax} are sent. Take a wider one.`
    throw new ProblemError(400, 'too-many-points', 'Too many points', detail)
  }
  const startOf = {
    'time:minute': (timeMs: number) => Math.floor(timeMs / minuteMs) * minuteMs,
    // Hours of the zone: where it is off by a half or a quarter, so are its hours.
    'time:hour': (timeMs: number) => {
      const start = days.startOf(timeMs)
      return start + Math.floor((timeMs - start) / hourMs) * hourMs
    },
    'time:day': (timeMs: number) => days.startOf(timeMs),
    'time:week': (timeMs: number) => calendar.weekOf(timeMs),
    'time:month': (timeMs: number) => calendar.monthOf(timeMs),
  }[unit]!
  const isShort = widthMs < dayMs
  const starts: number[] = []
  for (let at = fromMs; at < toMs; at = isShort ? startOf(at) + widthMs : days.endOf(at)) {
    const start = startOf(at)
    if (starts.at(-1) !== start) starts.push(start)
  }
  return {
    labels: starts.map(start => (isShort ? calendar.timeText(start) : calendar.dateText(start))),
    coarsest: unit === 'time:minute' ? 60 : unit === 'time:hour' ? 900 : daySeconds,
    startOf: isShort ? startOf : remembered(startOf),
    index: new Map(starts.map((start, index) => [start, index])),
  }
}

/** Dates of a zone are costly; a query asks for the same few over and over. */
function remembered(startOf: (timeMs: number) => number): (timeMs: number) => number {
  const known = new Map<number, number>()
  return timeMs => {
    let start = known.get(timeMs)
    if (start === undefined) {
      start = startOf(timeMs)
      known.set(timeMs, start)
    }
    return start
  }
}

/** By the values of its dimensions joined; time is the index of its slot. */
function partsOf(
  reading: Reading,
  measures: readonly Measure[],
  moments: Moments,
  slots: Slots | null,
): { cells: Map<string, (Part | null)[]>; reaches: Reach[] } {
  const cells = new Map<string, (Part | null)[]>()
  const reaches = measures.map(({ wanted }, at) => {
    const reach = reachOfMoments(reading, wanted, moments, slots)
    const asked: Breakdown = slots ? wanted : { ...wanted, addsUp: true }
    readParts(reading, asked, reach.ranges, (group, bucketMs, part) => {
      const slot = slots ? (slots.index.get(slots.startOf(bucketMs)) ?? -1) : 0
      if (slot < 0) return
      const key = `${slot}\n${group}`
      let row = cells.get(key)
      if (!row) {
        row = new Array<Part | null>(measures.length).fill(null)
        cells.set(key, row)
      }
      row[at] = combined(row[at] ?? null, part)
    })
    return reach
  })
  return { cells, reaches }
}

function reachOfMoments(reading: Reading, wanted: Breakdown, moments: Moments, slots: Slots | null): Reach {
  const { days, rows } = reading
  const { finest } = wanted
  const rules = { finest, coarsest: slots?.coarsest ?? daySeconds, days, edges: rows.edges() } as const
  const reach = cover(moments.fromMs, moments.toMs, rules)
  const widest = Math.max(...reach.ranges.map(range => range.step.seconds))
  if (slots && widest > slots.coarsest) {
    const advice = 'Take time:day, or a later date range.'
    const detail = `${wanted.metric} is kept of this time in steps of ${widest} s. ${advice}`
    throw new ProblemError(400, 'unknown-step', 'This step is not kept', detail)
  }
  return reach
}

function rowsOf(
  reading: Reading,
  measures: readonly Measure[],
  { moments, slots, timeAt }: Frame,
): Map<string, Row> {
  const { cells, reaches } = partsOf(reading, measures, moments, slots)
  if (cells.size === 0 && timeAt < 0 && measures[0]!.wanted.by.length === 0) {
    cells.set('0\n', new Array<null>(measures.length).fill(null))
  }
  const rows = new Map<string, Row>()
  for (const [key, parts] of cells) {
    const cut = key.indexOf('\n')
    const slot = Number(key.slice(0, cut))
    const { by } = measures[0]!.wanted
    const group = key.slice(cut + 1)
    const dimensions = by.length === 0 ? [] : by.length === 1 ? [group] : group.split('\0')
    if (slots) dimensions.splice(timeAt, 0, slots.labels[slot]!)
    const metrics = measures.map(({ wanted, value }, at) => {
      const { fromMs, toMs } = reaches[at]!
      const part = parts[at] ?? null
      // What is still to come does not dilute a rate.
      const seconds = Math.max(Math.min(toMs, reading.nowMs) - fromMs, 1000) / 1000
      return (
        (part === null ? emptyValues(wanted.definition, seconds) : valuesOf(part, seconds))[value] ?? null
      )
    })
    rows.set(key, { dimensions, metrics })
  }
  return rows
}

/** The rows of the period before, by this period's dimensions: its first hour stands beside this one's first. */
function previousRows(
  reading: Reading,
  measures: readonly Measure[],
  { moments, slots, timeName, timeAt }: Frame,
): Map<string, Row> {
  const earlier = previousSpan(moments, moments.toMs - moments.fromMs, reading)
  const earlierSlots =
    timeName === null ? null : slotsOf(timeName, earlier, new Calendar(reading.days), reading)
  const byDimensions = new Map<string, Row>()
  for (const [key, row] of rowsOf(reading, measures, {
    moments: earlier,
    slots: earlierSlots,
    timeName,
    timeAt,
  })) {
    const dimensions = [...row.dimensions]
    if (slots) dimensions[timeAt] = slots.labels[Number(key.slice(0, key.indexOf('\n')))] ?? ''
    byDimensions.set(JSON.stringify(dimensions), row)
  }
  return byDimensions
}

function compared(row: Row, before: ReadonlyMap<string, Row>, measures: readonly Measure[]) {
  const was = before.get(JSON.stringify(row.dimensions))
  const metrics = measures.map(({ wanted, value }, at) =>
    was ? was.metrics[at]! : (emptyValues(wanted.definition, 1)[value] ?? null),
  )
  const change = row.metrics.map((value, at) => changeOf(value, metrics[at]!))
  return { ...row, comparison: { dimensions: was?.dimensions ?? row.dimensions, metrics, change } }
}

const keyOf = ({ metrics, dimensions }: Row): Cursor => [...metrics, ...dimensions]

/** By what was asked for; else by time, else by the first metric, the largest first; then by the dimensions. */
function orderOf({ metrics, dimensions, order_by: asked }: GeneralQuery): (a: Cursor, b: Cursor) => number {
  const time = dimensions.find(name => name === 'time' || name.startsWith('time:'))
  const otherwise = time === undefined ? ([metrics[0]!, 'desc'] as const) : ([time, 'asc'] as const)
  const columns = [...metrics, ...dimensions]
  const keys = (asked ?? [otherwise]).map(([name, direction]) => {
    const at = columns.indexOf(name)
    if (at < 0) throw unknownName('order', name, columns)
    return { at, sign: direction === 'asc' ? 1 : -1 }
  })
  for (let at = metrics.length; at < columns.length; at++) keys.push({ at, sign: 1 })
  return (a, b) => {
    for (const { at, sign } of keys) {
      const difference = compareValues(a[at] ?? null, b[at] ?? null)
      if (difference !== 0) return difference * sign
    }
    return 0
  }
}

/** Nothing comes before everything. */
function compareValues(a: string | number | null, b: string | number | null): number {
  if (a === b) return 0
  if (a === null) return -1
  if (b === null) return 1
  return a < b ? -1 : 1
}

function wordsOf({ wanted: { definition } }: Measure) {
  return { definition: definition.definition, unit: definition.unit }
}
