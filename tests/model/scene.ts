// What every actor of the model may see, and how long things last in it.
import type { Random } from './random.ts'
import type { Rules } from './rules.ts'

/** What every actor may see: the hour, the dice, the rules in force, and somewhere to tell its story. */
export interface Scene {
  now: number
  /** The wall clock of the hosts. It is coarse, and now and then it is set back. */
  wallClock: number
  readonly random: Random
  readonly rules: Rules
  /** Called with a function, so that a story nobody listens to costs nothing. */
  tell(sentence: () => string): void
}

/** How long a request may stay in flight before its connection counts as dead, in steps. */
export const requestLifeSteps = 80
/** After this long without an append the broker forgets a producer id. Far longer than a request lives. */
export const producerExpirySteps = 180
/** Silence after which an agent's dedup rows go although it has not finished: the model's thirty days. */
export const idleSteps = 200
