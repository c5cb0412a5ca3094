// What a flush changes in the statistics of visits, gathered with its sign so that a row is touched once: a visit that
// grows takes its old self back and adds the new one. Written into the rollup at the end. Pure.
import type { LocalCalendar } from '../windows/local-calendar.ts'
import { dateText } from '../windows/local-calendar.ts'
import {
  addTo,
  type CountSink,
  durationIndex,
  type Minute,
  type Names,
  newSums,
  sourceNames,
  sumsOf,
  writePage,
  writeVisits,
} from './tally-sums.ts'
import { durationBounds } from './visit-rules.ts'
import { bounces, durationOf, type View, type Visit } from './visits-of.ts'

const minuteMs = 60_000

const stageValues = sourceNames.map(source => ({
  new: `${source}\0new`,
  returning: `${source}\0returning`,
  resurrecting: `${source}\0resurrecting`,
}))

export class Tally {
  /** Minutes since the epoch, doubled, and the source. */
  readonly #minutes = new Map<number, Minute>()
  /** By metric, by time, by value. */
  readonly #facts = new Map<string, Map<number, Map<string, Fact>>>()
  readonly #cohorts = new Map<number, string[]>()

  visitsChanged(
    source: number,
    before: readonly Visit[],
    firstBeforeMs: number,
    after: readonly Visit[],
    firstAfterMs: number,
  ): void {
    let same = 0
    // More steps are never fewer: as many steps are the same steps.
    while (
      same < before.length &&
      before[same]!.steps === after[same]!.steps &&
      before[same]!.startMs === after[same]!.startMs &&
      isFirst(before[same]!, firstBeforeMs) === isFirst(after[same]!, firstAfterMs)
    ) {
      same++
    }
    for (let at = same; at < Math.max(before.length, after.length); at++) {
      const old = before[at]
      const now = after[at]
      if (old) this.visit(source, old, isFirst(old, firstBeforeMs), -1)
      if (now) this.visit(source, now, isFirst(now, firstAfterMs), 1)
      this.#views(source, old?.views ?? [], now?.views ?? [])
    }
  }

  /** By local day: was the visitor new, returning from the day before, or back after a pause? */
  daysChanged(
    source: number,
    before: readonly number[],
    firstBeforeMs: number,
    after: readonly number[],
    firstAfterMs: number,
    calendar: LocalCalendar,
  ): void {
    const stages = (days: readonly number[], firstMs: number, n: number) => {
      if (days.length === 0) return
      const first = calendar.dayOf(firstMs)
      eachStage(days, first, (day, stage) =>
        this.#fact('lifecycle', 'source,stage', stageValues[source]![stage], calendar.startOf(day), n),
      )
    }
    stages(before, firstBeforeMs, -1)
    stages(after, firstAfterMs, 1)
  }

  weeksChanged(
    source: number,
    before: readonly number[],
    firstBeforeMs: number,
    after: readonly number[],
    firstAfterMs: number,
    calendar: LocalCalendar,
  ): void {
    const stages = (weeks: readonly number[], firstMs: number, n: number) => {
      if (weeks.length === 0) return
      const first = calendar.weekOf(calendar.dayOf(firstMs))
      const cohort = this.#cohort(first, source, calendar)
      eachStage(weeks, first, (week, stage) => {
        const at = calendar.startOf(calendar.firstDayOf(week))
        this.#fact('weekly_lifecycle', 'source,stage', stageValues[source]![stage], at, n)
        this.#fact('retention', 'cohort,source', cohort, at, n)
      })
    }
    stages(before, firstBeforeMs, -1)
    stages(after, firstAfterMs, 1)
  }

  conversion(source: number, goal: string, timeMs: number): void {
    const minute = Math.floor(timeMs / minuteMs) * minuteMs
    this.#fact('conversions', 'goal,source', `${goal}\0${sourceNames[source]}`, minute, 1)
  }

  /** A visit that may be in the statistics already is taken back and added again around what changes it. */
  visit(source: number, visit: Visit, isNew: boolean, sign: 1 | -1): void {
    const minute = this.#minute(source, visit.startMs)
    const duration = durationOf(visit)
    const { pageviews } = visit
    const bounce = bounces.plausible(visit) ? sign : 0
    const umami = bounces.umami(visit) ? sign : 0
    const posthog = bounces.posthog(visit) ? sign : 0
    const of = isNew ? minute.newcomers : minute.returning
    addTo(minute.total, sign, bounce, umami, posthog, sign * duration, sign * pageviews)
    addTo(of, sign, bounce, umami, posthog, sign * duration, sign * pageviews)
    const touch = sumsOf(minute.byTouch, visit.touch)
    addTo(touch, sign, bounce, umami, posthog, sign * duration, sign * pageviews)
    if (visit.entry >= 0) {
      const entry = sumsOf(minute.byEntry, visit.entry)
      addTo(entry, sign, bounce, umami, posthog, sign * duration, sign * pageviews)
    }
    minute.durations[durationIndex(duration)]! += sign
  }

  /** A view came after the last one of its visit, `before`, if it had one. */
  viewAdded(source: number, before: View | undefined, view: View): void {
    if (before) this.#view(source, before, undefined, -1)
    if (before) this.#view(source, before, view, 1)
    this.#view(source, view, undefined, 1)
  }

  /** Writes everything down; what has come to nothing is left out. */
  into(sink: CountSink, names: Names): void {
    for (const minute of this.#minutes.values()) {
      writeVisits(sink, names, minute)
      for (const [page, sums] of minute.pages) writePage(sink, names, minute, page, sums)
    }
    for (const [metric, byTime] of this.#facts) {
      const finest = isByDay(metric) ? 900 : 60
      for (const [timeMs, byValue] of byTime) {
        for (const [value, { dims, n }] of byValue) {
          if (n !== 0) sink.count(metric, dims, value, timeMs, n, finest)
        }
      }
    }
  }

  #minute(source: number, timeMs: number): Minute {
    const minutes = Math.floor(timeMs / minuteMs)
    const key = minutes * sourceNames.length + source
    let minute = this.#minutes.get(key)
    if (!minute) {
      minute = {
        ...{ startMs: minutes * minuteMs, source, total: newSums(), newcomers: newSums() },
        ...{ returning: newSums(), byTouch: new Map(), byEntry: new Map(), pages: new Map() },
        durations: durationBounds.map(() => 0),
      }
      this.#minutes.set(key, minute)
    }
    return minute
  }

  #cohort(week: number, source: number, calendar: LocalCalendar): string {
    let texts = this.#cohorts.get(week)
    if (!texts) {
      const date = dateText(calendar.firstDayOf(week))
      texts = sourceNames.map(name => `${date}\0${name}`)
      this.#cohorts.set(week, texts)
    }
    return texts[source]!
  }

  #views(source: number, before: Visit['views'], after: Visit['views']): void {
    let same = 0
    while (
      same < before.length &&
      same < after.length &&
      before[same]!.timeMs === after[same]!.timeMs &&
      before[same]!.name === after[same]!.name
    ) {
      same++
    }
    // The last of what is the same leads elsewhere now.
    const from = Math.max(same - 1, 0)
    for (let at = from; at < before.length; at++) this.#view(source, before[at]!, before[at + 1], -1)
    for (let at = from; at < after.length; at++) this.#view(source, after[at]!, after[at + 1], 1)
  }

  #view(source: number, view: View, next: View | undefined, sign: 1 | -1): void {
    const { pages } = this.#minute(source, view.timeMs)
    let sums = pages.get(view.name)
    if (!sums) {
      sums = { views: 0, exits: 0, milliseconds: 0, timed: 0, next: new Map() }
      pages.set(view.name, sums)
    }
    sums.views += sign
    if (!next) {
      sums.exits += sign
      return
    }
    sums.timed += sign
    sums.milliseconds += sign * (next.timeMs - view.timeMs)
    sums.next.set(next.name, (sums.next.get(next.name) ?? 0) + sign)
  }

  #fact(metric: string, dims: string, value: string, timeMs: number, n: number): void {
    let byTime = this.#facts.get(metric)
    if (!byTime) {
      byTime = new Map()
      this.#facts.set(metric, byTime)
    }
    let byValue = byTime.get(timeMs)
    if (!byValue) {
      byValue = new Map()
      byTime.set(timeMs, byValue)
    }
    const fact = byValue.get(value)
    if (fact) fact.n += n
    else byValue.set(value, { dims, n })
  }
}

interface Fact {
  readonly dims: string
  n: number
}

export type Stage = 'new' | 'returning' | 'resurrecting'

function eachStage(
  periods: readonly number[],
  first: number,
  take: (period: number, stage: Stage) => void,
): void {
  for (const [at, period] of periods.entries()) {
    const stage = period === first ? 'new' : periods[at - 1] === period - 1 ? 'returning' : 'resurrecting'
    // The oldest that is known cannot be told apart when what came before it was given up.
    if (at > 0 || period === first) take(period, stage)
  }
}

function isFirst(visit: Visit, firstMs: number): boolean {
  return visit.startMs === firstMs
}

function isByDay(metric: string): boolean {
  return metric === 'lifecycle' || metric === 'weekly_lifecycle' || metric === 'retention'
}
