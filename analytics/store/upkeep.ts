// What keeps the file itself small, outside of the transactions of the count: free pages go back to the file system a
// few at a time, and the write-ahead log is emptied when nobody writes. Nobody who reads for long can make that log
// grow without bound: past a limit the writer waits for the reader, and past the next one it does not commit.
import { statSync } from 'node:fs'
import type { Log } from '../../runtime/log.ts'
import type { Connection } from './schema.ts'

export interface WalLimits {
  /** What is left of the file after it was emptied. */
  readonly keptBytes: number
  /** From here on the writer waits for readers. */
  readonly waitBytes: number
  /** From here on nothing is committed until the readers are done. */
  readonly refuseBytes: number
}

export const walLimits: WalLimits = {
  keptBytes: 64 * 2 ** 20,
  waitBytes: 256 * 2 ** 20,
  refuseBytes: 2 ** 30,
}

/** A reader has held on to an old state for so long that the write-ahead log may not grow any more. */
export class HeldOpenError extends Error {
  override readonly name = 'HeldOpenError'
}

/** Looking at the file costs a system call: not with every commit. */
const commitsBetween = 32
const freePagesMin = 1024
const pagesPerStep = 256

export class Upkeep {
  readonly #connection: Connection
  readonly #limits: WalLimits
  readonly #log: Log | undefined
  readonly #commitsBetween: number
  #commits = 0
  #isRested = false

  constructor(connection: Connection, log?: Log, limits = walLimits, every = commitsBetween) {
    this.#connection = connection
    this.#limits = limits
    this.#log = log
    this.#commitsBetween = every
    connection.pragma(`journal_size_limit = ${limits.keptBytes}`)
  }

  /** Throws while the write-ahead log is too large to grow. */
  beforeCommit(): void {
    if (this.#commits++ % this.#commitsBetween !== 0) return
    if (walBytes(this.#connection.name) < this.#limits.waitBytes) return
    // Waits for readers as long as for any lock.
    this.#connection.pragma('wal_checkpoint(RESTART)')
    this.#emptied()
    const bytes = walBytes(this.#connection.name)
    if (bytes < this.#limits.refuseBytes) return
    this.#commits = 0
    throw new HeldOpenError(
      `Cannot commit: somebody has read the statistics for so long that their write-ahead log takes ${bytes} bytes`,
    )
  }

  afterCommit(): void {
    this.#isRested = false
    if (this.#commits % this.#commitsBetween !== 0) return
    const free = this.#connection.pragma('freelist_count', { simple: true }) as number
    // Of files whose format allows it; in older ones free pages are used again and a backup is made without them.
    if (free > freePagesMin) this.#connection.pragma(`incremental_vacuum(${pagesPerStep})`)
  }

  /** Call now and then while nothing is pending: gives the write-ahead log's bytes back. Never waits. */
  rest(): void {
    if (this.#isRested) return
    this.#isRested = this.#emptied()
  }

  #emptied(): boolean {
    const timeout = this.#connection.pragma('busy_timeout', { simple: true }) as number
    this.#connection.pragma('busy_timeout = 0')
    try {
      const [row] = this.#connection.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
      return row?.busy === 0
    } catch (error) {
      this.#log?.warn('the write-ahead log of the statistics could not be emptied', { error })
      return false
    } finally {
      this.#connection.pragma(`busy_timeout = ${timeout}`)
    }
  }
}

export function walBytes(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
}
