// What is kept of one visitor, and what an event changes in it. Steps lie in order of their time, so an event may come
// late: it extends a visit, joins two, or begins one earlier. Whatever the batches, the same events in the same order
// of arrival give the same numbers. Pure.
import type { LocalCalendar } from '../windows/local-calendar.ts'
import type { Tally } from './tally.ts'
import { daysKept, stepsAgeMs, stepsKept, stepsMax, weeksKept } from './visit-rules.ts'
import {
  beginVisit,
  continues,
  extendVisit,
  type Step,
  stretchStart,
  type Visit,
  visitsOf,
} from './visits-of.ts'

export class Visitor {
  firstMs = Number.POSITIVE_INFINITY
  lastMs = Number.NEGATIVE_INFINITY
  /** Steps up to here are frozen: what comes for a time before cannot be put into order. */
  frozenMs = Number.NEGATIVE_INFINITY
  /** The visit that was going on there. */
  head: Visit | null = null
  readonly steps: Step[] = []
  /** Local days and weeks with an event, ascending. */
  days: readonly number[] = []
  weeks: readonly number[] = []
  /** Hashes of the visitor fields first seen with this key; 0 for none. */
  anonymous = 0
  user = 0
  /** What the statistics know so far. */
  readonly settled = {
    firstMs: Number.POSITIVE_INFINITY,
    days: [] as readonly number[],
    weeks: [] as readonly number[],
    freshFromMs: Number.POSITIVE_INFINITY,
  }
  /** The last visit as the statistics know it, of its views only the last; null until it was settled in memory. */
  #open: Visit | null = null

  get open(): Visit | null {
    return this.#open
  }

  set open(visit: Visit | null) {
    this.#open = visit
  }
}

export function newVisitor(): Visitor {
  return new Visitor()
}

/** False if the event is too late to be put into order; `watermarkMs` is the newest event time of its partition. */
export function addStep(
  visitor: Visitor,
  step: Step,
  watermarkMs: number,
  source: number,
  calendar: LocalCalendar,
  tally: Tally,
): boolean {
  const { steps, settled } = visitor
  if (steps.length >= stepsMax) {
    settle(visitor, source, calendar, tally)
    freeze(visitor)
  }
  const { timeMs } = step
  if (timeMs <= visitor.frozenMs || timeMs < watermarkMs - stepsAgeMs) return false
  let at = steps.length
  while (at > 0 && steps[at - 1]!.timeMs > timeMs) at--
  if (at === steps.length) steps.push(step)
  else steps.splice(at, 0, step)
  if (timeMs < settled.freshFromMs) settled.freshFromMs = timeMs
  if (timeMs < visitor.firstMs) visitor.firstMs = timeMs
  if (timeMs > visitor.lastMs) visitor.lastMs = timeMs
  const day = calendar.dayOf(timeMs)
  visitor.days = withNumber(visitor.days, day)
  visitor.weeks = withNumber(visitor.weeks, calendar.weekOf(day))
  return true
}

/** Hands the difference that the fresh steps make to the statistics, after which they are fresh no more. */
export function settle(visitor: Visitor, source: number, calendar: LocalCalendar, tally: Tally): void {
  const { steps, settled, firstMs } = visitor
  if (settled.freshFromMs === Number.POSITIVE_INFINITY) return
  // Who has a first event now that is earlier than before has another first visit: then all of them may change.
  const isFirstMoved = settled.firstMs !== firstMs
  if (!isFirstMoved && visitor.open !== null && settled.freshFromMs >= visitor.open.lastMs) {
    settleAtEnd(visitor, visitor.open, source, tally)
  } else settleStretch(visitor, source, isFirstMoved ? 0 : stretchStart(steps, settled.freshFromMs), tally)
  if (settled.days !== visitor.days || isFirstMoved) {
    tally.daysChanged(source, settled.days, settled.firstMs, visitor.days, firstMs, calendar)
  }
  if (settled.weeks !== visitor.weeks || isFirstMoved) {
    tally.weeksChanged(source, settled.weeks, settled.firstMs, visitor.weeks, firstMs, calendar)
  }
  if (visitor.days.length > daysKept) visitor.days = visitor.days.slice(-daysKept)
  if (visitor.weeks.length > weeksKept) visitor.weeks = visitor.weeks.slice(-weeksKept)
  settled.firstMs = firstMs
  settled.days = visitor.days
  settled.weeks = visitor.weeks
  settled.freshFromMs = Number.POSITIVE_INFINITY
}

/** What came lies behind everything that was known, as it nearly always does: only the last visit goes on. */
function settleAtEnd(visitor: Visitor, open: Visit, source: number, tally: Tally): void {
  const { steps, settled } = visitor
  let from = steps.length
  while (from > 0 && steps[from - 1]!.isFresh) from--
  let visit = open
  let isCounted = true
  for (let at = from; at < steps.length; at++) {
    const step = steps[at]!
    step.isFresh = false
    const goesOn = continues(visit, step.timeMs)
    const viewBefore = goesOn ? visit.views[0] : undefined
    if (goesOn) {
      if (isCounted) tally.visit(source, visit, visit.startMs === settled.firstMs, -1)
      extendVisit(visit, step)
    } else {
      if (!isCounted) tally.visit(source, visit, visit.startMs === settled.firstMs, 1)
      visit = beginVisit(step)
    }
    isCounted = false
    if (visit.views.length > 1) visit.views.shift()
    const view = visit.views[0]
    if (view && view !== viewBefore) tally.viewAdded(source, viewBefore, view)
  }
  if (!isCounted) tally.visit(source, visit, visit.startMs === settled.firstMs, 1)
  visitor.open = visit
}

function settleStretch(visitor: Visitor, source: number, from: number, tally: Tally): void {
  const { steps, settled, firstMs } = visitor
  const head = from === 0 ? visitor.head : null
  const before = visitsOf(head, steps, from, false)
  const after = visitsOf(head, steps, from, true)
  tally.visitsChanged(source, before, settled.firstMs, after, firstMs)
  for (let at = from; at < steps.length; at++) steps[at]!.isFresh = false
  visitor.open = lastOf(after)
}

function lastOf(visits: readonly Visit[]): Visit | null {
  const visit = visits.at(-1)
  if (!visit) return null
  visit.views = visit.views.slice(-1)
  return visit
}

/** Gives up the oldest steps: of the visit that was going on its sums are kept, of earlier ones nothing. */
function freeze(visitor: Visitor): void {
  const frozen = visitor.steps.splice(0, visitor.steps.length - stepsKept)
  for (const step of frozen) {
    if (visitor.head && continues(visitor.head, step.timeMs)) extendVisit(visitor.head, step)
    else visitor.head = beginVisit(step)
  }
  const { head } = visitor
  if (head) head.views = head.views.slice(-1)
  visitor.frozenMs = frozen.at(-1)!.timeMs
}

function withNumber(numbers: readonly number[], number: number): readonly number[] {
  let at = numbers.length
  while (at > 0 && numbers[at - 1]! > number) at--
  if (at > 0 && numbers[at - 1] === number) return numbers
  return [...numbers.slice(0, at), number, ...numbers.slice(at)]
}
