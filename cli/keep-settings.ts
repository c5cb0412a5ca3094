// How long statistics are kept, as it is written in tailrace.yaml: a duration for each step, `1m: 8d`. Pure.
import { z } from 'zod'
import { type KeepRules, stepNames } from '../analytics/store/retention.ts'
import { type StepSeconds, steps } from '../analytics/windows/steps.ts'

const unitsMs = { m: 60_000, h: 3_600_000, d: 86_400_000, y: 366 * 86_400_000 } as const
const advice = 'write a duration such as 15m, 2h, 8d or 5y'
const duration = z.string(advice).regex(/^[1-9]\d{0,5}[mhdy]$/, advice)

const described = (step: string) => duration.optional().describe(`How long statistics by ${step} are kept`)

export const retentionSchema = z.strictObject({
  '1s': described('the second'),
  '10s': described('ten seconds'),
  '1m': described('the minute'),
  '15m': described('the quarter of an hour'),
  '1d': described('the day'),
})

export function keepRules(
  retention: z.output<typeof retentionSchema>,
  bytesMax: number | undefined,
): KeepRules {
  const keptMs: Partial<Record<StepSeconds, number>> = {}
  for (const { seconds } of steps) {
    const text = retention[stepNames[seconds]]
    if (text !== undefined) keptMs[seconds] = Number(text.slice(0, -1)) * unitsMs[unitOf(text)]
  }
  return { keptMs, bytesMax: bytesMax ?? null }
}

function unitOf(text: string): keyof typeof unitsMs {
  return text.at(-1) as keyof typeof unitsMs
}
