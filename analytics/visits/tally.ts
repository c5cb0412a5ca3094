// What a flush changes in the statistics of visits, gathered with its sign so that a row is touched once: a visit that
// grows takes its old self back and adds the new one. Written into the rollup at the end. Pure.
import type { LocalCalendar } from '../windows/local-calendar.ts'
import { dateText } from '../windows/local-calendar.ts'
import { durationBounds } from './visit-rules.ts'
import { bounces, durationOf, type Visit } from './visits-of.ts'

/** What the tally needs of the rollup. */
export interface CountSink {
  count(metric: string, dims: string, value: string, timeMs: number, n: number, finest: 60 | 900): void
}

/** Numbers of the dictionary as text. */
export interface Names {
  name(id: number): string
  touch(id: number): Touch
}

/** Where a visitor came from and with what; empty where nothing says. */
export type Touch = Readonly<Record<TouchField, string>>

export const touchFields = [
  'channel',
  'referrer',
  'device',
  'browser',
  'os',
  'country',
  'utm_source',
  'utm_medium',
  'utm_campaign',
  'utm_content',
  'utm_term',
] as const
export type TouchField = (typeof touchFields)[number]

export const sourceNames = ['events', 'requests'] as const

const minuteMs = 60_000

class VisitCell {
  readonly startMs: number
  readonly source: number
  readonly touch: number
  readonly entry: number
  readonly isNew: boolean
  visits = 0
  bounces = 0
  bouncesUmami = 0
  bouncesPosthog = 0
  milliseconds = 0
  pageviews = 0

  constructor(startMs: number, source: number, touch: number, entry: number, isNew: boolean) {
    this.startMs = startMs
    this.source = source
    this.touch = touch
    this.entry = entry
    this.isNew = isNew
  }
}

interface PageCell {
  readonly timeMs: number
  readonly source: number
  readonly page: number
  readonly next: number
  views: number
  exits: number
  milliseconds: number
  timed: number
}

interface Fact {
  readonly metric: string
  readonly dims: string
  readonly value: string
  readonly timeMs: number
  n: number
}

const visitMetrics = [
  ['visits', 'visits'],
  ['bounces', 'bounces'],
  ['visit_milliseconds', 'milliseconds'],
  ['visit_pageviews', 'pageviews'],
] as const
const totalMetrics = [
  ...visitMetrics,
  ['bounces_umami', 'bouncesUmami'],
  ['bounces_posthog', 'bouncesPosthog'],
] as const

export class Tally {
  readonly #visits = new Map<string, VisitCell>()
  readonly #pages = new Map<string, PageCell>()
  readonly #facts = new Map<string, Fact>()

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
      if (old) this.#visit(source, old, isFirst(old, firstBeforeMs), -1)
      if (now) this.#visit(source, now, isFirst(now, firstAfterMs), 1)
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
        this.#fact('lifecycle', 'source,stage', `${sourceNames[source]}\0${stage}`, calendar.startOf(day), n),
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
      const cohort = dateText(calendar.firstDayOf(first))
      eachStage(weeks, first, (week, stage) => {
        const at = calendar.startOf(calendar.firstDayOf(week))
        this.#fact('weekly_lifecycle', 'source,stage', `${sourceNames[source]}\0${stage}`, at, n)
        this.#fact('retention', 'cohort,source', `${cohort}\0${sourceNames[source]}`, at, n)
      })
    }
    stages(before, firstBeforeMs, -1)
    stages(after, firstAfterMs, 1)
  }

  conversion(source: number, goal: string, timeMs: number): void {
    const minute = Math.floor(timeMs / minuteMs) * minuteMs
    this.#fact('conversions', 'goal,source', `${goal}\0${sourceNames[source]}`, minute, 1)
  }

  /** Writes everything down; what has come to nothing is left out. */
  into(sink: CountSink, names: Names): void {
    for (const cell of this.#visits.values()) writeVisits(sink, names, cell)
    for (const cell of this.#pages.values()) writePages(sink, names, cell)
    for (const { metric, dims, value, timeMs, n } of this.#facts.values()) {
      if (n !== 0) sink.count(metric, dims, value, timeMs, n, isByDay(metric) ? 900 : 60)
    }
  }

  #visit(source: number, visit: Visit, isNew: boolean, sign: number): void {
    const startMs = Math.floor(visit.startMs / minuteMs) * minuteMs
    const key = `${startMs} ${source} ${visit.touch} ${visit.entry} ${isNew}`
    let cell = this.#visits.get(key)
    if (!cell) {
      cell = new VisitCell(startMs, source, visit.touch, visit.entry, isNew)
      this.#visits.set(key, cell)
    }
    const duration = durationOf(visit)
    cell.visits += sign
    if (bounces.plausible(visit)) cell.bounces += sign
    if (bounces.umami(visit)) cell.bouncesUmami += sign
    if (bounces.posthog(visit)) cell.bouncesPosthog += sign
    cell.milliseconds += sign * duration
    cell.pageviews += sign * visit.pageviews
    const value = `${durationBound(duration)}\0${sourceNames[source]}`
    this.#fact('visit_durations', 'duration,source', value, startMs, sign)
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
    for (let at = from; at < before.length; at++) this.#view(source, before, at, -1)
    for (let at = from; at < after.length; at++) this.#view(source, after, at, 1)
  }

  #view(source: number, views: Visit['views'], at: number, sign: number): void {
    const { timeMs: viewedMs, name } = views[at]!
    const next = views[at + 1]
    const timeMs = Math.floor(viewedMs / minuteMs) * minuteMs
    const key = `${timeMs} ${source} ${name} ${next ? next.name : -1}`
    let cell = this.#pages.get(key)
    if (!cell) {
      cell = {
        timeMs,
        source,
        page: name,
        next: next ? next.name : -1,
        views: 0,
        exits: 0,
        milliseconds: 0,
        timed: 0,
      }
      this.#pages.set(key, cell)
    }
    cell.views += sign
    if (!next) cell.exits += sign
    else {
      cell.timed += sign
      cell.milliseconds += sign * (next.timeMs - viewedMs)
    }
  }

  #fact(metric: string, dims: string, value: string, timeMs: number, n: number): void {
    const key = `${metric} ${timeMs} ${value}`
    const fact = this.#facts.get(key)
    if (fact) fact.n += n
    else this.#facts.set(key, { metric, dims, value, timeMs, n })
  }
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

/** In seconds. */
export function durationBound(durationMs: number): number {
  const seconds = durationMs / 1000
  for (const bound of durationBounds) if (seconds <= bound) return bound
  return durationBounds.at(-1)!
}

function writeVisits(sink: CountSink, names: Names, cell: VisitCell): void {
  const source = sourceNames[cell.source]!
  for (const [metric, field] of totalMetrics) {
    if (cell[field] !== 0) sink.count(metric, 'source', source, cell.startMs, cell[field], 60)
  }
  const touch = names.touch(cell.touch)
  const kind = cell.isNew ? 'new' : 'returning'
  for (const [metric, field] of visitMetrics) {
    const n = cell[field]
    if (n === 0) continue
    for (const name of touchFields) {
      if (touch[name] === '') continue
      const pair = name < 'source' ? `${touch[name]}\0${source}` : `${source}\0${touch[name]}`
      sink.count(metric, name < 'source' ? `${name},source` : `source,${name}`, pair, cell.startMs, n, 60)
    }
    if (cell.entry >= 0) {
      sink.count(metric, 'entry_page,source', `${names.name(cell.entry)}\0${source}`, cell.startMs, n, 60)
    }
    sink.count(metric, 'source,visitor', `${source}\0${kind}`, cell.startMs, n, 60)
  }
}

function writePages(sink: CountSink, names: Names, cell: PageCell): void {
  const source = sourceNames[cell.source]!
  const page = names.name(cell.page)
  const value = `${page}\0${source}`
  if (cell.views !== 0) sink.count('page_visits', 'path,source', value, cell.timeMs, cell.views, 60)
  if (cell.exits !== 0) sink.count('exits', 'path,source', value, cell.timeMs, cell.exits, 60)
  if (cell.timed !== 0) sink.count('timed_views', 'path,source', value, cell.timeMs, cell.timed, 60)
  if (cell.milliseconds !== 0) {
    sink.count('page_milliseconds', 'path,source', value, cell.timeMs, cell.milliseconds, 60)
  }
  if (cell.timed !== 0) {
    const steps = `${names.name(cell.next)}\0${page}\0${source}`
    sink.count('transitions', 'next,path,source', steps, cell.timeMs, cell.timed, 900)
  }
}
