// The body of POST /api/v1/query, checked: the shape of Plausible's Stats API v2 with this appliance's own names.
import { z } from 'zod'
import { type Condition, operators } from '../queries/conditions.ts'

const name = z.string().min(1).max(100)
const text = z.string().max(1000)

const condition: z.ZodType<Condition> = z
  .lazy(() =>
    z.union([
      z.tuple([z.enum(['and', 'or']), z.array(condition).max(100)]),
      z.tuple([z.literal('not'), condition]),
      z.tuple([z.enum(operators), name, z.array(text).min(1).max(100)]),
    ]),
  )
  .meta({
    id: 'Filter',
    description:
      '[operator, dimension, values], ["and" | "or", filters] or ["not", filter]. `matches` takes globs: * is any ' +
      'text, ? one character.',
  })

export const queryBody = z
  .strictObject({
    metrics: z.array(name).min(1).max(20).meta({
      description:
        'Names of metrics; `requests.per_second`, `latency.p95` and so on name another of their values.',
    }),
    date_range: z
      .union([name, z.tuple([name, name])])
      .default('day')
      .meta({
        description:
          'day, 24h, 7d, 28d, 30d, 91d, month, 6mo, 12mo, year, all, a window as 5m, or two dates or times. Days are ' +
          'the site’s, and the one that is not over is included.',
      }),
    dimensions: z.array(name).max(5).default([]).meta({
      description:
        'To break down by; one may be time, time:minute, time:hour, time:day, time:week or time:month.',
    }),
    filters: z.array(condition).max(100).default([]).meta({ description: 'All of them must hold.' }),
    order_by: z
      .array(z.tuple([name, z.enum(['asc', 'desc'])]))
      .min(1)
      .max(10)
      .optional()
      .meta({
        description: 'Metrics or dimensions; by time, else by the first metric, when nothing is said.',
      }),
    include: z
      .strictObject({
        comparisons: z.strictObject({ mode: z.literal('previous_period') }).optional(),
        time_labels: z.boolean().optional(),
        total_rows: z.boolean().optional(),
      })
      .default({}),
    pagination: z
      .strictObject({
        limit: z.number().int().min(1).max(10_000).default(1000),
        offset: z.number().int().min(0).max(100_000).default(0),
        cursor: z.string().max(10_000).optional(),
      })
      .default({ limit: 1000, offset: 0 }),
  })
  .meta({ id: 'Query' })
