// One process a data directory, for as long as it lives: an SQLite file held in exclusive locking mode, because Node
// offers no flock and the lock must vanish with the process, however it ends. Touches `<directory>/.lock`.
import Database from 'better-sqlite3'
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import { directoryFiles } from './checkpoints.ts'

export interface DirectoryLock {
  release(): void
}

/** Null while another process, or another lock of this one, holds the directory. */
export function lockDirectory(directory: string): DirectoryLock | null {
  const path = `${directory}/${directoryFiles.lock}`
  const database = openLock(path)
  try {
    database.pragma('locking_mode = EXCLUSIVE')
    // In exclusive mode the lock taken here is kept beyond the commit, until the connection or the process ends.
    database.exec('BEGIN EXCLUSIVE; COMMIT')
  } catch (error) {
    database.close()
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return null
    throw error
  }
  return { release: () => database.close() }
}

/** SQLite says that it cannot, and neither which file nor what to do. */
function openLock(path: string): Database.Database {
  try {
    return new Database(path, { timeout: 0 })
  } catch (cause) {
    const why = (cause as Error).message
    const text = `Cannot use "${path}": ${why}. Give it to the user that runs this (chown), or choose another directory`
    throw new ExitError(exitCodes.config, text, { cause })
  }
}
