// Steps of one visitor, in order of their time, cut into visits. Pure.
import { quickLookMs, stepFlags, visitCapMs, visitGapMs } from './visit-rules.ts'

export interface Step {
  readonly timeMs: number
  /** Page or event name, by its number in the dictionary. */
  readonly name: number
  /** Where the visitor came from and with what, by number. */
  readonly touch: number
  readonly flags: number
  /** Which of the configured conditions it meets, as bits. */
  readonly goals: number
  /** Not yet in the statistics. */
  isFresh: boolean
}

export interface View {
  readonly timeMs: number
  readonly name: number
}

export interface Visit {
  readonly startMs: number
  /** Of the first event: it decides where the visit came from. */
  readonly touch: number
  lastMs: number
  steps: number
  pageviews: number
  interactive: number
  autocaptured: number
  /** Page of the first pageview, -1 without one. */
  entry: number
  /** Pageviews that are still known one by one; of a frozen beginning only its last. */
  views: View[]
}

export const bounces = {
  /** One pageview and nothing done. */
  plausible: ({ pageviews, interactive }: Visit) => pageviews === 1 && interactive === 0,
  /** One pageview, whatever else. */
  umami: ({ pageviews }: Visit) => pageviews === 1,
  /** One pageview, nothing autocaptured, shorter than ten seconds. */
  posthog: (visit: Visit) =>
    visit.pageviews === 1 && visit.autocaptured === 0 && visit.lastMs - visit.startMs < quickLookMs,
} as const

/** Milliseconds from the first to the last event; a bounce has none. */
export function durationOf(visit: Visit): number {
  return bounces.plausible(visit) ? 0 : visit.lastMs - visit.startMs
}

export function continues(visit: Visit, timeMs: number): boolean {
  return timeMs - visit.lastMs < visitGapMs && timeMs - visit.startMs < visitCapMs
}

export function beginVisit(step: Step): Visit {
  const visit: Visit = {
    startMs: step.timeMs,
    touch: step.touch,
    lastMs: step.timeMs,
    steps: 0,
    pageviews: 0,
    interactive: 0,
    autocaptured: 0,
    entry: -1,
    views: [],
  }
  extendVisit(visit, step)
  return visit
}

export function extendVisit(visit: Visit, step: Step): void {
  visit.lastMs = step.timeMs
  visit.steps++
  if ((step.flags & stepFlags.interactive) !== 0) visit.interactive++
  if ((step.flags & stepFlags.autocapture) !== 0) visit.autocaptured++
  if ((step.flags & stepFlags.page) === 0) return
  visit.pageviews++
  if (visit.entry < 0) visit.entry = step.name
  visit.views.push({ timeMs: step.timeMs, name: step.name })
}

export function copyVisit(visit: Visit): Visit {
  return { ...visit, views: [...visit.views] }
}

/** The visits from `from` on, after a frozen beginning if there is one; without the fresh steps if so wanted. */
export function visitsOf(
  head: Visit | null,
  steps: readonly Step[],
  from: number,
  withFresh: boolean,
): Visit[] {
  const visits: Visit[] = head ? [copyVisit(head)] : []
  for (let at = from; at < steps.length; at++) {
    const step = steps[at]!
    if (step.isFresh && !withFresh) continue
    const last = visits.at(-1)
    if (last && continues(last, step.timeMs)) extendVisit(last, step)
    else visits.push(beginVisit(step))
  }
  return visits
}

/** Index of the step that begins the stretch without a gap in which `timeMs` lies. */
export function stretchStart(steps: readonly Step[], timeMs: number): number {
  let at = steps.length
  while (at > 0 && steps[at - 1]!.timeMs >= timeMs) at--
  while (at > 0 && steps[at]!.timeMs - steps[at - 1]!.timeMs < visitGapMs) at--
  return at
}
