// One agent per data directory, for as long as it lives: an SQLite file held in exclusive mode, because Node has no
// flock. The operating system lets go of it when the process ends, however it ends.
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

export interface DirectoryLock {
  release(): void
}

export function lockDirectory(dataDirectory: string): DirectoryLock {
  const database = new Database(join(dataDirectory, 'lock'), { timeout: 0 })
  try {
    database.pragma('locking_mode = EXCLUSIVE')
    // In this mode the lock that a write takes is kept until the file is closed.
    database.exec('BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (pid INTEGER); COMMIT')
  } catch (error) {
    database.close()
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error
    throw new ExitError(
      exitCodes.config,
      `Cannot start: another agent is using "${dataDirectory}". Stop it, or give this one a data directory of its own`,
    )
  }
  return { release: () => database.close() }
}
