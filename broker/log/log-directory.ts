// A broker's data directory: the lock, meta.properties, its partitions, the checkpoints and the clean-shutdown
// marker, all but the lock in Kafka's formats. Touches only that directory. `tick` drives everything periodic.
import { BatchCursor } from './batch-cursor.ts'
import { Capacity } from './capacity.ts'
import {
  directoryFiles,
  formatCleanShutdown,
  parseCleanShutdown,
  parsePartitionMetadata,
  partitionFiles,
} from './checkpoints.ts'
import { LogCleaner } from './cleaner.ts'
import { cleaningRunner } from './cleaning-thread.ts'
import { identifyDirectory, LogDirectoryError } from './directory-identity.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { type Disk, readFile, realDisk, replaceFile } from './disk.ts'
import { DoomedDirectories } from './doomed.ts'
import { directoryFlush, fileFlush, flushAll, type TakenDirectory } from './flush-all.ts'
import { FlushQueue } from './group-commit.ts'
import { Lives } from './lives.ts'
import { defaultLogConfig, type LogConfig } from './log-config.ts'
import type { LogListener } from './log-parts.ts'
import type { Corruption } from './log-results.ts'
import { OffsetCheckpoint } from './offset-checkpoint.ts'
import { bearPartition, discardUnborn } from './partition-birth.ts'
import { PartitionLog } from './partition-log.ts'
import { ProducerState } from './producer-state.ts'
import { loadLeaderEpochs, loadProducers } from './recovered-state.ts'
import { recoverSegments } from './recovery.ts'
import { Reserve, reserveBytesFor } from './reserve.ts'
import { Scrub } from './scrub.ts'

export interface LogDirectoryOptions {
  readonly path: string
  readonly clusterId: string
  readonly nodeId: number
  readonly listener: LogListener
  readonly nowMs: number
  /** For logs found at open and those created without one of their own; a topic's is set through `log.config`. */
  readonly config?: Partial<LogConfig>
  /** The real one unless a test brings its own, and then there is nothing to lock. */
  readonly disk?: Disk
  /** From `takeDirectory`: locked, and what an earlier life left is flushed. */
  readonly taken?: TakenDirectory
  /** Kept for a full disk; of a disk that a test brings, nothing unless it says so. */
  readonly reserveBytes?: number
  /** What its logs may take at most; what the disk has is a cap of its own, but not of a disk that a test brings. */
  readonly capBytes?: number
}

export { LogDirectoryError }

const intervalsMs = {
  highWatermarks: 5_000,
  recoveryPoints: 60_000,
  retention: 30_000,
  maintenance: 60_000,
} as const
/** A millisecond of the event loop where it is warm, and no more of the disk than nobody misses. */
const scrubBytesPerTick = 1024 * 1024

export class LogDirectory {
  readonly path: string
  /** directory.id of meta.properties: 22 characters of base64url, minted at first use. */
  readonly directoryId: string
  /** The broker epoch in the clean-shutdown marker of the previous life; -1 after any other end. */
  readonly previousBrokerEpoch: number

  readonly #disk: Disk
  readonly #lock: DirectoryLock | null
  readonly #listener: LogListener
  readonly #config: LogConfig
  readonly #cursor: BatchCursor
  readonly #flushQueue = new FlushQueue()
  readonly reserve: Reserve
  readonly #logs = new Map<string, PartitionLog>()
  readonly #scrub: Scrub
  readonly #highWatermarks: OffsetCheckpoint
  readonly lives: Lives
  /** Compacts what is to be compacted. */
  readonly cleaner: LogCleaner
  readonly #cleaning: ReturnType<typeof cleaningRunner>
  readonly #recoveryPoints: OffsetCheckpoint
  readonly #logStarts: OffsetCheckpoint
  readonly #doomed: DoomedDirectories
  /** How much may lie here, and what goes when it is more. */
  readonly capacity: Capacity
  #nowMs: number
  readonly #openedMs: number
  readonly #doneAtMs = new Map<keyof typeof intervalsMs, number>()
  #failure: Error | null = null
  #onDrained: (() => void) | null = null

  /**
   * Locks the directory, recovers every partition (blocking: nothing else runs yet) and removes the clean-shutdown
   * marker. When it returns every log is durable up to its end.
   */
  static open(options: LogDirectoryOptions): LogDirectory {
    const { taken } = options
    const disk = options.disk ?? taken?.disk ?? realDisk
    if (!disk.status(options.path)) disk.makeDirectory(options.path)
    const lock = options.disk ? null : taken ? taken.lock : lockDirectory(options.path)
    if (!options.disk && !lock) {
      const remedy = 'Stop that one (Ctrl-C where it runs), or choose another directory: --data DIR'
      throw new LogDirectoryError(`Cannot open "${options.path}": another process is using it. ${remedy}`)
    }
    try {
      return new LogDirectory(options, disk, lock)
    } catch (error) {
      lock?.release()
      throw error
    }
  }

  private constructor(options: LogDirectoryOptions, disk: Disk, lock: DirectoryLock | null) {
    this.path = options.path
    this.#disk = disk
    this.#lock = lock
    this.#nowMs = options.nowMs
    this.#openedMs = options.nowMs
    this.#config = { ...defaultLogConfig, ...options.config }
    this.#cursor = new BatchCursor(disk)
    this.#scrub = new Scrub(disk, () => this.logs())
    this.#listener = this.#wrap(options.listener)
    const reserveBytes =
      options.reserveBytes ?? (options.disk ? 0 : reserveBytesFor(disk.totalBytes(this.path)))
    this.reserve = new Reserve(disk, this.path, reserveBytes)
    this.reserve.look(false)
    this.#doomed = new DoomedDirectories(disk)
    this.capacity = new Capacity({
      disk,
      path: this.path,
      configuredBytes: options.capBytes ?? (options.disk ? null : Number.POSITIVE_INFINITY),
      reserve: this.reserve,
      listener: this.#listener,
      doomedBytes: () => this.#doomed.sizeBytes,
    })
    this.directoryId = identifyDirectory(disk, this.path, options.clusterId, options.nodeId)
    const marker = readFile(disk, this.#in(directoryFiles.cleanShutdown))
    this.previousBrokerEpoch = marker ? parseCleanShutdown(marker) : -1
    this.lives = new Lives(disk, this.path)
    this.#cleaning = cleaningRunner(disk)
    const { run } = this.#cleaning
    this.cleaner = new LogCleaner({ disk, path: this.path, run, listener: this.#listener })
    this.#highWatermarks = new OffsetCheckpoint(disk, this.#in(directoryFiles.highWatermarks))
    this.#recoveryPoints = new OffsetCheckpoint(disk, this.#in(directoryFiles.recoveryPoints))
    this.#logStarts = new OffsetCheckpoint(disk, this.#in(directoryFiles.logStarts))
    // Recovery acts on names that a killed process may have left unsynced: a power cut must not take them back later.
    disk.syncDirectory(this.path)
    this.#openLogs()
    if (marker) {
      disk.unlink(this.#in(directoryFiles.cleanShutdown))
      disk.syncDirectory(this.path)
    }
    options.taken?.disk.end()
  }

  logs(): IterableIterator<PartitionLog> {
    return this.#logs.values()
  }

  get(topic: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(`${topic}-${partition}`)
  }

  /** Losses of all logs that are not yet in the ledger. */
  get corruptions(): { readonly log: PartitionLog; readonly corruption: Corruption }[] {
    return [...this.#logs.values()].flatMap(log => log.corruptions.map(corruption => ({ log, corruption })))
  }

  /** Why nothing can be appended or flushed any more; null while all is well. */
  get failure(): Error | null {
    return this.#failure
  }

  /** No room on the disk: only internal topics take records, until there is some again. */
  get isFull(): boolean {
    return this.reserve.isFull
  }

  /** A new, empty log; durable, name and all, when this returns. Blocks for a few flushes. */
  create(topic: string, partition: number, topicId: string, config?: Partial<LogConfig>): PartitionLog {
    const name = `${topic}-${partition}`
    if (this.#logs.has(name)) throw new LogDirectoryError(`Cannot create "${name}": it is there already`)
    this.#highWatermarks.forget(name, this.#offsets(highWatermarkOf))
    this.#recoveryPoints.forget(name, this.#offsets(recoveryPointOf))
    this.#logStarts.forget(name, this.#offsets(logStartOf))
    this.cleaner.forget(name, this.logs())
    bearPartition(this.#disk, this.#in(name), topicId)
    const log = this.#openLog(name, { ...this.#config, ...config }, true)
    this.#disk.syncDirectory(this.path)
    return log
  }

  /** At once and durably out of sight, as `<topic>-<partition>.<uuid>-delete`; the files go by and by, from `tick`. */
  delete(topic: string, partition: number): void {
    const name = `${topic}-${partition}`
    const log = this.#logs.get(name)
    if (!log) return
    this.#logs.delete(name)
    this.capacity.passed.delete(name)
    log.close()
    this.#doomed.doom(log.directory, this.#nowMs + log.config.fileDeleteDelayMs)
  }

  /** `done` hears once the start of every log, as it is now, is durable, or why it is not. */
  recordStarts(done: (error: Error | null) => void): void {
    const starts = () => this.#offsets(logStartOf)
    this.#logStarts.record(starts, error => {
      if (error) this.#tolerate(error)
      done(error)
    })
  }

  /** Call it every second or so: checkpoints, retention, forgotten producers, idle and deleted files. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs
    this.#attempt(() => this.#doomed.step(this.isFull ? Number.POSITIVE_INFINITY : nowMs))
    if (this.#failure || this.#onDrained) return
    this.#attempt(() => this.reserve.look())
    if (this.#isDue('highWatermarks')) this.#checkpoint(this.#highWatermarks, highWatermarkOf)
    if (this.#isDue('recoveryPoints')) this.#checkpoint(this.#recoveryPoints, recoveryPointOf)
    let isRoomMade = false
    this.#attempt(() => {
      isRoomMade = this.capacity.look(this.logs())
    })
    if (isRoomMade || this.isFull || this.#isDue('retention')) this.#retain(isRoomMade)
    this.cleaner.tick(this.logs(), nowMs)
    if (this.#isDue('maintenance')) {
      for (const log of this.logs()) this.#attempt(() => log.maintain(nowMs))
    }
    this.#attempt(() => this.#scrub.step(scrubBytesPerTick, nowMs))
  }

  /** Flushes everything, writes snapshots, checkpoints and last the marker, and lets go of the lock. */
  async close(brokerEpoch: number): Promise<void> {
    this.cleaner.stop()
    try {
      await this.#cleaning.stop()
      await this.#drain()
      if (!this.#failure) await this.#finish(brokerEpoch)
    } finally {
      for (const log of this.logs()) log.close()
      this.#lock?.release()
    }
  }

  #in(name: string): string {
    return `${this.path}/${name}`
  }

  /** The first failure is the directory's: its other logs fail with it, and the owner hears of it once. */
  #wrap(listener: LogListener): LogListener {
    return {
      onDurable: (log, durableEnd) => {
        listener.onDurable(log, durableEnd)
        if (this.#onDrained && this.#isDrained()) this.#onDrained()
      },
      onFailed: (log, error) => {
        if (this.#failure) return
        this.#failure = error
        for (const other of this.logs()) other.fail(error)
        this.#onDrained?.()
        listener.onFailed(log, error)
      },
      onNotice: (message, fields) => listener.onNotice?.(message, fields),
    }
  }

  #openLogs(): void {
    const isClean = this.previousBrokerEpoch >= 0
    for (const name of this.#disk.list(this.path)) {
      if (!this.#disk.status(this.#in(name))?.isDirectory) continue
      if (DoomedDirectories.bears(name)) this.#doomed.add(this.#in(name), this.#nowMs)
      else if (/^.+-\d+$/.test(name) && !discardUnborn(this.#disk, this.#in(name)))
        this.#openLog(name, this.#config, isClean)
    }
  }

  #openLog(name: string, config: LogConfig, isClean: boolean): PartitionLog {
    const disk = this.#disk
    const directory = this.#in(name)
    const metadataPath = `${directory}/${partitionFiles.metadata}`
    const topicId = parsePartitionMetadata(readFile(disk, metadataPath) ?? Buffer.alloc(0), metadataPath)
    const recovered = recoverSegments({
      disk,
      directory,
      topicId,
      cursor: this.#cursor,
      config,
      isClean,
      recoveryPoint: this.#recoveryPoints.offsetOf(name),
      logStartOffset: this.#logStarts.offsetOf(name),
      nowMs: this.#nowMs,
    })
    const { segments, logStartOffset } = recovered
    const producers = new ProducerState()
    loadProducers(disk, directory, segments, this.#cursor, producers, this.#nowMs)
    producers.expire(this.#nowMs - config.producerExpirationMs)
    const log = new PartitionLog({
      ...recovered,
      disk,
      directory,
      config,
      topicId,
      producers,
      cursor: this.#cursor,
      flushQueue: this.#flushQueue,
      reserve: this.reserve,
      listener: this.#listener,
      topic: name.slice(0, name.lastIndexOf('-')),
      partition: Number(name.slice(name.lastIndexOf('-') + 1)),
      highWatermark: this.#highWatermarks.offsetOf(name),
      epochs: loadLeaderEpochs(disk, directory, segments, this.#cursor, logStartOffset),
    })
    this.#logs.set(name, log)
    this.cleaner.opened(log)
    return log
  }

  #isDue(work: keyof typeof intervalsMs): boolean {
    const sinceMs = this.#nowMs - (this.#doneAtMs.get(work) ?? this.#openedMs)
    // A clock that was set back must not stop the work until it has caught up.
    if (sinceMs >= 0 && sinceMs < intervalsMs[work]) return false
    this.#doneAtMs.set(work, this.#nowMs)
    return true
  }

  #offsets(of: (log: PartitionLog) => number): Map<string, number> {
    return new Map([...this.#logs].map(([name, log]) => [name, of(log)]))
  }

  #checkpoint(
    checkpoint: OffsetCheckpoint,
    of: (log: PartitionLog) => number,
    done?: (offsets: ReadonlyMap<string, number>) => void,
  ): void {
    const offsets = this.#offsets(of)
    this.#attempt(() => {
      checkpoint.write(offsets, error => {
        if (error) this.#tolerate(error)
        else done?.(offsets)
      })
    })
  }

  /** Expired segments leave the log first; their files go once the log's new start is on record. */
  #retain(isRoomWanted: boolean): void {
    for (const log of this.logs()) this.#attempt(() => log.retire(this.#nowMs))
    this.#checkpoint(this.#logStarts, logStartOf, starts => {
      // Without room nobody is waited for: who reads such a file goes on with what is open.
      const delayMs = this.isFull || isRoomWanted ? 0 : undefined
      for (const [name, log] of this.#logs)
        this.#attempt(() => log.discard(this.#nowMs, starts.get(name) ?? 0, delayMs))
    })
  }

  #attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#tolerate(error as NodeJS.ErrnoException)
    }
  }

  /** A full disk passes, and the work is tried again; anything else is the end of the directory. */
  #tolerate(error: NodeJS.ErrnoException): void {
    const [log] = this.#logs.values()
    if (!this.reserve.survives(error)) log?.fail(error)
  }

  #isDrained(): boolean {
    return this.#logs.values().every(log => log.durableEnd === log.logEndOffset)
  }

  async #drain(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onDrained = resolve
    for (const log of this.logs()) log.requestFlush()
    if (!this.#failure && !this.#isDrained()) await promise
  }

  async #finish(brokerEpoch: number): Promise<void> {
    const changed = [...this.logs()].filter(log => log.needsFinish)
    const paths = changed.flatMap(log => log.finish())
    await flushAll(paths, fileFlush(this.#disk))
    // Their names last: a name that survives a power cut must not be one of an empty file.
    const directories = changed.map(log => log.directory)
    await flushAll(directories, directoryFlush(this.#disk))
    this.#highWatermarks.writeNow(this.#offsets(highWatermarkOf))
    this.#recoveryPoints.writeNow(this.#offsets(recoveryPointOf))
    this.#logStarts.writeNow(this.#offsets(logStartOf))
    replaceFile(this.#disk, this.#in(directoryFiles.cleanShutdown), formatCleanShutdown(brokerEpoch))
  }
}

const highWatermarkOf = (log: PartitionLog): number => log.highWatermark
const recoveryPointOf = (log: PartitionLog): number => log.recoveryPoint
const logStartOf = (log: PartitionLog): number => log.logStartOffset
