// What an agent's checkpoint holds, and what becomes of it on a copied disk. Pure.
import type { AgentStart } from './broker.ts'
import type { LogFile, Origin } from './disk.ts'

/** How a record finds its partition and whether it leaves at all. One src has one routing, for life. */
export interface Routing {
  readonly id: number
  readonly partitions: number
  readonly seed: number
  /** Lines whose id modulo 5 is this are filtered out; −1 filters nothing. */
  readonly drops: number
}

/**
 * A range of a file that was or will be sent under one src. What may have left lies in [start, mark).
 *
 *      start ──── acknowledged ────▶ frontier ──── may be in the log ────▶ mark
 *
 * Texts stand for guards: the hash of the bytes before a position.
 */
export interface SavedRange {
  readonly src: string
  readonly routing: Routing
  readonly start: number
  readonly frontier: number
  readonly frontierText: string | undefined
  readonly mark: number
  readonly markText: string | undefined
  /** Where a clock, not a byte, ended a record. */
  readonly cuts: readonly number[]
  /** Its bytes are no longer in the file, so it can be acknowledged but not read again. */
  readonly orphan: boolean
  readonly origin: Origin
}

export interface SavedEntry {
  readonly inode: number
  readonly head: string | null
  readonly end: number
  readonly endText: string | undefined
  readonly minted: boolean
  readonly ranges: readonly SavedRange[]
  readonly origin: Origin
}

/** Written as a whole: a temporary file, fdatasync, rename, fsync of the directory. */
export interface Checkpoint {
  /** The start that wrote it, and how many srcs that start has minted. */
  readonly start: string
  readonly minted: number
  /** Starts that may not have been announced yet, this one among them. */
  readonly unannounced: readonly AgentStart[]
  readonly pid: number
  /** Every file that a glob named in this step is among the entries, if it was still there. */
  readonly looked: number
  readonly entries: readonly SavedEntry[]
}

/** The checkpoint on a copied disk: the same bytes, but the files it speaks of are the copies. */
export function copyCheckpoint(saved: Checkpoint, twins: Map<LogFile, LogFile>): Checkpoint {
  const move = (origin: Origin): Origin => ({ ...origin, file: twins.get(origin.file) ?? origin.file })
  const entries = saved.entries.map(entry => {
    const twin = twins.get(entry.origin.file)
    if (twin) for (const epoch of entry.origin.file.known) twin.known.add(epoch)
    const ranges = entry.ranges.map(range => ({ ...range, origin: move(range.origin) }))
    return { ...entry, ranges, origin: move(entry.origin) }
  })
  return { ...saved, entries }
}
