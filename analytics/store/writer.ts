// The one transaction: statistics, dedup positions, ledger, status of agents and the next offsets, or nothing.
// Guarded twice: each partition's offset must be where its records began, and this process's slot must be as it left
// it, for its sketches are absolute. What is refused is thrown away and read again; there is no other recovery.

import type { Log } from '../../runtime/log.ts'
import { expand } from '../fold/expand.ts'
import type { CommittedState, FoldState, PartitionFold } from '../fold/fold-state.ts'
import type { LastSample } from '../fold/increase.ts'
import type { Pending } from '../fold/pending.ts'
import { noVisitSettings, type VisitSettings } from '../visits/conditions.ts'
import { VisitBook } from '../visits/visit-book.ts'
import { type StepSeconds, steps } from '../windows/steps.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import { CountRows } from './count-rows.ts'
import { CounterRows } from './counter-rows.ts'
import { Coverage, quarterSeconds } from './coverage.ts'
import { type DeadLetter, DeadLetters } from './dead-letters.ts'
import { DedupRows } from './dedup-rows.ts'
import { Housekeeping } from './housekeeping.ts'
import { Rollup } from './rollup.ts'
import type { Connection } from './schema.ts'
import { type Run, SeriesDirectory, seriesValue } from './series-directory.ts'
import { type LedgerRow, SideTables, type StatusRow } from './side-tables.ts'
import { SketchCache } from './sketch-cache.ts'
import { type Claimant, type Slot, Slots } from './slots.ts'
import { type SourceRow, Sources } from './sources.ts'
import { Upkeep } from './upkeep.ts'

export type { SourceRow } from './sources.ts'

/** Everything one commit covers. */
export interface Flush {
  readonly partitions: readonly PartitionFold[]
  readonly pending: Pending
  readonly ledger: readonly LedgerRow[]
  readonly agents: readonly StatusRow[]
  /** Srcs declared finished. */
  readonly finished?: readonly string[]
  /** Records that could not be counted, for a topic of their own. */
  readonly deadLetters?: readonly DeadLetter[]
  readonly nowMs: number
}

export interface WriterOptions {
  readonly job?: string
  /** Who writes, where there may be others; without it slot 0 is taken, whoever holds it. */
  readonly claimant?: Claimant
  /** Called before every statement of a transaction; tests throw from it. */
  readonly beforeStatement?: () => void
  /** Hears when the time for which statistics are kept changes. */
  readonly log?: Log
  /** Goals and funnels that are looked for in every event. */
  readonly visits?: VisitSettings
}

export class Writer implements CommittedState {
  readonly sources: Sources
  readonly dedup: DedupRows
  readonly deadLetters: DeadLetters
  readonly visits: VisitBook
  readonly #connection: Connection
  readonly #days: ZoneDays
  readonly #run: Run
  readonly #counts: CountRows
  readonly #counters: CounterRows
  readonly #series: SeriesDirectory
  readonly #sketches: SketchCache
  readonly #side: SideTables
  readonly #coverage: Coverage
  readonly #housekeeping: Housekeeping
  readonly #upkeep: Upkeep
  readonly #slots: Slots
  readonly #statements
  #slot: Slot

  constructor(connection: Connection, days: ZoneDays, options: WriterOptions = {}) {
    this.#connection = connection
    this.#days = days
    const { beforeStatement } = options
    this.#run = (statement, ...values) => {
      beforeStatement?.()
      return statement.run(...values).changes
    }
    this.sources = new Sources(connection, this.#run, options.job ?? 'live')
    this.dedup = new DedupRows(connection, this.#run)
    this.deadLetters = new DeadLetters(connection, this.#run)
    this.visits = new VisitBook(connection, this.#run, days, options.visits ?? noVisitSettings)
    this.#counts = new CountRows(connection, this.#run)
    this.#counters = new CounterRows(connection, this.#run)
    this.#series = new SeriesDirectory(connection, this.#run)
    this.#sketches = new SketchCache(connection, this.#run)
    this.#side = new SideTables(connection, this.#run)
    this.#coverage = new Coverage(connection, this.#run)
    this.#housekeeping = new Housekeeping(connection, this.#run, options.log)
    this.#upkeep = new Upkeep(connection, options.log)
    this.#statements = prepareStatements(connection)
    this.#slots = new Slots(connection, this.#run, options.claimant ?? null)
    this.#slot = this.#slots.claim()
    this.#sketches.part = this.#slot.number
  }

  get slot(): number {
    return this.#slot.number
  }

  /** True if no other process counts into this store. */
  get isAlone(): boolean {
    return this.#slots.isAlone(this.#slot)
  }

  /** Now and then, for a process that has nothing to commit: its slot stays its own. */
  renew(): void {
    this.#slots.renew(this.#slot)
  }

  /** The slot is free for another; nothing is committed afterwards. */
  release(): void {
    this.#slots.release(this.#slot)
  }

  /** The row of a partition, made if it is new: it then begins at `firstOffset`. */
  source(topic: string, partition: number, topicId: string | null, firstOffset: number): SourceRow {
    this.#connection
      .transaction(() => this.sources.insert(topic, partition, topicId, firstOffset))
      .immediate()
    return this.sources.find(topic, partition)!
  }

  findSource(topic: string, partition: number): SourceRow | null {
    return this.sources.find(topic, partition)
  }

  lastPosition(partitionId: number, src: string): number {
    return this.dedup.lastPosition(partitionId, src)
  }

  lastSample(partitionId: number, series: string): LastSample | null {
    return this.#counters.last(partitionId, series)
  }

  valuesOfDay(dimensionSet: string, dayMs: number, metric?: string): readonly string[] {
    const asked = { dims: dimensionSet, day: dayMs / 1000, metric: metric ?? null }
    const rows = this.#statements.valuesOfDay.all(asked)
    return rows.map(({ labels }) => seriesValue(dimensionSet, labels))
  }

  /** Lines older than this (milliseconds) are older than everything that is kept. */
  oldestMs(): number {
    return (this.#housekeeping.edges().get(steps.at(-1)!.seconds) ?? Number.NEGATIVE_INFINITY) * 1000
  }

  /** Commits, or throws and has changed nothing; after a throw call `forget` and fold again from committed offsets. */
  commit(flush: Flush, state: FoldState): void {
    this.#upkeep.beforeCommit()
    this.#transact(() => this.#commit(flush, state))
    this.#upkeep.afterCommit()
    this.dedup.forgetReturns()
    for (const partition of flush.partitions) {
      partition.start = partition.next
      partition.movedSrcs.clear()
      partition.movedSamples.clear()
      partition.dropped.length = 0
    }
    state.oldestMs = this.oldestMs()
  }

  /** Marks a partition as one that must not be read on, with the reason, where it may go on, and a ledger entry. */
  stop(source: SourceRow, reason: string, resumeAt: number, entry: LedgerRow): void {
    this.#transact(() => {
      this.#bump(entry.at)
      this.sources.stop(source, reason, resumeAt)
      this.#side.ledger([entry])
    })
  }

  /** The topic was made anew: its offsets begin again. Positions of srcs stay, for they name lines, not offsets. */
  restartSource(source: SourceRow, topicId: string, firstOffset: number, entry: LedgerRow): void {
    this.#transact(() => {
      this.#bump(entry.at)
      this.sources.restart(source, topicId, firstOffset)
      this.#side.ledger([entry])
    })
  }

  /** Lets go of dedup rows that are no longer needed; true if any went: then nothing in memory may be believed. */
  retire(partitions: readonly PartitionFold[], nowMs: number): boolean {
    let isGone = false
    this.#transact(() => {
      this.#bump(nowMs)
      for (const { id, highWatermark } of partitions) this.dedup.noteLogEnd(id, highWatermark, nowMs)
      isGone = this.dedup.retire(
        partitions.map(({ id }) => id),
        nowMs,
      )
    })
    return isGone
  }

  /** Call now and then while nothing is pending. */
  rest(): void {
    this.#upkeep.rest()
  }

  /** Drops everything in memory that a commit did not confirm. */
  forget(): void {
    this.visits.forget()
    this.#series.forget()
    this.#sketches.forget()
    this.#coverage.forget()
    this.#housekeeping.forget()
    this.dedup.forgetReturns()
    this.sources.forget()
    this.#slot = this.#slots.reread(this.#slot)
    this.#sketches.part = this.#slot.number
  }

  #transact(change: () => void): void {
    this.#connection.transaction(change).immediate()
    this.#slot.version++
  }

  #commit(flush: Flush, state: FoldState): void {
    const { partitions, pending, ledger, agents, finished = [], deadLetters = [], nowMs } = flush
    const version = this.#bump(nowMs)
    for (const partition of partitions) {
      this.sources.advance(partition, nowMs)
      this.dedup.noteLogEnd(partition.id, partition.highWatermark, nowMs)
    }
    const edges = this.#housekeeping.advance(pending.horizonMs, nowMs)
    const rollup = new Rollup(this.#series, this.#sketches, state.values, this.#days, edges, state.admits)
    expand(state, pending)
    rollup.add(pending)
    rollup.addLag(pending.readAt, nowMs)
    if (state.noter) this.visits.apply(pending.visits, state.noter, state.values, rollup)
    state.statistics?.apply(pending.custom, rollup)
    this.#counts.add(rollup.deltas)
    this.#sketches.save()
    for (const { id, movedSrcs, positions, movedSamples, samples } of partitions) {
      for (const src of movedSrcs) this.dedup.save(id, state.srcs.text(src), positions.get(src)!, nowMs)
      for (const series of movedSamples)
        this.#counters.save(id, state.values.text(series), samples.get(series)!)
    }
    this.#counters.prune(pending.horizonMs)
    for (const src of finished) this.dedup.declareFinished(src, nowMs)
    this.deadLetters.put(deadLetters)
    this.#side.losses(pending.losses.values(), nowMs)
    this.#side.ledger(ledger)
    this.#side.ledger(this.dedup.settleReturns(id => this.sources.nameOf(id), nowMs))
    this.#side.agents(agents)
    this.#noteChanges(rollup.touched, version)
    this.#coverage.note(partitions, rollup.touched.get(quarterSeconds)!, edges.get(quarterSeconds))
    this.#housekeeping.prune(version, nowMs)
  }

  /** The number of this commit among those of all; refused if the sketches in memory are not those of the slot. */
  #bump(nowMs: number): number {
    this.#slots.advance(this.#slot)
    this.#run(this.#statements.bump, nowMs)
    return this.#readVersion()
  }

  #noteChanges(touched: ReadonlyMap<StepSeconds, ReadonlySet<number>>, version: number): void {
    for (const [step, buckets] of touched) {
      for (const bucket of buckets) this.#run(this.#statements.noteChange, version, step, bucket)
    }
  }

  #readVersion(): number {
    return this.#statements.readVersion.get()!.version
  }
}

function prepareStatements(connection: Connection) {
  return {
    readVersion: connection.prepare<[], { version: number }>('SELECT version FROM writer WHERE id = 1'),
    bump: connection.prepare('UPDATE writer SET version = version + 1, committed_at = ? WHERE id = 1'),
    valuesOfDay: connection.prepare<{ dims: string; day: number; metric: string | null }, { labels: string }>(
      `SELECT DISTINCT s.labels FROM series s
       WHERE s.dims = @dims AND s.last_day >= @day AND (@metric IS NULL OR s.metric = @metric) AND (
         EXISTS (SELECT 1 FROM counts c WHERE c.step = 86400 AND c.series = s.id AND c.bucket = @day)
         OR EXISTS (SELECT 1 FROM sketches k WHERE k.step = 86400 AND k.series = s.id AND k.bucket = @day))`,
    ),
    noteChange: connection.prepare('INSERT OR IGNORE INTO changes(version, step, bucket) VALUES (?, ?, ?)'),
  }
}
