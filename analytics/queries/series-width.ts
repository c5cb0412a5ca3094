// How wide the buckets of a series are: what was asked for, as a sum of a stored step, or what makes a readable number
// of points. Pure.
import { daySeconds, type Step, steps } from '../windows/steps.ts'
import type { Reading } from './parts.ts'
import { ProblemError } from './problem.ts'
import { type Breakdown, endOf, type Range, startOf, windowMs } from './question.ts'
import { type Reach, reachOf, type Span } from './reach.ts'

/** More points than this are not drawn, and not sent. */
export const pointsMax = 11_000
const pointsWanted = 360

export interface SeriesWidth {
  readonly range: Range
  readonly widthMs: number
}

export function seriesWidth(
  reading: Reading,
  wanted: Breakdown,
  span: Span,
  stepText: string | undefined,
): SeriesWidth {
  const asked = reachOf(span, wanted.finest, reading)
  const lengthMs = 'window' in span ? span.window : span.toMs - span.fromMs
  const edges = reading.rows.edges()
  const kept = steps.filter(
    step => step.seconds >= wanted.finest && (edges.get(step.seconds) ?? 0) * 1000 <= asked.fromMs,
  )
  const widthMs = stepText === undefined ? readableWidth(kept, lengthMs) : askedWidth(stepText)
  const step = kept.findLast(({ seconds, ms }) => seconds !== daySeconds && widthMs % ms === 0)
  const chosen = widthMs === steps.at(-1)!.ms ? steps.at(-1)! : step
  if (!chosen) throw tooFine(stepText ?? '', wanted, kept)
  if (lengthMs / widthMs > pointsMax) {
    const points = Math.ceil(lengthMs / widthMs)
    const detail = `That would be ${points} points; at most ${pointsMax} are sent. Take a wider step.`
    throw new ProblemError(400, 'too-many-points', 'Too many points', detail)
  }
  return { range: rangeIn(chosen, asked, widthMs, reading), widthMs }
}

function readableWidth(kept: readonly Step[], lengthMs: number): number {
  const fine = kept.find(step => lengthMs / step.ms <= pointsWanted)
  return (fine ?? kept.at(-1) ?? steps.at(-1)!).ms
}

function askedWidth(text: string): number {
  return windowMs(/^\d+$/.test(text) ? `${text}s` : text)
}

function rangeIn(step: Step, asked: Reach, widthMs: number, { days }: Reading): Range {
  if (step.seconds === daySeconds) {
    const lastDay = endOf(step, Math.max(asked.toMs - 1, asked.fromMs), days)
    return { step, fromMs: startOf(step, asked.fromMs, days), toMs: lastDay }
  }
  const fromMs = Math.floor(asked.fromMs / widthMs) * widthMs
  return { step, fromMs, toMs: Math.ceil(asked.toMs / widthMs) * widthMs }
}

function tooFine(text: string, wanted: Breakdown, kept: readonly Step[]): ProblemError {
  const finest = kept[0] ?? steps.at(-1)!
  const detail =
    `${wanted.metric} over this range is kept in steps of ${finest.seconds} s and wider; ` +
    `"${text}" is no whole number of a kept step.`
  return new ProblemError(400, 'unknown-step', 'This step is not kept', detail, `${finest.seconds}s`)
}
