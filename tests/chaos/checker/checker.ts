// Judges a history by the rules C1 to C12. Valid means that nothing seen contradicts the promises; a history that
// shows too little to say so is inconclusive. Pure: no clock, no I/O.
import { type Coverage, type CoverageWanted, coverageOf } from './coverage.ts'
import { cycles } from './cycles.ts'
import { defaultPromises, type Finding, type Promises } from './finding.ts'
import { type HistoryEvent, operationsOf } from './history.ts'
import { factsOf } from './key-log.ts'
import { type Lag, worstLag } from './lag.ts'
import { type ConsumeCounts, consumeCounts, groupSkips, pollOrder, sendOrder } from './order.ts'
import {
  abortedReads,
  duplicates,
  inconsistentOffsets,
  lostWrites,
  precommittedReads,
  unseenWrites,
} from './writes.ts'

export interface Verdict {
  readonly outcome: 'valid' | 'invalid' | 'inconclusive'
  /** What breaks a promise. */
  readonly errors: readonly Finding[]
  /** What is worth counting and breaks none. */
  readonly counted: readonly Finding[]
  readonly coverage: Coverage
  readonly lag: Lag
  readonly consumed: ConsumeCounts
  /** Reads of what nobody ever sent: somebody else writes to these topics, or bytes have changed. */
  readonly unwritten: number
}

/** As the reference has it: below this a run has not met enough. */
export const defaultCoverage: CoverageWanted = { okSendsMin: 10_000, faults: [] }

export function judge(
  history: readonly HistoryEvent[],
  wanted: CoverageWanted = defaultCoverage,
  given: Partial<Promises> = {},
): Verdict {
  const promises: Promises = { ...defaultPromises, ...given }
  const facts = factsOf(operationsOf(history))
  const consumed = consumeCounts(facts, promises)
  const findings = [
    ...lostWrites(facts),
    ...abortedReads(facts),
    ...inconsistentOffsets(facts),
    ...duplicates(facts, promises),
    ...pollOrder(facts),
    ...groupSkips(facts),
    ...sendOrder(facts, promises),
    ...unseenWrites(facts, history),
    ...precommittedReads(facts),
    ...cycles(facts, promises),
    ...consumed.findings,
  ]
  const errors = findings.filter(finding => finding.isError)
  const coverage = coverageOf(history, facts, wanted)
  return {
    outcome: errors.length > 0 ? 'invalid' : coverage.missing.length > 0 ? 'inconclusive' : 'valid',
    errors,
    counted: findings.filter(finding => !finding.isError),
    coverage,
    lag: worstLag(facts),
    consumed,
    unwritten: facts.unwritten.length,
  }
}

const shownMax = 8

/** One line for people. */
export function sentence({ rule, key, values, offsets, at }: Finding): string {
  const some = (list: readonly number[]) =>
    list.length > shownMax ? `${list.slice(0, shownMax).join(' ')} … (${list.length})` : list.join(' ')
  const places = offsets.length > 0 ? ` at offset ${some(offsets)}` : ''
  return `${rule} in ${key}: ${some(values)}${places}, event ${some(at)}`
}
