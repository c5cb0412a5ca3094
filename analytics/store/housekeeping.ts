// Retention: moves the edge of each step behind the newest event time and deletes what lies before it, a little with
// every commit. Edges only move on, so a bucket that is still kept is complete, whatever came late.
import { futureAllowanceMs, retentionEdge, type StepSeconds, steps } from '../windows/steps.ts'
import type { Connection } from './schema.ts'
import type { Run } from './series-directory.ts'

/** Series whose old rows one commit deletes: the cost of a commit stays flat. */
const seriesPerCommit = 40
/** Commits whose changes are kept: minutes, for readers that look every quarter of a second. */
const changesKept = 1500

export class Housekeeping {
  readonly #run: Run
  readonly #statements
  readonly #edges = new Map<StepSeconds, number>()
  /** The series up to which the current round of deleting has come. */
  #swept = 0

  constructor(connection: Connection, run: Run) {
    this.#run = run
    this.#statements = {
      readEdges: connection.prepare<[], { step: StepSeconds; bucket: number }>(
        'SELECT step, bucket FROM edges',
      ),
      saveEdge: connection.prepare('INSERT OR REPLACE INTO edges(step, bucket) VALUES (?, ?)'),
      nextSeries: connection.prepare<[number, number], { id: number }>(
        'SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?',
      ),
      deleteCounts: connection.prepare('DELETE FROM counts WHERE step = ? AND series = ? AND bucket < ?'),
      deleteSketches: connection.prepare('DELETE FROM sketches WHERE step = ? AND series = ? AND bucket < ?'),
      deleteChanges: connection.prepare('DELETE FROM changes WHERE version < ?'),
    }
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
    if (Number.isFinite(horizon)) {
      for (const step of steps) {
        const edge = retentionEdge(step, horizon) / 1000
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

  /** Deletes the next few series' rows before the edges. */
  prune(version: number): void {
    const batch = this.#statements.nextSeries.all(this.#swept, seriesPerCommit)
    for (const { id } of batch) {
      for (const [step, edge] of this.#edges) {
        this.#run(this.#statements.deleteCounts, step, id, edge)
        this.#run(this.#statements.deleteSketches, step, id, edge)
      }
    }
    this.#swept = batch.length < seriesPerCommit ? 0 : batch.at(-1)!.id
    if (version % 50 === 0) this.#run(this.#statements.deleteChanges, version - changesKept)
  }

  /** Reads the committed edges. */
  forget(): void {
    this.#edges.clear()
    for (const { step, bucket } of this.#statements.readEdges.all()) this.#edges.set(step, bucket)
  }
}
