// Reads of committed rows, as prepared statements on a connection that cannot write. Knows tables and nothing of what
// the numbers mean.

import type { LossReasonTotal } from '../http/contract.ts'
import type { AgentLoss } from '../http/contract-agents.ts'
import type { Connection } from '../store/schema.ts'
import { VisitReads } from '../visits/visit-reads.ts'
import type { StepSeconds } from '../windows/steps.ts'
import type { Budget } from './budget.ts'

export interface SeriesRow {
  readonly id: number
  readonly labels: Readonly<Record<string, string>>
}

export interface SourceState {
  readonly topic: string
  readonly partition: number
  readonly next: number
  readonly highWatermark: number
  readonly watermarkMs: number | null
  readonly updatedAt: number | null
}

/** Which entries of the ledger. Both lists empty or text empty: all. */
export interface LossChoice {
  readonly fromMs: number
  readonly toMs: number
  readonly reasons: readonly string[]
  /** What the source contains. */
  readonly source: string
}

export const allLosses: LossChoice = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, reasons: [], source: '' }

interface LossParameters {
  readonly fromMs: number
  readonly toMs: number
  readonly reasons: string
  readonly source: string
}

const chosenLosses = `at >= @fromMs AND at < @toMs AND (@source = '' OR instr(source, @source) > 0)
  AND (@reasons = '[]' OR reason IN (SELECT value FROM json_each(@reasons)))`

function lossParameters({ reasons, ...rest }: LossChoice): LossParameters {
  return { ...rest, reasons: JSON.stringify(reasons) }
}

export interface LossRow {
  readonly key: string
  readonly at: number
  readonly reason: string
  readonly source: string
  readonly from: string
  readonly to: string
  readonly lines: number | null
  readonly detail: string
}

export class Rows {
  readonly visits: VisitReads
  readonly #connection: Connection
  readonly #budget: Budget | null
  readonly #statements
  readonly #transaction
  /** What was read in the snapshot that is open; it would be the same if it were read again. */
  #held: Map<string, unknown> | null = null

  /** With a budget, a read that costs more than it allows ends in a ProblemError. */
  constructor(connection: Connection, budget: Budget | null = null) {
    this.#connection = connection
    this.#budget = budget
    this.visits = new VisitReads(connection, budget)
    this.#statements = prepareStatements(connection)
    this.#transaction = connection.transaction((read: () => void) => read())
  }

  /** Runs several reads over one state of the database; within another snapshot, over that one's. */
  snapshot<Result>(read: () => Result): Result {
    if (this.#held) return read()
    this.#held = new Map()
    try {
      return this.#transaction(read) as Result
    } finally {
      this.#held = null
    }
  }

  /** Read once in a snapshot. What is returned is shared: nobody may change it. */
  #once<Result>(key: string, read: () => Result): Result {
    const held = this.#held
    if (!held) return read()
    if (!held.has(key)) held.set(key, read())
    return held.get(key) as Result
  }

  /** Changes whenever another connection has committed. */
  dataVersion(): number {
    return this.#connection.pragma('data_version', { simple: true }) as number
  }

  commit(): { readonly version: number; readonly committedAt: number | null } {
    return this.#once('commit', () => {
      const row = this.#statements.commit.get()!
      return { version: row.version, committedAt: row.committed_at }
    })
  }

  /** Series of a dimension set that have rows on or after a day (seconds). */
  series(metric: string, dims: string, sinceDay: number): readonly SeriesRow[] {
    return this.#once(`series ${metric} ${dims} ${sinceDay}`, () => {
      const rows = this.#statements.series.all(metric, dims, sinceDay)
      return rows.map(({ id, labels }) => ({ id, labels: JSON.parse(labels) as Record<string, string> }))
    })
  }

  /** Sums by series over [from, to), in seconds. */
  sums(step: StepSeconds, ids: readonly number[], from: number, to: number): Map<number, number> {
    const rows = this.#read(this.#statements.sums, { ids: JSON.stringify(ids), step, from, to })
    return new Map(rows.flatMap(({ series, n }) => (n === null ? [] : [[series, n] as const])))
  }

  counts(step: StepSeconds, ids: readonly number[], from: number, to: number): BucketRow<'n', number>[] {
    return this.#read(this.#statements.counts, { ids: JSON.stringify(ids), step, from, to })
  }

  sketches(step: StepSeconds, ids: readonly number[], from: number, to: number): BucketRow<'data', Buffer>[] {
    return this.#read(this.#statements.sketches, { ids: JSON.stringify(ids), step, from, to })
  }

  /** Throws when whoever asked is gone, or has waited long enough. */
  check(): void {
    this.#budget?.check()
  }

  #read<Row>(statement: { all(span: Span): Row[]; iterate(span: Span): Iterable<Row> }, span: Span): Row[] {
    const budget = this.#budget
    if (!budget) return statement.all(span)
    budget.check()
    const rows: Row[] = []
    for (const row of statement.iterate(span)) {
      budget.row()
      rows.push(row)
    }
    return rows
  }

  /** By step, in seconds: what lies before is no longer kept. */
  edges(): Map<number, number> {
    return new Map(this.#statements.edges.all().map(row => [row.step, row.bucket]))
  }

  /** The oldest day (seconds) anything was counted on; 0 when nothing was. */
  firstDay(): number {
    return this.#statements.firstDay.get()?.bucket ?? 0
  }

  sources(): readonly SourceState[] {
    return this.#once('sources', () => this.#statements.sources.all())
  }

  /** Buckets (seconds) of a step touched since a version; null when that is longer ago than is remembered. */
  changedSince(version: number, step: StepSeconds): readonly number[] | null {
    return this.#once(`changed ${version} ${step}`, () => {
      const oldest = this.#statements.oldestChange.get()?.version ?? null
      if (oldest !== null && oldest > version + 1) return null
      return this.#statements.changed.all(version, step).map(row => row.bucket)
    })
  }

  /** Newest first, after a place in that order. */
  losses(limit: number, after: readonly [number, string] | null = null, choice = allLosses): LossRow[] {
    const [at, key] = after ?? [Number.MAX_SAFE_INTEGER, '']
    return this.#statements.losses.all({ at, key, limit, ...lossParameters(choice) })
  }

  /** The ledger added up, most lines first. */
  lossReasons(choice = allLosses): LossReasonTotal[] {
    return this.#statements.lossReasons.all(lossParameters(choice))
  }

  lossTotal(): number {
    return this.#statements.lossTotal.get()!.lines
  }

  /** Of one agent: its own entries and those of its files, whose sources begin with its id. */
  lossesOf(agentId: string, limit: number): AgentLoss[] {
    return this.#statements.lossesOf.all({ prefix: `${agentId}.`, agentId, limit })
  }

  agent(agentId: string): { readonly lastSeen: number; readonly status: string } | null {
    return this.#statements.agent.get(agentId) ?? null
  }

  /** The status JSON of every agent heard of, and when. */
  agents(): { readonly agentId: string; readonly lastSeen: number; readonly status: string }[] {
    return this.#statements.agents.all()
  }
}

export type BucketRow<Name extends string, Value> = {
  readonly series: number
  readonly bucket: number
} & Readonly<Record<Name, Value>>

interface Span {
  readonly ids: string
  readonly step: number
  readonly from: number
  readonly to: number
}

/** CROSS JOIN keeps the order: for each series a range of the primary key. */
const spanOf = (table: string) =>
  `FROM json_each(@ids) j CROSS JOIN ${table} t
   ON t.step = @step AND t.series = j.value AND t.bucket >= @from AND t.bucket < @to`

function prepareStatements(connection: Connection) {
  return {
    commit: connection.prepare<[], { version: number; committed_at: number | null }>(
      'SELECT version, committed_at FROM writer WHERE id = 1',
    ),
    series: connection.prepare<[string, string, number], { id: number; labels: string }>(
      'SELECT id, labels FROM series WHERE metric = ? AND dims = ? AND last_day >= ?',
    ),
    // A subquery for each series: nothing is sorted, and it may be given up between two of them.
    sums: connection.prepare<Span, { series: number; n: number | null }>(
      `SELECT j.value AS series, (
         SELECT sum(n) FROM counts
         WHERE step = @step AND series = j.value AND bucket >= @from AND bucket < @to
       ) AS n FROM json_each(@ids) j`,
    ),
    counts: connection.prepare<Span, BucketRow<'n', number>>(
      `SELECT t.series, t.bucket, t.n ${spanOf('counts')}`,
    ),
    sketches: connection.prepare<Span, BucketRow<'data', Buffer>>(
      `SELECT t.series, t.bucket, t.data ${spanOf('sketches')}`,
    ),
    edges: connection.prepare<[], { step: number; bucket: number }>('SELECT step, bucket FROM edges'),
    // Each series begins with its first day: as many seeks as series, no scan.
    firstDay: connection.prepare<[], { bucket: number | null }>(
      `SELECT min((SELECT c.bucket FROM counts c WHERE c.step = 86400 AND c.series = s.id LIMIT 1)) AS bucket
       FROM series s WHERE s.dims = ''`,
    ),
    sources: connection.prepare<[], SourceState>(
      `SELECT topic, partition, next, high_watermark AS highWatermark, watermark AS watermarkMs,
         updated_at AS updatedAt FROM sources WHERE job = 'live'`,
    ),
    oldestChange: connection.prepare<[], { version: number }>(
      'SELECT version FROM changes ORDER BY version LIMIT 1',
    ),
    changed: connection.prepare<[number, number], { bucket: number }>(
      'SELECT DISTINCT bucket FROM changes WHERE version > ? AND step = ? ORDER BY bucket',
    ),
    losses: connection.prepare<LossParameters & { at: number; key: string; limit: number }, LossRow>(
      `SELECT key, at, reason, source, from_position AS "from", to_position AS "to", lines, detail
       FROM losses WHERE at <= @at AND (at < @at OR key > @key) AND ${chosenLosses}
       ORDER BY at DESC, key LIMIT @limit`,
    ),
    lossReasons: connection.prepare<LossParameters, LossReasonTotal>(
      `SELECT reason, count(*) AS entries, coalesce(sum(lines), 0) AS lines, max(at) AS lastAt
       FROM losses WHERE ${chosenLosses} GROUP BY reason ORDER BY lines DESC, entries DESC, reason`,
    ),
    lossesOf: connection.prepare<{ prefix: string; agentId: string; limit: number }, AgentLoss>(
      `SELECT at, reason, lines, detail FROM losses
       WHERE source = @agentId OR substr(source, 1, length(@prefix)) = @prefix ORDER BY at DESC LIMIT @limit`,
    ),
    agent: connection.prepare<[string], { lastSeen: number; status: string }>(
      'SELECT last_seen AS lastSeen, status FROM agents WHERE agent_id = ?',
    ),
    lossTotal: connection.prepare<[], { lines: number }>(
      'SELECT coalesce(sum(lines), 0) AS lines FROM losses',
    ),
    agents: connection.prepare<[], { agentId: string; lastSeen: number; status: string }>(
      'SELECT agent_id AS agentId, last_seen AS lastSeen, status FROM agents ORDER BY agent_id',
    ),
  }
}
