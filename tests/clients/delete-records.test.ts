// DeleteRecords: the log starts later, what lies before is out of range, and each refusal has Kafka's name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { type ErrorName, errorCodes } from '../../broker/protocol/errors.ts'
import { batch, ServedBroker } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const served = ServedBroker.forThisFile()

async function deleted(name: string, partitionIndex: number, offset: number): Promise<[number, number]> {
  const topics = [{ name, partitions: [{ partitionIndex, offset }] }]
  const answer = await served.client.request(apis.deleteRecords, 2, { topics, timeoutMs: 5_000 })
  const { lowWatermark, errorCode } = answer.topics[0]!.partitions[0]!
  return [errorCode, lowWatermark]
}

async function earliest(name: string): Promise<number> {
  const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp: -2 }] }]
  const answer = await served.client.request(apis.listOffsets, 6, { topics })
  return answer.topics[0]!.partitions[0]!.offset
}

test('records below an offset go, up to the high watermark', async () => {
  await served.newTopic('cut')
  await served.produceTo('cut', ...['a', 'b', 'c', 'd'].map(value => batch(value)))
  assert.deepEqual(await deleted('cut', 0, 2), [0, 2])
  assert.equal(await earliest('cut'), 2)
  assert.deepEqual(await deleted('cut', 0, 1), [0, 2], 'the start does not go back')
  assert.deepEqual(await deleted('cut', 0, -1), [0, 4], 'everything')
  assert.equal(await earliest('cut'), 4)
  await served.produceTo('cut', batch('e'))
  assert.equal(await earliest('cut'), 4, 'offsets go on')
})

test('what was deleted stays deleted when the broker is killed right after its answer', async () => {
  await served.newTopic('gone')
  await served.produceTo('gone', batch('a'), batch('b'), batch('c'))
  assert.deepEqual(await deleted('gone', 0, 2), [0, 2])
  await served.broker.killAndRestart()
  served.client[Symbol.dispose]()
  served.client = await WireClient.connect(served.broker.port)
  assert.equal(await earliest('gone'), 2)
})

test('DeleteRecords refuses by name', async () => {
  await served.newTopic('state', 1, { 'cleanup.policy': 'compact' })
  await served.newTopic('both', 1, { 'cleanup.policy': 'compact,delete' })
  const rows: [what: string, topic: string, index: number, offset: number, error: ErrorName][] = [
    ['beyond the high watermark', 'logs', 0, 9, 'offsetOutOfRange'],
    ['below every offset', 'logs', 0, -2, 'offsetOutOfRange'],
    ['no such topic', 'absent', 0, 0, 'unknownTopicOrPartition'],
    ['no such partition', 'logs', 9, 0, 'unknownTopicOrPartition'],
    ['an internal topic', '__consumer_offsets', 0, 0, 'invalidTopicException'],
    ['a topic that is only compacted', 'state', 0, 0, 'policyViolation'],
    ['one that also expires', 'both', 0, 0, 'none'],
  ]
  for (const [what, name, index, offset, error] of rows) {
    const [code, lowWatermark] = await deleted(name, index, offset)
    assert.deepEqual([code, lowWatermark], [errorCodes[error], error === 'none' ? 0 : -1], what)
  }
})
