// Compacts the logs that want it, one at a time, the dirtiest first: chooses, lets the reading and writing be done
// elsewhere (`CleaningRunner`), and puts the result in place. Its own part of a cleaning is a few renames, so appends
// and reads go on meanwhile. Reads no clock.
import { directoryFiles } from './checkpoints.ts'
import type { CleaningOrder, CleaningResult } from './cleaner-pass.ts'
import { type CleaningPlan, planCleaning } from './cleaner-plan.ts'
import { type Disk, isPassing } from './disk.ts'
import type { LogListener } from './log-parts.ts'
import { OffsetCheckpoint } from './offset-checkpoint.ts'
import type { PartitionLog } from './partition-log.ts'
import { markSuspect } from './quarantine.ts'

/** Does the work of one order, elsewhere or at once; `done` hears exactly once. */
export type CleaningRunner = (
  order: CleaningOrder,
  done: (result: CleaningResult | NodeJS.ErrnoException) => void,
) => void

export interface CleanerOptions {
  readonly disk: Disk
  /** The data directory, for `cleaner-offset-checkpoint`. */
  readonly path: string
  readonly run: CleaningRunner
  /** Hears of a log that is not compacted any more. */
  readonly listener: LogListener
}

/** What the cleaner has done since the start, for metrics. */
export interface CleanerTotals {
  cleanings: number
  bytesRead: number
  bytesWritten: number
  failures: number
}

/** How soon after a segment is sealed its log may be cleaned. */
const intervalMs = 5_000
/** Segments a cleaned one may be made of: positions in the indexes are 32 bits. */
const segmentBytesMax = 2 ** 30

export class LogCleaner {
  readonly totals: CleanerTotals = { cleanings: 0, bytesRead: 0, bytesWritten: 0, failures: 0 }
  /** For the keys of one cleaning. */
  mapBytes = 32 * 1024 * 1024
  readonly #options: CleanerOptions
  readonly #cleanOffsets: OffsetCheckpoint
  /** Logs that could not be read through: not tried again before a restart. */
  readonly #uncleanable = new WeakMap<PartitionLog, Error>()
  #isBusy = false
  #isStopped = false
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(options: CleanerOptions) {
    this.#options = options
    this.#cleanOffsets = new OffsetCheckpoint(options.disk, `${options.path}/${directoryFiles.cleanOffsets}`)
  }

  /** A log of the previous life goes on where its last cleaning ended; a new one begins at its start. */
  opened(log: PartitionLog): void {
    const cleanOffset = this.#cleanOffsets.offsetOf(nameOf(log))
    log.segmentList.cleanOffset = Math.min(cleanOffset, log.logEndOffset)
  }

  /** A new log must not inherit what was known of a deleted one of its name. */
  forget(name: string, others: Iterable<PartitionLog>): void {
    this.#cleanOffsets.forget(name, offsetsOf(others))
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Why a log is not compacted any more; null while all is well. */
  faultOf(log: PartitionLog): Error | null {
    return this.#uncleanable.get(log) ?? null
  }

  /** Every second or so: looks now and then for what is due. */
  tick(logs: Iterable<PartitionLog>, nowMs: number): void {
    const sinceMs = nowMs - this.#lookedMs
    // A clock that was set back must not stop the work until it has caught up.
    if (sinceMs >= 0 && sinceMs < intervalMs) return
    this.#lookedMs = nowMs
    this.look(logs, nowMs)
  }

  /** Begins with the dirtiest log that is due, unless one is under way. */
  look(logs: Iterable<PartitionLog>, nowMs: number): void {
    if (this.#isBusy || this.#isStopped) return
    const all = [...logs]
    let chosen: PartitionLog | null = null
    let best: CleaningPlan | null = null
    for (const log of all) {
      const plan = this.#planFor(log, nowMs)
      if (!plan?.isDue || (best && ratioOf(plan) <= ratioOf(best))) continue
      chosen = log
      best = plan
    }
    if (chosen && best) this.#clean(chosen, best, nowMs, all)
  }

  /** Nothing is begun any more, and what is under way is not put in place. */
  stop(): void {
    this.#isStopped = true
  }

  #planFor(log: PartitionLog, nowMs: number): CleaningPlan | null {
    if (!log.config.isCompacted || log.failure || this.#uncleanable.has(log)) return null
    const { segmentList, config, logStartOffset, highWatermark, durableEnd } = log
    const committedEnd = Math.min(highWatermark, durableEnd)
    const { cleanOffset } = segmentList
    return planCleaning(segmentList.sealed(), config, cleanOffset, logStartOffset, committedEnd, nowMs)
  }

  #clean(log: PartitionLog, plan: CleaningPlan, nowMs: number, all: readonly PartitionLog[]): void {
    this.#isBusy = true
    const { config, segmentList } = log
    const order: CleaningOrder = {
      directory: log.directory,
      segments: segmentList.sealed().filter(({ baseOffset }) => baseOffset < plan.endOffset),
      firstDirtyOffset: plan.firstDirtyOffset,
      endOffset: plan.endOffset,
      segmentBytes: Math.min(config.segmentBytes, segmentBytesMax),
      indexIntervalBytes: config.indexIntervalBytes,
      deleteRetentionMs: config.deleteRetentionMs,
      nowMs,
      mapBytes: this.mapBytes,
      // Rows of one producer are oldest first: the newest wins.
      lastOffsets: new Map(log.producerBatches().map(row => [row.producerId, row.lastOffset])),
    }
    this.#options.run(order, result => {
      if (this.#isStopped || segmentList.isClosed) this.#isBusy = false
      else if (result instanceof Error) this.#failed(log, result)
      else this.#place(log, result, 0, all)
    })
  }

  #failed(log: PartitionLog, error: NodeJS.ErrnoException): void {
    this.#isBusy = false
    this.totals.failures++
    if (isPassing(error) || this.#uncleanable.has(log)) return
    this.#uncleanable.set(log, error)
    this.#sayUncleanable(log, error)
  }

  /** Once for a log and a life; the next start reads all of it. */
  #sayUncleanable({ topic, partition, directory }: PartitionLog, error: Error): void {
    const { disk, listener } = this.#options
    markSuspect(disk, directory)
    const look = `tailrace log dump ${directory} --deep`
    const remedy = `see the damage with: ${look}; then restart this broker, which repairs what it can`
    listener.onNotice?.('a partition cannot be compacted any more', { topic, partition, error, remedy })
  }

  /** Oldest first, so that a tombstone never goes before what it deletes. */
  #place(log: PartitionLog, result: CleaningResult, index: number, all: readonly PartitionLog[]): void {
    const group = result.groups[index]
    if (!group) {
      this.#finish(log, result, all)
      return
    }
    try {
      log.segmentList.swap(group.baseOffsets, group.endOffset, error => {
        if (!error) this.#place(log, result, index + 1, all)
        else this.#broken(log, error)
      })
    } catch (error) {
      this.#broken(log, error as Error)
    }
  }

  #broken(log: PartitionLog, error: NodeJS.ErrnoException): void {
    this.#failed(log, error)
    if (!isPassing(error)) log.fail(error)
  }

  #finish(log: PartitionLog, result: CleaningResult, all: readonly PartitionLog[]): void {
    this.#isBusy = false
    this.totals.cleanings++
    this.totals.bytesRead += result.bytesBefore
    this.totals.bytesWritten += result.bytesAfter
    const { segmentList } = log
    segmentList.cleanOffset = Math.min(result.cleanOffset, log.logEndOffset)
    this.#cleanOffsets.write(offsetsOf(all), error => {
      if (error && !isPassing(error)) log.fail(error)
    })
  }
}

function nameOf({ topic, partition }: PartitionLog): string {
  return `${topic}-${partition}`
}

function offsetsOf(logs: Iterable<PartitionLog>): Map<string, number> {
  const cleaned = [...logs].filter(({ segmentList }) => segmentList.cleanOffset > 0 && !segmentList.isClosed)
  return new Map(cleaned.map(log => [nameOf(log), log.segmentList.cleanOffset]))
}

function ratioOf({ dirtyBytes, cleanBytes }: CleaningPlan): number {
  return dirtyBytes / Math.max(dirtyBytes + cleanBytes, 1)
}
