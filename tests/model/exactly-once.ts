// A model of a line's way from a file to a count: agents, a broker and aggregators that may be killed, copied, cut
// off and late, in one process without I/O, driven by one seed. docs/delivery.md says what each rule means; this
// says whether the rules suffice, and whether each of them is needed.
import { type Weather, weatherOf } from './climate.ts'
import type { Verdict } from './oracle.ts'
import { hash } from './random.ts'
import { allRules, type Rule, type Rules, without } from './rules.ts'
import { World } from './world.ts'

const steps = 560

export interface Story extends Verdict {
  readonly trace: readonly string[]
  readonly traceHash: number
}

/** One world, from its first line to rest. */
export function simulate(seed: number, rules: Rules = allRules, tell = ignore): Verdict {
  const world = new World(seed, rules, tell)
  for (let step = 0; step < steps; step += 1) world.step()
  return world.judge()
}

/** The same world, told. */
export function narrate(seed: number, rules: Rules = allRules): Story {
  const trace: string[] = []
  const verdict = simulate(seed, rules, sentence => trace.push(sentence()))
  const traceHash = trace.reduce((basis, sentence) => hash(sentence, basis), 0x811c9dc5)
  return { ...verdict, trace, traceHash }
}

export interface SweepOptions {
  /** Only worlds of this kind, where some faults are at home. */
  readonly weather?: Weather
  readonly stopAtFirst?: boolean
}

/** A seed that fails can be told by `narrate`. */
export interface Violation {
  readonly seed: number
  readonly found: readonly string[]
}

export interface Sweep {
  readonly tried: number
  readonly violations: readonly Violation[]
  /** The tallies of all worlds, added up. */
  readonly tally: ReadonlyMap<string, number>
}

/** Runs up to `count` seeds under the given rules. */
export function sweep(count: number, rules: Rules = allRules, options: SweepOptions = {}): Sweep {
  const { weather, stopAtFirst = false } = options
  const violations: Violation[] = []
  const tally = new Map<string, number>()
  let tried = 0
  for (let seed = 1; tried < count; seed += 1) {
    if (weather !== undefined && weatherOf(seed) !== weather) continue
    tried += 1
    const verdict = simulate(seed, rules)
    for (const [what, many] of verdict.tally) tally.set(what, (tally.get(what) ?? 0) + many)
    if (verdict.violations.length === 0) continue
    violations.push({ seed, found: verdict.violations })
    if (stopAtFirst) break
  }
  return { tried, violations, tally }
}

/** Looks for a world in which the rule is missed. */
export function seek(rule: Rule, count: number): Sweep {
  const weather = homeOf[rule]
  return sweep(count, without(rule), { stopAtFirst: true, ...(weather && { weather }) })
}

/** Rules that guard coincidences; elsewhere they are missed as well, but seldom. */
const homeOf: Partial<Record<Rule, Weather>> = {
  declareDurable: 'restarts',
  retireFinished: 'restarts',
  retireAfterSockets: 'restarts',
  retireAfterReading: 'restarts',
  knowFinished: 'copies',
  startAnnounced: 'copies',
  forkByEnd: 'copies',
}

function ignore(_sentence: () => string): void {}
