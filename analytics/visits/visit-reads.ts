// Reads of visitors and of the dictionary their steps are written in, on a connection that cannot write; and whether
// the keys of each topic are visitors at all.
import type { Budget } from '../queries/budget.ts'
import { ProblemError } from '../queries/problem.ts'
import type { Connection } from '../store/schema.ts'
import type { Visitor } from './visitor.ts'
import { visitorOf } from './visitor-bytes.ts'
import type { ConditionRow, KeyTrust } from './visitor-rows.ts'

export interface TopicTrust extends KeyTrust {
  readonly topic: string
  readonly kind: number
  readonly visitors: number
}

/** More than one in a hundred: a device that two people share must not stop everything. */
const toleratedShare = 0.01

export class VisitReads {
  readonly #budget: Budget | null
  readonly #statements

  constructor(connection: Connection, budget: Budget | null) {
    this.#budget = budget
    this.#statements = prepareStatements(connection)
  }

  topics(): TopicTrust[] {
    return this.#statements.topics.all()
  }

  /** Visitors seen by events (0) or requests (1) on or after a local day. */
  *visitors(kind: number, sinceDay: number): Iterable<Visitor> {
    for (const { source } of this.#statements.sources.all(kind)) {
      for (const { state } of this.#statements.visitors.iterate(source, sinceDay)) {
        this.#budget?.row()
        yield visitorOf(state)
      }
    }
  }

  nameOf(id: number): string {
    return this.#statements.nameOf.get(id)?.text ?? ''
  }

  conditions(): ConditionRow[] {
    return this.#statements.conditions.all()
  }
}

/** Why visitors of this kind (0 events, 1 requests) cannot be counted, or null. */
export function visitorsProblem(topics: readonly TopicTrust[], kind: number): ProblemError | null {
  for (const topic of topics) {
    const reason = topic.kind === kind || topic.kind < 0 ? untrusted(topic) : null
    if (reason === null) continue
    const detail =
      `The records of ${topic.topic} are not keyed by visitor: ${reason}. Visits and visitors are refused for them, ` +
      'not guessed. Set keyField of the input to the field that names the visitor, such as anonymousId.'
    return new ProblemError(422, 'key-is-no-visitor', 'The record key is not the visitor', detail)
  }
  return null
}

function untrusted({ events, mixed, checked, split, keyless }: TopicTrust): string | null {
  if (mixed > events * toleratedShare)
    return `one key comes with several visitors (${mixed} of ${events} lines)`
  if (split > checked * toleratedShare)
    return `one visitor comes with several keys (${split} of ${checked} lines)`
  if (keyless > events * toleratedShare) return `${keyless} lines of visitors have no key`
  return null
}

function prepareStatements(connection: Connection) {
  return {
    topics: connection.prepare<[], TopicTrust>(
      `SELECT topic, max(kind) AS kind, sum(visitors) AS visitors, sum(events) AS events, sum(mixed) AS mixed,
         sum(checked) AS checked, sum(split) AS split, sum(keyless) AS keyless, sum(late) AS late,
         sum(untracked) AS untracked FROM visit_sources GROUP BY topic ORDER BY topic`,
    ),
    sources: connection.prepare<[number], { source: number }>(
      'SELECT source FROM visit_sources WHERE kind = ? ORDER BY source',
    ),
    visitors: connection.prepare<[number, number], { state: Buffer }>(
      'SELECT state FROM visitors WHERE source = ? AND last_day >= ?',
    ),
    nameOf: connection.prepare<[number], { text: string }>('SELECT text FROM visit_names WHERE id = ?'),
    conditions: connection.prepare<[], ConditionRow>(
      'SELECT bit, text, since AS sinceMs FROM visit_conditions ORDER BY bit',
    ),
  }
}
