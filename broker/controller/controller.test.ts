// The controller on a real store: who it is, what it may write, and that a replaced one may write nothing.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog } from '../../runtime/log.ts'
import { openSqliteStore } from '../metadata/sqlite-store.ts'
import type { MetadataStore } from '../metadata/store.ts'
import { collidingName, elect, keys, topicNameFault } from './cluster-state.ts'
import { Controller, ControllerFencedError, clusterIdOf, newUuid } from './controller.ts'
import { configFault, partitionSettings, topicConfigNames } from './topic-configs.ts'

const quiet = createLog('test', () => {})

async function openController(store: MetadataStore, directoryId: string): Promise<Controller> {
  const session = await store.openSession(2_000)
  return Controller.open({
    store,
    session,
    brokerId: 1,
    directoryId,
    host: '127.0.0.1',
    port: 9092,
    log: quiet,
  })
}

test('a later life of the same directory takes over at once, in higher epochs, and fences the one before', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const path = join(directory.path, 'metadata.db')
  const [first, second] = [await openSqliteStore(path), await openSqliteStore(path)]
  const directoryId = newUuid()
  const earlier = await openController(first, directoryId)
  const created = await earlier.createTopic('logs', 3, { 'retention.ms': '1000' })
  assert.equal(created.error, 'none')
  assert.equal((await earlier.createTopic('logs', 3, {})).error, 'topicAlreadyExists')

  const startedMs = performance.now()
  const later = await openController(second, directoryId)
  assert(performance.now() - startedMs < 1_500, 'without waiting for the earlier session to lapse')
  assert.equal(later.epoch, earlier.epoch + 1)
  assert(later.brokerEpoch > earlier.brokerEpoch)
  await assert.rejects(earlier.createTopic('other', 1, {}), ControllerFencedError)
  await assert.rejects(earlier.nextProducerId(), ControllerFencedError)

  const topics = await later.topics()
  const topic = topics.get(created.topic!.id)!
  assert.deepEqual(topic.meta.value.configs, { 'retention.ms': '1000' })
  await later.electAll(topics.values())
  assert.deepEqual(
    topic.partitions.map(({ value }) => [
      value.leader,
      value.leaderEpoch,
      value.partitionEpoch,
      value.controllerEpoch,
    ]),
    [0, 1, 2].map(() => [1, 1, 1, later.epoch]),
  )
  await first.close()
  await second.close()
})

test('a directory that is somebody else is waited for, not replaced', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const path = join(directory.path, 'metadata.db')
  const [first, second] = [await openSqliteStore(path), await openSqliteStore(path)]
  await openController(first, newUuid())
  const waiting = openController(second, newUuid())
  const still = new Promise(resolve => setTimeout(resolve, 300, 'waiting'))
  assert.equal(await Promise.race([waiting, still]), 'waiting')
  await first.close()
  assert.equal((await waiting).epoch, 2)
  await second.close()
})

test('a topic is gone only when its files are, and its name is free before', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const store = await openSqliteStore(join(directory.path, 'metadata.db'))
  const controller = await openController(store, newUuid())
  const { topic } = await controller.createTopic('logs', 2, {})
  await controller.markDeleting(topic!)
  assert.equal(await store.get(keys.name('logs')), null)
  assert.equal((await controller.topics()).get(topic!.id)?.meta.value.deleting, true)
  assert.equal((await controller.createTopic('logs', 1, {})).error, 'none')
  await controller.forgetTopic((await controller.topics()).get(topic!.id)!)
  assert.equal((await controller.topics()).has(topic!.id), false)
  assert.equal((await controller.topics()).size, 1)
  await store.close()
})

test('producer ids are never given twice, over all lives and however many ask at once', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const given: number[] = []
  const directoryId = newUuid()
  const ids: string[] = []
  for (let life = 0; life < 3; life++) {
    const store = await openSqliteStore(join(directory.path, 'metadata.db'))
    ids.push(await clusterIdOf(store))
    const controller = await openController(store, directoryId)
    given.push(...(await Promise.all(Array.from({ length: 1_500 }, () => controller.nextProducerId()))))
    await store.close()
  }
  assert.equal(new Set(given).size, 4_500)
  assert.equal(new Set(ids).size, 1, 'the cluster keeps its id')
})

test('elect() takes the first living member of the in-sync set, and nobody else', () => {
  const partition = {
    leader: 1,
    leaderEpoch: 4,
    replicas: [1, 2, 3],
    isr: [2, 3],
    partitionEpoch: 7,
    controllerEpoch: 1,
  }
  const next = elect(partition, id => id !== 2, 9)
  assert.deepEqual([next.leader, next.leaderEpoch, next.partitionEpoch, next.controllerEpoch], [3, 5, 8, 9])
  assert.equal(elect(partition, id => id === 1, 9).leader, -1)
})

test('names and settings are refused with a reason', () => {
  for (const good of ['a', 'a.b_c-D9', 'x'.repeat(249)]) assert.equal(topicNameFault(good), null)
  for (const bad of ['', '.', '..', 'a b', 'ä', 'a/b', 'x'.repeat(250)]) assert(topicNameFault(bad), bad)
  assert.equal(collidingName('a.b', ['a_b', 'c']), 'a_b')
  assert.equal(collidingName('a.b', ['a.b', 'c']), null)
  const rows: [name: string, value: string | null, isGood: boolean][] = [
    ['retention.ms', '-1', true],
    ['retention.ms', '-2', false],
    ['retention.ms', 'a week', false],
    ['segment.bytes', '1048576', true],
    ['segment.bytes', '1048575', false],
    ['flush.messages', '1', true],
    ['flush.messages', '9223372036854775807', true],
    ['flush.messages', '2', false],
    ['cleanup.policy', 'compact', false],
    ['min.insync.replicas', '0', false],
    ['no.such.thing', '1', false],
    ['retention.ms', null, false],
  ]
  for (const [name, value, isGood] of rows) {
    assert.equal(configFault(new Map([[name, value]])) === null, isGood, `${name}=${value}`)
  }
  const settings = partitionSettings({ 'flush.messages': '9223372036854775807' }, { 'retention.ms': '5' })
  assert.deepEqual([settings.countsFlushedBytes, settings.log.retentionMs], [false, 5])
  assert(
    topicConfigNames.every(name => configFault(new Map([[name, '']])) !== null),
    'nothing takes an empty value',
  )
})
