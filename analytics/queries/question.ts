// The words of a question made exact: windows, moments, steps, metrics, dimensions, filters. Pure; every refusal is a
// ProblemError that names the nearest right answer.
import { type DimensionName, dimensionNames, type MetricDefinition } from '../windows/catalogue.ts'
import { definedNames, definitionOf, isConfiguredDimension } from '../windows/definitions.ts'
import { bucketStart, daySeconds, type Step, type StepSeconds, stepForWindow } from '../windows/steps.ts'
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
  if ((dimensionNames as string[]).includes(name) || isConfiguredDimension(name)) return name as DimensionName
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
export function filtersOf(texts: readonly string[]): Filters {
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

/** Values by dimension; a row must have one of each. */
export type Filters = ReadonlyMap<DimensionName, ReadonlySet<string>>

export interface Breakdown {
  readonly metric: string
  readonly definition: MetricDefinition
  /** The stored dimension set that can answer; '' for the total. */
  readonly dims: string
  /** Labels of the answer's rows. */
  readonly by: readonly DimensionName[]
  readonly filters: Filters
  readonly isFiltered: boolean
  /** True where events answer, and requests only where there are no events: the question does not say which. */
  readonly prefersEvents: boolean
  /** True where nobody asks when: SQLite then adds up what is counted, and hands over one number a series. */
  readonly addsUp?: true
  /** Whether a series counts here. */
  matches(labels: Readonly<Record<string, string>>): boolean
  /** The finest step that set is kept in. */
  readonly finest: StepSeconds
}

/** Which stored series answer this metric by these dimensions under these filters. */
export function breakdown(metric: string, by: readonly DimensionName[], filters: Filters): Breakdown {
  const matches = (labels: Readonly<Record<string, string>>) => {
    for (const [dimension, values] of filters) if (!values.has(labels[dimension] ?? '')) return false
    return true
  }
  return { ...breakdownBy(metric, by, [...filters.keys()], matches), filters }
}

/** With any condition on the dimensions of `filtered`. */
export function breakdownBy(
  metric: string,
  by: readonly DimensionName[],
  filtered: readonly DimensionName[],
  matches: Breakdown['matches'],
): Breakdown {
  const definition = definitionOf(metric)!
  const wanted = [...new Set([...by, ...filtered])].sort()
  const filters = new Map<never, never>()
  const isFiltered = filtered.length > 0
  if (wanted.length === 0 && definition.total) {
    const finest = finestOf(definition, '')
    return { metric, definition, dims: '', by, filters, isFiltered, prefersEvents: false, matches, finest }
  }
  const dims = definition.dimensions.find(set => wanted.every(name => set.split(',').includes(name)))
  if (dims === undefined) throw cannotBreakDown(metric, definition, wanted)
  // Where a total would mean nothing, asking for nothing in particular is asking for everything apart; but where the
  // same visitors may be seen by events and by requests, one of these answers.
  const kept = dims.split(',') as DimensionName[]
  const implied = wanted.length === 0 ? kept.filter(name => name !== 'source') : by
  const finest = finestOf(definition, dims)
  const prefersEvents = kept.includes('source') && !wanted.includes('source')
  return { metric, definition, dims, by: implied, filters, isFiltered, prefersEvents, matches, finest }
}

/** Seconds are kept of totals that are counted; sketches and breakdowns begin with ten. */
function finestOf({ kind, finest = 10 }: MetricDefinition, dims: string): StepSeconds {
  return dims === '' && kind !== 'distinct' ? 1 : finest
}

function cannotBreakDown(
  metric: string,
  definition: MetricDefinition,
  wanted: readonly string[],
): ProblemError {
  const kept = definition.dimensions.map(set => set.replaceAll(',', ' with ')).join(', ')
  const keptText =
    kept === '' ? 'It is kept as a whole only.' : `It is kept by ${kept}; one of these at a time.`
  const near = wanted.length === 1 ? undefined : definition.dimensions.find(set => wanted.includes(set))
  const asked = wanted.join(' and ')
  if (definition.scope === 'visit') {
    const detail =
      `${metric} belongs to a whole visit, and ${asked} to what happens within one: what it would be of a part of ` +
      `a visit is not defined. ${keptText}`
    return new ProblemError(400, 'visit-metric', 'This breakdown has no meaning', detail, near)
  }
  const detail = `${metric} is not kept by ${asked}${wanted.length > 1 ? ' together' : ''}. ${keptText}`
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

export function startOf(step: Step, timeMs: number, days: ZoneDays): number {
  return step.seconds === daySeconds ? days.startOf(timeMs) : bucketStart(timeMs, step.ms)
}

export function endOf(step: Step, timeMs: number, days: ZoneDays): number {
  return step.seconds === daySeconds ? days.endOf(timeMs) : bucketStart(timeMs, step.ms) + step.ms
}
