// The answers about visitors as zod schemas; `visitContractCheck` fails to compile where they part from the types.
import { z } from 'zod'
import type * as contract from '../http/contract-visits.ts'
import { freshnessSchema } from '../http/schemas.ts'

const milliseconds = z.number().meta({ description: 'Milliseconds since the epoch.' })
const source = z
  .enum(['events', 'requests'])
  .meta({ description: 'Whom visitors are seen by: events, or requests where there are no events.' })
const window = z.object({ from: milliseconds, to: milliseconds })
const share = z.number().nullable()
const definition = z.string()
const untracked = z
  .object({ beyondLimit: z.number(), tooLate: z.number() })
  .meta({ description: 'Lines of visitors that are in no visit, since the store began.' })

const bounceRate = z.object({ definition, rate: share })
const freshness = freshnessSchema

export const visitSchemas = {
  visits: z
    .object({
      ...{ source, window, visitors: z.number(), visits: z.number(), pageviews: z.number() },
      viewsPerVisit: share,
      bounceRate: z.object({
        default: z.literal('plausible'),
        ...{ plausible: bounceRate, umami: bounceRate, posthog: bounceRate },
      }),
      duration: z.object({
        meanMs: share,
        medianMs: share,
        bins: z.array(z.object({ seconds: z.number(), visits: z.number() })),
      }),
      ...{ untracked, freshness },
    })
    .meta({ id: 'VisitsAnswer' }),
  activeUsers: z
    .object({
      ...{ source, definition },
      days: z.array(
        z.object({
          ...{ day: z.string(), daily: z.number(), weekly: z.number(), monthly: z.number() },
          stickiness: share,
        }),
      ),
      freshness,
    })
    .meta({ id: 'ActiveUsersAnswer' }),
  lifecycle: z
    .object({
      ...{ source, interval: z.enum(['day', 'week']), definition },
      periods: z.array(
        z.object({
          ...{ start: z.string(), new: z.number(), returning: z.number(), resurrecting: z.number() },
          ...{ dormant: z.number(), isOver: z.boolean() },
        }),
      ),
      freshness,
    })
    .meta({ id: 'LifecycleAnswer' }),
  retention: z
    .object({
      ...{ source, definition },
      cohorts: z.array(
        z.object({
          ...{ week: z.string(), visitors: z.number(), active: z.array(z.number()), share: z.array(share) },
        }),
      ),
      freshness,
    })
    .meta({ id: 'RetentionAnswer' }),
  activeHours: z
    .object({
      ...{ metric: z.string(), definition, timeZone: z.string(), window },
      ...{ weekdays: z.array(z.string()), hours: z.array(z.array(z.number())), freshness },
    })
    .meta({ id: 'ActiveHoursAnswer' }),
  paths: z
    .object({
      ...{ source, definition, window },
      rows: z.array(z.object({ page: z.string(), next: z.string(), count: z.number() })),
      freshness,
    })
    .meta({ id: 'PathsAnswer' }),
  goals: z
    .object({
      ...{ source, definition, window, visitors: z.number() },
      goals: z.array(
        z.object({ name: z.string(), unique: z.number(), total: z.number(), conversionRate: share }),
      ),
      freshness,
    })
    .meta({ id: 'GoalsAnswer' }),
  funnel: z
    .object({
      ...{ source, name: z.string(), order: z.enum(['sequential', 'strict']) },
      ...{ conversionWindowMs: z.number(), window },
      steps: z.array(
        z.object({
          ...{ step: z.string(), visitors: z.number(), ofFirst: share, ofPrevious: share },
          ...{ dropped: z.number(), medianMs: share, medianFromPreviousMs: share },
        }),
      ),
      since: milliseconds.nullable(),
      ...{ untracked, freshness },
    })
    .meta({ id: 'FunnelAnswer' }),
} as const

type Answer<Name extends keyof typeof visitSchemas> = z.infer<(typeof visitSchemas)[Name]>

export const visitContractCheck = {
  visits: (value: Answer<'visits'>): contract.VisitsAnswer => value,
  activeUsers: (value: Answer<'activeUsers'>): contract.ActiveUsersAnswer => value,
  lifecycle: (value: Answer<'lifecycle'>): contract.LifecycleAnswer => value,
  retention: (value: Answer<'retention'>): contract.RetentionAnswer => value,
  activeHours: (value: Answer<'activeHours'>): contract.ActiveHoursAnswer => value,
  paths: (value: Answer<'paths'>): contract.PathsAnswer => value,
  goals: (value: Answer<'goals'>): contract.GoalsAnswer => value,
  funnel: (value: Answer<'funnel'>): contract.FunnelAnswer => value,
} as const
