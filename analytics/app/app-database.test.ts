// A file from before formats were numbered keeps its sessions and is copied first; a newer one is refused.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { ExitError } from '../../runtime/lifecycle.ts'
import { Sessions } from '../http/sessions.ts'
import { copyBefore, formatOf } from '../store/migrations/migrate.ts'
import { FixedClock } from '../test-store.ts'
import { openAppDatabase } from './app-database.ts'
import { appMigrations } from './migrations/list.ts'

const newest = appMigrations.at(-1)!.version

/** As versions without numbered formats left it. */
function unnumbered(path: string): void {
  const database = new Database(path)
  database.exec(`
    CREATE TABLE sessions(hash TEXT PRIMARY KEY, user TEXT NOT NULL, role TEXT NOT NULL, expires_at INTEGER)
      WITHOUT ROWID;
    CREATE TABLE links(hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO sessions VALUES ('abc', 'admin', 'admin', ${Number.MAX_SAFE_INTEGER});
  `)
  database.close()
}

test('the list ascends from 1, and each file has the number of its name', () => {
  const versions = appMigrations.map(({ version }) => version)
  assert.deepEqual(
    versions,
    versions.map((_version, index) => index + 1),
  )
  const files = readdirSync(join(import.meta.dirname, 'migrations')).filter(file => /^\d{4}-/.test(file))
  assert.deepEqual(files.map(file => Number(file.slice(0, 4))).sort(), versions)
})

test('a file without a number keeps who is signed in, and a copy of it is kept', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'app-'))
  const path = join(directory.path, 'app.db')
  unnumbered(path)
  const database = openAppDatabase(path)
  assert.equal(formatOf(database), newest)
  const sessions = new Sessions(database, 'secret', new FixedClock())
  assert.equal(sessions.roleOf('abc'), 'admin')
  assert.equal(sessions.roleOf('abd'), null)
  database.close()
  assert.ok(existsSync(copyBefore(path, newest)))
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a new file has the newest format at once, and no copy; opened again nothing changes', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'app-'))
  const path = join(directory.path, 'app.db')
  for (let time = 0; time < 2; time++) {
    const database = openAppDatabase(path)
    assert.equal(formatOf(database), newest)
    database.close()
  }
  assert.equal(existsSync(copyBefore(path, newest)), false)
})

test('a file of a newer version is refused with what to do', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'app-'))
  const path = join(directory.path, 'app.db')
  openAppDatabase(path, [...appMigrations, { version: newest + 1, sql: 'CREATE TABLE later(id)' }]).close()
  assert.throws(
    () => openAppDatabase(path),
    (error: ExitError) =>
      error instanceof ExitError && error.exitCode === 78 && /newer Tailrace/.test(error.message),
  )
})
