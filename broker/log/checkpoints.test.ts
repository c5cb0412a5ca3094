// Tables: each small file as Kafka writes it, back and forth, and what is not one refused by name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CheckpointError,
  formatCleanShutdown,
  formatDurablePoint,
  formatLeaderEpochs,
  formatMetaProperties,
  formatOffsetCheckpoint,
  formatPartitionMetadata,
  parseCleanShutdown,
  parseDurablePoint,
  parseLeaderEpochs,
  parseMetaProperties,
  parseOffsetCheckpoint,
  parsePartitionMetadata,
} from './checkpoints.ts'

test('an offset checkpoint names topic, partition and offset, sorted, topics with dashes included', () => {
  const offsets = new Map([
    ['metrics-3', 12],
    ['a-b-c-10', 9_007_199_254_740_991],
    ['logs-0', 0],
  ])
  const bytes = formatOffsetCheckpoint(offsets)
  assert.equal(bytes.toString(), '0\n3\na-b-c 10 9007199254740991\nlogs 0 0\nmetrics 3 12\n')
  assert.deepEqual(new Map([...parseOffsetCheckpoint(bytes, 'x')].sort()), new Map([...offsets].sort()))
})

test('leader epochs: an epoch and its start offset a line', () => {
  const epochs = [
    { epoch: 0, startOffset: 0 },
    { epoch: 7, startOffset: 120 },
  ]
  assert.equal(formatLeaderEpochs(epochs).toString(), '0\n2\n0 0\n7 120\n')
  assert.deepEqual(parseLeaderEpochs(formatLeaderEpochs(epochs), 'x'), epochs)
  assert.deepEqual(parseLeaderEpochs(Buffer.from('0\n0\n'), 'x'), [])
})

test('what is not a checkpoint is refused, never read as an empty one', () => {
  const broken = [
    '',
    '0',
    '0\n',
    '1\n0\n',
    '0\n1\n',
    '0\n1\nlogs 0 5',
    '0\n2\nlogs 0 5\n',
    '0\n1\nlogs zero 5\n',
    '0\n1\nlogs 0 -1\n',
  ]
  for (const text of broken) {
    assert.throws(() => parseOffsetCheckpoint(Buffer.from(text), 'x'), CheckpointError, JSON.stringify(text))
  }
  assert.throws(() => parseLeaderEpochs(Buffer.from('0\n1\n5\n'), 'x'), CheckpointError)
})

test('partition.metadata and meta.properties read back what was written', () => {
  const topicId = 'dGFpbHJhY2UtdGVzdC0xMg'
  assert.equal(formatPartitionMetadata(topicId).toString(), `version: 0\ntopic_id: ${topicId}`)
  assert.equal(parsePartitionMetadata(formatPartitionMetadata(topicId), 'x'), topicId)
  assert.throws(
    () => parsePartitionMetadata(Buffer.from('version: 0\ntopic_id: short'), 'x'),
    CheckpointError,
  )
  const properties = { clusterId: 'MkU3OEVBNTcwNTJENDM2Qg', nodeId: 3, directoryId: topicId }
  assert.deepEqual(parseMetaProperties(formatMetaProperties(properties), 'x'), properties)
  const byKafka = '#\n#Tue Nov 24 08:00:00 UTC 2026\ncluster.id=c\nversion=1\ndirectory.id=d\nnode.id=1\n'
  assert.deepEqual(parseMetaProperties(Buffer.from(byKafka), 'x'), {
    clusterId: 'c',
    nodeId: 1,
    directoryId: 'd',
  })
  assert.throws(() => parseMetaProperties(Buffer.from('version=0\n'), 'x'), CheckpointError)
})

test('a clean-shutdown marker that cannot be read is no marker', () => {
  assert.equal(formatCleanShutdown(12).toString(), '{"version":0,"brokerEpoch":12}')
  assert.equal(parseCleanShutdown(formatCleanShutdown(12)), 12)
  for (const text of ['', '{', '{"version":1,"brokerEpoch":12}', '{"version":0}']) {
    assert.equal(parseCleanShutdown(Buffer.from(text)), -1)
  }
})

test('a durable point that is absent, short or never reached the disk is 0', () => {
  assert.equal(parseDurablePoint(formatDurablePoint(2 ** 40 + 5)), 2 ** 40 + 5)
  for (const bytes of [null, Buffer.alloc(0), Buffer.alloc(7, 1), Buffer.alloc(8), Buffer.alloc(8, 0xff)]) {
    assert.equal(parseDurablePoint(bytes), 0)
  }
})
