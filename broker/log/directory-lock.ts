// One process a data directory, for as long as it lives: an SQLite file held in exclusive locking mode, because Node
// offers no flock and the lock must vanish with the process, however it ends. Touches `<directory>/.lock`.
import Database from 'better-sqlite3'
import { directoryFiles } from './checkpoints.ts'

export interface DirectoryLock {
  release(): void
}

/** Null while another process, or another lock of this one, holds the directory. */
export function lockDirectory(directory: string): DirectoryLock | null {
  const database = new Database(`${directory}/${directoryFiles.lock}`, { timeout: 0 })
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
