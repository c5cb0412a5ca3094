// Retention: moves the edge of each step behind the newest event time and deletes what lies before it, a little with
// every commit. Edges only move on, so a bucket that is still kept is complete, whatever came late.
import type { Log } from '../../runtime/log.ts'
import { bucketStart, daySeconds, futureAllowanceMs, type StepSeconds, steps } from '../windows/steps.ts'
import { isShortest, type KeepRules, type Kept, keepAll, keptMs, shorten, stepNames } from './retention.ts'
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'

/** What one commit looks at and deletes at most: its cost stays flat, whatever the edges have jumped over. */
const seriesPerCommit = 40
/** A round of deleting begins when an edge has moved by so much since the last: so every series is looked at seldom. */
const secondsPerRound = 60
const rowsPerCommit = 2000
/** Commits whose changes are kept: minutes, for readers that look every quarter of a second. */
const changesKept = 1500
/** Rows that go by age but are few are looked for once in so many commits. */
const seldom = 50
const dayMs = 86_400_000
/** An agent that has not been heard of for this long is forgotten. */
const agentKeptMs = 90 * dayMs
/** Older entries of the ledger become one sum per reason. */
const lossKeptMs = 400 * dayMs
const lossesMax = 100_000
/** In the meta table, so that all processes go by the same. */
const keepRulesKey = 'retention'
const shortenedKey = 'shortened'

/** A series with rows before a step's edge. */
interface OldRows {
  readonly id: number
  readonly step: number
  readonly edge: number
  readonly hasCounts: 0 | 1
  readonly hasSketches: 0 | 1
}

export class Housekeeping {
  readonly #connection: Connection
  readonly #run: Run
  readonly #log: Log | undefined
  readonly #statements
  readonly #edges = new Map<StepSeconds, number>()
  #rules: KeepRules = keepAll
  #shortened: Kept = {}
  /** The series up to which the current round of deleting has come; null between two rounds. */
  #swept: number | null = null
  /** The edges as the last round found them when it began. */
  #roundEdges: ReadonlyMap<StepSeconds, number> = new Map()

  constructor(connection: Connection, run: Run, log?: Log) {
    this.#connection = connection
    this.#run = run
    this.#log = log
    this.#statements = prepareStatements(connection)
    this.forget()
  }

  /** In seconds. */
  edges(): ReadonlyMap<StepSeconds, number> {
    return this.#edges
  }

  /**
   * Moves the edges to where the newest event time puts them, but never by a clock that runs ahead, and returns
   * those to write by. The day's edge is returned as it was: the fold has let lines pass by that one.
   */
  advance(horizonMs: number, nowMs: number): ReadonlyMap<StepSeconds, number> {
    const horizon = Math.min(horizonMs, nowMs + futureAllowanceMs)
    const day = steps.at(-1)!
    const dayBefore = this.#edges.get(day.seconds)
    // Other processes move them too.
    this.#readEdges()
    if (Number.isFinite(horizon)) {
      for (const step of steps) {
        const kept = keptMs(step, this.#rules, this.#shortened)
        const edge = bucketStart(horizon - kept, step.ms) / 1000
        if (edge <= (this.#edges.get(step.seconds) ?? Number.NEGATIVE_INFINITY)) continue
        this.#edges.set(step.seconds, edge)
        this.#run(this.#statements.saveEdge, step.seconds, edge)
      }
    }
    const forWriting = new Map(this.#edges)
    if (dayBefore === undefined) forWriting.delete(day.seconds)
    else forWriting.set(day.seconds, dayBefore)
    return forWriting
  }

  /** Deletes the next few rows before the edges, and series that have none left. */
  prune(version: number, nowMs = Number.NEGATIVE_INFINITY): void {
    if (this.#swept === null && this.#haveMoved()) {
      this.#swept = 0
      this.#roundEdges = new Map(this.#edges)
    }
    if (this.#swept !== null) this.#sweep(this.#swept)
    if (version % seldom === 0) this.#pruneSeldom(version, nowMs)
  }

  /** Far enough since the last round began for the next one to find something. */
  #haveMoved(): boolean {
    for (const [step, edge] of this.#edges)
      if (edge - (this.#roundEdges.get(step) ?? Number.NEGATIVE_INFINITY) >= secondsPerRound) return true
    return false
  }

  #sweep(after: number): void {
    const { lastOfBatch, old, deleteCounts, deleteSketches, deleteSeries } = this.#statements
    let last = lastOfBatch.get(after, seriesPerCommit)?.id ?? null
    let budget = rowsPerCommit
    if (last !== null) {
      for (const { id, step, edge, hasCounts, hasSketches } of old.all({ after, last })) {
        if (hasCounts) budget -= this.#run(deleteCounts, step, id, edge, budget)
        if (hasSketches && budget > 0) budget -= this.#run(deleteSketches, step, id, edge, budget)
        if (budget > 0) continue
        // This series may have more: the next commit goes on with it.
        last = id - 1
        break
      }
      const dayEdge = this.#edges.get(daySeconds)
      // Two days more: the last day's finer rows may lie behind the edge, wherever the zone lets days begin.
      if (dayEdge !== undefined) this.#run(deleteSeries, after, last, dayEdge - 2 * daySeconds)
    }
    this.#swept = last
    if (last === null) this.#weigh()
  }

  /** Reads what is committed. */
  forget(): void {
    this.#readEdges()
    this.#rules = this.#meta<KeepRules>(keepRulesKey) ?? keepAll
    this.#shortened = this.#meta<Kept>(shortenedKey) ?? {}
  }

  #meta<Value>(key: string): Value | null {
    const row = this.#statements.readMeta.get(key)
    return row ? (JSON.parse(row.value) as Value) : null
  }

  #readEdges(): void {
    this.#edges.clear()
    for (const { step, bucket } of this.#statements.readEdges.all()) this.#edges.set(step, bucket)
  }

  /** After each round: do the rows take more than they may? */
  #weigh(): void {
    const before = JSON.stringify(this.#shortened)
    this.#shortened = this.#meta<Kept>(shortenedKey) ?? {}
    // Another process has just done it: first what it cut off must go.
    if (JSON.stringify(this.#shortened) !== before) return
    const { bytesMax } = this.#rules
    const bytes = bytesInUse(this.#connection)
    const shortened = shorten(this.#rules, this.#shortened, bytes)
    if (shortened === this.#shortened) {
      if (bytesMax !== null && bytes > bytesMax && isShortest(this.#rules, shortened))
        this.#log?.warn('the statistics take more than they may, and are kept as briefly as can be', {
          bytes,
          bytesMax,
        })
      return
    }
    this.#shortened = shortened
    this.#run(this.#statements.saveMeta, shortenedKey, JSON.stringify(shortened))
    const keptFor = Object.fromEntries(
      steps.map(step => [stepNames[step.seconds], keptMs(step, this.#rules, shortened) / 1000]),
    )
    this.#log?.warn('the time for which statistics are kept follows the bytes they may take', {
      bytes,
      bytesMax,
      keptForSeconds: keptFor,
    })
  }

  #pruneSeldom(version: number, nowMs: number): void {
    const { deleteChanges, deleteAgents, agedLosses, sumLosses, deleteLosses } = this.#statements
    this.#run(deleteChanges, version - changesKept)
    this.#run(deleteAgents, nowMs - agentKeptMs)
    const aged = agedLosses.all({ before: nowMs - lossKeptMs, max: lossesMax })
    if (aged.length > 0) {
      const keys = JSON.stringify(aged)
      this.#run(sumLosses, keys)
      this.#run(deleteLosses, keys)
    }
  }
}

/** Takes effect when a process begins to write. */
export function saveKeepRules(connection: Connection, rules: KeepRules): void {
  connection
    .prepare('INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)')
    .run(keepRulesKey, JSON.stringify(rules))
}

/** By step: before these times (seconds) nothing is kept. */
export function edgeSeconds(connection: Connection): Map<StepSeconds, number> {
  const rows = connection
    .prepare<[], { step: StepSeconds; bucket: number }>('SELECT step, bucket FROM edges')
    .all()
  return new Map(rows.map(({ step, bucket }) => [step, bucket]))
}

/** What rows take, without pages that are free to be used again. */
export function bytesInUse(connection: Connection): number {
  const [pages, free, size] = ['page_count', 'freelist_count', 'page_size'].map(
    name => connection.pragma(name, { simple: true }) as number,
  )
  return (pages! - free!) * size!
}

function prepareStatements(connection: Connection) {
  return {
    readEdges: connection.prepare<[], { step: StepSeconds; bucket: number }>(
      'SELECT step, bucket FROM edges',
    ),
    saveEdge: connection.prepare(
      `INSERT INTO edges(step, bucket) VALUES (?, ?)
       ON CONFLICT(step) DO UPDATE SET bucket = max(bucket, excluded.bucket)`,
    ),
    readMeta: connection.prepare<[string], { value: string }>('SELECT value FROM meta WHERE key = ?'),
    saveMeta: connection.prepare('INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)'),
    lastOfBatch: connection.prepare<[number, number], { id: number | null }>(
      'SELECT max(id) AS id FROM (SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?)',
    ),
    // By far most have nothing to delete, and to find that out here costs a tenth of asking by a statement for each.
    old: connection.prepare<{ after: number; last: number }, OldRows>(
      `SELECT * FROM (
         SELECT s.id, e.step, e.bucket AS edge,
           EXISTS (SELECT 1 FROM counts WHERE step = e.step AND series = s.id AND bucket < e.bucket) AS hasCounts,
           EXISTS (SELECT 1 FROM sketches WHERE step = e.step AND series = s.id AND bucket < e.bucket) AS hasSketches
         FROM series s CROSS JOIN edges e WHERE s.id > @after AND s.id <= @last
       ) WHERE hasCounts OR hasSketches ORDER BY id`,
    ),
    deleteCounts: connection.prepare(
      'DELETE FROM counts WHERE step = ? AND series = ? AND bucket < ? LIMIT ?',
    ),
    deleteSketches: connection.prepare(
      'DELETE FROM sketches WHERE step = ? AND series = ? AND bucket < ? LIMIT ?',
    ),
    // The highest id stays, so that no id is ever given out again: others may have it in memory.
    deleteSeries: connection.prepare(
      'DELETE FROM series WHERE id > ? AND id <= ? AND last_day < ? AND id < (SELECT max(id) FROM series)',
    ),
    deleteChanges: connection.prepare('DELETE FROM changes WHERE version < ?'),
    deleteAgents: connection.prepare('DELETE FROM agents WHERE last_seen < ?'),
    // The oldest entries beyond the age or the number that is kept; sums are never summed again.
    agedLosses: connection
      .prepare<{ before: number; max: number }>(
        `SELECT key FROM losses WHERE key NOT LIKE 'aged:%'
         AND (at < @before OR (SELECT count(*) FROM losses) > @max) ORDER BY at, key LIMIT 500`,
      )
      .pluck(),
    sumLosses: connection.prepare(
      `INSERT INTO losses(key, at, reason, source, from_position, to_position, lines, detail)
       SELECT 'aged:' || reason, max(at), reason, '', '', '', sum(lines), 'older entries, summed up'
       FROM losses WHERE key IN (SELECT value FROM json_each(?)) GROUP BY reason
       ON CONFLICT(key) DO UPDATE SET at = max(at, excluded.at),
         lines = coalesce(lines, 0) + coalesce(excluded.lines, 0)`,
    ),
    deleteLosses: connection.prepare('DELETE FROM losses WHERE key IN (SELECT value FROM json_each(?))'),
  }
}
