// The part of the API's table that answers whole boards, with the schemas of what it answers.
import { z } from 'zod'
import type * as contract from './contract-boards.ts'
import type { Route } from './routes.ts'
import { freshnessSchema } from './schemas.ts'

const nothing = z.object({})
const number = z.number().nullable()
const window = z.object({ from: z.number(), to: z.number() })
const count = (most: number, otherwise: number) => z.coerce.number().int().min(1).max(most).default(otherwise)
const span = (otherwise: string) => ({
  window: z
    .string()
    .default(otherwise)
    .meta({ description: 'How far back: 5m, 1h, 1d.', example: otherwise }),
  from: z.string().optional().meta({ description: 'Instead of a window: ISO 8601, seconds, now-1h.' }),
  to: z.string().optional().meta({ description: 'The end of the range, not included; now by default.' }),
})

const panelsSchema = z
  .object({
    window,
    general: z.object({
      ...{ requests: z.number(), visitors: z.number(), failed: z.number(), notFound: number },
      ...{ staticRequests: number, bytes: z.number(), latencyMeanMs: number, latencyMaxMs: number },
    }),
    panels: z.array(
      z.object({
        ...{ name: z.string(), dimension: z.string(), metric: z.string() },
        rows: z.array(
          z.object({
            ...{ value: z.string(), hits: z.number(), hitsShare: z.number(), visitors: number },
            ...{ visitorsShare: number, bytes: number },
            ...{ servedMeanMs: number, servedTotalMs: number, servedMaxMs: number },
          }),
        ),
        values: z.number().meta({ description: 'Distinct values there are, beyond those listed too.' }),
      }),
    ),
    freshness: freshnessSchema,
  })
  .meta({ id: 'AccessPanels' })

const durations = z.object({ mean: number, p50: number, p90: number, p95: number, p99: number, max: number })

const redSchema = z
  .object({
    window,
    rows: z.array(
      z.object({
        ...{ labels: z.record(z.string(), z.string()), requests: z.number(), perSecond: z.number() },
        ...{ errorRate: number, clientErrorRate: number, durationMs: durations.nullable(), apdex: number },
      }),
    ),
    outcomes: z.exactOptional(z.record(z.string(), durations)),
    freshness: freshnessSchema,
  })
  .meta({ id: 'RedAnswer' })

const sloSchema = z
  .object({
    ...{ objective: z.number(), window: z.string(), total: z.number(), good: z.number() },
    ...{ errorRate: number, attained: number, budgetLeft: number },
    burn: z.array(z.object({ window: z.string(), total: z.number(), errorRate: number, rate: number })),
    freshness: freshnessSchema,
  })
  .meta({ id: 'SloAnswer' })

const useSchema = z
  .object({
    window,
    rows: z.array(
      z.object({
        ...{
          host: z.string(),
          resource: z.string(),
          aspect: z.enum(['utilization', 'saturation', 'errors']),
        },
        ...{ name: z.string(), mean: number, p95: number, max: number, last: number },
      }),
    ),
    freshness: freshnessSchema,
  })
  .meta({ id: 'UseAnswer' })

export const boardRoutes: readonly Route[] = [
  {
    path: '/api/v1/panels/access',
    summary: 'An access log in panels, as GoAccess has them',
    description:
      'Each row with hits, visitors, bytes and time served, as far as they are kept by its dimension.',
    parameters: nothing,
    query: z.strictObject({ ...span('1d'), limit: count(366, 10) }),
    answer: panelsSchema,
    example: '/api/v1/panels/access?window=1d&limit=5',
    question: 'accessPanels',
  },
  {
    path: '/api/v1/red',
    summary: 'Rate, errors and duration of the whole or by a dimension',
    description: 'Durations of successes and errors stand apart in the whole; Apdex where it is kept.',
    parameters: nothing,
    query: z.strictObject({
      ...span('5m'),
      by: z.string().optional().meta({ description: 'path, virtual_host and so on.', example: 'path' }),
      limit: count(1000, 20),
    }),
    answer: redSchema,
    example: '/api/v1/red?window=5m&by=path',
    question: 'red',
  },
  {
    path: '/api/v1/slo',
    summary: 'An error budget: what is left of it, and how fast it burns',
    description:
      'Good is every request not answered with 500 or above. A burn rate of 1 uses the budget up exactly.',
    parameters: nothing,
    query: z.strictObject({
      objective: z.coerce
        .number()
        .gt(0)
        .lt(1)
        .default(0.999)
        .meta({ description: 'The share that has to be good.' }),
      window: z.string().default('28d').meta({ description: 'What the objective is about: 7d, 28d.' }),
    }),
    answer: sloSchema,
    example: '/api/v1/slo?objective=0.999&window=28d',
    question: 'slo',
  },
  {
    path: '/api/v1/use',
    summary: 'Utilization, saturation and errors of hosts',
    description: 'Host metrics by what their names say they are about.',
    parameters: nothing,
    query: z.strictObject(span('5m')),
    answer: useSchema,
    example: '/api/v1/use?window=5m',
    question: 'use',
  },
]

/** Compiles only while every schema's output fits the contract. */
export const boardCheck = {
  panels: (value: z.infer<typeof panelsSchema>): contract.AccessPanels => value,
  red: (value: z.infer<typeof redSchema>): contract.RedAnswer => value,
  slo: (value: z.infer<typeof sloSchema>): contract.SloAnswer => value,
  use: (value: z.infer<typeof useSchema>): contract.UseAnswer => value,
} as const
