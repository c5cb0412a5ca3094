// Writes the agent's checkpoint (checkpoint.ts): as a whole, or what has changed appended to its journal. A failed
// append is never followed by another one: then everything is written anew, into another file.
// Touches `checkpoint`, `checkpoint.previous`, `checkpoint.tmp` and `checkpoint.journal.*` in the data directory.
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fdatasync,
  fsync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { encodeCheckpoint, journalNameOf } from './checkpoint.ts'
import { encodeEntry, journalPath } from './journal.ts'

/** Smaller than this a journal is never too large; beyond it, when it has outgrown its checkpoint. */
const journalBytesMin = 65_536

interface Journal {
  readonly descriptor: number
  bytes: number
  /** Then everything is written anew. */
  readonly bytesMax: number
}

/**
 * Writes checkpoints one at a time; a request while one is being written is served by the next. `epoch` is the
 * number of the snapshot to be taken next: what happened before `snapshot` is called is durable with it.
 */
export class CheckpointWriter {
  readonly #directory: string
  readonly #snapshot: () => string | null
  readonly #onDurable: (epoch: number) => void
  readonly #onError: (error: Error) => void
  #epoch = 1
  #durableEpoch = 0
  #wanted = false
  #writing = false
  readonly #changes: (() => string | null) | null
  /** Null where there is none, or none that could be trusted. */
  #journal: Journal | null = null

  /**
   * `snapshot` gives the document's members, or null when it must not be written now: then somebody requests again.
   * `changes` the same of what has changed since either of them was asked the last time; without it there is no
   * journal.
   */
  constructor(
    directory: string,
    snapshot: () => string | null,
    onDurable: (epoch: number) => void,
    onError: (error: Error) => void,
    changes: (() => string | null) | null = null,
  ) {
    this.#directory = directory
    this.#snapshot = snapshot
    this.#onDurable = onDurable
    this.#onError = onError
    this.#changes = changes
  }

  get epoch(): number {
    return this.#epoch
  }

  get durableEpoch(): number {
    return this.#durableEpoch
  }

  request(): void {
    this.#wanted = true
    if (!this.#writing) this.#begin()
  }

  /** For the first start and the last words: the same steps, waiting for each. */
  writeNow(): boolean {
    if (this.#writing) return false
    const body = this.#snapshot()
    if (body === null) return false
    this.#closeJournal()
    const epoch = this.#epoch++
    const file = openSync(this.#temporary, 'w', 0o600)
    try {
      writeFully(file, encodeCheckpoint(body))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    this.#replace()
    const directory = openSync(this.#directory, 'r')
    fsyncSync(directory)
    closeSync(directory)
    this.#dropJournals('')
    this.#durableEpoch = epoch
    this.#wanted = false
    return true
  }

  get #temporary(): string {
    return join(this.#directory, 'checkpoint.tmp')
  }

  #begin(): void {
    const journal = this.#journal
    if (journal !== null && journal.bytes <= journal.bytesMax) this.#append(journal)
    else this.#writeAll()
  }

  #append(journal: Journal): void {
    const text = this.#changes!()
    if (text === null) return
    this.#wanted = false
    this.#writing = true
    const epoch = this.#epoch++
    const bytes = encodeEntry(text)
    this.#writeThrough(journal.descriptor, bytes, journal.bytes, error => {
      journal.bytes += bytes.length
      // What is there of it is cut off by its checksum, and all is written anew.
      if (error) this.#closeJournal()
      this.#end(epoch, error)
    })
  }

  #writeAll(): void {
    const body = this.#snapshot()
    if (body === null) return
    this.#wanted = false
    this.#writing = true
    this.#closeJournal()
    const epoch = this.#epoch++
    const name = this.#changes === null ? '' : randomBytes(9).toString('base64url')
    const bytes = encodeCheckpoint(body, name)
    let file: number
    try {
      // Before the checkpoint that names it: so it can be told from one that was lost.
      if (name !== '') this.#openJournal(name, bytes.length)
      file = openSync(this.#temporary, 'w', 0o600)
    } catch (error) {
      this.#closeJournal()
      this.#end(0, error as Error)
      return
    }
    this.#writeThrough(file, bytes, 0, error => {
      closeSync(file)
      if (error) {
        this.#closeJournal()
        this.#end(0, error)
      } else this.#publish(epoch, name)
    })
  }

  #writeThrough(file: number, bytes: Buffer, position: number, done: (error: Error | null) => void): void {
    write(file, bytes, 0, bytes.length, position, (error, written) => {
      // A full disk writes a part and reports no error until the next call.
      if (error ?? written < bytes.length) {
        done(error ?? new Error(`wrote ${written} of ${bytes.length} bytes`))
      } else fdatasync(file, done)
    })
  }

  #openJournal(name: string, checkpointBytes: number): void {
    const descriptor = openSync(journalPath(this.#directory, name), 'wx', 0o600)
    this.#journal = { descriptor, bytes: 0, bytesMax: Math.max(journalBytesMin, checkpointBytes) }
    fsyncSync(descriptor)
  }

  #closeJournal(): void {
    if (this.#journal !== null) closeSync(this.#journal.descriptor)
    this.#journal = null
  }

  #publish(epoch: number, name: string): void {
    try {
      this.#replace()
      const directory = openSync(this.#directory, 'r')
      fsync(directory, error => {
        closeSync(directory)
        if (error) this.#closeJournal()
        else this.#dropJournals(name)
        this.#end(epoch, error)
      })
    } catch (error) {
      this.#closeJournal()
      this.#end(0, error as Error)
    }
  }

  /** Only the two generations that there are may have one. */
  #dropJournals(name: string): void {
    const kept = new Set([name, journalNameOf(join(this.#directory, 'checkpoint.previous'))])
    for (const file of readdirSync(this.#directory)) {
      const journal = /^checkpoint\.journal\.(.+)$/.exec(file)?.[1]
      if (journal !== undefined && !kept.has(journal)) unlinkSync(join(this.#directory, file))
    }
  }

  /** A hard link keeps the previous generation, so that at no moment there is no current one. */
  #replace(): void {
    const current = join(this.#directory, 'checkpoint')
    const previous = join(this.#directory, 'checkpoint.previous')
    ignoring('ENOENT', () => unlinkSync(previous))
    ignoring('ENOENT', () => linkSync(current, previous))
    renameSync(this.#temporary, current)
  }

  #end(epoch: number, error: Error | null): void {
    this.#writing = false
    if (error) {
      this.#wanted = true
      this.#onError(error)
      return
    }
    this.#durableEpoch = epoch
    this.#onDurable(epoch)
    if (this.#wanted && !this.#writing) this.#begin()
  }
}

function writeFully(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
}

function ignoring(code: string, action: () => void): void {
  try {
    action()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== code) throw error
  }
}
