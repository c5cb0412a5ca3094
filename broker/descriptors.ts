// How many files and sockets this process may have open, and how many it has: a broker keeps some for its logs, so
// that clients cannot take the last one. Reads /proc; where there is none, nothing is known and nothing is limited.
import { readdirSync, readFileSync } from 'node:fs'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

/** Logs of the offsets topic and of one small topic, the metadata store, sockets to other brokers, some clients. */
const descriptorsMin = 96
const reservedMin = 16
const reservedMax = 512

/** Infinity where it cannot be told. */
export function descriptorLimit(limits = readProc('/proc/self/limits')): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

/** For segments that are rolled and opened, checkpoints and the metadata store: an eighth, within bounds. */
export function descriptorsReserved(limit: number): number {
  return Math.min(reservedMax, Math.max(reservedMin, Math.floor(limit / 8)))
}

/** How many more connections there may be, as of now. */
export function descriptorsForClients(limit: number): number {
  if (!Number.isFinite(limit)) return limit
  try {
    return Math.max(0, limit - descriptorsReserved(limit) - readdirSync('/proc/self/fd').length)
  } catch {
    // Not even one to look with.
    return 0
  }
}

/** A broker that cannot open its own logs would fail in the middle of something. */
export function refuseFewDescriptors(limit = descriptorLimit()): void {
  if (limit >= descriptorsMin) return
  throw new ExitError(
    exitCodes.config,
    `Cannot start with ${limit} open files at most: a broker needs ${descriptorsMin}. Raise it with ulimit -n`,
  )
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
