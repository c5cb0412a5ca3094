// The part of the API's table that is about visitors.
import { z } from 'zod'
import type { Route } from '../http/routes.ts'
import { formats } from '../queries/tables.ts'
import { durationText, stepsSchema } from './condition-schemas.ts'
import { hourMetrics } from './queries.ts'
import { visitSchemas as answers } from './visit-schemas.ts'

const nothing = z.object({})
const count = (most: number, otherwise: number) => z.coerce.number().int().min(1).max(most).default(otherwise)
const source = z
  .enum(['events', 'requests'])
  .optional()
  .meta({ description: 'Visitors seen by events or by requests; without it by events, where there are any.' })
const format = z
  .enum(formats)
  .optional()
  .meta({ description: 'json, csv or ndjson; without it the Accept header decides.' })
/** Of a body too, which has no format. */
const span = {
  window: z.string().default('7d').meta({ description: 'How far back: 30m, 1d, 28d.', example: '7d' }),
  from: z.string().optional().meta({ description: 'Instead of a window: ISO 8601, seconds, now-1h.' }),
  to: z.string().optional().meta({ description: 'The end of the range, not included; now by default.' }),
  source,
}

export const visitRoutes: readonly Route[] = [
  {
    path: '/api/v1/visits',
    summary: 'Visits and visitors of a range: bounce rate in three definitions, duration, views per visit',
    description:
      'By dimensions ask /api/v1/stats/visits?by=channel and so on. Refused where the record key is not the visitor.',
    ...{ parameters: nothing, query: z.strictObject({ ...span, format }), answer: answers.visits },
    ...{ example: '/api/v1/visits?window=7d', question: 'visits' },
  },
  {
    path: '/api/v1/active-users',
    summary: 'Distinct visitors of the trailing 1, 7 and 30 days, and stickiness, by day',
    description: 'From merged sketches: exact up to 256, then within about 2 %.',
    parameters: nothing,
    query: z.strictObject({ days: count(92, 30), source, format }),
    answer: answers.activeUsers,
    ...{ example: '/api/v1/active-users?days=30', question: 'activeUsers' },
  },
  {
    path: '/api/v1/lifecycle',
    summary: 'New, returning, resurrecting and dormant visitors by day or week',
    description: 'Exact. Weeks begin on Monday; the last period is not over.',
    parameters: nothing,
    query: z.strictObject({
      interval: z.enum(['day', 'week']).default('day'),
      periods: count(92, 28),
      source,
      format,
    }),
    answer: answers.lifecycle,
    ...{ example: '/api/v1/lifecycle?interval=week&periods=8', question: 'lifecycle' },
  },
  {
    path: '/api/v1/retention',
    summary: 'Of the visitors first seen in a week, how many came back in each week after',
    description: 'Exact, up to 26 weeks; who stays away for 26 weeks is new when coming back.',
    parameters: nothing,
    query: z.strictObject({ weeks: count(26, 8), source, format }),
    answer: answers.retention,
    ...{ example: '/api/v1/retention?weeks=8', question: 'retention' },
  },
  {
    path: '/api/v1/active-hours',
    summary: 'Day of the week by hour, on the site’s clock',
    description: 'From rows of 15 minutes, which are kept for 90 days.',
    parameters: nothing,
    query: z.strictObject({
      metric: z.enum(hourMetrics).default('visits'),
      days: count(90, 28),
      source,
      format,
    }),
    answer: answers.activeHours,
    ...{ example: '/api/v1/active-hours?metric=pageviews&days=28', question: 'activeHours' },
  },
  {
    path: '/api/v1/paths',
    summary: 'From which page to which next',
    description: 'The most frequent pairs of pages within a visit; `page` asks for those after one page.',
    parameters: nothing,
    query: z.strictObject({ ...span, format, page: z.string().optional(), limit: count(1000, 20) }),
    answer: answers.paths,
    ...{ example: '/api/v1/paths?window=1d&limit=20', question: 'paths' },
  },
  {
    path: '/api/v1/goals',
    summary: 'Conversions: of every configured goal, or of a page or event that is asked for',
    description: 'Goals asked for here are looked up in the last steps of each visitor: 30 days, 200 steps.',
    parameters: nothing,
    query: z.strictObject({ ...span, format, page: z.string().optional(), event: z.string().optional() }),
    answer: answers.goals,
    ...{ example: '/api/v1/goals?window=7d&page=/checkout/**', question: 'goals' },
  },
  {
    path: '/api/v1/funnels/{name}',
    summary: 'A configured funnel: how many visitors came how far',
    description: 'From the last steps of each visitor: 30 days, 200 steps.',
    parameters: z.object({ name: z.string().meta({ description: 'Name of a funnel in tailrace.yaml.' }) }),
    query: z.strictObject({ ...span, format }),
    answer: answers.funnel,
    ...{ example: '/api/v1/funnels/purchase?window=7d', question: 'funnel' },
  },
  {
    path: '/api/v1/funnels',
    summary: 'A funnel of any steps',
    description:
      'Of 2 to 8 steps. sequential: other events may lie between; strict: none may. Properties can be asked for only ' +
      'if a configured goal or funnel asks for the same.',
    parameters: nothing,
    query: z.strictObject({ format }),
    body: z.strictObject({
      steps: stepsSchema,
      order: z.enum(['sequential', 'strict']).default('sequential'),
      conversion_window: durationText.default('14d'),
      ...span,
    }),
    answer: answers.funnel,
    example: '/api/v1/funnels',
    exampleBody: { steps: [{ page: '/' }, { page: '/products/*' }], window: '7d' },
    question: 'adHocFunnel',
  },
]
