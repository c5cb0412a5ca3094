/**
 * A model of a line's way from a file to a count: agents, a broker and aggregators that may be killed,
 * copied, cut off and late, in one process without I/O, driven by one seed. docs/delivery.md says what
 * each rule means; this says whether the rules suffice, and whether each of them is needed.
 */
import { violations } from './oracle.ts'
import { hash } from './random.ts'
import { allRules, type Rules } from './rules.ts'
import { World } from './world.ts'

const steps = 480

export interface Violation {
  readonly seed: number
  readonly found: readonly string[]
}

export interface Story extends Violation {
  readonly trace: readonly string[]
  readonly traceHash: number
}

/** One world, from its first line to rest. */
export function simulate(seed: number, rules: Rules = allRules, tell = ignore): readonly string[] {
  const world = new World(seed, rules, tell)
  for (let step = 0; step < steps; step += 1) world.step()
  try {
    world.settle()
  } catch (error) {
    return [(error as Error).message]
  }
  return violations(world.truth, world.store, world.broker)
}

/** The same world, told. */
export function narrate(seed: number, rules: Rules = allRules): Story {
  const trace: string[] = []
  const found = simulate(seed, rules, sentence => trace.push(sentence()))
  const traceHash = trace.reduce((basis, sentence) => hash(sentence, basis), 0x811c9dc5)
  return { seed, found, trace, traceHash }
}

export interface SweepOptions {
  readonly from?: number
  readonly stopAtFirst?: boolean
}

/** Runs `count` seeds under the given rules; a seed that fails can be told by `narrate`. */
export function sweep(count: number, rules: Rules = allRules, options: SweepOptions = {}): Violation[] {
  const { from = 1, stopAtFirst = false } = options
  const all: Violation[] = []
  for (let seed = from; seed < from + count; seed += 1) {
    const found = simulate(seed, rules)
    if (found.length === 0) continue
    all.push({ seed, found })
    if (stopAtFirst) break
  }
  return all
}

function ignore(_sentence: () => string): void {}
