// A backup is made while the count goes on, holds what one commit left, and a restored older one comes to the same
// numbers by reading the log again. Damage is found, and what to do is said; a lost file is noticed.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import { openAppDatabase } from '../app/app-database.ts'
import { drain, randomLog, startIngest, TestClock } from '../ingest/ingest-story.ts'
import { silentLog } from '../test-store.ts'
import { BackupError, createBackup, restoreBackup, verifyBackup } from './backup.ts'
import { checkAtStart, checkWhole, DamagedStoreError } from './integrity.ts'
import { prepareStore } from './prepare.ts'
import { type Connection, openReader, openStore } from './schema.ts'

const nowMs = Date.parse('2026-11-24T08:10:00Z')

/** Every count, and every other sketch's bytes but those of the lag, which depends on when one counts. */
function statisticsOf(path: string): unknown {
  const connection = openReader(path)
  const counts = connection
    .prepare(
      `SELECT s.metric, s.dims, s.labels, c.step, c.bucket, c.n FROM counts c JOIN series s ON s.id = c.series
       ORDER BY 1, 2, 3, 4, 5`,
    )
    .all()
  const sketches = connection
    .prepare(
      `SELECT s.metric, s.labels, k.step, k.bucket, hex(k.data) FROM sketches k JOIN series s ON s.id = k.series
       WHERE s.metric <> 'lag' ORDER BY 1, 2, 3, 4`,
    )
    .all()
  connection.close()
  return { counts, sketches }
}

function rowsIn(connection: Connection, table: string): number {
  return connection.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
}

test('a backup made between two commits, restored later, replays from the log to the same numbers', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'backup-'))
  const data = join(directory.path, 'analytics')
  const path = join(directory.path, 'analytics/windows.db')
  const target = join(directory.path, 'monday')
  const { log } = randomLog(7, 60)
  mkdirSync(data)
  prepareStore(path, 'UTC', silentLog)
  const app = openAppDatabase(join(data, 'app.db'))
  const connection = openStore(path)
  const running = startIngest(connection, log, new TestClock())
  for (let turn = 0; turn < 2; turn++) running.loop.turn()
  assert.ok(running.ingest.flush())
  const rows = Object.fromEntries(
    ['counts', 'sketches', 'dedup', 'series'].map(t => [t, rowsIn(connection, t)]),
  )
  const backup = createBackup(data, target, nowMs)
  assert.deepEqual(
    backup.files.map(file => file.name),
    ['windows.db', 'app.db'],
  )
  for (const [table, count] of Object.entries(rows)) assert.equal(backup.files[0]!.rows[table], count)
  assert.ok(rows['counts']! > 0)
  // The count goes on; nobody may restore meanwhile.
  drain(running)
  const whole = statisticsOf(path)
  assert.throws(() => restoreBackup(target, data, nowMs), /in use. Stop Tailrace/)
  running.ingest.close()
  connection.close()
  app.close()
  assert.deepEqual(verifyBackup(target), backup)
  const replaced = restoreBackup(target, data, nowMs)
  assert.notDeepEqual(statisticsOf(path), whole)
  assert.deepEqual(statisticsOf(replaced['windows.db']!), whole)
  prepareStore(path, 'UTC', silentLog)
  const again = openStore(path)
  assert.equal(rowsIn(again, 'counts'), rows['counts'])
  const restarted = startIngest(again, log, new TestClock())
  drain(restarted)
  restarted.ingest.close()
  assert.equal(rowsIn(again, `losses WHERE reason = 'statistics-lost'`), 0)
  again.close()
  assert.deepEqual(statisticsOf(path), whole)
})

test('a changed byte, a missing file and a name that leads elsewhere are no backup', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'backup-'))
  const target = join(directory.path, 'copy')
  openStore(join(directory.path, 'windows.db')).close()
  createBackup(directory.path, target, nowMs)
  assert.throws(() => createBackup(directory.path, target, nowMs), /exists already/)
  const manifest = readFileSync(join(target, 'backup.json'), 'utf8')
  const bytes = readFileSync(join(target, 'windows.db'))
  bytes[bytes.length - 100]! ^= 1
  writeFileSync(join(target, 'windows.db'), bytes)
  assert.throws(() => restoreBackup(target, directory.path, nowMs), /its bytes have changed/)
  rmSync(join(target, 'windows.db'))
  assert.throws(() => verifyBackup(target), /lacks windows.db/)
  writeFileSync(join(target, 'backup.json'), manifest.replace('"windows.db"', '"../../windows.db"'))
  assert.throws(() => verifyBackup(target), /no database of analytics/)
  assert.throws(() => verifyBackup(directory.path), BackupError)
  assert.throws(
    () => createBackup(join(directory.path, 'none'), join(directory.path, 'b'), nowMs),
    /Nothing to/,
  )
  assert.deepEqual(
    readdirSync(directory.path).filter(name => name.includes('part')),
    [],
  )
})

test('a damaged file is refused at start with the command that restores it', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'backup-'))
  const path = join(directory.path, 'windows.db')
  const connection = openStore(path)
  const insert = connection.prepare("INSERT INTO losses VALUES (?, 1, 'r', 's', '0', '1', 1, ?)")
  connection.transaction(() => {
    for (let index = 0; index < 2000; index++) insert.run(`key-${index}`, 'x'.repeat(100))
  })()
  connection.close()
  prepareStore(path, 'UTC', silentLog)
  const sound = readFileSync(path)
  const torn = Buffer.from(sound)
  // The last pages are the ledger's: the rest stays readable, as after a bad block.
  const pages = torn.length / 4096
  for (let page = pages - 20; page < pages - 2; page += 3) torn.fill(0x5a, page * 4096, page * 4096 + 200)
  writeFileSync(path, torn)
  const refusal = (error: unknown) => {
    assert.ok(error instanceof ExitError)
    assert.equal(error.exitCode, exitCodes.config)
    assert.match(error.message, /damaged.*tailrace analytics backup restore/)
    return true
  }
  assert.throws(() => prepareStore(path, 'UTC', silentLog), refusal)
  const damaged = openReader(path)
  assert.ok(checkWhole(damaged).length > 0)
  // However large: what everything hangs on is read.
  assert.throws(() => checkAtStart(damaged, silentLog, 0), DamagedStoreError)
  damaged.close()
  writeFileSync(path, 'this is no database, and never was one, whatever its name says of it'.repeat(100))
  assert.throws(() => prepareStore(path, 'UTC', silentLog), refusal)
})

test('statistics that are gone begin anew with what the log holds, and the ledger says so', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'backup-'))
  const path = join(directory.path, 'windows.db')
  const { log } = randomLog(3, 30)
  const errors: string[] = []
  const told = { ...silentLog, error: (text: string) => void errors.push(text) }
  prepareStore(path, 'UTC', told)
  const before = countAll(path, log)
  assert.deepEqual(errors, [])
  for (const file of readdirSync(directory.path))
    if (!file.endsWith('.known')) rmSync(join(directory.path, file))
  assert.ok(!existsSync(path))
  prepareStore(path, 'UTC', told)
  assert.match(errors.join(), /statistics are gone/)
  assert.deepEqual(countAll(path, log), before)
  const reader = openReader(path)
  assert.equal(rowsIn(reader, `losses WHERE reason = 'statistics-lost'`), 1)
  reader.close()
  prepareStore(path, 'UTC', told)
  assert.equal(errors.length, 1)
})

function countAll(path: string, log: ReturnType<typeof randomLog>['log']): unknown {
  const connection = openStore(path)
  const running = startIngest(connection, log, new TestClock())
  drain(running)
  running.ingest.close()
  connection.close()
  return statisticsOf(path)
}
