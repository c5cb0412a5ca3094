// The statistics of visits computed again for tests, slowly and another way: all events of a visitor sorted, cut into
// visits and counted anew, no state, no differences. Shares no code with the core.

export interface NaiveEvent {
  readonly visitor: string
  readonly timeMs: number
  readonly isPage: boolean
  readonly name: string
  readonly isInteractive: boolean
  readonly isAutocapture: boolean
  readonly channel: string
}

/** `metric|dims|value|minute` → n. */
export type NaiveCounts = Map<string, number>

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const monday = Date.parse('1970-01-05T00:00:00Z')
const bounds = [
  ...[0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 420, 600, 900, 1200, 1800, 2700],
  ...[3600, 7200, 14_400, 28_800, 86_400],
]

/** In UTC, all of them behaviour events; `events` in the order of their arrival. */
export function naiveVisits(events: readonly NaiveEvent[]): NaiveCounts {
  const counts: NaiveCounts = new Map()
  for (const ofVisitor of Map.groupBy(events, event => event.visitor).values()) {
    const sorted = ofVisitor.toSorted((a, b) => a.timeMs - b.timeMs)
    const visits = cut(sorted)
    for (const [index, visit] of visits.entries()) countVisit(counts, visit, index === 0)
    countPeriods(counts, sorted)
  }
  for (const [key, n] of counts) if (n === 0) counts.delete(key)
  return counts
}

function cut(sorted: readonly NaiveEvent[]): NaiveEvent[][] {
  const visits: NaiveEvent[][] = []
  for (const event of sorted) {
    const visit = visits.at(-1)
    const isSame =
      visit !== undefined &&
      event.timeMs < visit.at(-1)!.timeMs + 30 * minute &&
      event.timeMs < visit[0]!.timeMs + day
    if (isSame) visit.push(event)
    else visits.push([event])
  }
  return visits
}

function countVisit(counts: NaiveCounts, visit: readonly NaiveEvent[], isFirst: boolean): void {
  const pages = visit.filter(event => event.isPage)
  const startMs = visit[0]!.timeMs
  const lengthMs = visit.at(-1)!.timeMs - startMs
  const isBounce = pages.length === 1 && !visit.some(event => event.isInteractive)
  const isQuick = pages.length === 1 && !visit.some(event => event.isAutocapture) && lengthMs < 10_000
  const durationMs = isBounce ? 0 : lengthMs
  const at = (metric: string, n: number) => {
    add(counts, metric, 'source', 'events', startMs, n)
    add(counts, metric, 'channel,source', `${visit[0]!.channel}\0events`, startMs, n)
    if (pages[0]) add(counts, metric, 'entry_page,source', `${pages[0].name}\0events`, startMs, n)
    add(counts, metric, 'source,visitor', `events\0${isFirst ? 'new' : 'returning'}`, startMs, n)
  }
  at('visits', 1)
  if (isBounce) at('bounces', 1)
  at('visit_milliseconds', durationMs)
  at('visit_pageviews', pages.length)
  if (pages.length === 1) add(counts, 'bounces_umami', 'source', 'events', startMs, 1)
  if (isQuick) add(counts, 'bounces_posthog', 'source', 'events', startMs, 1)
  const bound = bounds.find(seconds => durationMs <= seconds * 1000)!
  add(counts, 'visit_durations', 'duration,source', `${bound}\0events`, startMs, 1)
  for (const [index, page] of pages.entries()) {
    const value = `${page.name}\0events`
    add(counts, 'page_visits', 'path,source', value, page.timeMs, 1)
    const next = pages[index + 1]
    if (!next) {
      add(counts, 'exits', 'path,source', value, page.timeMs, 1)
      continue
    }
    add(counts, 'timed_views', 'path,source', value, page.timeMs, 1)
    add(counts, 'page_milliseconds', 'path,source', value, page.timeMs, next.timeMs - page.timeMs)
    add(counts, 'transitions', 'next,path,source', `${next.name}\0${value}`, page.timeMs, 1)
  }
}

function countPeriods(counts: NaiveCounts, sorted: readonly NaiveEvent[]): void {
  const firstMs = sorted[0]!.timeMs
  const stages = (widthMs: number, originMs: number, take: (startMs: number, stage: string) => void) => {
    const periods = [...new Set(sorted.map(({ timeMs }) => Math.floor((timeMs - originMs) / widthMs)))]
    for (const period of periods) {
      const isNew = period === Math.floor((firstMs - originMs) / widthMs)
      take(
        period * widthMs + originMs,
        isNew ? 'new' : periods.includes(period - 1) ? 'returning' : 'resurrecting',
      )
    }
  }
  stages(day, 0, (startMs, stage) => add(counts, 'lifecycle', 'source,stage', `events\0${stage}`, startMs, 1))
  const cohortMs = Math.floor((firstMs - monday) / (7 * day)) * 7 * day + monday
  const cohort = new Date(cohortMs).toISOString().slice(0, 10)
  stages(7 * day, monday, (startMs, stage) => {
    add(counts, 'weekly_lifecycle', 'source,stage', `events\0${stage}`, startMs, 1)
    add(counts, 'retention', 'cohort,source', `${cohort}\0events`, startMs, 1)
  })
}

function add(
  counts: NaiveCounts,
  metric: string,
  dims: string,
  value: string,
  timeMs: number,
  n: number,
): void {
  const key = `${metric}|${dims}|${value}|${Math.floor(timeMs / minute)}`
  counts.set(key, (counts.get(key) ?? 0) + n)
}
