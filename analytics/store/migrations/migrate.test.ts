// A file of format 1 with data in it becomes the newest format whole or stays what it was; a copy of it is kept.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { FixedClock, fillUsual, StoreFeed } from '../../test-store.ts'
import { type Connection, NewerFormatError, openReader, openStore, schemaVersion } from '../schema.ts'
import { migrations } from './list.ts'
import { copyBefore, formatOf, MigrationError } from './migrate.ts'

const firstFormat: typeof migrations = []
const wider = [
  { version: 2, sql: 'ALTER TABLE agents ADD COLUMN note TEXT' },
  { version: 3, sql: 'CREATE TABLE visits(id INTEGER PRIMARY KEY); INSERT INTO visits(id) VALUES (7)' },
]
const broken = [
  ...wider,
  { version: 4, sql: 'CREATE TABLE later(id INTEGER); INSERT INTO nowhere VALUES (1)' },
]

/** A store of the first format with ten minutes of lines, as an older version has left it. */
function firstFormatStore(path: string): Totals {
  const newest = `${path}.newest`
  const feed = new StoreFeed(newest, new FixedClock())
  fillUsual(feed)
  feed.close()
  const connection = openStore(path, firstFormat)
  connection.prepare('ATTACH ? AS newest').run(newest)
  const tables = connection.prepare("SELECT name FROM main.sqlite_master WHERE type = 'table'").pluck().all()
  const shared = connection.prepare(
    `SELECT o.name FROM pragma_table_info(@table, 'main') o JOIN pragma_table_info(@table, 'newest') n
     ON n.name = o.name`,
  )
  for (const table of tables as string[]) {
    // Whatever became of the writers' own row since: one commit or more was made.
    if (table === 'writer') continue
    const columns = shared.pluck().all({ table }).join(', ')
    connection.exec(`INSERT INTO main.${table}(${columns}) SELECT ${columns} FROM newest.${table}`)
  }
  connection.exec('UPDATE writer SET version = 7')
  const totals = totalsOf(connection)
  connection.close()
  return totals
}

type Totals = Readonly<Record<string, number>>

function totalsOf(connection: Connection): Totals {
  return connection
    .prepare(
      `SELECT (SELECT sum(n) FROM counts) AS counted, (SELECT count(*) FROM series) AS series,
         (SELECT sum(length(data)) FROM sketches) AS sketched, (SELECT sum(next) FROM sources) AS read,
         (SELECT count(*) FROM losses) AS losses, (SELECT count(*) FROM agents) AS agents`,
    )
    .get() as Totals
}

test('the list ascends from 2, and each file has the number of its name', () => {
  const versions = migrations.map(({ version }) => version)
  assert.deepEqual(
    versions,
    [...new Set(versions)].sort((a, b) => a - b),
  )
  assert.ok(versions.every(version => version >= 2))
  const files = readdirSync(import.meta.dirname).filter(file => /^\d{4}-[a-z-]+\.ts$/.test(file))
  assert.deepEqual(files.map(file => Number(file.slice(0, 4))).sort(), versions)
})

test('a file of the first format is brought up with its rows, and a copy of it is kept', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'migrate-'))
  const path = join(directory.path, 'windows.db')
  const before = firstFormatStore(path)
  assert.ok(before['counted']! > 0 && before['sketched']! > 0 && before['read']! > 0)
  const connection = openStore(path, wider)
  assert.equal(formatOf(connection), 3)
  assert.deepEqual(totalsOf(connection), before)
  assert.equal(connection.prepare('SELECT id FROM visits').pluck().get(), 7)
  connection.close()
  const copy = openReader(copyBefore(path, 3))
  assert.equal(formatOf(copy), 1)
  assert.deepEqual(totalsOf(copy), before)
  assert.equal(copy.pragma('integrity_check', { simple: true }), 'ok')
  copy.close()
  // Older code goes on with the copy.
  openStore(copyBefore(path, 3), firstFormat).close()
})

test('the migrations of this version keep every row of the first format', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'migrate-'))
  const path = join(directory.path, 'windows.db')
  const before = firstFormatStore(path)
  const connection = openStore(path)
  assert.equal(formatOf(connection), schemaVersion)
  assert.deepEqual(totalsOf(connection), before)
  connection.close()
})

test('a step that fails leaves the old format, its rows and the copy', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'migrate-'))
  const path = join(directory.path, 'windows.db')
  const before = firstFormatStore(path)
  assert.throws(
    () => openStore(path, broken),
    (error: Error) => {
      assert.ok(error instanceof MigrationError)
      assert.match(error.message, /from format 1 to 4.*nowhere.*as it was before/)
      return true
    },
  )
  const connection = openStore(path, firstFormat)
  assert.equal(formatOf(connection), 1)
  assert.deepEqual(totalsOf(connection), before)
  const added = connection.prepare("SELECT count(*) FROM sqlite_master WHERE name IN ('visits', 'later')")
  assert.equal(added.pluck().get(), 0)
  connection.close()
  assert.ok(existsSync(copyBefore(path, 4)))
})

test('copies of earlier changes go, and nothing half-written stays', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'migrate-'))
  const path = join(directory.path, 'windows.db')
  openStore(path, firstFormat).close()
  openStore(path, wider.slice(0, 1)).close()
  assert.ok(existsSync(copyBefore(path, 2)))
  openStore(path, wider).close()
  openStore(path, wider).close()
  const files = readdirSync(dirname(path)).filter(name => name.includes('before'))
  assert.deepEqual(files, [basename(copyBefore(path, 3))])
})

test('no copy, no change', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'migrate-'))
  const path = join(directory.path, 'windows.db')
  const other = join(directory.path, 'no-such', 'windows.db')
  const connection = openStore(path, firstFormat)
  const { migrate } = await import('./migrate.ts')
  assert.throws(() => migrate(connection, other, wider), /Nothing was changed/)
  assert.equal(formatOf(connection), 1)
  connection.close()
})

test('a new file has the newest format at once and leaves no copy', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'migrate-'))
  const path = join(directory.path, 'windows.db')
  const connection = openStore(path, wider)
  assert.equal(formatOf(connection), 3)
  connection.close()
  assert.ok(!existsSync(copyBefore(path, 3)))
  assert.throws(() => openStore(path, wider.slice(0, 1)), NewerFormatError)
})
