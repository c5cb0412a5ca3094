// How far each visitor came through the steps of a funnel, and what that makes of all of them. Pure.
import type { Step } from './visits-of.ts'

export interface FunnelRules {
  readonly steps: number
  /** True where nothing else may happen between one step and the next. */
  readonly isStrict: boolean
  /** From the first step to the last. */
  readonly windowMs: number
}

/** Bits of the funnel's steps that a step of a visitor meets. */
export type Matcher = (step: Step) => number

/** When each step of the funnel was reached for the first time, as far as it was; times in order. */
export function progress(
  steps: readonly Step[],
  rules: FunnelRules,
  matches: Matcher,
): readonly (readonly number[])[] {
  const reached: (readonly number[])[] = []
  let chains: (readonly number[] | undefined)[] = []
  for (const step of steps) {
    const met = matches(step)
    // From the last to the first: one event is one step of a chain, not two.
    const after: typeof chains = rules.isStrict ? [] : chains
    const before = rules.isStrict ? chains : after
    for (let at = rules.steps - 1; at >= 0; at--) {
      if ((met & (1 << at)) === 0) continue
      const chain = at === 0 ? [] : before[at - 1]
      if (!chain || step.timeMs - (chain[0] ?? step.timeMs) > rules.windowMs) continue
      // The chain that began last has most time left.
      after[at] = [...chain, step.timeMs]
      reached[at] ??= after[at]!
    }
    chains = after
  }
  return reached
}

export interface StepResult {
  readonly visitors: number
  readonly ofFirst: number | null
  readonly ofPrevious: number | null
  readonly dropped: number
  readonly medianMs: number | null
  readonly medianFromPreviousMs: number | null
}

export class FunnelCount {
  readonly #rules: FunnelRules
  readonly #visitors: number[]
  readonly #fromFirst: number[][]
  readonly #fromPrevious: number[][]

  constructor(rules: FunnelRules) {
    this.#rules = rules
    this.#visitors = new Array<number>(rules.steps).fill(0)
    this.#fromFirst = Array.from({ length: rules.steps }, () => [])
    this.#fromPrevious = Array.from({ length: rules.steps }, () => [])
  }

  add(steps: readonly Step[], matches: Matcher): void {
    const reached = progress(steps, this.#rules, matches)
    for (const [at, times] of reached.entries()) {
      this.#visitors[at]!++
      if (at === 0) continue
      this.#fromFirst[at]!.push(times[at]! - times[0]!)
      this.#fromPrevious[at]!.push(times[at]! - times[at - 1]!)
    }
  }

  results(): StepResult[] {
    const first = this.#visitors[0]!
    return this.#visitors.map((visitors, at) => {
      const previous = at === 0 ? visitors : this.#visitors[at - 1]!
      return {
        visitors,
        ofFirst: first === 0 ? null : visitors / first,
        ofPrevious: previous === 0 ? null : visitors / previous,
        dropped: previous - visitors,
        medianMs: median(this.#fromFirst[at]!),
        medianFromPreviousMs: median(this.#fromPrevious[at]!),
      }
    })
  }
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(numbers: readonly number[]): number | null {
  if (numbers.length === 0) return null
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
