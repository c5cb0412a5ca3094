// Copies of the databases of analytics, made while it runs: each file as one commit left it, with sums to check it by.
// A copy is whole under its name or not there. Restoring puts the files back while nobody has them open, and keeps what
// was there. Knows nothing of the tables.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { sha256Of, syncPath, writeDurably } from '../../runtime/durable-file.ts'

/** What may be in a data directory of analytics; the first is the one that there is always. */
export const databaseNames = ['windows.db', 'app.db', 'enrolments.db'] as const

export interface BackedUpFile {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
  /** The format's number, as SQLite keeps it. */
  readonly format: number
  /** Rows by table, for whoever wants to compare. */
  readonly rows: Readonly<Record<string, number>>
}

export interface Backup {
  readonly backup: 1
  readonly madeAt: string
  readonly files: readonly BackedUpFile[]
}

/** A copy that is not what was written, or a place that cannot take one. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

const manifestName = 'backup.json'

/** Copies into the new directory `target`. Each file is one state of its database; they are not one of all three. */
export function createBackup(directory: string, target: string, nowMs: number): Backup {
  if (existsSync(target)) throw new BackupError(`Cannot back up into "${target}": it exists already`)
  const names = databaseNames.filter(name => existsSync(join(directory, name)))
  if (!names.includes('windows.db')) {
    throw new BackupError(`Nothing to back up in "${directory}": there is no windows.db`)
  }
  const part = `${target}.${process.pid}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true, mode: 0o700 })
  try {
    const files = names.map(name => copyDatabase(join(directory, name), join(part, name), name))
    const backup: Backup = { backup: 1, madeAt: new Date(nowMs).toISOString(), files }
    writeDurably(join(part, manifestName), `${JSON.stringify(backup, null, 2)}\n`, 0o600)
    renameSync(part, target)
    syncPath(dirname(target))
    return backup
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

/** Throws unless every file is what was written and sound. */
export function verifyBackup(source: string): Backup {
  const backup = readManifest(source)
  for (const file of backup.files) {
    const path = join(source, file.name)
    if (!existsSync(path)) throw new BackupError(`The backup "${source}" lacks ${file.name}`)
    if (statSync(path).size !== file.bytes || sha256Of(path) !== file.sha256) {
      throw new BackupError(`"${path}" is not what was backed up: its bytes have changed`)
    }
    const { faults, rows } = inspect(path)
    if (faults.length > 0) throw new BackupError(`"${path}" is damaged: ${faults[0]}`)
    if (JSON.stringify(rows) !== JSON.stringify(file.rows)) {
      throw new BackupError(`"${path}" does not hold the rows that were backed up`)
    }
  }
  return backup
}

/** Where what was there before is kept, by the name of its file. */
export type Replaced = Readonly<Record<string, string>>

/** Puts verified copies in place; refuses while a process has one of the files open. */
export function restoreBackup(source: string, directory: string, nowMs: number): Replaced {
  const { files } = verifyBackup(source)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const places = files.map(({ name }) => join(directory, name))
  for (const place of places) refuseInUse(place)
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const replaced: Record<string, string> = {}
  for (const [index, { name }] of files.entries()) {
    const place = places[index]!
    const fresh = `${place}.restoring`
    copyFileSync(join(source, name), fresh)
    chmodSync(fresh, 0o600)
    syncPath(fresh)
    const old = setAside(place, `${place}.replaced-${stamp}`)
    if (old !== null) replaced[name] = old
    // One step: the old file or the new one has the name, never neither.
    renameSync(fresh, place)
    syncPath(directory)
  }
  return replaced
}

function copyDatabase(from: string, to: string, name: string): BackedUpFile {
  const connection = new Database(from, { readonly: true })
  try {
    // One read transaction, however long it takes; who writes goes on meanwhile.
    connection.prepare('VACUUM INTO ?').run(to)
  } finally {
    connection.close()
  }
  chmodSync(to, 0o600)
  syncPath(to)
  const { faults, rows, format } = inspect(to)
  if (faults.length > 0) throw new BackupError(`Cannot back up "${from}": it is damaged: ${faults[0]}`)
  return { name, bytes: statSync(to).size, sha256: sha256Of(to), format, rows }
}

function inspect(path: string): { faults: string[]; rows: Record<string, number>; format: number } {
  const connection = new Database(path, { readonly: true })
  try {
    const faults = (connection.pragma('integrity_check(5)') as { integrity_check: string }[])
      .map(row => row.integrity_check)
      .filter(text => text !== 'ok')
    const tables = connection
      .prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
      )
      .pluck()
      .all() as string[]
    const rows: Record<string, number> = {}
    for (const table of tables) {
      rows[table] = connection.prepare(`SELECT count(*) FROM "${table}"`).pluck().get() as number
    }
    return { faults, rows, format: connection.pragma('user_version', { simple: true }) as number }
  } catch (error) {
    return { faults: [text(error)], rows: {}, format: 0 }
  } finally {
    connection.close()
  }
}

function readManifest(source: string): Backup {
  const path = join(source, manifestName)
  let read: Partial<Backup>
  try {
    read = JSON.parse(readFileSync(path, 'utf8')) as Partial<Backup>
  } catch (error) {
    throw new BackupError(`"${source}" is no backup: ${text(error)}`)
  }
  if (read.backup !== 1) {
    throw new BackupError(
      `"${path}" has format ${read.backup}, and this version knows 1. Use a newer Tailrace`,
    )
  }
  const known: readonly string[] = databaseNames
  // Names of a file that somebody may have edited: nothing is written outside of the directory.
  for (const { name } of read.files ?? []) {
    if (!known.includes(name))
      throw new BackupError(`"${path}" names "${name}", which is no database of analytics`)
  }
  return read as Backup
}

/** Every process that has a database of this kind open holds a shared lock on it. */
function refuseInUse(path: string): void {
  if (!existsSync(path)) return
  let isBusy = false
  try {
    const connection = new Database(path, { timeout: 0 })
    try {
      connection.pragma('locking_mode = EXCLUSIVE')
      connection.exec('BEGIN EXCLUSIVE; COMMIT')
      // So that the file alone is what was committed.
      connection.pragma('wal_checkpoint(TRUNCATE)')
    } finally {
      connection.close()
    }
  } catch (error) {
    isBusy = String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')
  }
  if (isBusy) throw new BackupError(`"${path}" is in use. Stop Tailrace, then restore`)
}

/** Keeps the file under another name too; null where there was none. Its log is empty, or else not worth reading. */
function setAside(path: string, aside: string): string | null {
  if (!existsSync(path)) return null
  rmSync(aside, { force: true })
  linkSync(path, aside)
  for (const end of ['-wal', '-shm']) {
    if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${aside}${end}`)
  }
  return aside
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
