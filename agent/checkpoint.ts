// The agent's memory on disk: what it knows of every file, as one JSON document with a checksum before it. Written
// as a whole: temporary file, fdatasync, rename, fsync of the directory; the generation before it is kept.
// Touches `checkpoint`, `checkpoint.previous` and `checkpoint.tmp` in the data directory.
import {
  closeSync,
  fdatasync,
  fsync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Guard } from './guard.ts'
import type { Routing } from './routing.ts'

export const checkpointFormat = 1

export interface SavedRange {
  readonly src: string
  readonly routing: Routing
  readonly start: number
  readonly frontier: number
  readonly frontierGuard: Guard
  readonly mark: number
  readonly markGuard: Guard
  readonly orphan: boolean
  /** Absent where there are none. */
  readonly cuts?: readonly number[]
}

export interface SavedFile {
  /** 64-bit numbers as decimal text. */
  readonly device: string
  readonly inode: string
  readonly path: string
  readonly foundAs: string
  /** Absent in checkpoints of the first agents. */
  readonly realAs?: string
  readonly head: Guard | null
  readonly firstLineEnd: number
  readonly end: number
  readonly endGuard: Guard
  readonly size: number
  readonly gone: boolean
  /** Absent where there is none. */
  readonly layout?: string
  readonly ranges: readonly SavedRange[]
}

export interface Checkpoint {
  readonly format: number
  readonly files: readonly SavedFile[]
}

export type LoadedCheckpoint =
  | { readonly state: 'missing' }
  | { readonly state: 'current'; readonly checkpoint: Checkpoint }
  /** The current one could not be read; this is the one before it, or null when that is damaged too. */
  | { readonly state: 'damaged'; readonly checkpoint: Checkpoint | null; readonly reason: string }

/** One line of header, then the document: `tailrace-checkpoint <crc32> <length>\n{…}`. */
export function encodeCheckpoint(body: string): Buffer {
  const bytes = Buffer.from(body, 'utf8')
  return Buffer.concat([
    Buffer.from(`tailrace-checkpoint ${crc32(bytes)} ${bytes.length}\n`, 'latin1'),
    bytes,
  ])
}

/** The document, or the sentence that says why it cannot be used. */
export function decodeCheckpoint(bytes: Buffer): Checkpoint | string {
  const headerEnd = bytes.indexOf(0x0a)
  const header = /^tailrace-checkpoint (\d+) (\d+)$/.exec(bytes.toString('latin1', 0, Math.max(headerEnd, 0)))
  if (!header) return 'it does not start with a checkpoint header'
  const body = bytes.subarray(headerEnd + 1)
  if (body.length !== Number(header[2])) return `it holds ${body.length} bytes instead of ${header[2]}`
  if (crc32(body) !== Number(header[1])) return 'its checksum does not match'
  const checkpoint = JSON.parse(body.toString('utf8')) as Checkpoint
  if (checkpoint.format !== checkpointFormat) {
    return `it has format ${checkpoint.format}, this agent reads ${checkpointFormat}`
  }
  return checkpoint
}

/** Never throws for what a file holds: a damaged checkpoint must not become a crash loop. */
export function loadCheckpoint(dataDirectory: string): LoadedCheckpoint {
  const current = readOne(join(dataDirectory, 'checkpoint'))
  if (typeof current === 'object' && current !== null) return { state: 'current', checkpoint: current }
  const previous = readOne(join(dataDirectory, 'checkpoint.previous'))
  const usable = typeof previous === 'object' ? previous : null
  if (current === null && previous === null) return { state: 'missing' }
  return { state: 'damaged', checkpoint: usable, reason: current ?? 'it is missing' }
}

function readOne(path: string): Checkpoint | string | null {
  try {
    return decodeCheckpoint(readFileSync(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    return (error as Error).message
  }
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

  /** `snapshot` gives the document, or null when it must not be written now: then somebody requests again. */
  constructor(
    directory: string,
    snapshot: () => string | null,
    onDurable: (epoch: number) => void,
    onError: (error: Error) => void,
  ) {
    this.#directory = directory
    this.#snapshot = snapshot
    this.#onDurable = onDurable
    this.#onError = onError
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
    const body = this.#snapshot()
    if (body === null || this.#writing) return false
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
    this.#durableEpoch = epoch
    this.#wanted = false
    return true
  }

  get #temporary(): string {
    return join(this.#directory, 'checkpoint.tmp')
  }

  #begin(): void {
    const body = this.#snapshot()
    if (body === null) return
    this.#wanted = false
    this.#writing = true
    const epoch = this.#epoch++
    const bytes = encodeCheckpoint(body)
    let file: number
    try {
      file = openSync(this.#temporary, 'w', 0o600)
    } catch (error) {
      this.#end(0, error as Error)
      return
    }
    const closed = (error: Error | null) => {
      closeSync(file)
      if (error) this.#end(0, error)
      else this.#publish(epoch)
    }
    write(file, bytes, 0, bytes.length, 0, (error, written) => {
      // A full disk writes a part and reports no error until the next call.
      if (error ?? written < bytes.length) {
        closed(error ?? new Error(`wrote ${written} of ${bytes.length} bytes`))
      } else fdatasync(file, closed)
    })
  }

  #publish(epoch: number): void {
    try {
      this.#replace()
      const directory = openSync(this.#directory, 'r')
      fsync(directory, error => {
        closeSync(directory)
        this.#end(epoch, error)
      })
    } catch (error) {
      this.#end(0, error as Error)
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
