// Plans of who holds what: few moves, even shares, nothing to do the second time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeReplicas } from './placement.ts'
import { type PlacedPartition, type PlacementWish, planPlacement } from './rebalance.ts'

const sizes = { behavior: 6, metrics: 6, logs: 6, losses: 1, agents: 1, offsets: 16 }

function placed(brokers: number[], copies: number): PlacedPartition[] {
  return Object.entries(sizes).flatMap(([topic, partitions], start) =>
    placeReplicas(brokers, [], partitions, copies, start).map((replicas, index) => ({
      topic,
      index,
      replicas,
    })),
  )
}

function carriedOut(now: readonly PlacedPartition[], plan: readonly PlacedPartition[]): PlacedPartition[] {
  return now.map(one => plan.find(({ topic, index }) => topic === one.topic && index === one.index) ?? one)
}

/** The widest difference between two brokers. */
function spread(brokers: readonly number[], ids: readonly number[]): number {
  const counts = brokers.map(id => ids.filter(other => other === id).length)
  return Math.max(...counts) - Math.min(...counts)
}

function movesOf(before: readonly PlacedPartition[], after: readonly PlacedPartition[]): number {
  return after.flatMap(({ replicas }, at) => replicas.filter(id => !before[at]!.replicas.includes(id))).length
}

function check(before: readonly PlacedPartition[], wish: PlacementWish): number {
  const after = carriedOut(before, planPlacement(before, wish))
  for (const [at, { replicas }] of after.entries()) {
    assert.equal(new Set(replicas).size, replicas.length)
    assert.equal(replicas.length, wish.copiesOf(before[at]!.replicas.length))
    assert(replicas.every(id => wish.brokers.includes(id)))
  }
  const leaders = after.map(({ replicas }) => replicas[0]!)
  assert(spread(wish.brokers, leaders) <= 1, `leaders ${leaders}`)
  for (const topic of Object.keys(sizes)) {
    const ofTopic = after.filter(one => one.topic === topic).map(({ replicas }) => replicas[0]!)
    assert(spread(wish.brokers, ofTopic) <= 2, `leaders of ${topic}: ${ofTopic}`)
  }
  if (wish.even) {
    const held = after.flatMap(({ replicas }) => [...replicas])
    assert(spread(wish.brokers, held) <= 1)
  }
  assert.deepEqual(planPlacement(after, wish), [], 'the second time there is nothing to do')
  return movesOf(before, after)
}

const keep = (present: number) => present

test('a fourth broker gets a quarter of the replicas, and nothing else moves', () => {
  const before = placed([1, 2, 3], 3)
  const moves = check(before, { brokers: [1, 2, 3, 4], copiesOf: keep, even: true })
  assert.equal(moves, Math.floor((before.length * 3) / 4))
})

test('where everybody has a share already, no data moves', () => {
  const before = placed([1, 2, 3], 3)
  assert.equal(check(before, { brokers: [1, 2, 3], copiesOf: keep, even: true }), 0)
})

test('a removed broker leaves what it had to the others, and only that moves', () => {
  const before = placed([1, 2, 3, 4], 3)
  const had = before.filter(({ replicas }) => replicas.includes(4)).length
  assert.equal(check(before, { brokers: [1, 2, 3], copiesOf: keep, even: false }), had)
})

test('copies are added, and taken away on request', () => {
  const alone = placed([1], 1)
  const moves = check(alone, { brokers: [1, 2, 3], copiesOf: now => Math.max(now, 3), even: true })
  assert.equal(moves, alone.length * 2)
  const moved = check(placed([1, 2, 3], 3), { brokers: [1, 2], copiesOf: () => 2, even: false })
  assert.equal(moved, 0)
})
