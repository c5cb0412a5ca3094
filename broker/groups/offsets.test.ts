// The store of offsets as a fold: whatever happens, memory is what a replay of the log would give.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../../runtime/log.ts'
import type { ErrorName } from '../protocol/errors.ts'
import { batchView, setBaseOffset } from '../protocol/record-batch.ts'
import { GroupCoordinator } from './coordinator.ts'
import { newGroup } from './group.ts'
import { encodeOffsetKey, encodeOffsetValue, offsetsPartitionOf } from './group-records.ts'
import { type AppendWaiter, OffsetStore, type OffsetsLog } from './offsets.ts'

/** Two partitions in memory; appends settle when the test says so. */
class MemoryLog implements OffsetsLog {
  readonly partitions = 2
  readonly #batches: Buffer[][] = [[], []]
  readonly #ends = [0, 0]
  readonly waiting: AppendWaiter[] = []
  isLeading = true

  mayPromise(): boolean {
    return this.isLeading
  }

  append(partition: number, batch: Buffer, waiter: AppendWaiter): void {
    setBaseOffset(batch, 0, this.#ends[partition]!)
    this.#ends[partition]! += batchView.recordCount(batch, 0)
    this.#batches[partition]!.push(batch)
    this.waiting.push(waiter)
  }

  settle(error: ErrorName = 'none'): void {
    for (const waiter of this.waiting.splice(0)) waiter.settled(error)
  }

  whenCommitted(_partition: number, waiter: AppendWaiter): void {
    this.waiting.push(waiter)
  }

  replay(partition: number, onBatches: (batches: Buffer) => void): void {
    onBatches(Buffer.concat(this.#batches[partition]!))
  }
}

const heard: ErrorName[] = []
const listener: AppendWaiter = { settled: error => heard.push(error) }

function commit(store: OffsetStore, group: string, topic: string, partition: number, offset: number): void {
  const committed = { offset, leaderEpoch: -1, metadata: '', commitTimestampMs: 1 }
  store.commit(group, [{ topic, partition, committed }], 1, listener)
}

/** Everything a store knows, as one value. */
function stateOf(store: OffsetStore): unknown {
  return [...store.groupIds()]
    .sort()
    .map(group => [group, [...store.topicsOf(group)].map(([topic, all]) => [topic, [...all]])])
}

function replayed(log: OffsetsLog): { store: OffsetStore; groups: Map<string, number | null> } {
  const store = new OffsetStore(log)
  const groups = new Map<string, number | null>()
  for (let partition = 0; partition < log.partitions; partition++) {
    store.load(partition, ({ group, value }) => groups.set(group, value?.generation ?? null))
  }
  return { store, groups }
}

test('a commit is visible when it is durable, and not when it failed', () => {
  const log = new MemoryLog()
  const store = new OffsetStore(log)
  heard.length = 0
  commit(store, 'g', 'logs', 3, 42)
  assert.equal(store.get('g', 'logs', 3), undefined)
  log.settle()
  assert.equal(store.get('g', 'logs', 3)?.offset, 42)
  commit(store, 'g', 'logs', 3, 43)
  log.settle('notLeaderOrFollower')
  assert.equal(store.get('g', 'logs', 3)?.offset, 42)
  assert.deepEqual(heard, ['none', 'notCoordinator'])
})

test('a commit that its client was told failed counts when it commits after all, as a replay would have it', () => {
  const log = new MemoryLog()
  const store = new OffsetStore(log)
  heard.length = 0
  commit(store, 'g', 'logs', 3, 42)
  log.settle()
  commit(store, 'g', 'logs', 3, 43)
  log.settle('notEnoughReplicasAfterAppend')
  assert.deepEqual(heard, ['none', 'coordinatorNotAvailable'])
  assert.equal(store.get('g', 'logs', 3)?.offset, 42, 'nothing is shown that can still be lost')
  log.settle('notEnoughReplicasAfterAppend')
  log.settle()
  assert.deepEqual(heard, ['none', 'coordinatorNotAvailable'], 'a client is told once')
  assert.equal(store.get('g', 'logs', 3)?.offset, 43)
  assert.deepEqual(stateOf(replayed(log).store), stateOf(store))
})

test('groups are read back when they are committed, by the leader of that very term', async () => {
  const log = new MemoryLog()
  commit(new OffsetStore(log), 'g', 'logs', 3, 42)
  log.waiting.length = 0
  const clock = { monotonicMs: () => 0, wallMs: () => 0 }
  const coordinator = new GroupCoordinator(
    log,
    clock,
    createLog('test', () => {}),
  )
  const turn = () => new Promise(resolve => setImmediate(resolve))
  const partition = offsetsPartitionOf('g', 2)
  coordinator.lead(partition)
  log.settle('notEnoughReplicasAfterAppend')
  await turn()
  assert.equal(coordinator.refusalOf('g'), 'coordinatorLoadInProgress')
  log.settle()
  coordinator.unload(partition)
  coordinator.lead(partition)
  await turn()
  assert.equal(coordinator.refusalOf('g'), 'coordinatorLoadInProgress', 'what an earlier term heard is old')
  log.settle()
  await turn()
  assert.equal(coordinator.refusalOf('g'), 'none')
  assert.equal(coordinator.offsets.get('g', 'logs', 3)?.offset, 42)
  log.isLeading = false
  assert.equal(coordinator.refusalOf('g'), 'notCoordinator', 'another may look after it by now')
  assert.equal(
    coordinator.heartbeat({ groupId: 'g', memberId: 'm', instanceId: null, generation: 1 }),
    'notCoordinator',
  )
  coordinator.close()
})

test('a group expires after a week without members, counted over restarts, and its records are removed', async () => {
  const dayMs = 86_400_000
  const log = new MemoryLog()
  commit(new OffsetStore(log), 'g', 'logs', 3, 42)
  log.settle()
  const partition = offsetsPartitionOf('g', 2)
  // A process that has just begun, so many days after the commit.
  const afterDays = async (days: number) => {
    const clock = { monotonicMs: () => 5, wallMs: () => 1 + days * dayMs }
    const coordinator = new GroupCoordinator(
      log,
      clock,
      createLog('test', () => {}),
    )
    coordinator.lead(partition)
    log.settle()
    await new Promise(resolve => setImmediate(resolve))
    coordinator.tick()
    log.settle()
    coordinator.close()
    return coordinator.find('g') !== undefined
  }
  assert.equal(await afterDays(6), true)
  assert.equal(await afterDays(8), false)
  assert.equal(replayed(log).groups.get('g'), null, 'a tombstone')
  assert.deepEqual(stateOf(replayed(log).store), [])
})

test('replay gives back offsets and groups, without what was removed', () => {
  const log = new MemoryLog()
  const store = new OffsetStore(log)
  for (const group of ['a', 'b', 'c']) {
    for (let offset = 1; offset <= 5; offset++) commit(store, group, 'logs', offset % 2, offset)
    store.persist({ ...newGroup(group, 0), generation: 7 }, 1, listener)
  }
  log.settle()
  store.remove('b', 1, listener)
  log.settle()
  const again = replayed(log)
  assert.deepEqual(stateOf(again.store), stateOf(store))
  assert.deepEqual([...again.groups].sort(), [
    ['a', 7],
    ['b', null],
    ['c', 7],
  ])
  assert.equal(again.store.topicsOf('b').size, 0)
})

test("records are Kafka's own, byte for byte, and groups lie where its tools look for them", () => {
  assert.equal(
    encodeOffsetKey('g', 'logs', 3).toString('hex'),
    '0001' + '0001' + '67' + '0004' + '6c6f6773' + '00000003',
  )
  const value = encodeOffsetValue({ offset: 42, leaderEpoch: 5, metadata: 'm', commitTimestampMs: 1_000 })
  assert.equal(
    value.toString('hex'),
    '0003' + '000000000000002a' + '00000005' + '0001' + '6d' + '00000000000003e8',
  )
  // "readers".hashCode() in Java is 1080410128; "polygenelubricants" hashes to its lowest int.
  assert.equal(offsetsPartitionOf('readers', 16), 1_080_410_128 % 16)
  assert.equal(offsetsPartitionOf('polygenelubricants', 50), 0)
})
