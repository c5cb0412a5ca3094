// What `statistics:` in tailrace.yaml may hold. Validation only, for the `tailrace` command.
import { z } from 'zod'
import { definitionOf } from '../windows/definitions.ts'

const fieldName = z
  .string()
  .regex(
    /^[A-Za-z0-9_$@-]{1,64}(\.[A-Za-z0-9_$@-]{1,64}){0,7}$/,
    'a field is written as name or outer.inner, of letters, digits, _ $ @ -',
  )

const condition = z
  .strictObject({
    field: fieldName,
    op: z.enum(['=', '!=', '>', '>=', '<', '<=', 'contains', 'exists']),
    value: z.union([z.string().max(256), z.number(), z.boolean()]).optional(),
  })
  .refine(({ op, value }) => op === 'exists' || value !== undefined, {
    error: 'value is missing',
    path: ['value'],
  })

const statistic = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,63}$/, 'a name has small letters, digits and _')
      .refine(name => definitionOf(name) === undefined, { error: 'a statistic of this name exists' }),
    topic: z.string().optional(),
    filter: z.array(condition).max(16).default([]),
    aggregate: z.enum(['count', 'sum', 'quantile', 'unique', 'top']),
    field: fieldName.optional(),
    by: z.array(fieldName).max(3, 'by at most three fields').default([]),
  })
  .refine(({ aggregate, field }) => aggregate === 'count' || field !== undefined, {
    error: 'this aggregate needs a field',
    path: ['field'],
  })
  .refine(({ aggregate, by }) => aggregate !== 'top' || by.length < 3, {
    error: 'top counts by its field and at most two more',
    path: ['by'],
  })

export const statisticsSchema = z
  .array(statistic)
  .max(50, 'at most 50 statistics')
  .refine(list => new Set(list.map(({ name }) => name)).size === list.length, {
    error: 'two have the same name',
  })
