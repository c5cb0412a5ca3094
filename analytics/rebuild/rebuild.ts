// A rebuild from its beginning to its end: reads the retained log into a store of its own beside the live count,
// catches up with it, holds it for a moment, and replaces what the log covers in one transaction. Until then the live
// statistics are untouched, whatever happens; a rebuild that was killed goes on where it was.
import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { FetchHandler } from '../../broker/client/fetcher.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { FetchControl } from '../ingest/fetch-control.ts'
import type { IngestOptions } from '../ingest/ingest.ts'
import { type Connection, openStore } from '../store/schema.ts'
import { Writer, type WriterOptions } from '../store/writer.ts'
import { ZoneDays } from '../windows/zone-days.ts'
import { type FreshStore, openFresh, type RebuildQuestion, removeFresh } from './fresh-store.ts'
import { type LiveSource, type RebuildProgress, readLive, saveProgress } from './live-state.ts'
import { RebuildJob } from './rebuild-job.ts'
import { type TakenOver, takeOver } from './take-over.ts'

export interface RebuildOptions {
  /** windows.db; the rebuilt one is made beside it. */
  readonly path: string
  readonly topics: readonly string[]
  readonly question: RebuildQuestion
  /** What the live count is configured with. */
  readonly writer?: WriterOptions
  readonly fold?: IngestOptions['fold']
  readonly clock: Clock
  readonly log: Log
  readonly signal?: AbortSignal
  /** First offset that the log still holds. */
  earliest(topic: string, partition: number): Promise<number>
  newLoop(handler: FetchHandler): FetchControl & { close(): void }
  /** Until there may be news: some milliseconds, or a turn of a test. */
  wait(): Promise<void>
  /** So near to the live count it is held while the rest is read. */
  readonly nearRecords?: number
  /** Records that one transaction covers at most. */
  readonly flushRecordsMax?: number
  onProgress?(progress: RebuildProgress): void
}

/** There is nothing to rebuild, or it cannot go on. */
export class RebuildError extends Error {
  override readonly name = 'RebuildError'
}

const nearRecordsUsual = 2000
/** Longer than this the live count is not held for reading the rest; it is tried again. */
const holdMs = 2000
const progressMs = 1000
const attemptsMax = 10
const flushIntervalMs = 500
const flushRecordsUsual = 50_000

export async function rebuild(options: RebuildOptions): Promise<TakenOver> {
  if (!existsSync(options.path)) throw new RebuildError(`There are no statistics at "${options.path}"`)
  const live = openStore(options.path)
  const lock = lockOf(options.path)
  const progress = new Progress(live, options)
  try {
    // When retention overtakes it, what it holds is no longer the fold of one stretch of log: anew then.
    for (let attempt = 1; ; attempt++) {
      const done = await attemptRebuild(live, options, progress)
      if (done) return done
      if (attempt === attemptsMax) {
        throw new RebuildError('The log goes faster than it can be read: it was overtaken again and again')
      }
    }
  } catch (error) {
    progress.end(options.signal?.aborted ? 'stopped' : 'failed', (error as Error).message)
    throw error
  } finally {
    lock.close()
    live.close()
  }
}

async function attemptRebuild(
  live: Connection,
  options: RebuildOptions,
  progress: Progress,
): Promise<TakenOver | null> {
  const { path, topics, question, clock, log, flushRecordsMax = flushRecordsUsual } = options
  const sources = readLive(live, topics)
  if (sources.length === 0)
    throw new RebuildError('Nothing has been counted yet: there is nothing to rebuild')
  const earliest = new Map<number, number>()
  for (const { id, topic, partition } of sources) earliest.set(id, await options.earliest(topic, partition))
  const fresh = openFresh(freshPath(path), live, sources, earliest, question)
  log.info(fresh.isNew ? 'a rebuild begins' : 'a rebuild goes on', { partitions: fresh.starts.size })
  const days = new ZoneDays(question.timeZone)
  const writer = new Writer(fresh.connection, days, options.writer)
  const job = new RebuildJob({
    writer,
    days,
    clock,
    log,
    flushIntervalMs,
    flushRecordsMax,
    ...foldOf(options),
  })
  const loop = options.newLoop(job)
  job.attach(loop)
  live.prepare('ATTACH ? AS fresh').run(freshPath(path))
  try {
    job.begin(sources.filter(({ id }) => fresh.starts.has(id)))
    const done = await catchUpAndTakeOver(live, options, fresh, job, progress)
    if (done)
      progress.end(
        'done',
        `${done.rows} rows changed${done.visits ? '' : '; visits stay as they were counted'}`,
      )
    else log.warn('the rebuild begins anew', { reason: job.overtaken })
    return done
  } finally {
    loop.close()
    job.close()
    live.exec('DETACH fresh')
    fresh.connection.close()
    // What was taken over or overtaken is of no more use; what was interrupted is.
    if (job.isOver) removeFresh(freshPath(path))
  }
}

function foldOf({ fold }: RebuildOptions): Pick<IngestOptions, 'fold'> {
  return fold === undefined ? {} : { fold }
}

/** Null when the log has overtaken it. */
async function catchUpAndTakeOver(
  live: Connection,
  options: RebuildOptions,
  fresh: FreshStore,
  job: RebuildJob,
  progress: Progress,
): Promise<TakenOver | null> {
  const { nearRecords = nearRecordsUsual } = options
  for (;;) {
    options.signal?.throwIfAborted()
    const sources = readLive(live, options.topics)
    if (job.overtaken === null) job.follow(sources)
    checkSame(sources, fresh, job)
    if (job.overtaken !== null) {
      job.isOver = true
      return null
    }
    progress.tell(sources, fresh, job)
    if (job.behind <= nearRecords) {
      const done = await takeOverHeld(live, options, fresh, job)
      if (done) return done
    }
    await options.wait()
    if (job.behind <= nearRecords) job.flush()
  }
}

/** Holds the live count still, reads the rest, and takes over; null if that would take too long. */
async function takeOverHeld(
  live: Connection,
  options: RebuildOptions,
  fresh: FreshStore,
  job: RebuildJob,
): Promise<TakenOver | null> {
  const { clock, question, topics } = options
  // A write to the live store alone: from here on nobody else commits. What is attached is not locked by it.
  live.exec('BEGIN')
  try {
    live.exec('UPDATE main.writer SET committed_at = committed_at')
    const sources = readLive(live, topics)
    job.follow(sources)
    const untilMs = clock.monotonicMs() + holdMs
    while (job.behind > 0 && job.overtaken === null && clock.monotonicMs() < untilMs) {
      await options.wait()
      job.flush()
    }
    checkSame(sources, fresh, job)
    if (job.behind > 0 || job.overtaken !== null || options.signal?.aborted) {
      live.exec('ROLLBACK')
      return null
    }
    const days = new ZoneDays(question.timeZone)
    const done = takeOver(live, { starts: fresh.starts, fromSeconds: question.fromSeconds, days })
    live.exec('COMMIT')
    job.isOver = true
    return done
  } catch (error) {
    if (live.inTransaction) live.exec('ROLLBACK')
    throw error
  }
}

/** A partition that was begun anew or stopped meanwhile is not the one that was read. */
function checkSame(sources: readonly LiveSource[], fresh: FreshStore, job: RebuildJob): void {
  const ids = new Set(sources.map(({ id }) => id))
  for (const id of fresh.starts.keys())
    if (!ids.has(id)) job.overtaken ??= 'a partition is not counted any more'
  const moved = fresh.connection.prepare<[number], { epoch: number }>(
    'SELECT epoch FROM sources WHERE id = ?',
  )
  for (const { id, topic, epoch } of sources) {
    if (fresh.starts.has(id) && moved.get(id)?.epoch !== epoch) job.overtaken ??= `${topic} was begun anew`
  }
}

export function freshPath(path: string): string {
  return `${path}.rebuild`
}

/** One rebuild at a time: held by the operating system for as long as the process lives. */
function lockOf(path: string): Connection {
  const lock = new Database(`${path}.rebuild-lock`, { timeout: 0 })
  try {
    lock.pragma('locking_mode = EXCLUSIVE')
    lock.exec('BEGIN EXCLUSIVE')
  } catch {
    lock.close()
    throw new RebuildError('Another rebuild is running')
  }
  return lock
}

class Progress {
  readonly #live: Connection
  readonly #options: RebuildOptions
  readonly #startedAt: number
  #saidAtMs = Number.NEGATIVE_INFINITY
  #last: RebuildProgress

  constructor(live: Connection, options: RebuildOptions) {
    this.#live = live
    this.#options = options
    this.#startedAt = options.clock.wallMs()
    this.#last = this.#progress('reading', 0, 0)
  }

  tell(sources: readonly LiveSource[], fresh: FreshStore, job: RebuildJob): void {
    const now = this.#options.clock.monotonicMs()
    if (now - this.#saidAtMs < progressMs) return
    this.#saidAtMs = now
    const begun = [...fresh.starts.values()].reduce((sum, start) => sum + start, 0)
    const of = sources.reduce((sum, { id, next }) => sum + (fresh.starts.has(id) ? next : 0), 0)
    this.#save(this.#progress('reading', job.read - begun, of - begun))
  }

  end(state: RebuildProgress['state'], detail: string): void {
    const { read, of } = this.#last
    this.#save(this.#progress(state, state === 'done' ? of : read, of, detail))
  }

  #progress(state: RebuildProgress['state'], read: number, of: number, detail?: string): RebuildProgress {
    const updatedAt = this.#options.clock.wallMs()
    const progress = { state, pid: process.pid, startedAt: this.#startedAt, updatedAt, read, of }
    return detail === undefined ? progress : { ...progress, detail }
  }

  #save(progress: RebuildProgress): void {
    this.#last = progress
    saveProgress(this.#live, progress)
    this.#options.onProgress?.(progress)
  }
}
