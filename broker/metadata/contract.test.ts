// The store's contract (contract.ts) on each implementation that needs nothing installed, and what is SQLite's own.
import assert from 'node:assert/strict'
import { basename, join } from 'node:path'
import { after, test } from 'node:test'
import { bytes, type Implementation, placeFor, testContract, timeoutMs } from './contract.ts'
import { openSqliteStore } from './sqlite-store.ts'
import { ServerDouble } from './zookeeper/server-double.ts'
import { openZookeeperStore } from './zookeeper/zookeeper-store.ts'

const sqlite: Implementation = {
  name: 'sqlite',
  place: directory => join(directory, 'metadata.db'),
  open: openSqliteStore,
}
/** Two members of one tree: a handle may see either. */
const servers = await ServerDouble.start(2)
after(() => servers.close())
const zookeeper: Implementation = {
  name: 'zookeeper (double)',
  place: directory => servers.address(basename(directory)),
  open: openZookeeperStore,
}

for (const implementation of [sqlite, zookeeper]) testContract(implementation)

test('sqlite: a process stopped inside a write delays other writes, not beats or reads', async context => {
  const place = await placeFor(context, sqlite)
  const store = await place.open()
  const session = await store.openSession(400)
  const { default: Database } = await import('better-sqlite3')
  const stuck = new Database(join(place.directory, 'metadata.db'))
  stuck.exec('BEGIN IMMEDIATE')
  const result = await store.transact([], [{ create: 'a', value: bytes('1') }], 600)
  assert.equal(result.outcome, 'unknown')
  assert(session.validFor() > 0, 'beats overtake the transaction that waits')
  assert.equal(await store.get('a'), null)
  const later = store.transact([], [{ create: 'a', value: bytes('2') }], timeoutMs)
  stuck.exec('ROLLBACK')
  stuck.close()
  assert.equal((await later).outcome, 'applied')
})
