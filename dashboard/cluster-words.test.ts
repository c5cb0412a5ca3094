// What the page says of brokers that are down, of what partitions lack, and of elections that belong together.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerStatus, ClusterState, Election, PartitionCounts } from '../analytics/http/contract.ts'
import { brokerTrouble, electionGroups, lacks, reasonWords } from './cluster-words.ts'

const noon = Date.UTC(2026, 10, 24, 12)

function clusterOf(
  downIds: readonly number[],
  counts: Partial<PartitionCounts> = {},
  size = 3,
): ClusterState {
  const broker = (id: number): BrokerStatus => ({
    ...{ id, host: '127.0.0.1', port: 9091 + id, up: !downIds.includes(id), since: noon + id * 1000 },
    ...{ leaders: 1, replicas: 3, inSync: 3, diskBytes: null, diskFreeBytes: null, memoryBytes: null },
  })
  return {
    ...{ clusterId: 'c', controllerId: 1, healthy: downIds.length === 0, troubled: [], elections: [] },
    brokers: Array.from({ length: size }, (_, index) => broker(index + 1)),
    partitionCounts: { total: 36, underReplicated: 0, underMinIsr: 0, offline: 0, ...counts },
  }
}

test('one broker of three that is down is named, and counting goes on', () => {
  assert.deepEqual(brokerTrouble(clusterOf([2], { underReplicated: 36 }), 'utc'), {
    tone: 'warn',
    title: 'Broker 2 is down',
    text: 'Since 12:00:02. The other 2 lead every partition: lines are taken and counted as before.',
    short: '2 of 3 brokers',
  })
})

test('too few brokers for acks=all is worse, and nothing is lost all the same', () => {
  const trouble = brokerTrouble(clusterOf([1, 3], { underMinIsr: 35, offline: 2 }), 'utc')
  assert.deepEqual([trouble?.tone, trouble?.title], ['critical', 'Brokers 1, 3 of 3 are down'])
  assert.match(trouble?.text ?? '', /^Since 12:00:01\. Lines for 35 partitions wait .* nothing is lost\.$/)
})

test('nothing is said while all are up, while none is, and before anything is known', () => {
  assert.equal(brokerTrouble(clusterOf([]), 'utc'), null)
  assert.equal(brokerTrouble(clusterOf([1], {}, 1), 'utc'), null)
  assert.equal(brokerTrouble(null, 'utc'), null)
  const { brokers, ...rest } = clusterOf([3])
  const taken = brokers.map(broker => (broker.id === 3 ? { ...broker, replicas: 0 } : broker))
  assert.equal(
    brokerTrouble({ ...rest, brokers: taken }, 'utc'),
    null,
    'one that holds nothing was taken out',
  )
})

test('elections of one failover are one row, and what came back later is another', () => {
  const election = (at: number, partition: number, from: number, to: number, reason: Election['reason']) => {
    return { at, topic: 'logs', partition, from, to, epoch: 1, reason }
  }
  const groups = electionGroups([
    election(noon + 60_000, 4, 3, 2, 'preferred'),
    election(noon + 1_000, 4, 2, 3, 'leaderDown'),
    election(noon + 1_000, 1, 2, 1, 'leaderDown'),
    election(noon, 5, 2, 3, 'leaderDown'),
  ])
  assert.deepEqual(
    groups.map(({ at, from, to, partitions }) => [at - noon, from, to, partitions]),
    [
      [60_000, 3, 2, ['logs-4']],
      [1_000, 2, 3, ['logs-4', 'logs-5']],
      [1_000, 2, 1, ['logs-1']],
    ],
  )
  assert.deepEqual(groups.map(reasonWords), [
    'back to the preferred leader',
    'broker 2 went down',
    'broker 2 went down',
  ])
})

test('what partitions lack is told with the worst first, and not at all when nothing is', () => {
  const cluster = {
    ...clusterOf([2], { underReplicated: 36, offline: 1 }),
    troubled: [
      { topic: 'logs', partition: 4, state: 'offline', leader: -1, replicas: [2], isr: [] },
      { topic: 'logs', partition: 5, state: 'underReplicated', leader: 1, replicas: [1, 2], isr: [1] },
    ],
  } as const
  assert.deepEqual(lacks(cluster), [
    { state: 'offline', words: '1 partition without a leader', names: ['logs-4'] },
    { state: 'underReplicated', words: '36 partitions under-replicated', names: ['logs-5'] },
  ])
  assert.deepEqual(lacks(clusterOf([])), [])
})
