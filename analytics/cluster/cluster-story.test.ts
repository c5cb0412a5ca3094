// Who ought to be there and is not, what partitions lack, and who was elected why: told from Metadata alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import { ClusterStory } from './cluster-story.ts'

interface Shape {
  readonly brokers: readonly number[]
  /** leader, epoch, replicas, in sync. */
  readonly partitions: readonly (readonly [number, number, number[], number[]])[]
  readonly clusterId?: string
}

function metadata({ brokers, partitions, clusterId = 'one' }: Shape): MetadataResponse {
  return {
    clusterId,
    controllerId: brokers[0] ?? -1,
    brokers: brokers.map(nodeId => ({ nodeId, host: '127.0.0.1', port: 9091 + nodeId, rack: null })),
    topics: [
      {
        name: 'logs',
        partitions: partitions.map(([leaderId, leaderEpoch, replicaNodes, isrNodes], partitionIndex) => {
          return { partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes }
        }),
      },
    ],
  } as unknown as MetadataResponse
}

const all = [1, 2, 3]
const whole = metadata({ brokers: all, partitions: [1, 2, 3].map(id => [id, 0, rotated(id), all] as const) })
const everybody = () => true

function rotated(first: number): number[] {
  return [...all.slice(first - 1), ...all.slice(0, first - 1)]
}

function stateOf(story: ClusterStory, minInSync = 2) {
  return story.state(
    () => minInSync,
    () => undefined,
  )
}

test('a cluster that is whole is healthy, and its brokers share what there is to lead', () => {
  const story = new ClusterStory()
  story.tell(whole, everybody, 1000)
  const state = stateOf(story)
  assert.equal(state.healthy, true)
  assert.deepEqual(
    state.brokers.map(({ id, up, leaders, replicas, inSync }) => [id, up, leaders, replicas, inSync]),
    all.map(id => [id, true, 1, 3, 3]),
  )
  assert.deepEqual(state.partitionCounts, { total: 3, underReplicated: 0, underMinIsr: 0, offline: 0 })
})

test('a broker that Metadata leaves out is down, since it was first missed, and stays listed', () => {
  const story = new ClusterStory()
  story.tell(whole, everybody, 1000)
  const without = metadata({
    brokers: [1, 3],
    partitions: [
      [1, 0, [1, 2, 3], [1, 3]],
      [3, 1, [2, 3, 1], [1, 3]],
      [3, 0, [3, 1, 2], [1, 3]],
    ],
  })
  story.tell(without, everybody, 5000)
  story.tell(without, everybody, 6000)
  const { healthy, brokers, partitionCounts, troubled } = stateOf(story)
  assert.equal(healthy, false)
  assert.deepEqual(brokers[1], {
    ...{ id: 2, host: '127.0.0.1', port: 9093, up: false, since: 5000, leaders: 0, replicas: 3, inSync: 0 },
    ...{ diskBytes: null, diskFreeBytes: null, memoryBytes: null },
  })
  assert.deepEqual(partitionCounts, { total: 3, underReplicated: 3, underMinIsr: 0, offline: 0 })
  assert.deepEqual(troubled[0], {
    ...{ topic: 'logs', partition: 0, state: 'underReplicated', leader: 1 },
    ...{ replicas: [1, 2, 3], isr: [1, 3] },
  })
  story.tell(whole, everybody, 9000)
  assert.deepEqual([stateOf(story).brokers[1]?.up, stateOf(story).brokers[1]?.since], [true, 9000])
})

test('a broker that was never seen is known by its replicas', () => {
  const story = new ClusterStory()
  story.tell(metadata({ brokers: [1], partitions: [[1, 0, [1, 2], [1]]] }), everybody, 1000)
  assert.deepEqual(
    stateOf(story).brokers.map(({ id, host, up }) => [id, host, up]),
    [
      [1, '127.0.0.1', true],
      [2, '', false],
    ],
  )
})

test('a broker whose connection ended is down before Metadata says so, and what it led is led by nobody', () => {
  const story = new ClusterStory()
  story.tell(whole, everybody, 1000)
  story.lost(2, 1500)
  const { brokers, partitionCounts, troubled } = stateOf(story)
  assert.deepEqual([brokers[1]?.up, brokers[1]?.since], [false, 1500])
  assert.deepEqual(partitionCounts, { total: 3, underReplicated: 3, underMinIsr: 0, offline: 1 })
  assert.deepEqual([troubled[0]?.state, troubled[0]?.partition], ['offline', 1])
  story.tell(whole, id => id !== 2, 2000)
  assert.equal(stateOf(story).brokers[1]?.since, 1500, 'still the same absence')
})

test('too few in sync for acks=all is worse than too few, and one replica needs no second', () => {
  const story = new ClusterStory()
  const partitions = [
    [1, 0, [1, 2, 3], [1]],
    [1, 0, [1], [1]],
  ] as const
  story.tell(metadata({ brokers: all, partitions: [...partitions] as never }), everybody, 1000)
  const { partitionCounts, troubled } = stateOf(story)
  assert.deepEqual(partitionCounts, { total: 2, underReplicated: 1, underMinIsr: 1, offline: 0 })
  assert.deepEqual(
    troubled.map(({ state }) => state),
    ['underMinIsr'],
  )
})

test('elections are told with their reason, newest first', () => {
  const story = new ClusterStory()
  const led = (leader: number, epoch: number, brokers = all, replicas = [1, 2, 3]) =>
    metadata({ brokers, partitions: [[leader, epoch, replicas, brokers]] })
  story.tell(led(1, 0), everybody, 1000)
  assert.deepEqual(stateOf(story).elections, [], 'the first leader seen was not elected just now')
  story.tell(led(-1, 1, [2, 3]), everybody, 2000)
  story.tell(led(2, 2, [2, 3]), everybody, 3000)
  story.tell(led(1, 3), everybody, 4000)
  story.tell(led(1, 4), everybody, 5000)
  story.tell(led(3, 5), everybody, 6000)
  story.tell(led(3, 5, [2, 3]), everybody, 7000)
  story.tell(led(2, 6, all, [2]), everybody, 8000)
  const told = stateOf(story).elections.map(({ at, from, to, epoch, reason }) => [
    at,
    from,
    to,
    epoch,
    reason,
  ])
  assert.deepEqual(told, [
    [8000, 3, 2, 6, 'moved'],
    [6000, 1, 3, 5, 'leaderStopped'],
    [5000, 1, 1, 4, 'restarted'],
    [4000, 2, 1, 3, 'preferred'],
    [3000, 1, 2, 2, 'leaderDown'],
  ])
})

test('what was recorded goes on: who is missing, since when, and an election that nobody watched', () => {
  const before = new ClusterStory()
  before.tell(whole, everybody, 1000)
  before.lost(2, 2000)
  const after = new ClusterStory(JSON.parse(JSON.stringify(before.record())))
  const without = metadata({
    brokers: [1, 3],
    partitions: [
      [1, 0, [1, 2, 3], [1, 3]],
      [3, 1, [2, 3, 1], [1, 3]],
      [3, 0, [3, 1, 2], [1, 3]],
    ],
  })
  after.tell(without, everybody, 60_000)
  assert.equal(stateOf(after).brokers[1]?.since, 2000)
  assert.deepEqual(
    stateOf(after).elections.map(({ partition, from, to, reason }) => [partition, from, to, reason]),
    [[1, 2, 3, 'leaderDown']],
  )
})

test('a broker that was taken out of the cluster is forgotten after a while, one that holds replicas never', () => {
  const story = new ClusterStory()
  story.tell(metadata({ brokers: [1, 2], partitions: [[1, 0, [1], [1]]] }), everybody, 0)
  const left = metadata({ brokers: [1], partitions: [[1, 0, [1], [1]]] })
  story.tell(left, everybody, 1000)
  assert.deepEqual(
    stateOf(story).brokers.map(({ id, up }) => [id, up]),
    [
      [1, true],
      [2, false],
    ],
  )
  assert.equal(stateOf(story).healthy, true, 'nobody misses it')
  story.lost(1, 2000)
  assert.equal(stateOf(story).healthy, false)
  story.tell(left, everybody, 1000 + 10 * 60_000)
  assert.deepEqual(
    stateOf(story).brokers.map(({ id }) => id),
    [1],
  )
  assert.equal(stateOf(story).healthy, true)
})

test('another cluster under the same address is another story', () => {
  const story = new ClusterStory()
  story.tell(whole, everybody, 1000)
  story.tell(metadata({ brokers: [1], partitions: [[1, 7, [1], [1]]], clusterId: 'two' }), everybody, 2000)
  assert.deepEqual([stateOf(story).brokers.map(({ id }) => id), stateOf(story).elections], [[1], []])
})
