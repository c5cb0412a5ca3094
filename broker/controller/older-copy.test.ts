// A data directory that is an older copy of itself, on a real disk and a real store: it has no part in the sets that it
// was in when the copy was made, while one that was merely killed, at whatever moment, keeps its place.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { realDisk } from '../log/disk.ts'
import { Lives } from '../log/lives.ts'
import { openSqliteStore } from '../metadata/sqlite-store.ts'
import { ClusterImage } from './cluster-image.ts'
import { Controller } from './controller.ts'
import { type DirectoryLives, newUuid, register } from './registration.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

async function joined(path: string, brokerId: number, directoryId: string, lives: DirectoryLives) {
  const store = await openSqliteStore(path)
  const session = await store.openSession(2_000)
  const image = new ClusterImage()
  const identity = { brokerId, directoryId, host: '127.0.0.1', port: 9_092, previousBrokerEpoch: -1 }
  const registering = { store, session, image, identity, log, lives, isDurable: () => true }
  const { incarnation, guard: registered } = await register(registering).catch(async error => {
    await store.close()
    throw error
  })
  const who = {
    brokerId,
    directoryId,
    incarnation,
    registered,
    rulesOf: () => ({ minIsr: 1, mayBeUnclean: false }),
  }
  const controller = await Controller.elect({ store, session, image, log, ...who })
  const isr = () => [...image.topics.values()][0]!.partitions[0]!.value.isr
  return { store, image, controller, isr }
}

test('an older copy of a data directory leaves the in-sync sets; one that was killed does not', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'older-copy-'))
  const path = join(directory.path, 'metadata.db')
  const [now, before] = ['now', 'before'].map(name => join(directory.path, name))
  const [oneId, twoId] = [newUuid(), newUuid()]
  const one = await joined(path, 1, oneId, { read: () => null, write() {} })
  const join2 = (lives: DirectoryLives = new Lives(realDisk, now!)) => joined(path, 2, twoId, lives)
  mkdirSync(now!)
  const first = await join2()
  const { entries, at } = await one.store.list('')
  one.image.replaceAll(entries, at)
  await one.controller!.createTopic('logs', [[2, 1]], {})
  await first.store.close()
  const again = await join2()
  assert.deepEqual(again.isr(), [2, 1], 'the same directory')
  await again.store.close()
  cpSync(now!, before!, { recursive: true })
  const killed = {
    read: () => new Lives(realDisk, now!).read(),
    write: (lives: readonly string[]) => {
      new Lives(realDisk, now!).write(lives)
      throw new Error('killed')
    },
  }
  await assert.rejects(join2(killed), /killed/)
  const third = await join2()
  assert.deepEqual(third.isr(), [2, 1], 'killed before the store knew of its life')
  await third.store.close()
  rmSync(now!, { recursive: true })
  cpSync(before!, now!, { recursive: true })
  const older = await join2()
  assert.deepEqual(older.isr(), [1])
  await older.store.close()
  await one.store.close()
})
