// The words of a question made exact: windows, moments, steps, metrics, dimensions, filters. Pure; every refusal is a
// ProblemError that names the nearest right answer.
import { type DimensionName, dimensionNames, type MetricDefinition } from '../windows/catalogue.ts'
import { definedNames, definitionOf } from '../windows/definitions.ts'
import {
  bucketStart,
  daySeconds,
  type Step,
  type StepSeconds,
  stepForWindow,
  steps,
} from '../windows/steps.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import { ProblemError, shown, unknownName } from './problem.ts'

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const windowMaxMs = 5 * 366 * unitMs.d
const windowExamples = ['30s', '1m', '5m', '15m', '30m', '1h', '6h', '1d', '7d', '30d', '90d', '365d']

export function metricNamed(name: string): string {
  if (definitionOf(name)) return name
  throw unknownName('metric', name, definedNames())
}

export function dimensionNamed(name: string): DimensionName {
  if ((dimensionNames as string[]).includes(name)) return name as DimensionName
  throw unknownName('dimension', name, dimensionNames)
}

/** `5m` in milliseconds. */
export function windowMs(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  const ms = match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : 0
  if (ms > 0 && ms <= windowMaxMs) return ms
  throw unknownName('window', text, windowExamples)
}

/** Milliseconds since the epoch from ISO 8601, seconds or milliseconds since the epoch, `now` or `now-1h`. */
export function moment(name: string, text: string, nowMs: number): number {
  if (text === 'now') return nowMs
  if (text.startsWith('now-')) return nowMs - windowMs(text.slice(4))
  if (/^\d{1,16}(\.\d+)?$/.test(text)) return Number(text) < 1e11 ? Number(text) * 1000 : Number(text)
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isFinite(ms)) return ms
  const detail = `"${shown(text)}" is no time. Write 2026-11-24T08:00:00Z, seconds since the epoch, now or now-1h.`
  throw new ProblemError(400, 'unknown-time', `Cannot read ${name}`, detail)
}

/** `path:/x` and `status:500` → values by dimension; several values of one dimension mean any of them. */
export function filtersOf(texts: readonly string[]): ReadonlyMap<DimensionName, ReadonlySet<string>> {
  const filters = new Map<DimensionName, Set<string>>()
  for (const text of texts) {
    const colon = text.indexOf(':')
    if (colon <= 0) {
      const detail = `"${shown(text)}" is no filter. Write dimension:value, for example path:/checkout.`
      throw new ProblemError(400, 'unknown-filter', 'Cannot read the filter', detail)
    }
    const dimension = dimensionNamed(text.slice(0, colon))
    filters.set(dimension, (filters.get(dimension) ?? new Set()).add(text.slice(colon + 1)))
  }
  return filters
}

export interface Breakdown {
  readonly metric: string
  readonly definition: MetricDefinition
  /** The stored dimension set that can answer; '' for the total. */
  readonly dims: string
  /** Labels of the answer's rows. */
  readonly by: readonly DimensionName[]
  readonly filters: ReadonlyMap<DimensionName, ReadonlySet<string>>
  /** The finest step that set is kept in. */
  readonly finest: StepSeconds
}

/** Which stored series answer this metric by these dimensions under these filters. */
export function breakdown(
  metric: string,
  by: readonly DimensionName[],
  filters: ReadonlyMap<DimensionName, ReadonlySet<string>>,
): Breakdown {
  const definition = definitionOf(metric)!
  const wanted = [...new Set([...by, ...filters.keys()])].sort()
  const finest = (dims: string) => (dims === '' ? 1 : 10)
  if (wanted.length === 0 && definition.total)
    return { metric, definition, dims: '', by, filters, finest: finest('') }
  const dims = definition.dimensions.find(set => wanted.every(name => set.split(',').includes(name)))
  if (dims === undefined) throw cannotBreakDown(metric, definition, wanted)
  // Where a total would mean nothing, asking for nothing in particular is asking for everything apart.
  const implied = wanted.length === 0 && metric !== 'active_users' ? (dims.split(',') as DimensionName[]) : by
  return { metric, definition, dims, by: implied, filters, finest: finest(dims) }
}

function cannotBreakDown(
  metric: string,
  definition: MetricDefinition,
  wanted: readonly string[],
): ProblemError {
  const kept = definition.dimensions.map(set => set.replace(',', ' with ')).join(', ')
  const detail =
    `${metric} is not kept by ${wanted.join(' and ')}${wanted.length > 1 ? ' together' : ''}. ` +
    (kept === '' ? 'It is kept as a whole only.' : `It is kept by ${kept}; one of these at a time.`)
  const near = wanted.length === 1 ? undefined : definition.dimensions.find(set => wanted.includes(set))
  return new ProblemError(400, 'unknown-breakdown', 'This breakdown is not kept', detail, near)
}

export interface Range {
  readonly step: Step
  readonly fromMs: number
  readonly toMs: number
}

/** The last `window` up to now, the bucket that is still filling included. */
export function rollingRange(window: number, nowMs: number, finest: StepSeconds, days: ZoneDays): Range {
  const step = stepForWindow(window, finest)
  if (step.seconds === daySeconds) {
    let fromMs = days.startOf(nowMs)
    for (let day = 1; day < window / step.ms; day++) fromMs = days.startOf(fromMs - 1)
    return { step, fromMs, toMs: days.endOf(nowMs) }
  }
  const toMs = bucketStart(nowMs, step.ms) + step.ms
  return { step, fromMs: bucketStart(toMs - window, step.ms), toMs }
}

/** From one moment to another, in the coarsest step that begins and ends there, else the finest still kept. */
export function fixedRange(
  fromMs: number,
  toMs: number,
  finest: StepSeconds,
  days: ZoneDays,
  edges: ReadonlyMap<number, number>,
): Range {
  if (!(fromMs < toMs)) {
    throw new ProblemError(400, 'empty-range', 'Nothing lies between from and to', 'from must be before to.')
  }
  const kept = steps.filter(step => step.seconds >= finest && (edges.get(step.seconds) ?? 0) * 1000 <= fromMs)
  const isAligned = (step: Step) => [fromMs, toMs].every(time => startOf(step, time, days) === time)
  const step = kept.findLast(isAligned) ?? kept[0] ?? steps.at(-1)!
  const start = startOf(step, fromMs, days)
  const end = startOf(step, toMs, days)
  return { step, fromMs: start, toMs: end === toMs ? end : endOf(step, toMs, days) }
}

export function startOf(step: Step, timeMs: number, days: ZoneDays): number {
  return step.seconds === daySeconds ? days.startOf(timeMs) : bucketStart(timeMs, step.ms)
}

export function endOf(step: Step, timeMs: number, days: ZoneDays): number {
  return step.seconds === daySeconds ? days.endOf(timeMs) : bucketStart(timeMs, step.ms) + step.ms
}
