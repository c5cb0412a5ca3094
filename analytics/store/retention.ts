// How long each step is kept: by age as the user has set it, and shorter while all rows together take more than they
// may. Pure. The finest steps give way first, each down to an eighth, for their rows are many and short-lived anyway.
import { type Step, type StepSeconds, steps } from '../windows/steps.ts'

/** Milliseconds, by step in seconds. */
export type Kept = Partial<Record<StepSeconds, number>>

export interface KeepRules {
  readonly keptMs: Kept
  /** What the rows may take; null for no limit. */
  readonly bytesMax: number | null
}

/** What is kept where nothing is set. */
export const keepAll: KeepRules = { keptMs: {}, bytesMax: null }

/** Below this much of its cap the store takes back what it has shortened. */
const roomyShare = 0.7
const floorShare = 1 / 8

export function keptMs(step: Step, { keptMs: kept }: KeepRules, shortened: Kept): number {
  const wanted = kept[step.seconds] ?? step.retentionMs
  return Math.min(wanted, shortened[step.seconds] ?? wanted)
}

/**
 * What is to be shortened, now that the rows take `bytes`: the same object when nothing changes. Ask again only when
 * what lies before the new edges is deleted.
 */
export function shorten(rules: KeepRules, shortened: Kept, bytes: number): Kept {
  if (rules.bytesMax === null) return Object.keys(shortened).length === 0 ? shortened : {}
  if (bytes > rules.bytesMax) return shortenFinest(rules, shortened)
  return bytes < rules.bytesMax * roomyShare ? lengthenCoarsest(rules, shortened) : shortened
}

/** True when every step is as short as it gets. */
export function isShortest(rules: KeepRules, shortened: Kept): boolean {
  return shortenFinest(rules, shortened) === shortened
}

function shortenFinest(rules: KeepRules, shortened: Kept): Kept {
  for (const step of steps) {
    const now = keptMs(step, rules, shortened)
    const floor = keptMs(step, rules, {}) * floorShare
    if (now > floor) return { ...shortened, [step.seconds]: Math.max(now / 2, floor) }
  }
  return shortened
}

function lengthenCoarsest(rules: KeepRules, shortened: Kept): Kept {
  const step = steps.findLast(({ seconds }) => shortened[seconds] !== undefined)
  if (!step) return shortened
  const { [step.seconds]: now, ...rest } = shortened
  return now! * 2 >= keptMs(step, rules, {}) ? rest : { ...shortened, [step.seconds]: now! * 2 }
}

/** Why these cannot be kept so, or null: a coarse step must outlive the finer ones it is built from. */
export function keepFault(rules: KeepRules): string | null {
  let finer: Step | null = null
  for (const step of steps) {
    const kept = keptMs(step, rules, {})
    if (kept < step.ms * 60) return `${nameOf(step)} must be kept for 60 of its buckets at least`
    if (finer && kept < keptMs(finer, rules, {})) {
      return `${nameOf(step)} must be kept as long as ${nameOf(finer)} at least`
    }
    finer = step
  }
  return null
}

/** As they are written in tailrace.yaml. */
export const stepNames = { 1: '1s', 10: '10s', 60: '1m', 900: '15m', 86400: '1d' } as const satisfies Record<
  StepSeconds,
  string
>

function nameOf(step: Step): string {
  return stepNames[step.seconds]
}
