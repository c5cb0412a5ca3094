// Fetch by the rules that clients of other makes rely on: what is answered at once and what waits, which partition
// gives its first batch, what a limit may cut, which errors name what. Over a real socket to a real broker.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { batchView } from '../../broker/protocol/record-batch.ts'
import { batch, ServedBroker } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const served = ServedBroker.forThisFile()
const longMs = 60_000

interface Wish {
  readonly partition: number
  readonly fetchOffset: number
  readonly partitionMaxBytes: number
}

function fetch(topic: string, partitions: readonly Wish[], options: object = {}, version = 11) {
  const request = { maxWaitMs: 0, minBytes: 1, ...options, topics: [{ topic, partitions }] }
  return served.client.request(apis.fetch, version, request)
}

const from = (partition: number, fetchOffset = 0, partitionMaxBytes = 2 ** 20) => ({
  partition,
  fetchOffset,
  partitionMaxBytes,
})

async function fetchById(client: WireClient, topicId: string, maxWaitMs: number, fetchOffset = 0) {
  const topics = [{ topicId, partitions: [from(0, fetchOffset)] }]
  const answer = await client.request(apis.fetch, 13, { maxWaitMs, minBytes: 1, topics })
  return answer.responses[0]!.partitions[0]!
}

async function topicIdOf(name: string): Promise<string> {
  const { topics } = await served.client.request(apis.metadata, 12, { topics: [{ name }] })
  return topics[0]!.topicId
}

test('partitions are served in the order of the request; the first that has anything gives a whole batch', async () => {
  await served.newTopic('ordered', 4)
  const large = batch('x'.repeat(500))
  for (const index of [1, 2, 3]) await served.produce('ordered', large, index)
  const order = [0, 3, 1, 2]
  const wishes = order.map(index => from(index, 0, 10))
  const { partitions } = (await fetch('ordered', wishes, { maxBytes: 10 })).responses[0]!
  assert.deepEqual(
    partitions.map(({ partitionIndex }) => partitionIndex),
    order,
  )
  const lengths = partitions.map(({ records }) => records!.length)
  assert.deepEqual(lengths, [0, large.length, 0, 0], 'the empty one does not use up the rule')
})

test('max_bytes bounds the whole answer, partition_max_bytes each part, at edges of batches', async () => {
  await served.newTopic('bounded', 2)
  const one = batch('y'.repeat(500))
  for (const index of [0, 0, 0, 1, 1, 1]) await served.produce('bounded', one, index)
  const lengths = async (options: object, partBytes: number) => {
    const wishes = [from(0, 0, partBytes), from(1, 0, partBytes)]
    const { partitions } = (await fetch('bounded', wishes, options)).responses[0]!
    return partitions.map(({ records }) => records!.length / one.length)
  }
  assert.deepEqual(await lengths({ maxBytes: 2 ** 20 }, 2 ** 20), [3, 3])
  assert.deepEqual(await lengths({ maxBytes: 2 ** 20 }, 2 * one.length + 1), [2, 2])
  assert.deepEqual(await lengths({ maxBytes: 4 * one.length }, 2 ** 20), [3, 1])
})

test('an error of any partition is answered at once, whatever else is waited for', async () => {
  await served.newTopic('quiet')
  const { partitions } = (await fetch('quiet', [from(0), from(9)], { maxWaitMs: longMs })).responses[0]!
  const errors = partitions.map(({ errorCode }) => errorName(errorCode))
  assert.deepEqual(errors, ['none', 'unknownTopicOrPartition'])
})

test('a request for nothing is answered at once', async () => {
  const answer = await served.client.request(apis.fetch, 11, { maxWaitMs: longMs, minBytes: 1, topics: [] })
  assert.deepEqual([answer.errorCode, answer.responses], [0, []])
})

test('sessions are refused by session id 0, whether one is wanted, left, or none was asked for', async () => {
  for (const [sessionId, sessionEpoch] of [
    [0, -1],
    [0, 0],
    [5, -1],
    [5, 0],
  ]) {
    const answer = await fetch('logs', [from(0)], { sessionId, sessionEpoch })
    assert.deepEqual([answer.errorCode, answer.sessionId], [0, 0])
    assert.equal(answer.responses.length, 1, 'a full answer, not a difference')
  }
  assert.equal(
    (await fetch('logs', [from(0)], { sessionId: 5, sessionEpoch: 1 })).errorCode,
    errorCodes.fetchSessionIdNotFound,
  )
})

test('read_committed: up to the last stable offset, with a list of aborted transactions that is empty', async () => {
  await served.newTopic('committed')
  await served.produceTo('committed', batch('a'), batch('b'))
  for (const [isolationLevel, aborted] of [
    [0, null],
    [1, []],
  ] as const) {
    const answer = await fetch('committed', [from(0)], { isolationLevel })
    const partition = answer.responses[0]!.partitions[0]!
    assert.deepEqual([partition.highWatermark, partition.lastStableOffset], [2, 2])
    assert.deepEqual(partition.abortedTransactions, aborted)
    assert.equal(partition.records!.length, 2 * batch('a').length)
  }
})

test('zstd is for consumers from Fetch v10 on; others hear that they cannot read it', async () => {
  await served.newTopic('packed')
  const builder = new BatchBuilder()
  builder.append(null, Buffer.from('packed'))
  await served.produceTo('packed', builder.build({ codec: 'zstd' }))
  const errors = []
  for (const version of [4, 9, 10, 11]) {
    const { errorCode } = (await fetch('packed', [from(0)], {}, version)).responses[0]!.partitions[0]!
    errors.push(errorName(errorCode))
  }
  assert.deepEqual(errors, ['unsupportedCompressionType', 'unsupportedCompressionType', 'none', 'none'])
})

test('a parked fetch ends when its topic is deleted, with the error that names it', async () => {
  await served.newTopic('doomed')
  const topicId = await topicIdOf('doomed')
  using byName = await WireClient.connect(served.broker.port)
  using byId = await WireClient.connect(served.broker.port)
  const topics = [{ topic: 'doomed', partitions: [from(0)] }]
  const waits = { maxWaitMs: longMs, minBytes: 1 }
  const named = byName.request(apis.fetch, 12, { ...waits, topics })
  const identified = fetchById(byId, topicId, longMs)
  await served.client.request(apis.deleteTopics, 5, { topicNames: ['doomed'], timeoutMs: 5_000 })
  assert.equal(errorName((await named).responses[0]!.partitions[0]!.errorCode), 'unknownTopicOrPartition')
  assert.equal(errorName((await identified).errorCode), 'unknownTopicId')
})

test('a topic made anew has another id, and the old id is unknown', async () => {
  await served.newTopic('reborn')
  const before = await topicIdOf('reborn')
  await served.client.request(apis.deleteTopics, 5, { topicNames: ['reborn'], timeoutMs: 5_000 })
  await served.newTopic('reborn')
  const after = await topicIdOf('reborn')
  assert.notEqual(after, before)
  assert.equal(errorName((await fetchById(served.client, before, longMs)).errorCode), 'unknownTopicId')
  assert.equal(errorName((await fetchById(served.client, after, 0)).errorCode), 'none')
})

test('a long poll of one connection holds up neither another connection nor the order of its own', async () => {
  await served.newTopic('parked')
  using parked = await WireClient.connect(served.broker.port)
  const order: string[] = []
  const topics = [{ topic: 'parked', partitions: [from(0)] }]
  const waiting = parked.request(apis.fetch, 11, { maxWaitMs: longMs, minBytes: 1, topics })
  const said = [
    waiting.then(() => order.push('fetch')),
    parked.request(apis.metadata, 9, { topics: [] }).then(() => order.push('metadata')),
  ]
  await served.client.request(apis.metadata, 9, { topics: [] })
  assert.deepEqual(order, [], 'the neighbour was served meanwhile')
  await served.produceTo('parked', batch('wake'))
  await Promise.all(said)
  assert.deepEqual(order, ['fetch', 'metadata'])
  assert.equal(batchView.recordCount((await waiting).responses[0]!.partitions[0]!.records!, 0), 1)
})
