// Joins the fetch path, the fold and the store: folds what arrives, commits it every 200 ms or as often as commits can
// be made, and after any failure forgets what was not committed and reads again from the committed offsets. Owns the
// writing connection.
import Database from 'better-sqlite3'
import type { FetchedFrom, FetchHandler } from '../../broker/client/fetcher.ts'
import type { RecordVisitor } from '../../broker/protocol/record-walk.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { fold } from '../fold/fold.ts'
import { type FoldOptions, FoldState, type PartitionFold } from '../fold/fold-state.ts'
import { Pending } from '../fold/pending.ts'
import type { LedgerRow, StatusRow } from '../store/side-tables.ts'
import { FencedError } from '../store/slots.ts'
import type { Writer } from '../store/writer.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import { readBatches } from './batches.ts'
import type { FetchControl } from './fetch-control.ts'
import { commitBetween, flushDueMs, type LastCommit, noCommit } from './flush-rhythm.ts'
import { newCounters, takeCounters } from './ingest-counters.ts'
import { LetterBox } from './letter-box.ts'
import { poison, recreatedEntry, retentionGap, truncatedEntry, valueBytes } from './partition-entries.ts'
import { agentsTopic, finishedSrc, ledgerRow, lossesTopic, statusRow } from './side-records.ts'

export interface IngestOptions {
  readonly writer: Writer
  readonly days: ZoneDays
  readonly clock: Clock
  readonly log: Log
  /** Asked anew for every commit. */
  readonly flushIntervalMs: number
  readonly flushRecordsMax: number
  /** How single lines are counted. */
  readonly fold?: FoldOptions
  /** Records that are passed over, for a rebuild. */
  readonly skips?: FoldState['skips']
  /** Hears of each commit. */
  readonly onCommit?: (commit: LastCommit) => void
}

/** After a commit failed for a reason that may pass (disk full, database busy). */
const retryAfterMs = 1000

export class Ingest implements FetchHandler {
  readonly counters = newCounters()
  readonly #options: IngestOptions
  readonly #partitions = new Map<string, PartitionFold>()
  #state: FoldState
  #current: PartitionFold | null = null
  #ledger: LedgerRow[] = []
  #agents = new Map<string, StatusRow>()
  #finished: string[] = []
  readonly #letterBox = new LetterBox()
  /** Partitions of which the end of the log is known. */
  readonly #heardOf = new WeakSet<PartitionFold>()
  /** Partitions that are not read until the operator says so. */
  readonly #stopped = new Set<string>()
  #loop: FetchControl | null = null
  #timer: NodeJS.Timeout | null = null
  #pendingSinceMs = Number.POSITIVE_INFINITY
  #lastCommit = noCommit
  #closed = false

  constructor(options: IngestOptions) {
    this.#options = options
    this.#state = this.#newState()
  }

  /** Before the first partition is assigned. */
  attach(loop: FetchControl): void {
    this.#loop = loop
  }

  /** True once a partition is read or known to be stopped. */
  isAssigned(topic: string, partition: number): boolean {
    return this.#partitions.has(`${topic}/${partition}`)
  }

  /** How far each partition is committed to the store. */
  counted(): { readonly topic: string; readonly partition: number; readonly offset: number }[] {
    return [...this.#partitions.values()].map(({ topic, partition, start }) => ({
      topic,
      partition,
      offset: start,
    }))
  }

  /** Reads a partition from where the store says; `topicId` is what the cluster calls the topic now. */
  assign(topic: string, partition: number, topicId: string | null, earliest: number): void {
    if (!this.isAssigned(topic, partition)) this.#begin(topic, partition, topicId, earliest)
  }

  /** Nothing of it may be pending. */
  #begin(topic: string, partition: number, topicId: string | null, earliest: number): void {
    const { writer, log, clock } = this.#options
    let source = writer.source(topic, partition, topicId, earliest)
    if (source.topicId !== null && topicId !== null && source.topicId !== topicId) {
      log.warn('the topic was made anew while nobody read it', { topic, partition, topicId })
      writer.restartSource(source, topicId, earliest, recreatedEntry(source, topicId, clock.wallMs()))
      source = writer.findSource(topic, partition)!
    }
    const { id, next, watermarkMs, stopped } = source
    this.#partitions.set(
      `${topic}/${partition}`,
      this.#state.partition(id, topic, partition, next, watermarkMs),
    )
    if (stopped === null) {
      this.#stopped.delete(`${topic}/${partition}`)
      this.#loop!.seek(topic, partition, next)
      return
    }
    if (this.#stopped.has(`${topic}/${partition}`)) return
    this.#stopped.add(`${topic}/${partition}`)
    log.error('this partition is stopped, see the loss ledger', { topic, partition, reason: stopped })
  }

  /** These partitions are another process's from here on. What was folded is committed, and then nothing is kept. */
  unassign(partitions: readonly { readonly topic: string; readonly partition: number }[]): void {
    const mine = partitions.filter(({ topic, partition }) => this.isAssigned(topic, partition))
    if (mine.length === 0 || this.#closed) return
    this.flush()
    for (const { topic, partition } of mine) {
      this.#loop!.remove(topic, partition)
      this.#partitions.delete(`${topic}/${partition}`)
      this.#stopped.delete(`${topic}/${partition}`)
    }
    this.#startOver()
  }

  /** Partitions that were stopped and that the operator has let go on since are read again. */
  resumeStopped(): void {
    for (const key of this.#stopped) {
      const { topic, partition } = this.#partitions.get(key)!
      const source = this.#options.writer.findSource(topic, partition)
      if (source?.stopped === null) this.#begin(topic, partition, source.topicId, source.next)
    }
  }

  /** Seldom: lets go of dedup rows that no copy of a record can need any more. */
  retire(): void {
    if (this.#closed || !this.flush()) return
    const { writer, clock } = this.#options
    const heardOf = [...this.#partitions.values()].filter(partition => this.#heardOf.has(partition))
    this.#guarded(() => {
      if (writer.retire(heardOf, clock.wallMs())) this.#startOver()
    })
  }

  /** Everything in memory is forgotten and read again: another process has taken this one's place. */
  reread(): void {
    if (!this.#closed) this.#startOver()
  }

  /** Nothing is pending. */
  get isQuiet(): boolean {
    return this.#timer === null && !this.#closed
  }

  /** Rows of the partitions that are read here. */
  get sourceIds(): number[] {
    return [...this.#partitions.values()].map(({ id }) => id)
  }

  onBatches(topic: string, partition: number, batches: Buffer, from: FetchedFrom): void {
    const state = this.#partitions.get(`${topic}/${partition}`)
    if (!state || this.#closed) return
    state.highWatermark = from.highWatermark
    state.logStart = from.logStartOffset
    this.#heardOf.add(state)
    if (batches.length === 0) return
    this.#current = state
    const visitor = this.#visitorOf(topic)
    const goesOn = () => this.#keepsUp(state)
    if (this.#guarded(() => readBatches(this.#state, state, batches, visitor, this.#letterBox, goesOn)))
      this.#flushWhenDue()
  }

  onOffsetOutOfRange(
    topic: string,
    partition: number,
    offset: number,
    earliest: number,
    latest: number,
  ): void {
    const state = this.#partitions.get(`${topic}/${partition}`)
    if (!state || this.#closed) return
    this.flush()
    const { log, clock } = this.#options
    if (state.next < earliest) {
      const facts = { topic, partition, offset, earliest, latest }
      log.error('retention has overtaken the count: lines are lost', facts)
      this.#state.pending.lose(retentionGap(state, earliest, this.#options.days.startOf(clock.wallMs())))
      state.next = earliest
      state.highWatermark = latest
      this.#loop!.seek(topic, partition, earliest)
      this.flush()
      return
    }
    if (state.next <= latest) {
      this.#loop!.seek(topic, partition, state.next)
      return
    }
    this.onDiverged(topic, partition, offset, latest)
  }

  /** Where it was cut it goes on, once the operator says so. */
  onDiverged(topic: string, partition: number, offset: number, end: number): void {
    if (!this.isAssigned(topic, partition) || this.#closed) return
    this.flush()
    const { log, writer, clock } = this.#options
    log.error('the broker has lost what was counted: not read on', { topic, partition, offset, end })
    const source = writer.findSource(topic, partition)!
    const entry = truncatedEntry(source, end, clock.wallMs())
    if (!this.#guarded(() => writer.stop(source, 'log-truncated', end, entry))) return
    this.#stopped.add(`${topic}/${partition}`)
    this.#loop!.remove(topic, partition)
  }

  onTopicReplaced(topic: string, partition: number, topicId: string): void {
    if (this.#closed) return
    this.flush()
    const { writer, clock, log } = this.#options
    const source = writer.findSource(topic, partition)
    if (!source) return
    log.warn('the topic was made anew', { topic, partition, topicId })
    this.#guarded(() =>
      writer.restartSource(source, topicId, 0, recreatedEntry(source, topicId, clock.wallMs())),
    )
    this.#begin(topic, partition, topicId, 0)
  }

  /** Commits what is pending, if anything is. True if it is committed or nothing was there. */
  flush(): boolean {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#pendingSinceMs = Number.POSITIVE_INFINITY
    const partitions = [...this.#partitions.values()].filter(partition => partition.next !== partition.start)
    if (partitions.length === 0) return true
    const { writer, clock, onCommit } = this.#options
    const startedMs = clock.monotonicMs()
    const flush = {
      partitions,
      pending: this.#state.pending,
      ledger: this.#ledger,
      agents: [...this.#agents.values()],
      finished: this.#finished,
      deadLetters: this.#letterBox.letters,
      nowMs: clock.wallMs(),
    }
    if (!this.#guarded(() => writer.commit(flush, this.#state))) return false
    this.counters.commits++
    this.#lastCommit = commitBetween(startedMs, clock.monotonicMs())
    onCommit?.(this.#lastCommit)
    takeCounters(this.counters, this.#state.counters)
    this.#state.settle(new Pending())
    this.#clearSide()
    if (this.#state.isCrowded) this.#startOver()
    return true
  }

  /** Commits and stops; nothing is folded afterwards. */
  close(): void {
    if (this.#closed) return
    this.flush()
    this.abandon()
  }

  /** Stops as a crash would: what is pending is not committed. */
  abandon(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#closed = true
  }

  /** One visitor per kind of topic, made once: the walk calls it per record. */
  readonly #foldRecord: RecordVisitor = (
    offset,
    timestamp,
    buffer,
    keyStart,
    keyEnd,
    start,
    end,
    headers,
    count,
  ) => {
    const partition = this.#current!
    if (offset < partition.next) return
    const { pending, noter } = this.#state
    const losses = pending.lossCount
    try {
      noter!.begin(partition, buffer, keyStart, keyEnd, start, end)
      fold(this.#state, partition, offset, timestamp, buffer, start, end, headers, count)
    } catch (cause) {
      if (cause instanceof Database.SqliteError) throw cause
      poison(this.#state, partition, offset, timestamp, cause)
    }
    if (pending.lossCount === losses) return
    const key = valueBytes(buffer, keyStart, keyEnd)
    this.#letterBox.put(partition, offset, pending.lastLoss, timestamp, key, valueBytes(buffer, start, end))
  }

  readonly #readLoss: RecordVisitor = (offset, timestamp, buffer, keyStart, keyEnd, start, end) => {
    if (!this.#passSide(offset)) return
    const row = ledgerRow(
      buffer.toString('utf8', keyStart, keyEnd),
      valueBytes(buffer, start, end),
      timestamp,
    )
    if (row) this.#ledger.push(row)
  }

  readonly #readStatus: RecordVisitor = (offset, timestamp, buffer, _keyStart, _keyEnd, start, end) => {
    if (!this.#passSide(offset)) return
    const value = valueBytes(buffer, start, end)
    const row = statusRow(value, timestamp)
    if (row) this.#agents.set(row.agentId, row)
    const finished = row === null ? finishedSrc(value) : null
    if (finished !== null) this.#finished.push(finished)
  }

  #visitorOf(topic: string): RecordVisitor {
    if (topic === lossesTopic) return this.#readLoss
    return topic === agentsTopic ? this.#readStatus : this.#foldRecord
  }

  #passSide(offset: number): boolean {
    if (offset < this.#current!.next) return false
    this.#current!.next = offset + 1
    this.#state.pending.records++
    return true
  }

  /** A replay's answers hold more records than one commit may; false when what is folded was thrown away. */
  #keepsUp(state: PartitionFold): boolean {
    if (this.#state.pending.records < this.#options.flushRecordsMax) return true
    this.flush()
    return this.#partitions.get(`${state.topic}/${state.partition}`) === state
  }

  #flushWhenDue(): void {
    const { clock, flushIntervalMs, flushRecordsMax } = this.#options
    const now = clock.monotonicMs()
    if (this.#pendingSinceMs === Number.POSITIVE_INFINITY) this.#pendingSinceMs = now
    const dueMs = flushDueMs(this.#pendingSinceMs, this.#lastCommit, flushIntervalMs)
    if (now >= dueMs || this.#state.pending.records >= flushRecordsMax) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), dueMs - now)
  }

  /** Runs a transaction; when it fails, everything that was not committed is forgotten and fetched again. */
  #guarded(transaction: () => void): boolean {
    const { log } = this.#options
    try {
      transaction()
      return true
    } catch (error) {
      if (error instanceof FencedError) {
        this.counters.fenced++
        log.info('another process has counted these records, reading again', { reason: error.message })
        this.#startOver()
      } else {
        this.counters.failures++
        log.error('cannot commit, trying again', { error })
        this.#loop?.pause()
        this.#startOver()
        setTimeout(() => this.#loop?.resume(), retryAfterMs).unref()
      }
      return false
    }
  }

  /** The one recovery there is: committed offsets, committed sketches, and nothing else. */
  #startOver(): void {
    const { writer } = this.#options
    writer.forget()
    this.#state = this.#newState()
    this.#clearSide()
    this.#current = null
    for (const [key, { topic, partition }] of this.#partitions) {
      const source = writer.findSource(topic, partition)!
      const { id, next, watermarkMs } = source
      this.#partitions.set(key, this.#state.partition(id, topic, partition, next, watermarkMs))
      if (source.stopped === null) this.#loop?.seek(topic, partition, next)
    }
  }

  #clearSide(): void {
    this.#ledger = []
    this.#agents.clear()
    this.#finished = []
    this.#letterBox.clear()
  }

  #newState(): FoldState {
    const { writer, days } = this.#options
    const state = new FoldState(writer, days, this.#options.fold)
    state.oldestMs = writer.oldestMs()
    state.skips = this.#options.skips ?? null
    state.noter = writer.visits.noter(state)
    return state
  }
}
