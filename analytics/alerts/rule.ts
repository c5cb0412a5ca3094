// What an alert rule says, and what may be said: one schema for the API and for tailrace.yaml. Pure.
import { createHash } from 'node:crypto'
import { z } from 'zod'

const dayMs = 86_400_000
const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: dayMs } as const
const durationMaxMs = 400 * dayMs

/** `5m` in milliseconds; `0s` is one too. Null for what is none. */
export function durationMs(text: string): number | null {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (!match) return null
  const ms = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
  return ms <= durationMaxMs ? ms : null
}

const duration = z
  .string()
  .refine(text => durationMs(text) !== null, 'write a duration such as 30s, 5m, 1h or 7d')
  .meta({ example: '5m' })
const positiveDuration = duration.refine(text => durationMs(text) !== 0, 'must be longer than nothing')
const labelName = z.string().regex(/^[A-Za-z_]\w{0,63}$/, 'letters, digits and underscores')
const webhook = z
  .string()
  .max(2000)
  .refine(isWebhook, 'write an http or https URL without user and password')
  .meta({ description: 'Is told when an alert fires and when it has gone.' })

export const comparisons = ['>', '>=', '<', '<=', '==', '!='] as const
export type Comparison = (typeof comparisons)[number]

const shared = {
  name: z.string().trim().min(1).max(100).meta({ description: 'Told in notifications.' }),
  metric: z.string().min(1).max(200).meta({ description: 'A statistic of /api/v1/stats.' }),
  window: positiveDuration.default('5m').meta({ description: 'What each value is counted over.' }),
  by: z.array(z.string().max(100)).max(3).default([]).meta({ description: 'One alert for each of these.' }),
  filter: z.array(z.string().max(500)).max(10).default([]).meta({ description: 'dimension:value' }),
  for: duration.default('0s').meta({ description: 'How long it must be so before the alert fires.' }),
  keepFiringFor: duration
    .default('0s')
    .meta({ description: 'How long it must be over before it is said to be.' }),
  settle: duration
    .default('1m')
    .meta({ description: 'How long late lines are waited for before a value is judged.' }),
  missing: z.enum(['keep', 'ok', 'firing']).default('keep').meta({
    description: 'What a value that cannot be known does: nothing, ends the alert, or counts as true.',
  }),
  labels: z
    .record(labelName, z.string().max(200))
    .default({})
    .meta({ description: 'Told along, such as severity.' }),
  summary: z.string().max(1000).default('').meta({ description: 'What a person should know.' }),
  webhooks: z.array(webhook).max(5).default([]),
  enabled: z.boolean().default(true),
}
const compared = {
  value: z
    .string()
    .max(40)
    .optional()
    .meta({ description: 'Which value of the statistic: value, per_second, p95, mean …' }),
  op: z.enum(comparisons),
  threshold: z.number(),
}

/** Three shapes; `kind` says which. */
export const ruleSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('threshold'), ...shared, ...compared }),
    z.strictObject({
      kind: z.literal('change'),
      ...shared,
      ...compared,
      offset: positiveDuration
        .default('7d')
        .meta({ description: 'Compared with the same time so long ago.' }),
      unit: z.enum(['percent', 'absolute']).default('percent'),
    }),
    z.strictObject({ kind: z.literal('absence'), ...shared }),
  ])
  .meta({ id: 'AlertRule' })

export type Rule = z.output<typeof ruleSchema>
export type RuleInput = z.input<typeof ruleSchema>

function isWebhook(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}

/** Changes with whatever changes which alerts there are; not with whom they are told or how they are called. */
export function fingerprintOf(rule: Rule): string {
  const {
    name: _name,
    summary: _summary,
    labels: _labels,
    webhooks: _webhooks,
    enabled: _enabled,
    ...meaning
  } = rule
  const entries = Object.entries(meaning).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16)
}

/** How often a rule is judged: whole buckets, and often enough for its window. */
export function evaluationStepMs(rule: Pick<Rule, 'window'>): number {
  const window = durationMs(rule.window)!
  if (window <= 900_000) return 10_000
  return window <= 6 * 3_600_000 ? 60_000 : 900_000
}

export function isTrue(value: number, op: Comparison, threshold: number): boolean {
  switch (op) {
    case '>':
      return value > threshold
    case '>=':
      return value >= threshold
    case '<':
      return value < threshold
    case '<=':
      return value <= threshold
    case '==':
      return value === threshold
    case '!=':
      return value !== threshold
  }
}
