// What an agent tells of its files: the busiest, and all that something is wrong with, each with its rate, how far
// behind its end it is, in bytes and in time, and when it last moved. Between two tellings it remembers where each file
// was; the clock is handed in. Pure.
import type { FileDescription } from './description.ts'

/** One file in a status; as `AgentFile` of the HTTP contract. */
export interface FileStatus {
  readonly path: string
  readonly topic: string | null
  /** What was decided from its first lines; null before there is one. */
  readonly format: string | null
  readonly sizeBytes: number
  readonly bytesPerSecond: number
  readonly bytesBehind: number
  /** How long ago what is acknowledged now was all there was; 0 while it is all. */
  readonly behindMs: number
  /** When something of it was last acknowledged, within one telling; null if not since the start. */
  readonly lastLineAt: number | null
  readonly gone: boolean
  readonly error: string | null
}

const statusesMax = 200
const errorsMax = 100
/** A record that is larger than this is read by nobody. */
const bytesMax = 80_000
const pathMax = 500
/** Ends remembered of a file, a telling each; beyond that every second one. */
const endsMax = 120

interface Seen {
  acknowledged: number
  size: number
  /** The newest moment at which there was no more than is acknowledged now. */
  caughtUpAtMs: number
  /** Sizes told since then, and when: a busy file is never at its end, but it passes where its end was. */
  ends: readonly (readonly [size: number, atMs: number])[]
  lastLineAtMs: number | null
}

export class FileStatuses {
  #seen = new Map<string, Seen>()
  #atMs: number | null = null

  /** `errors` by path. */
  tell(files: Iterable<FileDescription>, errors: ReadonlyMap<string, string>, nowMs: number): FileStatus[] {
    const seconds = this.#atMs === null ? 0 : Math.max(0.001, (nowMs - this.#atMs) / 1_000)
    this.#atMs = nowMs
    const seen = new Map<string, Seen>()
    const told = new Set<string>()
    const all: FileStatus[] = []
    for (const file of files) {
      const { path, topic, format, size, acknowledged, gone } = file
      const before = this.#seen.get(path)
      // A file that was truncated begins anew.
      const grown = before ? Math.max(0, acknowledged - before.acknowledged) : 0
      const bytesBehind = Math.max(0, size - acknowledged)
      const now: Seen = {
        ...{ acknowledged, size },
        ...passed(before, acknowledged, size, nowMs),
        lastLineAtMs: grown > 0 ? nowMs : (before?.lastLineAtMs ?? null),
      }
      seen.set(path, now)
      told.add(path)
      all.push({
        path: path.slice(0, pathMax),
        ...{ topic, format, sizeBytes: size },
        bytesPerSecond: seconds === 0 ? 0 : Math.round(grown / seconds),
        bytesBehind,
        behindMs: behind(nowMs - now.caughtUpAtMs, bytesBehind, before ? (size - before.size) / seconds : 0),
        lastLineAt: now.lastLineAtMs,
        gone,
        error: errors.get(path) ?? null,
      })
    }
    this.#seen = seen
    // What cannot be opened is no file yet, and is told all the same.
    for (const [path, error] of errors) if (!told.has(path)) all.push(unreadable(path, error))
    return chosen(all)
  }
}

/** Which of the ends that were told before have been passed. */
function passed(
  before: Seen | undefined,
  acknowledged: number,
  size: number,
  nowMs: number,
): Pick<Seen, 'caughtUpAtMs' | 'ends'> {
  const isAnew = before !== undefined && acknowledged < before.acknowledged
  const told = before && !isAnew ? before.ends : []
  const reached = told.findLast(([end]) => end <= acknowledged)
  const caughtUpAtMs =
    size <= acknowledged ? nowMs : (reached?.[1] ?? (isAnew ? nowMs : (before?.caughtUpAtMs ?? nowMs)))
  const ahead = told.filter(([end]) => end > acknowledged)
  // One that stands still for long is behind since its first end; those in between only tell of the way back.
  const kept = ahead.length >= endsMax ? ahead.filter((_, index) => index % 2 === 0) : ahead
  const isNews = size > acknowledged && size !== ahead.at(-1)?.[0]
  return { caughtUpAtMs, ends: isNews ? [...kept, [size, nowMs]] : kept }
}

/** Within the time between two tellings, the pace at which lines are written says how old the oldest one is. */
function behind(sinceMs: number, bytes: number, writtenPerSecond: number): number {
  if (bytes === 0) return 0
  const byPace = writtenPerSecond > 0 ? (bytes / writtenPerSecond) * 1_000 : Number.POSITIVE_INFINITY
  return Math.round(Math.max(0, Math.min(sinceMs, byPace)))
}

/** Of `path: reason`, as they are told elsewhere. */
export function errorsByPath(errors: readonly string[]): Map<string, string> {
  return new Map(
    errors.map(error => {
      const colon = error.indexOf(': ')
      return colon < 0 ? [error, 'cannot be read'] : [error.slice(0, colon), error.slice(colon + 2)]
    }),
  )
}

function unreadable(path: string, error: string): FileStatus {
  const nothing = { topic: null, format: null, sizeBytes: 0, bytesPerSecond: 0, bytesBehind: 0, behindMs: 0 }
  return { path: path.slice(0, pathMax), ...nothing, lastLineAt: null, gone: false, error }
}

/** Those with errors first, then by how far behind and how busy they are; never more than a record may hold. */
function chosen(all: FileStatus[]): FileStatus[] {
  const wrong = all.filter(({ error }) => error !== null).slice(0, errorsMax)
  const well = all
    .filter(({ error }) => error === null)
    .sort((a, b) => b.bytesBehind - a.bytesBehind || b.bytesPerSecond - a.bytesPerSecond)
  const kept: FileStatus[] = []
  let bytes = 0
  for (const file of [...wrong, ...well]) {
    bytes += Buffer.byteLength(file.path) + (file.error?.length ?? 0) + 220
    if (kept.length >= statusesMax || bytes > bytesMax) break
    kept.push(file)
  }
  return kept
}
