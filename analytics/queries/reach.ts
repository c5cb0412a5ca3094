// The ranges of base buckets that make up a span of time: the coarsest that fit, finer ones at both ends. And the
// period before, of which only as much counts as has passed of this one. Pure.
import { daySeconds, type Step, type StepSeconds, steps } from '../windows/steps.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import type { Reading } from './parts.ts'
import { ProblemError } from './problem.ts'
import { type Breakdown, endOf, type Range, rollingRange, startOf } from './question.ts'

const dayMs = daySeconds * 1000
/** Further than this no clock is ever put. */
const zoneChangeMs = 3 * 3_600_000

export interface Moments {
  readonly fromMs: number
  readonly toMs: number
}

export type Span = { readonly window: number } | Moments

/** Ranges that follow each other without gaps. */
export interface Reach extends Moments {
  readonly ranges: readonly Range[]
}

export interface CoverRules {
  readonly finest: StepSeconds
  /** Buckets may not be wider, where narrower ones are kept. */
  readonly coarsest?: StepSeconds
  readonly days: ZoneDays
  /** By step, in seconds: what lies before is not kept. */
  readonly edges: ReadonlyMap<number, number>
}

export function reachOf(span: Span, finest: Breakdown['finest'], { rows, days, nowMs }: Reading): Reach {
  if ('window' in span) {
    const range = rollingRange(span.window, nowMs, finest, days)
    return { fromMs: range.fromMs, toMs: range.toMs, ranges: [range] }
  }
  return cover(span.fromMs, span.toMs, { finest, days, edges: rows.edges() })
}

/** From the bucket that holds `fromMs` to the end of the one before `toMs`, in the finest step kept at either end. */
export function cover(fromMs: number, toMs: number, rules: CoverRules): Reach {
  if (!(fromMs < toMs)) {
    throw new ProblemError(400, 'empty-range', 'Nothing lies between from and to', 'from must be before to.')
  }
  const { days, finest, coarsest = daySeconds } = rules
  const keptAt = (timeMs: number) =>
    steps.filter(step => step.seconds >= finest && (rules.edges.get(step.seconds) ?? 0) * 1000 <= timeMs)
  const finestAt = (timeMs: number): Step => keptAt(timeMs)[0] ?? steps.at(-1)!
  const start = startOf(finestAt(fromMs), fromMs, days)
  const last = finestAt(toMs - 1)
  const end = endOf(last, toMs - 1, days)
  const ranges: { step: Step; fromMs: number; toMs: number }[] = []
  for (let at = start; at < end; ) {
    const fits = (step: Step) =>
      step.seconds <= coarsest && startOf(step, at, days) === at && endOf(step, at, days) <= end
    const step = keptAt(at).findLast(fits) ?? finestAt(at)
    // Days follow days up to the last that is whole: centuries are one range, not a walk over each of their days.
    const lastDay = coarsest === daySeconds && step.seconds === daySeconds ? days.startOf(end) : at
    const next = Math.max(endOf(step, at, days), lastDay)
    const before = ranges.at(-1)
    if (before?.step === step) before.toMs = next
    else ranges.push({ step, fromMs: at, toMs: next })
    at = next
  }
  return { fromMs: start, toMs: ranges.at(-1)?.toMs ?? end, ranges }
}

/** The period of the same length before: where it begins, and where as much of it has passed as of this one. */
export function previousSpan(
  span: Moments,
  lengthMs: number,
  { days, nowMs }: Pick<Reading, 'days' | 'nowMs'>,
): Moments {
  const back = span.fromMs - lengthMs
  // A calendar day before is not always 24 hours before.
  const isDays = lengthMs > dayMs / 2 && days.startOf(span.fromMs) === span.fromMs
  const near = isDays ? days.startOf(back + dayMs / 2) : back
  const fromMs = Math.abs(near - back) <= zoneChangeMs ? near : back
  const elapsedMs = Math.max(Math.min(span.toMs, nowMs) - span.fromMs, 1)
  return { fromMs, toMs: fromMs + elapsedMs }
}

export function lengthOf(span: Span): number {
  return 'window' in span ? span.window : span.toMs - span.fromMs
}
