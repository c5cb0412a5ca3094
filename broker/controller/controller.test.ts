// Registration and the controller on a real store: who is who, what each may write, and that those who were replaced
// may write nothing.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { createLog } from '../../runtime/log.ts'
import { openSqliteStore } from '../metadata/sqlite-store.ts'
import type { MetadataStore, Session } from '../metadata/store.ts'
import { ClusterImage } from './cluster-image.ts'
import { collidingName, keys, topicNameFault } from './cluster-state.ts'
import { Controller } from './controller.ts'
import { ProducerIds } from './producer-ids.ts'
import { ControllerFencedError, clusterIdOf, newUuid, type Registration, register } from './registration.ts'
import { configFault, partitionSettings, topicConfigNames } from './topic-configs.ts'

const quiet = createLog('test', () => {})
const rulesOf = () => ({ minIsr: 2, mayBeUnclean: false })

/** Closed after each test, however it ended: an open store keeps the process. */
const opened: MetadataStore[] = []
afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map(store => store.close()))
})

interface Member {
  readonly store: MetadataStore
  readonly session: Session
  readonly image: ClusterImage
  readonly registration: Registration
  readonly controller: Controller | null
}

interface Life {
  readonly brokerId?: number
  readonly directoryId?: string
  /** Of the clean-shutdown marker. */
  readonly previousBrokerEpoch?: number
  readonly isDurable?: boolean
  readonly isDamaged?: boolean
}

async function joinCluster(path: string, life: Life = {}): Promise<Member> {
  const { brokerId = 1, directoryId = newUuid(), previousBrokerEpoch = -1 } = life
  const { isDurable = true, isDamaged = false } = life
  const store = await openSqliteStore(path)
  opened.push(store)
  const session = await store.openSession(2_000)
  const image = new ClusterImage()
  const address = { host: '127.0.0.1', port: 9_092 }
  const identity = { brokerId, directoryId, previousBrokerEpoch, isDamaged: () => isDamaged, ...address }
  const registering = { store, session, image, identity, log: quiet, isDurable: () => isDurable }
  const registration = await register(registering)
  const { incarnation, guard: registered } = registration
  const candidate = {
    store,
    session,
    image,
    brokerId,
    directoryId,
    incarnation,
    registered,
    log: quiet,
    rulesOf,
  }
  const controller = await Controller.elect(candidate)
  return { store, session, image, registration, controller }
}

test('a later life of the same directory takes over at once, in higher epochs, and fences the one before', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const path = join(directory.path, 'metadata.db')
  const directoryId = newUuid()
  const earlier = await joinCluster(path, { directoryId })
  const created = await earlier.controller!.createTopic('logs', [[1], [1], [1]], { 'retention.ms': '1000' })
  assert.equal(created.error, 'none')
  assert.equal((await earlier.controller!.createTopic('logs', [[1]], {})).error, 'topicAlreadyExists')

  // The earlier session beats on and does not lapse: who waited for that would wait for ever.
  const later = await joinCluster(path, { directoryId })
  assert.equal(later.controller!.epoch, earlier.controller!.epoch + 1)
  assert(later.registration.brokerEpoch > earlier.registration.brokerEpoch)
  await assert.rejects(earlier.controller!.createTopic('other', [[1]], {}), ControllerFencedError)
  const guard = () => earlier.registration.guard
  await assert.rejects(new ProducerIds(() => earlier.store, guard).next(), ControllerFencedError)

  const topic = later.image.topics.get(created.topicId!)!
  assert.deepEqual(topic.meta.value.configs, { 'retention.ms': '1000' })
  assert.equal((await later.controller!.settle()).length, 3)
  assert.deepEqual(
    topic.partitions.map(({ value }) => [
      value.leader,
      value.leaderEpoch,
      value.leaderBrokerEpoch,
      value.controllerEpoch,
    ]),
    [0, 1, 2].map(() => [1, 1, later.registration.brokerEpoch, later.controller!.epoch]),
  )
  assert.equal((await later.controller!.settle()).length, 0, 'and then there is nothing left to decide')
  await earlier.store.close()
  await later.store.close()
})

test('one of several is the controller; when its session ends the next one is, in the next epoch', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const path = join(directory.path, 'metadata.db')
  const first = await joinCluster(path, { brokerId: 1 })
  const directoryId = newUuid()
  const second = await joinCluster(path, { brokerId: 2, directoryId })
  assert.equal(first.controller!.epoch, 1)
  assert.equal(second.controller, null)
  assert.equal(second.image.controller!.brokerId, 1)
  await first.store.close()
  const { incarnation, guard: registered } = second.registration
  const candidate = { ...second, brokerId: 2, directoryId, incarnation, registered, log: quiet, rulesOf }
  const elected = await Controller.elect(candidate)
  assert.equal(elected!.epoch, 2)
  await second.store.close()
})

test('a directory that is somebody else is waited for, not replaced', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const path = join(directory.path, 'metadata.db')
  const first = await joinCluster(path)
  const waiting = joinCluster(path)
  const still = new Promise(resolve => setTimeout(resolve, 300, 'waiting'))
  assert.equal(await Promise.race([waiting, still]), 'waiting')
  await first.store.close()
  const second = await waiting
  assert.equal(second.controller!.epoch, 2)
  await second.store.close()
})

test('a disk that lost what it had leaves the in-sync sets before anybody could elect it', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const path = join(directory.path, 'metadata.db')
  const one = await joinCluster(path, { brokerId: 1 })
  const directoryId = newUuid()
  const two = await joinCluster(path, { brokerId: 2, directoryId })
  one.image.replaceAll(...(await everything(one.store)))
  const { topicId } = await one.controller!.createTopic('logs', [[2, 1], [1, 2], [2]], {})
  const isrs = (member: Member) => member.image.topics.get(topicId!)!.partitions.map(({ value }) => value.isr)
  await two.store.close()

  const clean = {
    brokerId: 2,
    directoryId,
    previousBrokerEpoch: two.registration.brokerEpoch,
    isDurable: false,
  }
  const again = await joinCluster(path, clean)
  assert.deepEqual(isrs(again), [[2, 1], [1, 2], [2]], 'after a clean end everything is there')
  await again.store.close()
  const killed = await joinCluster(path, { brokerId: 2, directoryId })
  assert.deepEqual(isrs(killed), [[2, 1], [1, 2], [2]], 'what is flushed survives any end')
  await killed.store.close()
  const unflushed = await joinCluster(path, { brokerId: 2, directoryId, isDurable: false })
  assert.deepEqual(isrs(unflushed), [[1], [1], [2]], 'what is not flushed does not')
  await unflushed.store.close()

  await one.controller!.change(one.image.topics.get(topicId!)!, 1, now => ({ ...now, isr: [1, 2] }))
  const wiped = await joinCluster(path, { brokerId: 2 })
  assert.deepEqual(isrs(wiped), [[1], [1], [2]], 'a new directory has nothing; a sole replica starts again')
  await wiped.store.close()
  await one.store.close()
})

async function everything(store: MetadataStore) {
  const { entries, at } = await store.list('')
  return [entries, at] as const
}

test('a broker is forgotten when nothing counts on it; one forgotten too early is trusted with nothing', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const path = join(directory.path, 'metadata.db')
  const one = await joinCluster(path, { brokerId: 1 })
  const two = await joinCluster(path, { brokerId: 2 })
  const controller = one.controller!
  one.image.replaceAll(...(await everything(one.store)))
  const { topicId } = await controller.createTopic('logs', [[2, 1]], {})
  const topic = one.image.topics.get(topicId!)!
  assert.equal((await controller.forgetBroker(2)).error, 'invalidRequest')
  await controller.change(topic, 0, now => ({ ...now, leader: 1, replicas: [1], isr: [1] }))
  assert.equal((await controller.forgetBroker(2)).error, 'none')
  assert.equal(one.image.known.has(2), false)
  assert.equal((await controller.forgetBroker(2)).error, 'brokerIdNotRegistered')

  await controller.change(topic, 0, now => ({ ...now, leader: 2, replicas: [2, 1], isr: [2, 1] }))
  await two.store.close()
  const wiped = await joinCluster(path, { brokerId: 2 })
  assert.deepEqual(wiped.image.topics.get(topicId!)!.partitions[0]!.value.isr, [1])
  await wiped.store.close()
  await one.store.close()
})

test('a damaged replica leaves sets in which others have everything, and stays where it is the best', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const path = join(directory.path, 'metadata.db')
  const one = await joinCluster(path, { brokerId: 1 })
  const directoryId = newUuid()
  const two = await joinCluster(path, { brokerId: 2, directoryId })
  one.image.replaceAll(...(await everything(one.store)))
  const { topicId } = await one.controller!.createTopic('logs', [[2, 1], [2, 1], [2, 1], [2]], {})
  const topic = () => one.image.topics.get(topicId!)!
  await one.controller!.change(topic(), 1, now => ({ ...now, isr: [2] }))
  await one.controller!.change(topic(), 2, now => ({ ...now, isr: [2], elr: [1] }))
  await two.store.close()
  const damaged = await joinCluster(path, { brokerId: 2, directoryId, isDamaged: true })
  const states = damaged.image.topics.get(topicId!)!.partitions.map(({ value }) => {
    const { leader, leaderEpoch, isr, elr = [] } = value
    return [leader, leaderEpoch, isr, elr]
  })
  assert.deepEqual(states, [
    [-1, 1, [1], []],
    [2, 0, [2], []],
    [-1, 1, [], [1]],
    [2, 0, [2], []],
  ])
  await damaged.store.close()
  await one.store.close()
})

test('a topic is gone only when the files of every replica are, and its name is free before', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const { store, image, controller } = await joinCluster(join(directory.path, 'metadata.db'))
  const { topicId } = await controller!.createTopic('logs', [[1], [1]], {})
  const topic = image.topics.get(topicId!)!
  await controller!.markDeleting(topic)
  await controller!.settle()
  assert.equal(await store.get(keys.name('logs')), null)
  assert.equal(image.topics.get(topicId!)?.meta.value.deleting, true)
  assert.equal((await controller!.createTopic('logs', [[1]], {})).error, 'none')
  for (const index of [0, 1]) await controller!.change(topic, index, now => ({ ...now, replicas: [] }))
  await controller!.settle()
  assert.equal(image.topics.has(topicId!), false)
  assert.equal((await store.list(`topics/${topicId}`)).entries.length, 0)
  assert.equal(image.topics.size, 1)
  await store.close()
})

test('producer ids are never given twice, over all lives and however many ask at once', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'controller-'))
  const given: number[] = []
  const directoryId = newUuid()
  const ids: string[] = []
  for (let life = 0; life < 3; life++) {
    const { store, registration } = await joinCluster(join(directory.path, 'metadata.db'), { directoryId })
    ids.push(await clusterIdOf(store))
    const producerIds = new ProducerIds(
      () => store,
      () => registration.guard,
    )
    given.push(...(await Promise.all(Array.from({ length: 1_500 }, () => producerIds.next()))))
    await store.close()
  }
  assert.equal(new Set(given).size, 4_500)
  assert.equal(new Set(ids).size, 1, 'the cluster keeps its id')
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
    ['cleanup.policy', 'compact', true],
    ['cleanup.policy', 'compact,delete', true],
    ['cleanup.policy', 'compact,compact', false],
    ['cleanup.policy', 'shred', false],
    ['segment.bytes', '2147483648', false],
    ['min.compaction.lag.ms', '9223372036854775808', false],
    ['min.cleanable.dirty.ratio', '0.25', true],
    ['min.cleanable.dirty.ratio', '1.5', false],
    ['compression.type', 'zstd', false],
    ['message.timestamp.type', 'LogAppendTime', true],
    ['message.timestamp.type', 'NoTimestampType', false],
    ['message.timestamp.after.max.ms', '3600000', true],
    ['unclean.leader.election.enable', 'yes', false],
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
