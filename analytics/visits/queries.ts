// Answers about visitors, from committed rows: a summary of visits, active users, lifecycle, retention, active hours,
// paths. Refused where the record key is not the visitor. Ratios are divided here and nowhere before.
import type {
  ActiveHoursAnswer,
  ActiveUsersAnswer,
  LifecycleAnswer,
  PathsAnswer,
  RetentionAnswer,
  VisitsAnswer,
} from '../http/contract-visits.ts'
import { stats } from '../queries/answers.ts'
import { freshness } from '../queries/freshness.ts'
import type { Reading } from '../queries/parts.ts'
import { breakdown, type Filters } from '../queries/question.ts'
import type { Span } from '../queries/reach.ts'
import type { SeriesRow } from '../queries/rows.ts'
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { dateText, LocalCalendar } from '../windows/local-calendar.ts'
import { daySeconds, type StepSeconds } from '../windows/steps.ts'
import { visitMetricCatalogue } from '../windows/visit-catalogue.ts'
import { sourceNames } from './tally-sums.ts'
import { visitorsProblem } from './visit-reads.ts'
import { durationBounds, retentionWeeksMax } from './visit-rules.ts'

export type SourceName = (typeof sourceNames)[number]

/** Visitors seen by events, or by requests where there are no such events; refused where nobody is a visitor. */
export function sourceOf({ rows }: Reading, asked: SourceName | undefined): number {
  const topics = rows.visits.topics()
  const seen = topics.some(({ kind, events }) => kind === 0 && events > 0) ? 0 : 1
  const kind = asked === undefined ? seen : sourceNames.indexOf(asked)
  const problem = visitorsProblem(topics, kind)
  if (problem) throw problem
  return kind
}

function sourceFilter(kind: number): Filters {
  return new Map([['source', new Set([sourceNames[kind]!])]])
}

/** The headline numbers of visits, every definition of a bounce among them. */
export function visitsAnswer(reading: Reading, span: Span, asked: SourceName | undefined): VisitsAnswer {
  const kind = sourceOf(reading, asked)
  const only = sourceFilter(kind)
  const one = (metric: keyof typeof visitMetricCatalogue) => stats(reading, metric, span, [], only, 1)
  const value = (metric: keyof typeof visitMetricCatalogue) => one(metric).rows[0]?.values['value'] ?? null
  const { window } = one('visits')
  const durations = stats(reading, 'visit_durations', span, ['duration'], only, 100).rows
  const bins = durationBounds.map(seconds => ({
    seconds,
    visits: durations.find(row => row.labels['duration'] === String(seconds))?.values['value'] ?? 0,
  }))
  const rate = (metric: keyof typeof visitMetricCatalogue) => ({
    definition: visitMetricCatalogue[metric].definition,
    rate: value(metric),
  })
  return {
    source: sourceNames[kind]!,
    window,
    visitors: value('visitors') ?? 0,
    visits: value('visits') ?? 0,
    pageviews: value('visit_pageviews') ?? 0,
    viewsPerVisit: value('views_per_visit'),
    bounceRate: {
      default: 'plausible',
      plausible: rate('bounce_rate'),
      umami: rate('bounce_rate_umami'),
      posthog: rate('bounce_rate_posthog'),
    },
    duration: { meanMs: value('visit_duration'), medianMs: medianOf(bins), bins },
    untracked: untrackedOf(reading, kind),
    freshness: freshness(reading, window.to),
  }
}

/** Within the bin that holds the middle one, as if its visits lay evenly. */
function medianOf(bins: readonly { readonly seconds: number; readonly visits: number }[]): number | null {
  const total = bins.reduce((sum, bin) => sum + bin.visits, 0)
  if (total === 0) return null
  let below = 0
  for (const [at, { seconds, visits }] of bins.entries()) {
    if (below + visits >= total / 2 && visits > 0) {
      const from = at === 0 ? 0 : bins[at - 1]!.seconds
      return Math.round((from + ((total / 2 - below) / visits) * (seconds - from)) * 1000)
    }
    below += visits
  }
  return null
}

/** Lines of visitors that are in no visit: beyond the limit of visitors, or too late to be put into order. */
export function untrackedOf({ rows }: Reading, kind: number): VisitsAnswer['untracked'] {
  const topics = rows.visits.topics().filter(topic => topic.kind === kind)
  return {
    beyondLimit: topics.reduce((sum, { untracked }) => sum + untracked, 0),
    tooLate: topics.reduce((sum, { late }) => sum + late, 0),
  }
}

/** Distinct visitors of the trailing 1, 7 and 30 days that end with each day. */
export function activeUsersAnswer(
  reading: Reading,
  days: number,
  asked: SourceName | undefined,
): ActiveUsersAnswer {
  const kind = sourceOf(reading, asked)
  const calendar = new LocalCalendar(reading.days)
  const today = calendar.dayOf(reading.nowMs)
  const first = today - days + 1
  const byDay = new Map<number, HyperLogLog>()
  const series = seriesOf(reading, 'visitors', 'source', kind)
  const from = calendar.startOf(first - 29) / 1000
  const sketches = reading.rows.sketches(
    daySeconds,
    series.map(({ id }) => id),
    from,
    calendar.startOf(today + 1) / 1000,
  )
  for (const { bucket, data } of sketches) {
    const day = calendar.dayOf(bucket * 1000)
    const known = byDay.get(day)
    if (known) known.merge(HyperLogLog.fromBytes(data))
    else byDay.set(day, HyperLogLog.fromBytes(data))
  }
  const trailing = (day: number, length: number) => {
    const merged = new HyperLogLog()
    for (let back = 0; back < length; back++) {
      const sketch = byDay.get(day - back)
      if (sketch) merged.merge(sketch)
    }
    return merged.count()
  }
  return {
    source: sourceNames[kind]!,
    definition:
      'Distinct visitors of the 1, 7 and 30 days that end with the day; stickiness is daily by monthly.',
    days: Array.from({ length: days }, (_, at) => {
      const day = first + at
      const [daily, weekly, monthly] = [trailing(day, 1), trailing(day, 7), trailing(day, 30)]
      return {
        day: dateText(day),
        daily,
        weekly,
        monthly,
        stickiness: monthly === 0 ? null : daily / monthly,
      }
    }),
    freshness: freshness(reading, reading.nowMs),
  }
}

/** New, returning and resurrecting visitors by day or week; dormant are those of the period before who are missing. */
export function lifecycleAnswer(
  reading: Reading,
  interval: 'day' | 'week',
  periods: number,
  asked: SourceName | undefined,
): LifecycleAnswer {
  const kind = sourceOf(reading, asked)
  const calendar = new LocalCalendar(reading.days)
  const metric = interval === 'day' ? 'lifecycle' : 'weekly_lifecycle'
  const periodOf = (timeMs: number) => {
    const day = calendar.dayOf(timeMs)
    return interval === 'day' ? day : calendar.weekOf(day)
  }
  const firstDayOf = (period: number) => (interval === 'day' ? period : calendar.firstDayOf(period))
  const last = periodOf(reading.nowMs)
  const first = last - periods + 1
  const empty = () => ({ new: 0, returning: 0, resurrecting: 0 })
  const found = new Map<number, ReturnType<typeof empty>>()
  const from = calendar.startOf(firstDayOf(first - 1))
  const to = calendar.startOf(firstDayOf(last + 1))
  eachCount(reading, metric, 'source,stage', kind, from, to, (labels, atMs, n) => {
    const period = periodOf(atMs)
    const stages = found.get(period) ?? empty()
    found.set(period, stages)
    stages[labels['stage'] as 'new'] += n
  })
  return {
    source: sourceNames[kind]!,
    interval,
    definition: visitMetricCatalogue[metric].definition,
    periods: Array.from({ length: periods }, (_, at) => {
      const period = first + at
      const stages = found.get(period) ?? empty()
      const before = found.get(period - 1) ?? empty()
      const dormant = before.new + before.returning + before.resurrecting - stages.returning
      return { start: dateText(firstDayOf(period)), ...stages, dormant, isOver: period < last }
    }),
    freshness: freshness(reading, to),
  }
}

/** Of the visitors first seen in each week, how many were active in the same week and each one after. */
export function retentionAnswer(
  reading: Reading,
  weeks: number,
  asked: SourceName | undefined,
): RetentionAnswer {
  const kind = sourceOf(reading, asked)
  const calendar = new LocalCalendar(reading.days)
  const last = calendar.weekOf(calendar.dayOf(reading.nowMs))
  const first = last - Math.min(weeks, retentionWeeksMax) + 1
  const active = new Map<string, number>()
  const from = calendar.startOf(calendar.firstDayOf(first))
  const to = calendar.startOf(calendar.firstDayOf(last + 1))
  eachCount(reading, 'retention', 'cohort,source', kind, from, to, (labels, atMs, n) => {
    const week = calendar.weekOf(calendar.dayOf(atMs))
    const key = `${labels['cohort']} ${week}`
    active.set(key, (active.get(key) ?? 0) + n)
  })
  return {
    source: sourceNames[kind]!,
    definition: visitMetricCatalogue.retention.definition,
    cohorts: Array.from({ length: last - first + 1 }, (_, at) => {
      const week = first + at
      const cohort = dateText(calendar.firstDayOf(week))
      const visitors = active.get(`${cohort} ${week}`) ?? 0
      const counts = Array.from(
        { length: last - week + 1 },
        (__, k) => active.get(`${cohort} ${week + k}`) ?? 0,
      )
      return {
        week: cohort,
        visitors,
        active: counts,
        share: counts.map(n => (visitors === 0 ? null : n / visitors)),
      }
    }),
    freshness: freshness(reading, to),
  }
}

export const hourMetrics = ['visits', 'pageviews', 'events', 'requests'] as const

/** Counts by day of the week (Monday first) and hour of the site's clock. */
export function activeHoursAnswer(
  reading: Reading,
  metric: (typeof hourMetrics)[number],
  days: number,
  asked: SourceName | undefined,
): ActiveHoursAnswer {
  const isOfVisits = metric === 'visits'
  const kind = isOfVisits ? sourceOf(reading, asked) : null
  const calendar = new LocalCalendar(reading.days)
  const today = calendar.dayOf(reading.nowMs)
  const from = calendar.startOf(today - days + 1)
  const to = calendar.startOf(today + 1)
  const hours = Array.from({ length: 7 }, () => new Array<number>(24).fill(0))
  eachCount(
    reading,
    metric,
    isOfVisits ? 'source' : '',
    kind,
    from,
    to,
    (_labels, atMs, n) => {
      hours[calendar.weekdayOf(atMs)]![calendar.hourOf(atMs)]! += n
    },
    900,
  )
  return {
    metric,
    definition: breakdown(metric, [], new Map()).definition.definition,
    timeZone: reading.days.timeZone,
    window: { from, to },
    weekdays: ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'],
    hours,
    freshness: freshness(reading, to),
  }
}

/** The most frequent ways from one page to the next within a visit. */
export function pathsAnswer(
  reading: Reading,
  span: Span,
  page: string | undefined,
  limit: number,
  asked: SourceName | undefined,
): PathsAnswer {
  const kind = sourceOf(reading, asked)
  const only = new Map([
    ...sourceFilter(kind),
    ...(page === undefined ? [] : [['path', new Set([page])] as const]),
  ])
  const found = stats(reading, 'transitions', span, ['path', 'next'], only, limit)
  return {
    source: sourceNames[kind]!,
    definition: visitMetricCatalogue.transitions.definition,
    window: found.window,
    // A way that was taken back, because a late line lay between, is none.
    rows: found.rows
      .filter(({ values }) => values['value'] !== 0)
      .map(({ labels, values }) => ({
        page: labels['path']!,
        next: labels['next']!,
        count: values['value']!,
      })),
    freshness: found.freshness,
  }
}

function seriesOf(reading: Reading, metric: string, dims: string, kind: number | null): readonly SeriesRow[] {
  const rows = reading.rows.series(metric, dims, 0)
  return kind === null ? rows : rows.filter(({ labels }) => labels['source'] === sourceNames[kind])
}

/** Counts by day, or by quarters of an hour. */
function eachCount(
  reading: Reading,
  metric: string,
  dims: string,
  kind: number | null,
  fromMs: number,
  toMs: number,
  take: (labels: SeriesRow['labels'], atMs: number, n: number) => void,
  step: StepSeconds = daySeconds,
): void {
  const labels = new Map(seriesOf(reading, metric, dims, kind).map(row => [row.id, row.labels]))
  for (const { series, bucket, n } of reading.rows.counts(
    step,
    [...labels.keys()],
    fromMs / 1000,
    toMs / 1000,
  )) {
    take(labels.get(series)!, bucket * 1000, n)
  }
}
