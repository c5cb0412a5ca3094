// `tailrace topics` against a broker: made, described with its durability, changed, deleted; what is refused says why.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BrokerProcess } from '../tests/clients/broker-process.ts'
import { ClusterAdmin } from './cluster-admin.ts'
import { alterTopic, createTopic, deleteTopic, describeTopic, listTopics } from './topics.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const longMax = '9223372036854775807'
const nothing = { partitions: null, set: new Map<string, string>(), remove: [] }

test('topics are made, described, changed and deleted', async () => {
  await using broker = await BrokerProcess.start()
  using admin = new ClusterAdmin([broker.address])
  const configs = new Map([['cleanup.policy', 'compact']])
  await createTopic(admin, 'state', { partitions: 2, replicas: 1, configs })
  const names = (await listTopics(admin)).map(({ topic, partitions, internal }) => [
    topic,
    partitions,
    internal,
  ])
  assert.deepEqual(names, [
    ['__consumer_offsets', 16, true],
    ['state', 2, false],
  ])
  const made = await describeTopic(admin, 'state')
  assert.equal(made.durability, 'flushed')
  assert.deepEqual(made.configs, { 'cleanup.policy': 'compact' })
  assert.deepEqual(
    made.states.map(({ index, leader }) => [index, leader]),
    [
      [0, 1],
      [1, 1],
    ],
  )
  const set = new Map([['flush.messages', longMax]])
  await alterTopic(admin, 'state', { partitions: 3, set, remove: ['cleanup.policy'] })
  const altered = await describeTopic(admin, 'state')
  assert.equal(altered.durability, 'page cache')
  assert.equal(altered.partitions, 3)
  assert.deepEqual(altered.configs, { 'flush.messages': longMax })
  await assert.rejects(
    alterTopic(admin, 'state', { ...nothing, set: new Map([['nonsense', '1']]) }),
    /nonsense/,
  )
  await assert.rejects(alterTopic(admin, 'state', { ...nothing, partitions: 1 }), /Topic "state"/)
  await assert.rejects(createTopic(admin, 'state', { partitions: 1, replicas: 1, configs }), /already exists/)
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [main, 'topics', ...args, '--bootstrap', broker.address], {
      encoding: 'utf8',
    })
  const described = run('describe', 'state')
  assert.equal(described.status, 0, described.stderr)
  assert.match(
    described.stdout,
    /state +3 partitions × 1\ndurability: .* page cache .*\n {2}flush.messages=\d+\n/,
  )
  await deleteTopic(admin, 'state')
  await assert.rejects(deleteTopic(admin, 'state'), /Topic "state": there is no such topic/)
  const gone = run('describe', 'state', '--json')
  assert.equal(gone.status, 1)
  assert.match(gone.stderr, /There is no topic "state"/)
  assert.equal(run('create', 'x', '--set', 'nonsense').status, 64)
})
