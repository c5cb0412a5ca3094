// One flush at a time for a partition, and whoever asks meanwhile rides in the next: the slower the disk, the
// larger the group. Between partitions a queue bounds how many flushes run at once.
//
//      |<------ durable ------>|<-- target: being flushed -->|<-- rides in the next -->|
//   log start             durableEnd                      target                  log end
//
// A failed flush fails every later one, on purpose: after a failed fdatasync the kernel may have marked the lost
// pages clean, and trying again would succeed without having written them.
import assert from 'node:assert/strict'
import type { Disk } from './disk.ts'
import type { SharedFile } from './log-file.ts'

/** At most this many flushes in flight over all partitions: the rest of the pool (16) stays free for others. */
export const flushesInFlightMax = 12

export class FlushQueue {
  readonly #inFlightMax: number
  readonly #waiting: GroupCommit[] = []
  #inFlight = 0

  constructor(inFlightMax = flushesInFlightMax) {
    this.#inFlightMax = inFlightMax
  }

  enter(commit: GroupCommit): void {
    if (this.#inFlight < this.#inFlightMax) {
      this.#inFlight++
      commit.run()
    } else this.#waiting.push(commit)
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next) next.run()
    else this.#inFlight--
  }
}

/** What a group commit asks of its log. */
export interface CommitSource {
  readonly logEndOffset: number
  readonly directory: string
  readonly activeFile: SharedFile
  /** Sealed since the last flush, their last bytes perhaps still dirty. Handed over: the log forgets them. */
  takeSealedFiles(): SharedFile[]
  onCommitted(durableEnd: number): void
  onCommitFailed(error: Error): void
}

export class GroupCommit {
  readonly #disk: Disk
  readonly #queue: FlushQueue
  readonly #source: CommitSource
  readonly #files: SharedFile[] = []
  #state: 'idle' | 'queued' | 'running' = 'idle'
  #again = false
  #target: number
  #durableEnd: number
  #failed = false
  #inFlight: SharedFile | null = null
  #syncDirectory = false
  /** A file was created since the directory was last synced: nothing in it is durable before that. */
  directoryIsDirty = false

  constructor(disk: Disk, queue: FlushQueue, source: CommitSource, durableEnd: number) {
    this.#disk = disk
    this.#queue = queue
    this.#source = source
    this.#durableEnd = durableEnd
    this.#target = durableEnd
  }

  get durableEnd(): number {
    return this.#durableEnd
  }

  get isIdle(): boolean {
    return this.#state === 'idle'
  }

  request(): void {
    if (this.#failed) return
    if (this.#state === 'running') this.#again = true
    if (this.#state !== 'idle' || this.#source.logEndOffset === this.#durableEnd) return
    this.#state = 'queued'
    this.#queue.enter(this)
  }

  /** The queue's call: there is room. Everything appended until now is the target. */
  run(): void {
    assert.equal(this.#state, 'queued')
    if (this.#failed) {
      this.#state = 'idle'
      this.#queue.leave()
      return
    }
    this.#state = 'running'
    this.#again = false
    this.#target = this.#source.logEndOffset
    this.#files.push(...this.#source.takeSealedFiles(), this.#source.activeFile)
    this.#syncDirectory = this.directoryIsDirty
    this.directoryIsDirty = false
    this.#next(null)
  }

  /** The log was cut and these files are gone: nothing from `endOffset` on may be called durable by this flush. */
  truncated(endOffset: number, removed: readonly SharedFile[]): void {
    for (const file of removed) {
      const at = this.#files.indexOf(file)
      if (at >= 0) this.#files.splice(at, 1)
    }
    this.#target = Math.min(this.#target, endOffset)
    this.#durableEnd = Math.min(this.#durableEnd, endOffset)
  }

  fail(): void {
    this.#failed = true
  }

  /** Files in the order of the log, then their names; one callback for all of them, made once a log. */
  readonly #next = (error: Error | null): void => {
    this.#inFlight?.release()
    this.#inFlight = null
    if (error || this.#failed) {
      this.#fail(error)
      return
    }
    const file = this.#files.shift()
    if (file) {
      const fd = file.fd
      file.retain()
      this.#inFlight = file
      this.#disk.flush(fd, this.#next)
    } else if (this.#syncDirectory) {
      this.#syncDirectory = false
      this.#disk.flushDirectory(this.#source.directory, this.#next)
    } else this.#complete()
  }

  #complete(): void {
    this.#durableEnd = Math.max(this.#durableEnd, this.#target)
    this.#state = 'idle'
    this.#queue.leave()
    // The next group goes to the disk before this one is told, so that the disk is not idle meanwhile.
    if (this.#again) this.request()
    this.#source.onCommitted(this.#durableEnd)
  }

  #fail(error: Error | null): void {
    this.#failed = true
    this.#files.length = 0
    this.#state = 'idle'
    this.#queue.leave()
    if (error) this.#source.onCommitFailed(error)
  }
}
