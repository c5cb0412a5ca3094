// The file gives back what is free, and a reader that never ends cannot make the write-ahead log grow without bound.
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Connection, openReader, openStore } from './schema.ts'
import { HeldOpenError, Upkeep, walBytes } from './upkeep.ts'

const limits = { keptBytes: 100_000, waitBytes: 400_000, refuseBytes: 800_000 }

function commitRows(connection: Connection, from: number, rows: number): void {
  const insert = connection.prepare('INSERT INTO meta(key, value) VALUES (?, ?)')
  const all = connection.transaction(() => {
    for (let index = from; index < from + rows; index++) insert.run(`k${index}`, 'x'.repeat(900))
  })
  all()
}

test('a reader that never ends stops the commits, not the disk; they go on when it ends', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'upkeep-'))
  const path = join(directory.path, 'windows.db')
  const connection = openStore(path)
  connection.pragma('busy_timeout = 0')
  const upkeep = new Upkeep(connection, undefined, limits, 1)
  const reader = openReader(path)
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM meta').get()
  let refused: unknown = null
  let committed = 0
  while (refused === null && committed < 100) {
    try {
      upkeep.beforeCommit()
      commitRows(connection, committed * 100, 100)
      committed++
    } catch (error) {
      refused = error
    }
  }
  assert.ok(refused instanceof HeldOpenError)
  assert.ok(walBytes(path) < limits.refuseBytes * 1.5, `${walBytes(path)} bytes`)
  assert.throws(() => upkeep.beforeCommit(), HeldOpenError)
  reader.exec('COMMIT')
  upkeep.beforeCommit()
  commitRows(connection, committed * 100, 100)
  upkeep.afterCommit()
  assert.ok(walBytes(path) < limits.waitBytes)
  assert.equal(reader.prepare('SELECT count(*) FROM meta').pluck().get(), (committed + 1) * 100)
  reader.close()
  connection.close()
})

test('at rest the write-ahead log is empty, unless somebody reads', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'upkeep-'))
  const path = join(directory.path, 'windows.db')
  const connection = openStore(path)
  const upkeep = new Upkeep(connection)
  commitRows(connection, 0, 10)
  const reader = openReader(path)
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM meta').get()
  upkeep.rest()
  assert.ok(walBytes(path) > 0)
  reader.exec('COMMIT')
  upkeep.rest()
  assert.equal(walBytes(path), 0)
  reader.close()
  connection.close()
})

test('pages that retention has freed go back to the file system, a few with each commit', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'upkeep-'))
  const path = join(directory.path, 'windows.db')
  const connection = openStore(path)
  const upkeep = new Upkeep(connection, undefined, undefined, 1)
  commitRows(connection, 0, 10_000)
  upkeep.rest()
  const before = statSync(path).size
  connection.exec('DELETE FROM meta')
  const free = () => connection.pragma('freelist_count', { simple: true }) as number
  const freed = free()
  assert.ok(freed > 2000)
  upkeep.afterCommit()
  assert.equal(free(), freed - 256)
  while (free() > 1024) upkeep.afterCommit()
  upkeep.rest()
  assert.ok(statSync(path).size < before / 2)
  connection.close()
})
