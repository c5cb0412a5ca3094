// app.db: what people set and do, as opposed to what was counted: sessions, sign-in links, alert rules, episodes. One
// connection for the process that owns it; formats are numbered, an older file is copied before it is changed.
import { chmodSync } from 'node:fs'
import Database from 'better-sqlite3'
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import type { Migration } from '../store/migrations/list.ts'
import { applyMigrations, formatOf, MigrationError, migrate, newerText } from '../store/migrations/migrate.ts'
import { appMigrations } from './migrations/list.ts'

export type AppDatabase = Database.Database

/** Opens for reading and writing; throws ExitError 78 for a file that a newer version has written. */
export function openAppDatabase(path: string, list: readonly Migration[] = appMigrations): AppDatabase {
  const database = new Database(path)
  try {
    database.pragma('journal_mode = WAL')
    // FULL: an episode that was told to somebody must not be forgotten by a power cut.
    database.pragma('synchronous = FULL')
    database.pragma('busy_timeout = 2000')
    chmodSync(path, 0o600)
    bringUp(database, path, list)
  } catch (error) {
    database.close()
    if (error instanceof MigrationError) throw new ExitError(exitCodes.failed, error.message)
    throw error
  }
  return database
}

function bringUp(database: AppDatabase, path: string, list: readonly Migration[]): void {
  const known = list.at(-1)?.version ?? 0
  const version = formatOf(database)
  if (version > known) {
    throw new ExitError(exitCodes.config, newerText(path, version, known))
  }
  if (isEmpty(database)) database.transaction(() => applyMigrations(database, list)).immediate()
  else migrate(database, path, list)
}

function isEmpty(database: AppDatabase): boolean {
  return database.prepare('SELECT count(*) FROM sqlite_master').pluck().get() === 0
}
