// What the controller decides, row by row: the partition as it is, who is alive, and the entry that follows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PartitionMeta } from './cluster-state.ts'
import { type LiveBroker, nextOf } from './decide.ts'
import { placeReplicas } from './placement.ts'

const now: PartitionMeta = {
  leader: 1,
  leaderEpoch: 4,
  leaderBrokerEpoch: 11,
  replicas: [1, 2, 3],
  isr: [1, 2, 3],
  elr: [],
  partitionEpoch: 7,
  controllerEpoch: 1,
}
const rules = { minIsr: 2, mayBeUnclean: false }

/** Brokers as '1 2 3'; 'n!' is leaving, 'n+' is in a later life than the one that was elected. */
function brokers(text: string): Map<number, LiveBroker> {
  const words = text.split(' ').filter(word => word !== '')
  return new Map(
    words.map(word => {
      const id = Number(word[0])
      return [id, { epoch: 10 + id + (word.includes('+') ? 100 : 0), isLeaving: word.includes('!') }]
    }),
  )
}

function outcome(state: Partial<PartitionMeta>, alive: string, preferred = false, unclean = false): string {
  const before = { ...now, ...state }
  const options = { controllerEpoch: 9, preferred }
  const next = nextOf(before, brokers(alive), { ...rules, mayBeUnclean: unclean }, options)
  if (next === null) return 'stays'
  assert.equal(next.partitionEpoch, before.partitionEpoch + 1)
  assert.equal(next.controllerEpoch, 9)
  const raised = next.leaderEpoch - before.leaderEpoch
  return `leader ${next.leader} +${raised} isr ${next.isr} elr ${next.elr ?? []} of ${next.replicas}`
}

test('nextOf() keeps what can stay, elects from the in-sync set, then from the eligible replicas, else nobody', () => {
  const rows: [what: string, state: Partial<PartitionMeta>, alive: string, wanted: string][] = [
    ['all is well', {}, '1 2 3', 'stays'],
    ['a follower dies', {}, '1 2', 'leader 1 +0 isr 1,2 elr  of 1,2,3'],
    ['the leader dies', {}, '2 3', 'leader 2 +1 isr 2,3 elr  of 1,2,3'],
    ['the leader came back before anybody saw it go', {}, '1+ 2 3', 'leader 1 +1 isr 1,2,3 elr  of 1,2,3'],
    ['two die', {}, '3', 'leader 3 +1 isr 3 elr 1,2 of 1,2,3'],
    ['all die: the last set is kept', {}, '', 'leader -1 +1 isr 1,2,3 elr  of 1,2,3'],
    ['only who is out of sync lives', { isr: [1, 2] }, '3', 'leader -1 +1 isr 1,2 elr  of 1,2,3'],
    ['still nobody', { leader: -1, leaderBrokerEpoch: -1, isr: [1, 2] }, '3', 'stays'],
    ['one of the set returns', { leader: -1, isr: [1, 2] }, '2+ 3', 'leader 2 +1 isr 2 elr 1 of 1,2,3'],
    ['an eligible replica leads', { isr: [1], elr: [2] }, '2 3', 'leader 2 +1 isr 2 elr 1 of 1,2,3'],
    [
      'the set comes before the eligible',
      { isr: [3], elr: [2], leader: 3 },
      '2 3+',
      'leader 3 +1 isr 3 elr 2 of 1,2,3',
    ],
    ['the leader leaves', {}, '1! 2 3', 'leader 2 +1 isr 2,3 elr  of 1,2,3'],
    ['a follower leaves', {}, '1 2! 3', 'leader 1 +0 isr 1,3 elr  of 1,2,3'],
    ['a follower leaves whom the set needs', { isr: [1, 2] }, '1 2! 3', 'stays'],
    ['all leave at once', {}, '1! 2! 3!', 'stays'],
    ['one replica alone, in its next life', { replicas: [1], isr: [1] }, '1+', 'leader 1 +1 isr 1 elr  of 1'],
    ['a reassignment is under way', { isr: [1, 2], adding: [3], removing: [1] }, '1 2 3', 'stays'],
    ['and done', { adding: [3], removing: [1] }, '1 2 3', 'leader 2 +1 isr 2,3 elr  of 2,3'],
  ]
  for (const [what, state, alive, wanted] of rows) assert.equal(outcome(state, alive), wanted, what)
})

test('nextOf() gives leadership back to the preferred replica only when asked, and elects uncleanly only then', () => {
  const moved = { leader: 2, leaderBrokerEpoch: 12 }
  assert.equal(outcome(moved, '1 2 3'), 'stays')
  assert.equal(outcome(moved, '1 2 3', true), 'leader 1 +1 isr 1,2,3 elr  of 1,2,3')
  assert.equal(outcome({ ...moved, isr: [2, 3] }, '1 2 3', true), 'stays', 'the preferred one is not in sync')
  assert.equal(outcome({ isr: [1] }, '2 3'), 'leader -1 +1 isr 1 elr  of 1,2,3')
  assert.equal(outcome({ isr: [1] }, '2 3', false, true), 'leader 2 +1 isr 2 elr  of 1,2,3')
})

test('placeReplicas() spreads leaders and copies, and names those who are down last', () => {
  const placed = placeReplicas([3, 1, 2], [], 6, 2, 0)
  for (const id of [1, 2, 3]) {
    assert.equal(placed.filter(([leader]) => leader === id).length, 2)
    assert.equal(placed.filter(replicas => replicas.includes(id)).length, 4)
  }
  for (const replicas of placeReplicas([1, 2], [3], 4, 3, 1)) {
    assert.equal(new Set(replicas).size, 3)
    assert.equal(replicas[2], 3)
  }
  assert.deepEqual(placeReplicas([1], [], 2, 1, 5), [[1], [1]])
})
