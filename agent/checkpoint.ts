// The agent's memory on disk: what it knows of every file, as one JSON document with a checksum before it. Written
// as a whole: temporary file, fdatasync, rename, fsync of the directory; the generation before it is kept. What has
// changed since is appended to a journal of its own (journal.ts), until that has outgrown it.
// Touches `checkpoint`, `checkpoint.previous`, `checkpoint.tmp` and `checkpoint.journal.*` in the data directory.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Guard } from './guard.ts'
import { journalPath, replayJournal } from './journal.ts'
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
  /** What the journal calls it; absent where there is no journal. */
  readonly serial?: number
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

const headerPattern = /^tailrace-checkpoint (\d+) (\d+)(?: ([\w-]+))?$/

/** One line of header, then the document: `tailrace-checkpoint <crc32> <length> [<its journal>]\n{…}`. */
export function encodeCheckpoint(body: string, journal = ''): Buffer {
  const bytes = Buffer.from(body, 'utf8')
  const named = journal === '' ? '' : ` ${journal}`
  return Buffer.concat([
    Buffer.from(`tailrace-checkpoint ${crc32(bytes)} ${bytes.length}${named}\n`, 'latin1'),
    bytes,
  ])
}

function headerOf(bytes: Buffer): RegExpExecArray | null {
  return headerPattern.exec(bytes.toString('latin1', 0, Math.max(bytes.indexOf(0x0a), 0)))
}

/** The document, or the sentence that says why it cannot be used. */
export function decodeCheckpoint(bytes: Buffer): Checkpoint | string {
  const headerEnd = bytes.indexOf(0x0a)
  const header = headerOf(bytes)
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
  const current = readOne(dataDirectory, 'checkpoint')
  if (current?.checkpoint && current.reason === null)
    return { state: 'current', checkpoint: current.checkpoint }
  // Newer than the generation before it, even where its journal is damaged.
  if (current?.checkpoint)
    return { state: 'damaged', checkpoint: current.checkpoint, reason: current.reason! }
  const previous = readOne(dataDirectory, 'checkpoint.previous')
  if (current === null && previous === null) return { state: 'missing' }
  const reason = current?.reason ?? 'it is missing'
  return { state: 'damaged', checkpoint: previous?.checkpoint ?? null, reason }
}

/** The journal that a checkpoint names; '' where it names none, or is not there. */
export function journalNameOf(path: string): string {
  const bytes = Buffer.alloc(128)
  try {
    const file = openSync(path, 'r')
    try {
      return headerOf(bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0)))?.[3] ?? ''
    } finally {
      closeSync(file)
    }
  } catch {
    return ''
  }
}

interface ReadCheckpoint {
  readonly checkpoint: Checkpoint | null
  /** Null when all of it could be used. */
  readonly reason: string | null
}

function readOne(directory: string, name: string): ReadCheckpoint | null {
  try {
    const bytes = readFileSync(join(directory, name))
    const decoded = decodeCheckpoint(bytes)
    if (typeof decoded === 'string') return { checkpoint: null, reason: decoded }
    const journal = headerOf(bytes)?.[3]
    if (journal === undefined) return { checkpoint: decoded, reason: null }
    const { files, reason } = replayJournal(decoded.files, readJournal(directory, journal))
    return { checkpoint: { ...decoded, files }, reason }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    return { checkpoint: null, reason: (error as Error).message }
  }
}

function readJournal(directory: string, journal: string): Buffer | null {
  try {
    return readFileSync(journalPath(directory, journal))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
