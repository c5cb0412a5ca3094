// What a flush changes in visits and views, by the minute in which they began, and how it is written into the rollup:
// each thing a visit is asked by has its own sums, so that a row is touched once, however many origins there are. Pure.
import { durationBounds } from './visit-rules.ts'

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

/** Of visits that have something in common. */
export interface Sums {
  visits: number
  bounces: number
  bouncesUmami: number
  bouncesPosthog: number
  milliseconds: number
  pageviews: number
}

/** Of one page: how often it was seen, left from there, and for how long; how often which one came next. */
export interface PageSums {
  views: number
  exits: number
  milliseconds: number
  timed: number
  readonly next: Map<number, number>
}

/** What begins in one minute, by one source: visits by each thing they are asked by, and views by page. */
export interface Minute {
  readonly startMs: number
  readonly source: number
  readonly total: Sums
  readonly newcomers: Sums
  readonly returning: Sums
  readonly byTouch: Map<number, Sums>
  readonly byEntry: Map<number, Sums>
  /** By index of the bound. */
  readonly durations: number[]
  readonly pages: Map<number, PageSums>
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

const touchDims = touchFields.map(name => (name < 'source' ? `${name},source` : `source,${name}`))
export function newSums(): Sums {
  return { visits: 0, bounces: 0, bouncesUmami: 0, bouncesPosthog: 0, milliseconds: 0, pageviews: 0 }
}

export function sumsOf<Key>(by: Map<Key, Sums>, key: Key): Sums {
  let sums = by.get(key)
  if (!sums) {
    sums = newSums()
    by.set(key, sums)
  }
  return sums
}

export function addTo(
  sums: Sums,
  visits: number,
  bounced: number,
  umami: number,
  posthog: number,
  milliseconds: number,
  pageviews: number,
): void {
  sums.visits += visits
  sums.bounces += bounced
  sums.bouncesUmami += umami
  sums.bouncesPosthog += posthog
  sums.milliseconds += milliseconds
  sums.pageviews += pageviews
}

/** Which of the bins a duration falls into. */
export function durationIndex(durationMs: number): number {
  const seconds = durationMs / 1000
  let at = 0
  while (at < durationBounds.length - 1 && seconds > durationBounds[at]!) at++
  return at
}

export function writeVisits(sink: CountSink, names: Names, minute: Minute): void {
  const { startMs, total, newcomers, returning, byEntry, durations } = minute
  const source = sourceNames[minute.source]!
  for (const [metric, field] of totalMetrics) {
    if (total[field] !== 0) sink.count(metric, 'source', source, startMs, total[field], 60)
  }
  writeSums(sink, 'source,visitor', `${source}\0new`, startMs, newcomers)
  writeSums(sink, 'source,visitor', `${source}\0returning`, startMs, returning)
  for (const [entry, sums] of byEntry) {
    writeSums(sink, 'entry_page,source', `${names.name(entry)}\0${source}`, startMs, sums)
  }
  for (const [at, byValue] of byTouchField(minute, names).entries()) {
    const isBefore = touchFields[at]! < 'source'
    for (const [value, sums] of byValue) {
      const pair = isBefore ? `${value}\0${source}` : `${source}\0${value}`
      writeSums(sink, touchDims[at]!, pair, startMs, sums)
    }
  }
  for (const [at, n] of durations.entries()) {
    if (n === 0) continue
    sink.count('visit_durations', 'duration,source', `${durationBounds[at]}\0${source}`, startMs, n, 60)
  }
}

/** Origins are many; what a visit is asked by are the fields of its origin one by one. */
function byTouchField({ byTouch }: Minute, names: Names): Map<string, Sums>[] {
  const fields = touchFields.map(() => new Map<string, Sums>())
  for (const [id, sums] of byTouch) {
    const { visits, bounces, bouncesUmami, bouncesPosthog, milliseconds, pageviews } = sums
    if (visits === 0 && bounces === 0 && milliseconds === 0 && pageviews === 0) continue
    const touch = names.touch(id)
    for (const [at, name] of touchFields.entries()) {
      const value = touch[name]
      if (value === '') continue
      const into = sumsOf(fields[at]!, value)
      addTo(into, visits, bounces, bouncesUmami, bouncesPosthog, milliseconds, pageviews)
    }
  }
  return fields
}

function writeSums(sink: CountSink, dims: string, value: string, startMs: number, sums: Sums): void {
  for (const [metric, field] of visitMetrics) {
    if (sums[field] !== 0) sink.count(metric, dims, value, startMs, sums[field], 60)
  }
}

export function writePage(sink: CountSink, names: Names, minute: Minute, id: number, sums: PageSums): void {
  const { views, exits, timed, milliseconds } = sums
  const source = sourceNames[minute.source]!
  const page = names.name(id)
  const value = `${page}\0${source}`
  const at = minute.startMs
  if (views !== 0) sink.count('page_visits', 'path,source', value, at, views, 60)
  if (exits !== 0) sink.count('exits', 'path,source', value, at, exits, 60)
  if (timed !== 0) sink.count('timed_views', 'path,source', value, at, timed, 60)
  if (milliseconds !== 0) sink.count('page_milliseconds', 'path,source', value, at, milliseconds, 60)
  for (const [next, n] of sums.next) {
    if (n === 0) continue
    sink.count('transitions', 'next,path,source', `${names.name(next)}\0${value}`, at, n, 900)
  }
}
