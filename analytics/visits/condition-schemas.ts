// Goals and funnels as zod schemas: what tailrace.yaml and the body of an ad hoc funnel are checked against.
import { z } from 'zod'
import type { VisitSettings } from './conditions.ts'

const text = z.string().min(1).max(256)

const conditionShape = {
  page: text
    .optional()
    .meta({ description: 'A path, or a pattern: * within a segment, ** across segments.' }),
  event: text.optional().meta({ description: 'Name of an event.' }),
  where: z
    .record(z.string().max(100), z.union([z.string().max(256), z.number(), z.boolean()]))
    .optional()
    .meta({ description: 'Properties of the event that must have these values.' }),
}

const oneOf = ({ page, event }: { page?: string | undefined; event?: string | undefined }) =>
  (page === undefined) !== (event === undefined)
const oneOfMessage = 'write either page or event'
const pageWithout = ({ page, where }: { page?: string | undefined; where?: unknown }) =>
  page === undefined || where === undefined
const pageMessage = 'where belongs to an event: a page has no properties'

export const conditionSchema = z
  .strictObject(conditionShape)
  .refine(oneOf, oneOfMessage)
  .refine(pageWithout, pageMessage)
  .meta({ id: 'Condition' })

export const goalsSchema = z
  .array(
    z
      .strictObject({ name: text, ...conditionShape })
      .refine(oneOf, oneOfMessage)
      .refine(pageWithout, pageMessage),
  )
  .max(30)
  .refine(
    goals => new Set(goals.map(goal => goal.name)).size === goals.length,
    'each goal needs its own name',
  )

export const stepsSchema = z.array(conditionSchema).min(2).max(8)

export const durationText = z
  .string()
  .regex(/^[1-9]\d{0,5}[smhd]$/, 'write a duration such as 30m, 12h or 14d')

export const funnelsSchema = z
  .array(
    z.strictObject({
      name: text,
      order: z.enum(['sequential', 'strict']).default('sequential'),
      window: durationText.default('14d').meta({ description: 'From the first step to the last.' }),
      steps: stepsSchema,
    }),
  )
  .max(20)
  .refine(
    funnels => new Set(funnels.map(funnel => funnel.name)).size === funnels.length,
    'each funnel needs its own name',
  )

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** What the fold and the queries are told of what the user has set. */
export function visitSettings(
  goals: z.infer<typeof goalsSchema>,
  funnels: z.infer<typeof funnelsSchema>,
): VisitSettings {
  return {
    goals,
    funnels: funnels.map(({ name, order, window, steps }) => ({
      ...{ name, steps, strict: order === 'strict' },
      windowMs: Number(window.slice(0, -1)) * unitMs[window.at(-1) as keyof typeof unitMs],
    })),
  }
}
