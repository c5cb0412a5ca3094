// What one query may take: rows read and time, and whether anybody still waits for it. Reads look in every few hundred
// rows, because SQLite itself cannot be interrupted from JavaScript. Knows no clock but the one it is given.
import { ProblemError } from './problem.ts'

/** Looked at in between, so that the check costs nothing beside reading a row. */
const rowsPerCheck = 256

export interface BudgetLimits {
  readonly rowsMax: number
  readonly timeoutMs: number
}

export class Budget {
  readonly #nowMs: () => number
  /** True when whoever asked is gone. */
  readonly #isCancelled: () => boolean
  #limits: BudgetLimits = { rowsMax: Number.POSITIVE_INFINITY, timeoutMs: Number.POSITIVE_INFINITY }
  #startedMs = 0
  #rows = 0

  constructor(nowMs: () => number, isCancelled: () => boolean = () => false) {
    this.#nowMs = nowMs
    this.#isCancelled = isCancelled
  }

  /** Rows read since the start. */
  get rows(): number {
    return this.#rows
  }

  start(limits: BudgetLimits): void {
    this.#limits = limits
    this.#startedMs = this.#nowMs()
    this.#rows = 0
  }

  /** One more row; throws when it is one too many, too late, or for nobody. */
  row(): void {
    if (++this.#rows % rowsPerCheck === 0) this.check()
  }

  /** For work that reads no rows. */
  check(): void {
    const { rowsMax, timeoutMs } = this.#limits
    if (this.#isCancelled()) throw cancelled()
    if (this.#nowMs() - this.#startedMs > timeoutMs) throw tooSlow(timeoutMs)
    if (this.#rows <= rowsMax) return
    const detail = `It would read more than ${rowsMax} rows. Ask for a shorter range, a wider step or fewer values.`
    throw new ProblemError(422, 'too-many-rows', 'The question is too large', detail)
  }
}

export function tooSlow(timeoutMs: number): ProblemError {
  const seconds = Math.round(timeoutMs / 1000)
  const detail = `It took longer than ${seconds} s. Ask for a shorter range, a wider step or fewer values.`
  return new ProblemError(503, 'query-timeout', 'The question takes too long', detail)
}

/** Read by nobody, but for the log. */
export function cancelled(): ProblemError {
  return new ProblemError(499, 'cancelled', 'Nobody waits any more', 'The connection was closed.')
}
