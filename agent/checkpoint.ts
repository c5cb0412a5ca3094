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
import type { Loss } from './tracker.ts'

/** One that is whole, and one with a journal, whose name it holds. An agent refuses formats that it does not know. */
const formats = { whole: 1, journalled: 2 } as const

/** The highest that this agent reads. */
export const checkpointFormat = formats.journalled

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
  /** What its journal is called; absent where it has none. */
  readonly journal?: string
  readonly files: readonly SavedFile[]
  /** Wall clock: every file that a glob named by then is among them. Absent in checkpoints of the first agents. */
  readonly looked?: number
  /** Losses that it passes and that the ledger may not have. Absent where there are none. */
  readonly owed?: readonly Loss[]
}

export type LoadedCheckpoint =
  | { readonly state: 'missing' }
  | { readonly state: 'current'; readonly checkpoint: Checkpoint }
  /** A newer agent wrote it, in a format that is not known here: nothing is wrong with it. */
  | { readonly state: 'newer'; readonly format: number }
  /** The current one could not be read; this is the one before it, or null when that is damaged too. */
  | { readonly state: 'damaged'; readonly checkpoint: Checkpoint | null; readonly reason: string }

/** For a while the journal's name stood in the header. */
const headerPattern = /^tailrace-checkpoint (\d+) (\d+)(?: ([\w-]+))?$/

/**
 * One line of header, then the document: `tailrace-checkpoint <crc32> <length>\n{"format":…,"journal":…,"files":[…]}`.
 * `members` are those of the document behind its format and journal. A whole one can be read by the first agents.
 */
export function encodeCheckpoint(members: string, journal = ''): Buffer {
  const begin = journal === '' ? formats.whole : `${formats.journalled},"journal":"${journal}"`
  const bytes = Buffer.from(`{"format":${begin},${members}}`, 'utf8')
  const header = Buffer.from(`tailrace-checkpoint ${crc32(bytes)} ${bytes.length}\n`, 'latin1')
  return Buffer.concat([header, bytes])
}

export type DecodedCheckpoint =
  | { readonly checkpoint: Checkpoint }
  | { readonly newer: number }
  /** The sentence that says why it cannot be used. */
  | { readonly fault: string }

export function decodeCheckpoint(bytes: Buffer): DecodedCheckpoint {
  const headerEnd = bytes.indexOf(0x0a)
  const header = headerPattern.exec(bytes.toString('latin1', 0, Math.max(headerEnd, 0)))
  if (!header) return { fault: 'it does not start with a checkpoint header' }
  const [, crc, length, journal] = header
  const body = bytes.subarray(headerEnd + 1)
  if (body.length !== Number(length)) return { fault: `it holds ${body.length} bytes instead of ${length}` }
  if (crc32(body) !== Number(crc)) return { fault: 'its checksum does not match' }
  const checkpoint = JSON.parse(body.toString('utf8')) as Checkpoint
  if (!(checkpoint.format <= formats.journalled)) return { newer: checkpoint.format }
  return { checkpoint: { ...checkpoint, ...(journal !== undefined && { journal }) } }
}

/** Never throws for what a file holds: a damaged checkpoint must not become a crash loop. */
export function loadCheckpoint(dataDirectory: string): LoadedCheckpoint {
  const current = readOne(dataDirectory, 'checkpoint')
  if (current && 'newer' in current) return { state: 'newer', format: current.newer }
  if (current?.checkpoint && current.reason === null)
    return { state: 'current', checkpoint: current.checkpoint }
  // Newer than the generation before it, even where its journal is damaged.
  if (current?.checkpoint)
    return { state: 'damaged', checkpoint: current.checkpoint, reason: current.reason! }
  const previous = readOne(dataDirectory, 'checkpoint.previous')
  if (current === null && previous === null) return { state: 'missing' }
  if (previous && 'newer' in previous) return { state: 'newer', format: previous.newer }
  const reason = current?.reason ?? 'it is missing'
  return { state: 'damaged', checkpoint: previous?.checkpoint ?? null, reason }
}

const journalPattern = /^tailrace-checkpoint \d+ \d+(?: ([\w-]+))?\n(?:\{"format":2,"journal":"([\w-]+)")?/

/** The journal that a checkpoint names; '' where it names none, or is not there. */
export function journalNameOf(path: string): string {
  const bytes = Buffer.alloc(192)
  try {
    const file = openSync(path, 'r')
    try {
      const beginning = bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0))
      const found = journalPattern.exec(beginning)
      return found?.[1] ?? found?.[2] ?? ''
    } finally {
      closeSync(file)
    }
  } catch {
    return ''
  }
}

type ReadCheckpoint =
  /** `reason` is null when all of it could be used. */
  { readonly checkpoint: Checkpoint | null; readonly reason: string | null } | { readonly newer: number }

function readOne(directory: string, name: string): ReadCheckpoint | null {
  try {
    const decoded = decodeCheckpoint(readFileSync(join(directory, name)))
    if ('newer' in decoded) return decoded
    if ('fault' in decoded) return { checkpoint: null, reason: decoded.fault }
    const { checkpoint } = decoded
    if (checkpoint.journal === undefined) return { checkpoint, reason: null }
    const { reason, ...replayed } = replayJournal(checkpoint, readJournal(directory, checkpoint.journal))
    return { checkpoint: { ...checkpoint, ...replayed }, reason }
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
