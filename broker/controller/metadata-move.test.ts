// Moving the metadata from store to store: what arrives, what is raised, who is refused, and that it may be interrupted
// anywhere. SQLite to SQLite here; to real ZooKeeper and back in tests/real.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openSqliteStore } from '../metadata/sqlite-store.ts'
import type { MetadataStore, Operation } from '../metadata/store.ts'
import { identityGuards } from './cluster-identity.ts'
import { encodeValue, keys } from './cluster-state.ts'
import { type Move, moveMetadata } from './metadata-move.ts'
import { clusterIdOf } from './registration.ts'

const partition = { leader: 2, leaderEpoch: 7, leaderBrokerEpoch: 99, replicas: [1, 2], isr: [2], elr: [1] }
const entries: Readonly<Record<string, unknown>> = {
  'brokers/known/1': { brokerId: 1, directoryId: 'd', brokerEpoch: 42 },
  'cluster/controller-epoch': { epoch: 4 },
  'names/logs': { id: 't' },
  'producer-ids/next': { next: 3_000 },
  'secrets/admin': 'kept as it is',
  'topics/t/meta': { name: 'logs', partitions: 1, configs: { 'retention.ms': '1' }, deleting: false },
  'topics/t/p/0': { ...partition, partitionEpoch: 12, controllerEpoch: 4 },
}

async function stage(context: TestContext) {
  const directory = await mkdtempDisposable(join(tmpdir(), 'move-'))
  const stores: MetadataStore[] = []
  context.after(async () => {
    for (const store of stores) await store.close()
    await directory.remove()
  })
  const open = async (name: string) => {
    const store = await openSqliteStore(join(directory.path, name))
    stores.push(store)
    return store
  }
  const source = await open('a.db')
  const id = await clusterIdOf(source)
  const operations = Object.entries(entries).map(([key, value]) => ({
    create: key,
    value: encodeValue(value),
  }))
  await apply(source, operations)
  const move: Move = { source, target: await open('b.db'), from: 'A', to: 'B', lapseMs: 0 }
  return { move, id, open }
}

async function apply(store: MetadataStore, operations: readonly Operation[]): Promise<void> {
  assert.equal((await store.transact([], operations, 2_000)).outcome, 'applied')
}

async function valuesOf(store: MetadataStore): Promise<Record<string, unknown>> {
  const { entries: all } = await store.list('')
  return Object.fromEntries(all.map(({ key, value }) => [key, JSON.parse(Buffer.from(value).toString())]))
}

/** Stops answering after so many transactions, as a process does that is killed. */
function killedAfter(transactions: number, store: MetadataStore): MetadataStore {
  let left = transactions
  return new Proxy(store, {
    get(target, name) {
      if (name === 'transact') {
        return (...args: Parameters<MetadataStore['transact']>) =>
          left-- > 0 ? target.transact(...args) : Promise.reject(new Error('killed'))
      }
      const value = Reflect.get(target, name) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const after = {
  ...entries,
  'cluster/controller-epoch': { epoch: 5 },
  'topics/t/p/0': {
    ...partition,
    leader: -1,
    leaderBrokerEpoch: -1,
    leaderEpoch: 8,
    partitionEpoch: 13,
    controllerEpoch: 5,
  },
}

test('everything arrives, epochs are raised, nobody leads, and the source takes no broker any more', async context => {
  const { move, id } = await stage(context)
  const moved = await moveMetadata(move)
  assert.deepEqual(moved, { clusterId: id, entries: 8, topics: 1, partitions: 1 })
  assert.deepEqual(await valuesOf(move.target), { ...after, 'cluster/id': { id } })
  assert.equal(await clusterIdOf(move.target), id)
  const refusal = { exitCode: 78, message: /was moved\. Start with --metadata sqlite \(the file is B\)/ }
  await assert.rejects(clusterIdOf(move.source), refusal)
  await assert.rejects(moveMetadata(move), /done already\. Start brokers with/)
  await assert.rejects(moveMetadata({ ...move, to: 'C' }), /it was moved to B/)
})

test('a broker that had read the identity before the move cannot register after it', async context => {
  const { move } = await stage(context)
  const guards = await identityGuards(move.source)
  await moveMetadata(move)
  const late = await move.source.transact(guards, [{ create: keys.broker(1), value: encodeValue({}) }], 2_000)
  assert.equal(late.outcome, 'conflict')
})

test('refused while a broker lives on the source, where another cluster is, and where none is', async context => {
  const { move, open } = await stage(context)
  const before = await valuesOf(move.source)
  const broker = await open('a.db')
  const session = await broker.openSession(2_000)
  await apply(broker, [{ create: keys.broker(3), value: encodeValue({}), session }])
  await assert.rejects(moveMetadata(move), /broker 3 is running on A\. Stop all brokers first/)
  await session.close()
  assert.deepEqual(await valuesOf(move.source), before)
  await apply(move.target, [{ create: 'topics/x/meta', value: encodeValue({}) }])
  await assert.rejects(moveMetadata(move), /B is not empty/)
  assert.deepEqual(await valuesOf(move.source), before)
  await assert.rejects(moveMetadata({ ...move, source: await open('c.db'), from: 'C' }), /no cluster in C/)
})

test('a broker that registers while the source is being closed wins', async context => {
  const { move, open } = await stage(context)
  const broker = await open('a.db')
  const session = await broker.openSession(2_000)
  const source = new Proxy(move.source, {
    get(target, name) {
      if (name === 'transact') {
        return async (...args: Parameters<MetadataStore['transact']>) => {
          if (!(await target.get(keys.broker(1)))) {
            await apply(broker, [{ create: keys.broker(1), value: encodeValue({}), session }])
          }
          return target.transact(...args)
        }
      }
      const value = Reflect.get(target, name) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  await assert.rejects(moveMetadata({ ...move, source }), /broker 1 is running on A/)
  assert.equal((await identityGuards(move.source)).length, 1, 'the source takes brokers again')
})

test('killed after any transaction, the same command finishes it; no broker may start on two stores', async context => {
  for (const which of ['source', 'target'] as const) {
    for (let count = 0; count < 4; count++) {
      const { move, id } = await stage(context)
      const killed = { ...move, [which]: killedAfter(count, move[which]) }
      const failed = await moveMetadata(killed).then(
        () => false,
        () => true,
      )
      const takes = async (store: MetadataStore) => (await identityGuards(store).catch(() => [])).length > 0
      const open = [await takes(move.source), await takes(move.target)]
      assert(!(open[0] && open[1]), `${which} killed after ${count}: both take brokers`)
      if (failed) await moveMetadata(move)
      assert.deepEqual(await valuesOf(move.target), { ...after, 'cluster/id': { id } }, `${which} ${count}`)
      await assert.rejects(clusterIdOf(move.source), /was moved/)
    }
  }
})

test('and back again: what was left behind by the first move is replaced', async context => {
  const { move, id } = await stage(context)
  await moveMetadata(move)
  await apply(move.target, [{ create: 'names/new', value: encodeValue({ id: 'n' }) }])
  await moveMetadata({ ...move, source: move.target, target: move.source, from: 'B', to: 'A' })
  const values = await valuesOf(move.source)
  assert.deepEqual(values['names/new'], { id: 'n' })
  assert.deepEqual(values['cluster/id'], { id })
  assert.deepEqual(values['cluster/controller-epoch'], { epoch: 6 })
  await assert.rejects(clusterIdOf(move.target), /was moved\. Start with --metadata sqlite \(the file is A\)/)
})
