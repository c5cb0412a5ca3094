// The tailer: finds files, looks at each with a stat, reads what is new in short turns, and keeps a descriptor until
// everything a file held is read and acknowledged, whatever its name is by then. The sweep is the truth; a watcher's
// hint only makes it look sooner. Reads files and directories; lines and losses go to the sink.
import { type BigIntStats, statSync } from 'node:fs'
import type { Checkpoint } from './checkpoint.ts'
import { Departed } from './departed.ts'
import type { Discovery, FoundPath } from './discover.ts'
import { Faults, sentencesOf } from './faults.ts'
import { FileTable } from './file-table.ts'
import { type InodeNames, locate } from './locate.ts'
import { Looks } from './looks.ts'
import { Missed } from './missed.ts'
import { Reading } from './reading.ts'
import { RefusedFileError } from './regular-file.ts'
import { Rotation } from './rotation.ts'
import { lossesOfOrphans, restoreFile } from './saved-file.ts'
import { Standing } from './standing.ts'
import {
  idleFilesMax,
  openFilesMax,
  pinnedBytesMax,
  type TailOptions,
  type TailSink,
} from './tail-options.ts'
import { OpenFiles, type TailedFile, tailedFileOf } from './tailed-file.ts'
import { baseOf, type Loss, lossOfShrinking, newTrackedFile, type Range, touch } from './tracker.ts'

/** After this long in one turn of the event loop, acknowledgements get a chance. */
const pumpMs = 10

export class Tailer {
  readonly #discovery: Discovery
  readonly #sink: TailSink
  readonly #rescanMs: number
  readonly #open: OpenFiles
  readonly #reading: Reading
  readonly #rotation: Rotation
  readonly #departed: Departed
  readonly #missed: Missed
  readonly #looks = new Looks()
  readonly #files = new FileTable()
  #paths = new Map<string, number>()
  /** What those were made of; null when a hint has added to them. */
  #found: readonly FoundPath[] | null = null
  readonly #standing = new Standing()
  #queue: TailedFile[] = []
  #waiting: TailedFile[] = []
  #sweeps = 0
  #nowMs = 0
  #rescanAtMs = 0
  #pumping = false
  #stopped = false
  readonly #faults: Faults

  constructor(options: TailOptions) {
    this.#discovery = options.discovery
    this.#sink = options.sink
    this.#faults = new Faults(options.log)
    this.#rescanMs = options.rescanMs ?? 1_000
    this.#open = new OpenFiles(
      options.idleFilesMax ?? idleFilesMax,
      options.openFilesMax ?? openFilesMax,
      file => path => this.#discovery.admits(file.input, path),
    )
    this.#rotation = new Rotation({
      files: this.#files,
      open: this.#open,
      discovery: options.discovery,
      originalsAt: path => this.#standing.originalsAt(path),
      sink: options.sink,
      onFound: (file, stat) => void this.#observe(file, stat, this.#nowMs),
    })
    this.#departed = new Departed({
      files: this.#files,
      open: this.#open,
      sink: options.sink,
      rotation: this.#rotation,
      drainMs: options.drainMs ?? 5_000,
      pinnedBytesMax: options.pinnedBytesMax ?? pinnedBytesMax,
      onSeen: (file, stat) => void this.#observe(file, stat, this.#nowMs),
      stillNames: file => this.#stillNames(file),
      onError: (file, error) => this.#failedToOpen(file, error),
    })
    this.#missed = new Missed({
      files: this.#files,
      discovery: options.discovery,
      sink: options.sink,
      wallMs: options.wallMs ?? Date.now,
      onFound: (file, stat) => void this.#observe(file, stat, this.#nowMs),
    })
    this.#reading = new Reading(options.sink, file => this.#moveToCopy(file))
  }

  get files(): Iterable<TailedFile> {
    return this.#files.values()
  }

  get fileCount(): number {
    return this.#files.size
  }

  /** What cannot be read and why, for the agent's status. */
  get errors(): string[] {
    return [...sentencesOf(this.#discovery.unreadable), ...this.#faults.sentences]
  }

  get bytesBehind(): number {
    let bytes = 0
    for (const file of this.#files.values()) {
      const behind = file.tracked.size - baseOf(file.tracked).position
      if (behind > 0) bytes += behind
    }
    return bytes
  }

  get openFileCount(): number {
    return this.#open.count
  }

  /** What deleted files that are not read to their end keep of the disk. */
  get pinnedDeletedBytes(): number {
    return this.#departed.pinnedBytes
  }

  get isIdle(): boolean {
    return this.#queue.length + this.#waiting.length === 0
  }

  get isChanged(): boolean {
    return this.#files.isChanged
  }

  /** Once, before the first sweep: what the checkpoint knows, matched with what the disk holds. */
  restore({ files, looked }: Pick<Checkpoint, 'files' | 'looked'>, nowMs: number): void {
    this.#nowMs = nowMs
    if (looked !== undefined) this.#missed.restore(looked)
    const listed: InodeNames = new Map()
    const losses: Loss[] = []
    const lost: TailedFile[] = []
    const present: [TailedFile, BigIntStats][] = []
    for (const one of files) {
      const tracked = restoreFile(one)
      lossesOfOrphans(tracked, losses)
      const file = tailedFileOf(tracked, this.#discovery.inputOf(one.foundAs))
      const stat = tracked.gone ? null : this.#locate(tracked, listed)
      this.#files.add(file)
      file.changedAtMs = nowMs
      if (stat) present.push([file, stat])
      else if (tracked.gone) file.drained = true
      else if (stat === null) lost.push(file)
    }
    // Only when all inodes are known is it clear which neighbours are strangers.
    for (const [file, stat] of present) {
      this.#observe(file, stat, nowMs)
      this.#standing.restored(file)
    }
    for (const file of lost) if (!this.#rotation.moveToCopy(file)) this.#departed.vanished(file, losses)
    for (const file of [...this.#files.values()]) {
      if (!file.drained && file.tracked.path !== file.tracked.foundAs) this.#rotation.lookForMissed(file)
    }
    for (const loss of losses) this.#sink.lose(loss)
  }

  /** Undefined when nobody can say whether it is there: then it is kept as it is, and the sweeps look again. */
  #locate(tracked: TailedFile['tracked'], listed: InodeNames): BigIntStats | null | undefined {
    try {
      return locate(tracked, listed)
    } catch (error) {
      this.#faults.failed(tracked.path, error as NodeJS.ErrnoException)
      return undefined
    }
  }

  /** One look at everything that is due. */
  sweep(nowMs: number): void {
    if (this.#stopped) return
    this.#sweeps++
    this.#nowMs = nowMs
    if (nowMs >= this.#rescanAtMs) this.#rescan(nowMs)
    for (const path of this.#looks.due(nowMs)) {
      const input = this.#paths.get(path)
      if (input !== undefined) this.look(path, input, nowMs)
    }
    const around = this.#looks.sweepsAround
    for (const file of this.#files.values()) {
      if (this.#sweeps - file.seenAtSweep >= around) this.#departed.look(file, nowMs)
      if (file.heldMs > 0 && nowMs - file.changedAtMs >= file.heldMs) {
        file.heldIsDue = true
        this.#enqueue(file)
      }
    }
    this.#departed.drain(nowMs)
    this.#open.trim()
    this.pump()
  }

  /** A path of interest: stat it, and read the file behind it if it has changed. */
  look(path: string, input: number, nowMs: number): void {
    const stat = this.#stat(path)
    if (!stat?.isFile()) return
    let file = this.#standing.stillAt(path, stat) ?? this.#files.find(stat.dev, stat.ino)
    if (!file) {
      file = tailedFileOf(newTrackedFile(stat.dev, stat.ino, path), input)
      this.#files.add(file)
    } else if (file.refused && file.tracked.foundAs !== path) {
      // By that name it may not be read; by this one perhaps it may.
      touch(Object.assign(file.tracked, { path, foundAs: path, realAs: path }))
      Object.assign(file, { input, refused: false, endSeen: -1 })
    } else if (![file.tracked.path, file.tracked.foundAs].includes(path) && !this.#stillNames(file)) {
      file.tracked.path = path
      touch(file.tracked)
    }
    if (file.tracked.path === path) {
      file.input = input
      if (file.tracked.foundAs !== path) touch(Object.assign(file.tracked, { foundAs: path, realAs: path }))
    }
    file.seenAtSweep = this.#sweeps
    this.#standing.set(path, file)
    const isNew = file.modifiedNs === 0n
    // What was there before us is not news; what has appeared since is.
    if (this.#observe(file, stat, nowMs) && !(isNew && this.#sweeps === 1)) this.#looks.touch(path, nowMs)
  }

  /** From a watcher: something happened to this path. */
  hint(path: string, nowMs: number): void {
    const input = this.#paths.get(path) ?? this.#discovery.inputOf(path)
    if (this.#stopped || input < 0) return
    if (!this.#paths.has(path)) {
      this.#paths.set(path, input)
      this.#found = null
    }
    this.look(path, input, nowMs)
    this.pump()
  }

  /** The sink has learned something: files that waited for it are read. */
  resume(): void {
    this.#queue.push(...this.#waiting.splice(0))
    this.pump()
  }

  /** Reads, in turns, while there is something to read and room for it. */
  pump(): void {
    if (this.#stopped) return
    const until = performance.now() + pumpMs
    while (this.#queue.length > 0 && this.#sink.hasRoom()) {
      if (performance.now() >= until) {
        this.#pumpLater()
        return
      }
      const file = this.#queue.shift()!
      file.queued = false
      this.#turn(file)
    }
  }

  /** No file is read any more; what is known stays known. */
  stop(): void {
    this.#stopped = true
  }

  close(): void {
    this.#stopped = true
    for (const file of this.#files.values()) this.#open.close(file)
  }

  snapshot(): { looked: number; files: string; done: Range[] } {
    return { looked: this.#missed.lookedAtMs, ...this.#files.snapshot() }
  }

  /** The same as far as it differs from what the last snapshot, or the last changes, said. */
  changes(): { text: string; done: Range[] } {
    return this.#files.changes(this.#missed.lookedAtMs)
  }

  forget(range: Range): void {
    this.#files.forget(range)
  }

  #pumpLater(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => {
      this.#pumping = false
      this.pump()
    })
  }

  /** Where no copy goes on, what stands there now is read unless it is a stranger with the inode of a log. */
  #moveToCopy(file: TailedFile): boolean {
    const { foundAs } = file.tracked
    if (this.#rotation.moveToCopy(file)) {
      // It may be truncated again before the next sweep.
      if (this.#paths.has(foundAs)) this.look(foundAs, this.#paths.get(foundAs)!, this.#nowMs)
      return true
    }
    const isNamed = this.#standing.at(foundAs) === file
    if (!isNamed && !this.#rotation.isOfInterest(file.tracked.path, file.tracked)) file.input = -1
    return false
  }

  #turn(file: TailedFile): void {
    if (file.drained) return
    try {
      if (this.#rotation.isPerhapsCopy(file, this.#nowMs) || !this.#open.open(file)) return
      const result = this.#reading.turn(file)
      if (result === 'more') this.#enqueue(file)
      else if (result === 'waiting') {
        // As good as queued: a look at it must not queue it a second time.
        file.queued = true
        this.#waiting.push(file)
      }
      this.#faults.passed(file.tracked.path)
    } catch (error) {
      this.#failedToOpen(file, error as NodeJS.ErrnoException)
    }
  }

  /** What is refused is not asked for again before it changes. */
  #failedToOpen(file: TailedFile, error: NodeJS.ErrnoException): void {
    if (error instanceof RefusedFileError) {
      file.refused = true
      file.endSeen = file.tracked.size
    }
    // The server of a network file system has forgotten the descriptor: found again by path and inode at the next look,
    // and read on where it stood if the guard holds.
    if (error.code === 'ESTALE') this.#open.closeStale(file)
    this.#faults.failed(file.tracked.path, error)
  }

  #enqueue(file: TailedFile): void {
    if (file.queued || file.drained) return
    file.queued = true
    this.#queue.push(file)
    this.#hold(file)
  }

  /** Whatever happens to its name before its turn comes. */
  #hold(file: TailedFile): void {
    try {
      this.#open.hold(file)
    } catch (error) {
      this.#failedToOpen(file, error as NodeJS.ErrnoException)
    }
  }

  /** True when something has changed. */
  #observe(file: TailedFile, stat: BigIntStats, nowMs: number): boolean {
    const { tracked } = file
    const size = Number(stat.size)
    const changed = size !== tracked.size || stat.mtimeNs !== file.modifiedNs
    // The same size at another time may be other content: the guard will tell.
    if (changed) file.changedAtMs = nowMs
    // Shrunk below what was read, the guard will say so. Shrunk above it, nothing else would.
    if (size < tracked.size && size >= tracked.end) {
      const isInCopy = tracked.end === 0 && this.#missed.goesOnInCopy(file)
      if (!isInCopy) this.#sink.lose(lossOfShrinking(tracked, this.#sink.agentId))
      touch(tracked)
    }
    // Where nothing was read there is no guard, and the size is all that a checkpoint can tell by.
    if (changed && tracked.end === 0) touch(tracked)
    tracked.size = size
    file.modifiedNs = stat.mtimeNs
    file.unlinked = stat.nlink === 0n
    // Of an empty file there is nothing to read, and nothing to ask.
    if (size === 0 && tracked.end === 0) file.endSeen = 0
    else if (changed || size !== file.endSeen) this.#enqueue(file)
    return changed
  }

  #stillNames(file: TailedFile): boolean {
    const { path, inode, device } = file.tracked
    const stat = this.#stat(path)
    return stat?.ino === inode && stat.dev === device
  }

  #rescan(nowMs: number): void {
    const started = performance.now()
    const since = this.#missed.scanBegins()
    const found = this.#discovery.scan()
    if (found !== this.#found) {
      this.#found = found
      this.#paths = new Map(found.map(({ path, input }) => [path, input]))
      this.#looks.replace(this.#paths, nowMs)
      this.#standing.keepOnly(this.#paths)
      this.#missed.scanEnds(this.#discovery.rotated, since)
    }
    // A tree that takes long to walk is walked less often.
    this.#rescanAtMs = nowMs + Math.max(this.#rescanMs, (performance.now() - started) * 20)
  }

  #stat(path: string): BigIntStats | undefined {
    try {
      return statSync(path, { bigint: true, throwIfNoEntry: false })
    } catch (error) {
      this.#faults.failed(path, error as NodeJS.ErrnoException)
      return undefined
    }
  }
}
