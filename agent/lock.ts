// One agent per data directory, for as long as it lives: an SQLite file held in exclusive mode, because Node has no
// flock. The operating system lets go of it when the process ends, however it ends.
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

export interface DirectoryLock {
  release(): void
}

export function lockDirectory(dataDirectory: string): DirectoryLock {
  const database = openDatabase(dataDirectory)
  try {
    database.pragma('locking_mode = EXCLUSIVE')
    // In this mode the lock that a write takes is kept until the file is closed.
    database.exec('BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (pid INTEGER); COMMIT')
  } catch (error) {
    database.close()
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw unwritable(dataDirectory, error)
    throw new ExitError(
      exitCodes.config,
      `Cannot start: another agent is using "${dataDirectory}". Stop it, or give this one a data directory of its own`,
    )
  }
  return { release: () => database.close() }
}

function openDatabase(dataDirectory: string): Database.Database {
  try {
    return new Database(join(dataDirectory, 'lock'), { timeout: 0 })
  } catch (error) {
    throw unwritable(dataDirectory, error)
  }
}

/** The first things an agent writes; on a read-only or full disk it ends with a sentence. */
export function writingIn<Result>(dataDirectory: string, write: () => Result): Result {
  try {
    return write()
  } catch (error) {
    if (error instanceof ExitError || (error as NodeJS.ErrnoException).code === undefined) throw error
    throw unwritable(dataDirectory, error)
  }
}

/** A read-only or full disk: without a memory the agent may not send anything. */
function unwritable(dataDirectory: string, error: unknown): ExitError {
  const reason = (error as Error).message
  return new ExitError(
    exitCodes.config,
    `Cannot write in "${dataDirectory}": ${reason}. Make room or choose another`,
  )
}
