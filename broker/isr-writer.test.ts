// The writer of in-sync sets on a real store: what is applied, and that anything newer in the store refuses it.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ClusterImage } from './controller/cluster-image.ts'
import { encodeValue, keys, type PartitionMeta } from './controller/cluster-state.ts'
import { refresh } from './controller/store-writes.ts'
import { IsrWriter } from './isr-writer.ts'
import { openSqliteStore } from './metadata/sqlite-store.ts'
import type { MetadataStore } from './metadata/store.ts'
import type { Partition } from './replication/partition.ts'
import type { IsrOutcome, IsrProposal } from './replication/peers.ts'

const key = keys.partition('id', 0)
const stored: PartitionMeta = {
  leader: 1,
  leaderEpoch: 3,
  leaderBrokerEpoch: 1,
  replicas: [1, 2, 3],
  isr: [1, 2],
  partitionEpoch: 5,
  controllerEpoch: 1,
}

/** Broker 1 leads and proposes; its partition is a stand-in that remembers the answer. */
class Stage {
  readonly store: MetadataStore
  readonly image = new ClusterImage()
  readonly writer: IsrWriter
  /** Of each broker's registration. */
  readonly epochs = new Map<number, number>()

  private constructor(store: MetadataStore) {
    this.store = store
    this.writer = new IsrWriter({
      image: this.image,
      store: () => store,
      registered: () => ({ key: keys.broker(1), version: this.image.brokers.get(1)!.version }),
      isClosed: () => false,
    })
  }

  static async set(context: TestContext): Promise<Stage> {
    const directory = await mkdtempDisposable(join(tmpdir(), 'isr-writer-'))
    const store = await openSqliteStore(join(directory.path, 'metadata.db'))
    context.after(async () => {
      await store.close()
      await directory[Symbol.asyncDispose]()
    })
    const stage = new Stage(store)
    const meta = { name: 'logs', partitions: 1, configs: {}, deleting: false }
    await stage.write('create', keys.topicMeta('id'), meta)
    await stage.write('create', key, stored)
    await stage.write('create', keys.controllerEpoch, { epoch: 1 })
    for (const id of [1, 2, 3]) await stage.register(id)
    await refresh(store, stage.image)
    for (const [id, { epoch }] of stage.image.brokers) stage.epochs.set(id, epoch)
    return stage
  }

  async write(how: 'create' | 'update', name: string, value: unknown): Promise<void> {
    const version = (await this.store.get(name))?.version
    const encoded = encodeValue(value)
    const operation =
      how === 'create'
        ? { create: name, value: encoded }
        : { update: name, value: encoded, version: version! }
    assert.equal((await this.store.transact([], [operation], 1_000)).outcome, 'applied')
  }

  async register(id: number): Promise<void> {
    const left = await this.store.get(keys.broker(id))
    const registration = { brokerId: id, directoryId: 'd', incarnation: 'i', host: 'h', port: id }
    await this.write(left ? 'update' : 'create', keys.broker(id), registration)
  }

  async propose(proposal: Partial<IsrProposal>, minIsr = 2): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<IsrOutcome>()
    const replica = { minIsr, highWatermark: 10, followers: new Map() }
    const partition = {
      topicId: 'id',
      index: 0,
      replica,
      isrSettled: (_: unknown, outcome: IsrOutcome) => resolve(outcome),
    }
    const brokerEpochs = new Map<number, number>()
    const whole = { leaderEpoch: 3, partitionEpoch: 5, isr: [1, 2, 3], brokerEpochs, ...proposal }
    this.writer.propose(partition as unknown as Partition, whole)
    const outcome = await promise
    assert(outcome.outcome !== 'unknown')
    return `${outcome.outcome} ${outcome.partitionEpoch} [${outcome.isr}]`
  }

  get entry(): PartitionMeta {
    return this.image.topics.get('id')!.partitions[0]!.value
  }
}

test('a set is written in the next partition epoch; who leaves one that is too small stays eligible', async context => {
  const stage = await Stage.set(context)
  const brokerEpochs = new Map([[3, stage.epochs.get(3)!]])
  assert.equal(await stage.propose({ brokerEpochs }), 'applied 6 [1,2,3]')
  assert.equal(await stage.propose({ partitionEpoch: 6, isr: [1] }), 'applied 7 [1]')
  assert.deepEqual([stage.entry.leaderEpoch, stage.entry.elr], [3, [2, 3]])
  const again = new Map([[2, stage.epochs.get(2)!]])
  assert.equal(
    await stage.propose({ partitionEpoch: 7, isr: [1, 2], brokerEpochs: again }),
    'applied 8 [1,2]',
  )
  assert.deepEqual(stage.entry.elr, [], 'the set is large enough again')
})

test('anything newer in the store refuses it: an epoch, a later life of a member, a controller', async context => {
  const stage = await Stage.set(context)
  const brokerEpochs = new Map([[3, stage.epochs.get(3)!]])
  assert.equal(await stage.propose({ partitionEpoch: 4, brokerEpochs }), 'refused 5 [1,2]')
  await stage.register(3)
  assert.equal(
    await stage.propose({ brokerEpochs }),
    'refused 5 [1,2]',
    'the image is behind, the guard is not',
  )
  await refresh(stage.store, stage.image)
  assert.equal(await stage.propose({ brokerEpochs }), 'refused 5 [1,2]', 'and now the image knows')
  const fresh = new Map([[3, stage.image.brokers.get(3)!.epoch]])
  await stage.write('update', keys.controllerEpoch, { epoch: 2 })
  assert.equal(
    await stage.propose({ brokerEpochs: fresh }),
    'refused 5 [1,2]',
    'a controller that is not known here',
  )
  await refresh(stage.store, stage.image)
  await stage.write('update', key, { ...stored, leader: 2, leaderEpoch: 4, partitionEpoch: 6 })
  assert.equal(await stage.propose({ brokerEpochs: fresh }), 'refused 6 [1,2]', 'another leader was elected')
})
