// Kafka's own group and config tools against a broker of ours, and its DumpLogSegments over `__consumer_offsets`: every
// record of groups and offsets is decoded as what it is. Needs a JDK and Maven: `npm run test:real`.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { offsetsPartitionOf } from '../../broker/groups/group-records.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { WireClient } from '../clients/wire-client.ts'
import { runTool } from './kafka-tool.ts'

const groupId = 'readers'
const groupInstanceId = 'shelf-1'
const offsetsPartitions = 16
const topicBytes = [0, 0, 0, 0, 0, 1, 0, 4, ...Buffer.from('logs')]
const noData = [255, 255, 255, 255]

/** A commit, a static member that joins, is given partition 1, and is removed. */
async function live(client: WireClient): Promise<void> {
  const offset = { partitionIndex: 0, committedOffset: 5, committedMetadata: 'a note' }
  await client.request(apis.offsetCommit, 8, { groupId, topics: [{ name: 'logs', partitions: [offset] }] })
  const protocols = [{ name: 'range', metadata: Buffer.from([...topicBytes, ...noData]) }]
  const times = { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000 }
  const joining = { groupId, groupInstanceId, protocolType: 'consumer', protocols, ...times }
  const { memberId, generationId } = await client.request(apis.joinGroup, 5, joining)
  const assignment = Buffer.from([...topicBytes, 0, 0, 0, 1, 0, 0, 0, 1, ...noData])
  const sync = { groupId, memberId, generationId, groupInstanceId, assignments: [{ memberId, assignment }] }
  assert.equal((await client.request(apis.syncGroup, 3, sync)).errorCode, 0)
  const members = [{ memberId: '', groupInstanceId }]
  await client.request(apis.leaveGroup, 4, { groupId, members })
}

test('Kafka reads what groups have written, sets topics and groups, and deletes them', async () => {
  await using broker = await BrokerProcess.start([{ name: 'logs', partitions: 2 }])
  using client = await WireClient.connect(broker.port)
  await live(client)
  const at = ['--bootstrap-server', broker.address]
  const groups = 'consumer.group.ConsumerGroupCommand'
  const described = await runTool(groups, [...at, '--describe', '--group', groupId])
  assert.match(described.text, /readers\s+logs\s+0\s+5\s+0/)
  const entity = ['--entity-type', 'topics', '--entity-name', 'logs']
  const config = 'kafka.admin.ConfigCommand'
  const set = await runTool(config, [...at, '--alter', ...entity, '--add-config', 'retention.ms=60000'])
  assert.match(set.text, /Completed updating config for topic logs/)
  const shown = await runTool(config, [...at, '--describe', ...entity])
  assert.match(shown.text, /retention\.ms=60000/)
  const refused = await runTool(config, [...at, '--alter', ...entity, '--add-config', 'flush.messages=7'])
  assert.match(refused.text, /only 1 \(acknowledged means on disk\)/)
  const grown = await runTool('TopicCommand', [...at, '--alter', '--topic', 'logs', '--partitions', '4'])
  assert.equal(grown.code, 0, grown.text)
  const deleted = await runTool(groups, [...at, '--delete', '--group', groupId])
  assert.match(deleted.text, /Deletion of requested consumer groups \('readers'\) was successful/)

  const directory = `__consumer_offsets-${offsetsPartitionOf(groupId, offsetsPartitions)}`
  const path = join(broker.directory, 'broker-1', directory)
  const files = readdirSync(path).filter(name => name.endsWith('.log'))
  const list = files.map(name => join(path, name)).join()
  const { text } = await runTool('DumpLogSegments', [
    '--offsets-decoder',
    '--deep-iteration',
    '--files',
    list,
  ])
  for (const record of [
    /"topic":"logs","partition":0.*"offset":5,.*"metadata":"a note"/,
    /"protocol":"range","leader":"shelf-1-.*"groupInstanceId":"shelf-1".*"assignedPartitions":\[\{"topic":"logs"/,
    /"generation":2,"protocol":null,"leader":null.*"members":\[\]/,
    /"topic":"logs","partition":0\}\} payload: <DELETE>/,
    /"data":\{"group":"readers"\}\} payload: <DELETE>/,
  ])
    assert.match(text, record)
})
