// The table of the API: path, what it takes, what it answers, how. Served by server.ts, described by openapi.ts; what
// is not in here does not exist, but for signing in, health and the live socket.
import { z } from 'zod'
import type { QueryThread } from '../queries/query-thread.ts'
import type { QuestionName } from '../queries/questions.ts'
import { formats } from '../queries/tables.ts'
import { visitRoutes } from '../visits/visit-routes.ts'
import { dimensionCatalogue, metricCatalogue } from '../windows/catalogue.ts'
import { boardRoutes } from './board-routes.ts'
import { catalogueRoute } from './catalogue-route.ts'
import type { ClusterAnswer } from './contract.ts'
import { queryBody } from './query-body.ts'
import {
  agentsSchema,
  clusterSchema,
  lossesSchema,
  queryAnswerSchema,
  seriesSchema,
  statsSchema,
  topSchema,
} from './schemas.ts'

/** What a route may ask. */
export interface RouteContext {
  readonly queries: QueryThread
  nowMs(): number
  cluster(): Promise<ClusterAnswer>
}

export interface Route {
  /** With parameters in OpenAPI's notation. */
  readonly path: string
  readonly summary: string
  readonly description: string
  readonly parameters: z.ZodObject
  readonly query: z.ZodObject
  /** Of a POST: the route is one when it has it. */
  readonly body?: z.ZodObject
  readonly answer: z.ZodType
  /** What to ask: a path, and of a POST the body. */
  readonly example: string
  readonly exampleBody?: object
  /** Answered from committed rows, by the query thread. */
  readonly question?: QuestionName
  /** Answered here, from what this thread knows. */
  answerTo?(context: RouteContext, asked: Readonly<Record<string, unknown>>): unknown
}

const many = z.union([z.string(), z.array(z.string())]).optional()
const count = (most: number, otherwise: number) => z.coerce.number().int().min(1).max(most).default(otherwise)
const windowText = z
  .string()
  .default('5m')
  .meta({ description: 'How far back: 30s, 5m, 1h, 1d.', example: '5m' })
const from = z.string().optional().meta({ description: 'Instead of a window: ISO 8601, seconds, now-1h.' })
const to = z.string().optional().meta({ description: 'The end of the range, not included; now by default.' })
const filter = many.meta({
  description: 'dimension:value, repeated for several; several values of one dimension mean any of them.',
  example: 'path:/checkout',
})
const by = many.meta({ description: 'One dimension to break down by.', example: 'path' })
const compare = z
  .enum(['previous'])
  .optional()
  .meta({ description: 'previous: beside each value the one of the period before, and the change.' })
const cursor = z.string().optional().meta({ description: 'next of the answer before, for the next page.' })
const format = z
  .enum(formats)
  .optional()
  .meta({ description: 'json, csv or ndjson; without it the Accept header decides.' })
const metricName = z.string().meta({ description: `One of ${Object.keys(metricCatalogue).join(', ')}.` })
const dimensionName = z
  .string()
  .meta({ description: `One of ${Object.keys(dimensionCatalogue).join(', ')}.` })

const statsQuery = z.strictObject({
  window: windowText,
  from,
  to,
  by,
  filter,
  compare,
  format,
  limit: count(2001, 1000),
})
const seriesQuery = z.strictObject({
  window: windowText,
  from,
  to,
  step: z
    .string()
    .optional()
    .meta({ description: 'Width of a bucket: 1s, 10s, 1m, 5m, 1h, 1d.', example: '10s' }),
  by,
  filter,
  compare,
  format,
  limit: count(100, 10),
})
const topQuery = z.strictObject({
  window: windowText,
  from,
  to,
  metric: z
    .string()
    .optional()
    .meta({ description: 'What to rank by; the dimension’s own count by default.' }),
  filter,
  compare,
  cursor,
  format,
  limit: count(1000, 10),
})

export const routes: readonly Route[] = [
  {
    path: '/api/v1/stats/{metric}',
    summary: 'One value per group over a window',
    description: 'Without `by` one row; quantiles and means come from merged sketches, never from averages.',
    parameters: z.object({ metric: metricName }),
    query: statsQuery,
    answer: statsSchema,
    example: '/api/v1/stats/requests?window=5m&by=path',
    question: 'stats',
  },
  {
    path: '/api/v1/series/{metric}',
    summary: 'Values over time, as columns',
    description: 'Null where nothing was counted. The last bucket is still filling.',
    parameters: z.object({ metric: metricName }),
    query: seriesQuery,
    answer: seriesSchema,
    example: '/api/v1/series/latency?window=1h&step=1m',
    question: 'series',
  },
  {
    path: '/api/v1/top/{dimension}',
    summary: 'The values of a dimension that count most',
    description: '`other` is what the listed rows leave out, so that the parts add up to the whole.',
    parameters: z.object({ dimension: dimensionName }),
    query: topQuery,
    answer: topSchema,
    example: '/api/v1/top/path?window=5m&limit=10',
    question: 'top',
  },
  {
    path: '/api/v1/query',
    summary: 'Any metrics by any dimensions and by time',
    description: 'In the shape of Plausible’s Stats API v2. Every cell is what /stats would say of it.',
    parameters: z.object({}),
    query: z.strictObject({ format }),
    body: queryBody,
    answer: queryAnswerSchema,
    example: '/api/v1/query',
    exampleBody: { metrics: ['requests', 'errors'], date_range: '24h', dimensions: ['path'] },
    question: 'query',
  },
  {
    path: '/api/v1/losses',
    summary: 'The loss ledger: every line that was not counted, and why',
    description: 'Newest first. An empty ledger means that every complete line was counted.',
    parameters: z.object({}),
    query: z.strictObject({
      from,
      to,
      reason: many.meta({ description: 'Only this reason, repeated for several.' }),
      source: z.string().optional().meta({ description: 'Only sources that contain this.' }),
      cursor,
      format,
      limit: count(10_000, 1000),
    }),
    answer: lossesSchema,
    example: '/api/v1/losses',
    question: 'losses',
  },
  {
    path: '/api/v1/cluster',
    summary: 'Brokers up and down, elections, topics and partitions, and how far each is counted',
    description:
      'As the brokers tell it now, or last told it while none can be reached. One that is down stays listed.',
    parameters: z.object({}),
    query: z.strictObject({}),
    answer: clusterSchema,
    example: '/api/v1/cluster',
    answerTo: context => context.cluster(),
  },
  {
    path: '/api/v1/agents',
    summary: 'What each agent last said of itself',
    description: 'Agents report every 5 s.',
    parameters: z.object({}),
    query: z.strictObject({}),
    answer: agentsSchema,
    example: '/api/v1/agents',
    question: 'agents',
  },
  catalogueRoute,
  ...boardRoutes,
  ...visitRoutes,
]
