// The one transaction: statistics, dedup positions, ledger, status of agents and the next offsets, or nothing.
// Guarded twice: each partition's offset must be where its records began, and nobody else may have committed since
// the sketches in memory were read. What is refused is thrown away and read again; there is no other recovery.
import type { CommittedState, FoldState, PartitionFold } from '../fold/fold-state.ts'
import type { Pending } from '../fold/pending.ts'
import { type StepSeconds, steps } from '../windows/steps.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import { Housekeeping } from './housekeeping.ts'
import { Rollup } from './rollup.ts'
import type { Connection } from './schema.ts'
import { type Run, SeriesDirectory, seriesValue } from './series-directory.ts'
import { type LedgerRow, SideTables, type StatusRow } from './side-tables.ts'
import { SketchCache } from './sketch-cache.ts'

/** Somebody else has committed what we were about to: another process, or ourselves before a crash. */
export class FencedError extends Error {
  override readonly name = 'FencedError'
}

export interface SourceRow {
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly topicId: string | null
  readonly next: number
  readonly watermarkMs: number
  /** Why this partition is not read any more, null while it is. */
  readonly stopped: string | null
}

/** Everything one commit covers. */
export interface Flush {
  readonly partitions: readonly PartitionFold[]
  readonly pending: Pending
  readonly ledger: readonly LedgerRow[]
  readonly agents: readonly StatusRow[]
  readonly nowMs: number
}

export interface WriterOptions {
  readonly job?: string
  /** Called before every statement of a transaction; tests throw from it. */
  readonly beforeStatement?: () => void
}

export class Writer implements CommittedState {
  readonly #connection: Connection
  readonly #days: ZoneDays
  readonly #job: string
  readonly #run: Run
  readonly #series: SeriesDirectory
  readonly #sketches: SketchCache
  readonly #side: SideTables
  readonly #housekeeping: Housekeeping
  readonly #statements
  #version: number

  constructor(connection: Connection, days: ZoneDays, options: WriterOptions = {}) {
    this.#connection = connection
    this.#days = days
    this.#job = options.job ?? 'live'
    const { beforeStatement } = options
    this.#run = (statement, ...values) => {
      beforeStatement?.()
      return statement.run(...values).changes
    }
    this.#series = new SeriesDirectory(connection, this.#run)
    this.#sketches = new SketchCache(connection, this.#run)
    this.#side = new SideTables(connection, this.#run)
    this.#housekeeping = new Housekeeping(connection, this.#run)
    this.#statements = prepareStatements(connection)
    this.#version = this.#readVersion()
  }

  /** The row of a partition, made if it is new: it then begins at `firstOffset`. */
  source(topic: string, partition: number, topicId: string | null, firstOffset: number): SourceRow {
    const { insertSource } = this.#statements
    this.#connection
      .transaction(() => insertSource.run(this.#job, topic, partition, topicId, firstOffset))
      .immediate()
    return this.findSource(topic, partition)!
  }

  findSource(topic: string, partition: number): SourceRow | null {
    const row = this.#statements.findSource.get(this.#job, topic, partition)
    if (!row) return null
    const { id, topic_id, next, watermark, stopped } = row
    const watermarkMs = watermark ?? Number.NEGATIVE_INFINITY
    return { id, topic, partition, topicId: topic_id, next, watermarkMs, stopped }
  }

  lastPosition(partitionId: number, src: string): number {
    return this.#statements.findPosition.get(partitionId, src)?.position ?? -1
  }

  valuesOfDay(dimensionSet: string, dayMs: number): readonly string[] {
    const rows = this.#statements.valuesOfDay.all({ dims: dimensionSet, day: dayMs / 1000 })
    return rows.map(({ labels }) => seriesValue(dimensionSet, labels))
  }

  /** Lines older than this (milliseconds) are older than everything that is kept. */
  oldestMs(): number {
    return (this.#housekeeping.edges().get(steps.at(-1)!.seconds) ?? Number.NEGATIVE_INFINITY) * 1000
  }

  /** Commits, or throws and has changed nothing; after a throw call `forget` and fold again from committed offsets. */
  commit(flush: Flush, state: FoldState): void {
    this.#connection.transaction(() => this.#commit(flush, state)).immediate()
    this.#version++
    for (const partition of flush.partitions) {
      partition.start = partition.next
      partition.movedSrcs.clear()
    }
    state.oldestMs = this.oldestMs()
  }

  /** Marks a partition as one that must not be read on, with the reason, and writes the ledger entry. */
  stop(source: SourceRow, reason: string, entry: LedgerRow): void {
    this.#connection
      .transaction(() => {
        this.#run(this.#statements.stopSource, reason, source.id)
        this.#side.ledger([entry])
        this.#bump(entry.at)
      })
      .immediate()
    this.#version++
  }

  /** The topic was made anew: its offsets begin again. Positions of srcs stay, for they name lines, not offsets. */
  restartSource(source: SourceRow, topicId: string, firstOffset: number, entry: LedgerRow): void {
    this.#connection
      .transaction(() => {
        this.#run(this.#statements.restartSource, topicId, firstOffset, source.id)
        this.#side.ledger([entry])
        this.#bump(entry.at)
      })
      .immediate()
    this.#version++
  }

  /** Drops everything in memory that a commit did not confirm. */
  forget(): void {
    this.#series.forget()
    this.#sketches.forget()
    this.#housekeeping.forget()
    this.#version = this.#readVersion()
  }

  #commit({ partitions, pending, ledger, agents, nowMs }: Flush, state: FoldState): void {
    this.#bump(nowMs)
    for (const partition of partitions) this.#advance(partition, nowMs)
    const edges = this.#housekeeping.advance(pending.horizonMs, nowMs)
    const rollup = new Rollup(this.#series, this.#sketches, state.values, this.#days, edges, state.admits)
    rollup.add(pending)
    rollup.addLag(pending.readAt, nowMs)
    this.#addCounts(rollup)
    this.#sketches.save()
    for (const partition of partitions) {
      for (const src of partition.movedSrcs) {
        this.#run(
          this.#statements.savePosition,
          partition.id,
          state.srcs.text(src),
          partition.positions.get(src)!,
        )
      }
    }
    this.#side.losses(pending.losses.values(), nowMs)
    this.#side.ledger(ledger)
    this.#side.agents(agents)
    this.#noteChanges(rollup.touched)
    this.#housekeeping.prune(this.#version + 1)
  }

  /** Sketches in memory are those of the last commit only if nobody has committed since. */
  #bump(nowMs: number): void {
    const { bump } = this.#statements
    if (this.#run(bump, nowMs, this.#version) !== 1) {
      throw new FencedError(
        `Cannot commit after version ${this.#version}: another process has committed since`,
      )
    }
  }

  #advance(partition: PartitionFold, nowMs: number): void {
    const watermark = Number.isFinite(partition.watermarkMs) ? partition.watermarkMs : null
    const { id, start, next, highWatermark } = partition
    if (this.#run(this.#statements.advance, next, highWatermark, watermark, nowMs, id, start) !== 1) {
      throw new FencedError(
        `Cannot commit ${partition.topic}-${partition.partition} from offset ${start}: it is no longer the next one`,
      )
    }
  }

  #addCounts(rollup: Rollup): void {
    const { addCount } = this.#statements
    for (const [step, byBucket] of rollup.deltas) {
      for (const [bucket, bySeries] of byBucket) {
        for (const [series, n] of bySeries) this.#run(addCount, step, series, bucket, n)
      }
    }
  }

  #noteChanges(touched: ReadonlyMap<StepSeconds, ReadonlySet<number>>): void {
    for (const [step, buckets] of touched) {
      for (const bucket of buckets) this.#run(this.#statements.noteChange, this.#version + 1, step, bucket)
    }
  }

  #readVersion(): number {
    return this.#statements.readVersion.get()!.version
  }
}

function prepareStatements(connection: Connection) {
  return {
    readVersion: connection.prepare<[], { version: number }>('SELECT version FROM writer WHERE id = 1'),
    bump: connection.prepare(
      'UPDATE writer SET version = version + 1, committed_at = ? WHERE id = 1 AND version = ?',
    ),
    insertSource: connection.prepare(
      'INSERT OR IGNORE INTO sources(job, topic, partition, topic_id, next) VALUES (?, ?, ?, ?, ?)',
    ),
    findSource: connection.prepare<
      [string, string, number],
      { id: number; topic_id: string | null; next: number; watermark: number | null; stopped: string | null }
    >(
      'SELECT id, topic_id, next, watermark, stopped FROM sources WHERE job = ? AND topic = ? AND partition = ?',
    ),
    advance: connection.prepare(
      'UPDATE sources SET next = ?, high_watermark = ?, watermark = ?, updated_at = ? WHERE id = ? AND next = ?',
    ),
    stopSource: connection.prepare('UPDATE sources SET stopped = ? WHERE id = ?'),
    restartSource: connection.prepare(
      'UPDATE sources SET topic_id = ?, next = ?, stopped = NULL WHERE id = ?',
    ),
    findPosition: connection.prepare<[number, string], { position: number }>(
      'SELECT position FROM dedup WHERE source = ? AND src = ?',
    ),
    savePosition: connection.prepare('INSERT OR REPLACE INTO dedup(source, src, position) VALUES (?, ?, ?)'),
    valuesOfDay: connection.prepare<{ dims: string; day: number }, { labels: string }>(
      `SELECT DISTINCT s.labels FROM series s WHERE s.dims = @dims AND s.last_day >= @day AND (
         EXISTS (SELECT 1 FROM counts c WHERE c.step = 86400 AND c.series = s.id AND c.bucket = @day)
         OR EXISTS (SELECT 1 FROM sketches k WHERE k.step = 86400 AND k.series = s.id AND k.bucket = @day))`,
    ),
    addCount: connection.prepare(
      `INSERT INTO counts(step, series, bucket, n) VALUES (?, ?, ?, ?)
       ON CONFLICT(step, series, bucket) DO UPDATE SET n = n + excluded.n`,
    ),
    noteChange: connection.prepare('INSERT OR IGNORE INTO changes(version, step, bucket) VALUES (?, ?, ?)'),
  }
}
