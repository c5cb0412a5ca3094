// Answers about visitors as tables, for CSV and NDJSON: each has one grain, and its columns are the answer's own names
// in the style of the others' columns. Definitions and freshness stay in JSON. Pure.
import type {
  ActiveHoursAnswer,
  ActiveUsersAnswer,
  FunnelAnswer,
  GoalsAnswer,
  LifecycleAnswer,
  PathsAnswer,
  RetentionAnswer,
  VisitsAnswer,
} from '../http/contract-visits.ts'
import type { Table } from './tables.ts'

export const visitTables = {
  visits: visitsTable,
  activeUsers: ({ days }: ActiveUsersAnswer): Table => ({
    columns: ['day', 'daily', 'weekly', 'monthly', 'stickiness'],
    rows: days.map(({ day, daily, weekly, monthly, stickiness }) => [
      day,
      daily,
      weekly,
      monthly,
      stickiness,
    ]),
  }),
  lifecycle: ({ periods }: LifecycleAnswer): Table => ({
    columns: ['start', 'new', 'returning', 'resurrecting', 'dormant', 'is_over'],
    rows: periods.map(period => [
      ...[period.start, period.new, period.returning, period.resurrecting, period.dormant],
      String(period.isOver),
    ]),
  }),
  retention: retentionTable,
  activeHours: activeHoursTable,
  paths: ({ rows }: PathsAnswer): Table => ({
    columns: ['page', 'next', 'count'],
    rows: rows.map(({ page, next, count }) => [page, next, count]),
  }),
  goals: ({ goals, visitors }: GoalsAnswer): Table => ({
    columns: ['goal', 'unique', 'total', 'conversion_rate', 'visitors'],
    rows: goals.map(({ name, unique, total, conversionRate }) => [
      name,
      unique,
      total,
      conversionRate,
      visitors,
    ]),
  }),
  funnel: funnelTable,
  adHocFunnel: funnelTable,
} as const

/** The one line of headline numbers. */
function visitsTable(answer: VisitsAnswer): Table {
  const { bounceRate, duration, untracked } = answer
  return {
    columns: [
      ...['source', 'visitors', 'visits', 'pageviews', 'views_per_visit'],
      ...['bounce_rate', 'bounce_rate_umami', 'bounce_rate_posthog'],
      ...['duration_mean_ms', 'duration_median_ms', 'untracked_beyond_limit', 'untracked_too_late'],
    ],
    rows: [
      [
        ...[answer.source, answer.visitors, answer.visits, answer.pageviews, answer.viewsPerVisit],
        ...[bounceRate.plausible.rate, bounceRate.umami.rate, bounceRate.posthog.rate],
        ...[duration.meanMs, duration.medianMs, untracked.beyondLimit, untracked.tooLate],
      ],
    ],
  }
}

/** A line for each week after each cohort's own, which is week 0. */
function retentionTable({ cohorts }: RetentionAnswer): Table {
  return {
    columns: ['cohort', 'visitors', 'week', 'active', 'share'],
    rows: cohorts.flatMap(({ week, visitors, active, share }) =>
      active.map((n, after) => [week, visitors, after, n, share[after] ?? null]),
    ),
  }
}

function activeHoursTable({ metric, weekdays, hours }: ActiveHoursAnswer): Table {
  return {
    columns: ['weekday', 'hour', metric],
    rows: hours.flatMap((ofDay, day) => ofDay.map((n, hour) => [weekdays[day]!, hour, n])),
  }
}

function funnelTable({ steps }: FunnelAnswer): Table {
  return {
    columns: [
      ...['step', 'visitors', 'of_first', 'of_previous', 'dropped', 'median_ms', 'median_from_previous_ms'],
    ],
    rows: steps.map(step => [
      ...[step.step, step.visitors, step.ofFirst, step.ofPrevious, step.dropped],
      ...[step.medianMs, step.medianFromPreviousMs],
    ]),
  }
}
