// What the cluster's pages work out by themselves: commands that survive a shell, addresses of any name, rows of
// topics, CSV that no spreadsheet runs.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import type { TopicState } from '../../../analytics/http/contract-cluster.ts'
import { sorted } from '../../panels/table-order.ts'
import { clusterPath, clusterPlace } from './cluster-path.ts'
import {
  addAgentCommand,
  createTopicCommand,
  deleteGroupCommand,
  movedWords,
  resetGroupCommand,
  shellWord,
} from './commands.ts'
import { topicRow, topicsCsv } from './topic-rows.ts'

test('whatever a name holds, a shell takes it for one word', () => {
  for (const name of ['logs', "it's", '$(reboot)', '`id`', 'a b', '--json', '', '"', 'x;y', '<img>', '\\']) {
    const script = `printf %s ${shellWord(name)}`
    if (!name.startsWith('-')) assert.equal(execFileSync('sh', ['-c', script]).toString(), name)
    assert.ok(shellWord(name) !== '')
  }
})

test('commands say what dialogs do', () => {
  const configs = { 'retention.ms': '1000' }
  assert.equal(
    createTopicCommand({ topic: 'a', partitions: 3, replicas: undefined, configs }),
    'tailrace topics create a --partitions 3 --set retention.ms=1000',
  )
  assert.equal(
    resetGroupCommand('g', 't', { offset: '7' }),
    'tailrace groups reset g --topic t --to-offset 7',
  )
  assert.equal(resetGroupCommand('g', '', 'earliest'), 'tailrace groups reset g --to-earliest')
  assert.equal(deleteGroupCommand("o'g"), "tailrace groups delete 'o'\\''g'")
  assert.equal(addAgentCommand('', '15m'), 'tailrace agents add --expires 15m')
})

test('any name has an address of its own and is read back from it', () => {
  for (const name of ['logs', 'a/b', '100%', '?', '#', '../x', 'ü', ' ']) {
    assert.deepEqual(clusterPlace(clusterPath('groups', name)), { tab: 'groups', name })
  }
  assert.deepEqual(clusterPlace('/cluster'), { tab: 'brokers', name: '' })
  assert.deepEqual(clusterPlace('/cluster/nonsense'), { tab: 'brokers', name: '' })
  assert.deepEqual(clusterPlace('/cluster/topics/%E0%A4%A'), { tab: 'topics', name: '%E0%A4%A' })
})

const partition = (
  index: number,
  leader: number,
  isr: readonly number[],
): TopicState['partitions'][number] => ({
  ...{ partition: index, leader, leaderEpoch: 0, replicas: [1, 2], isr },
  ...{ logStartOffset: '5', highWatermark: '15', folded: null, sizeBytes: 100 },
})

function topic(name: string, partitions: TopicState['partitions']): TopicState {
  const kept = { retentionMs: 1, retentionBytes: -1, cleanupPolicy: 'delete', durability: 'flushed' } as const
  return { name, internal: false, recordsPerSecond: 2, ...kept, partitions }
}

test('a topic is its partitions added up, and says how unevenly it is led', () => {
  const uneven = topicRow(
    topic(
      'a',
      [0, 1, 2, 3].map(index => partition(index, 1, index === 0 ? [1] : [1, 2])),
    ),
  )
  assert.deepEqual([uneven.lacking, uneven.sizeBytes, uneven.records, uneven.skew], [1, 400, 40, 1])
  assert.equal(topicRow(topic('b', [partition(0, 1, [1, 2]), partition(1, 2, [1, 2])])).skew, 0)
  assert.equal(topicRow(topic('c', [])).skew, 0)
})

test('a name that looks like a formula is none in the CSV', () => {
  const lines = topicsCsv([topicRow(topic('=1+1', [])), topicRow(topic('a,"b"', []))]).split('\r\n')
  assert.match(lines[1]!, /^'=1\+1,0,/)
  assert.match(lines[2]!, /^"a,""b""",0,/)
})

test('rows are sorted by a column either way, and what is not known goes last', () => {
  const columns = [{ key: 'n', by: ({ n }: { n: number | null }) => n }]
  const rows = [{ n: 2 }, { n: null }, { n: 10 }]
  assert.deepEqual(
    sorted(rows, columns, 'n').map(({ n }) => n),
    [2, 10, null],
  )
  assert.deepEqual(
    sorted(rows, columns, '-n').map(({ n }) => n),
    [10, 2, null],
  )
  assert.equal(sorted(rows, columns, 'other'), rows)
})

test('a reset says of each partition what becomes of it, also beyond 2^53', () => {
  assert.equal(movedWords('5', '5'), 'stays')
  assert.equal(movedWords('9007199254740993', '9007199254740995'), 'skip 2')
  assert.equal(movedWords('9007199254740995', '9007199254740993'), 'read again 2')
  assert.equal(movedWords(null, '5'), 'set')
})
