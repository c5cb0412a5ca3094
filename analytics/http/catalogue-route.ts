// GET /catalogue: what can be asked, for pages and tools that offer a choice.
import { z } from 'zod'
import type { CatalogueAnswer } from './contract-catalogue.ts'
import type { Route } from './routes.ts'

const condition = {
  page: z.exactOptional(z.string()),
  event: z.exactOptional(z.string()),
  where: z.exactOptional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))),
}

export const catalogueSchema = z
  .object({
    metrics: z.array(
      z.object({
        name: z.string(),
        definition: z.string(),
        kind: z.enum(['count', 'distribution', 'distinct', 'ratio']),
        unit: z.enum(['count', 'per_second', 'bytes', 'milliseconds', 'ratio', 'records']),
        dimensions: z
          .array(z.array(z.string()))
          .meta({ description: 'Sets of dimensions it is kept by, each together.' }),
        total: z.boolean().meta({ description: 'False where it is kept by dimensions only.' }),
        configured: z.boolean().meta({ description: 'True where tailrace.yaml defines it.' }),
        numerator: z.exactOptional(z.string()),
        denominator: z.exactOptional(z.string()),
      }),
    ),
    dimensions: z.array(z.object({ name: z.string(), definition: z.string() })),
    goals: z.array(z.object({ name: z.string(), ...condition })),
    funnels: z.array(
      z.object({
        name: z.string(),
        order: z.enum(['sequential', 'strict']),
        conversionWindowMs: z.number(),
        steps: z.array(z.object(condition)),
      }),
    ),
  })
  .meta({ id: 'CatalogueAnswer' })

export const catalogueContractCheck = (value: z.infer<typeof catalogueSchema>): CatalogueAnswer => value

export const catalogueRoute: Route = {
  path: '/api/v1/catalogue',
  summary: 'Every statistic with its definition and dimensions; configured goals and funnels',
  description: 'The fixed statistics first, then those that tailrace.yaml defines.',
  parameters: z.object({}),
  query: z.strictObject({}),
  answer: catalogueSchema,
  example: '/api/v1/catalogue',
  question: 'catalogue',
}
