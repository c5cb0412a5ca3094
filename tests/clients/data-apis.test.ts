// Produce, Fetch and ListOffsets: what each refuses, by Kafka's names, and what it gives.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { type ErrorName, errorCodes } from '../../broker/protocol/errors.ts'
import { batchView, sealCrc } from '../../broker/protocol/record-batch.ts'
import { batch, ServedBroker, topic, worstCode } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const served = ServedBroker.forThisFile()

function wish() {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: batch('x') }] }]
  return { acks: -1, timeoutMs: 5_000, topicData }
}

function changed(records: Buffer, change: (records: Buffer) => void): Buffer {
  change(records)
  sealCrc(records, 0)
  return records
}

test('Produce refuses each batch by itself, by name', async () => {
  const corrupt = batch('corrupt')
  corrupt[corrupt.length - 1]! ^= 1
  const rows: [what: string, topic: string, index: number, records: Buffer | null, error: ErrorName][] = [
    ['a good batch', 'logs', 0, batch('a'), 'none'],
    ['no such topic', 'absent', 0, batch('a'), 'unknownTopicOrPartition'],
    ['no such partition', 'logs', 9, batch('a'), 'unknownTopicOrPartition'],
    ['an internal topic', '__consumer_offsets', 0, batch('a'), 'invalidTopicException'],
    ['no batch', 'logs', 0, null, 'invalidRecord'],
    ['an empty batch', 'logs', 0, Buffer.alloc(0), 'invalidRecord'],
    ['a flipped bit', 'logs', 0, corrupt, 'corruptMessage'],
    ['two batches', 'logs', 0, Buffer.concat([batch('a'), batch('b')]), 'invalidRecord'],
    ['an old format', 'logs', 0, changed(batch('a'), records => records.writeInt8(1, 16)), 'invalidRecord'],
    [
      'a transaction',
      'logs',
      0,
      changed(batch('a'), records => records.writeInt16BE(0x10, 21)),
      'invalidTxnState',
    ],
    [
      'broker time',
      'logs',
      0,
      changed(batch('a'), records => records.writeInt16BE(0x08, 21)),
      'invalidTimestamp',
    ],
    [
      'a control batch',
      'logs',
      0,
      changed(batch('a'), records => records.writeInt16BE(0x20, 21)),
      'invalidRecord',
    ],
    ['more than 1 MiB', 'logs', 0, batch('x'.repeat(1_048_589)), 'messageTooLarge'],
  ]
  for (const [what, name, index, records, error] of rows) {
    const topicData = [{ name, partitionData: [{ index, records }] }]
    const answer = await served.client.request(apis.produce, 8, { acks: 1, timeoutMs: 5_000, topicData })
    const row = answer.responses[0]!.partitionResponses[0]!
    assert.deepEqual([row.index, row.errorCode], [index, errorCodes[error]], what)
    assert.equal(row.baseOffset >= 0, error === 'none', what)
  }
  const acks = await served.client.request(apis.produce, 8, { ...wish(), acks: 2 })
  assert.equal(worstCode(acks), errorCodes.invalidRequiredAcks)
})

test('Produce with acks=0 is not answered, and a refused one ends the connection', async () => {
  using silent = await WireClient.connect(served.broker.port)
  silent.send(apis.produce, 8, { ...wish(), acks: 0 })
  // The next answer on the connection is the next request's.
  assert.equal((await silent.request(apis.metadata, 9, { topics: [] })).topics.length, 0)
  const topicData = [{ name: 'absent', partitionData: [{ index: 0, records: batch('x') }] }]
  silent.send(apis.produce, 8, { acks: 0, timeoutMs: 1_000, topicData })
  await silent.closed
})

test('five Produce requests of one connection overlap, and everything is answered in order', async () => {
  using pipelined = await WireClient.connect(served.broker.port)
  const offsets = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      if (index % 8 === 7) {
        await pipelined.request(apis.metadata, 9, { topics: [] })
        return []
      }
      const answer = await pipelined.request(apis.produce, 8, wish())
      return [answer.responses[0]!.partitionResponses[0]!.baseOffset]
    }),
  )
  const flat = offsets.flat()
  assert.deepEqual(
    flat,
    Array.from({ length: 35 }, (_, index) => flat[0]! + index),
  )
})

test('Fetch gives whole batches, at least one, and says what it cannot give', async () => {
  await served.newTopic('fetched')
  await served.produceTo('fetched', batch('a', 'b', 'c'), batch('d'), batch('e'))
  const size = batch('a', 'b', 'c').length
  const whole = await served.fetchOne('fetched', { offset: 0 })
  assert.deepEqual([whole.errorCode, whole.highWatermark, whole.logStartOffset], [0, 5, 0])
  assert.equal(whole.records!.length, size + 2 * batch('d').length)

  const middle = await served.fetchOne('fetched', { offset: 1, maxBytes: 1 })
  assert.equal(
    batchView.baseOffset(middle.records!, 0),
    0,
    'the batch that contains the offset, from its start',
  )
  assert.equal(middle.records!.length, size, 'one whole batch although it is larger than the limit')

  const end = await served.fetchOne('fetched', { offset: 5 })
  assert.deepEqual([end.errorCode, end.records!.length, end.highWatermark], [0, 0, 5])
  for (const offset of [6, -1]) {
    const outside = await served.fetchOne('fetched', { offset })
    assert.equal(outside.errorCode, errorCodes.offsetOutOfRange)
    assert.deepEqual(
      [outside.highWatermark, outside.logStartOffset],
      [5, 0],
      'so that a client can start again',
    )
  }
  assert.equal(
    (await served.fetchOne('fetched', { offset: 0, epoch: 9 })).errorCode,
    errorCodes.unknownLeaderEpoch,
  )
  assert.equal((await served.fetchOne('absent', { offset: 0 })).errorCode, errorCodes.unknownTopicOrPartition)
  const unknownId = [
    { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions: [{ partition: 0, partitionMaxBytes: 9 }] },
  ]
  const byId = await served.client.request(apis.fetch, 13, { topics: unknownId })
  assert.equal(worstCode(byId), errorCodes.unknownTopicId)
  const session = await served.client.request(apis.fetch, 11, { sessionId: 5, sessionEpoch: 3 })
  assert.equal(session.errorCode, errorCodes.fetchSessionIdNotFound)
})

test('Fetch waits: until something comes, until enough has come, or until its time is up', async () => {
  await served.newTopic('awaited')
  using other = await WireClient.connect(served.broker.port)
  const produceOther = async (records: Buffer) => {
    const topicData = [{ name: 'awaited', partitionData: [{ index: 0, records }] }]
    await other.request(apis.produce, 8, { acks: -1, timeoutMs: 5_000, topicData })
  }
  const something = served.fetchOne('awaited', { offset: 0 }, 10_000)
  await produceOther(batch('one'))
  assert.equal(batchView.recordCount((await something).records!, 0), 1)

  const one = batch('one').length
  const enough = served.fetchOne('awaited', { offset: 1 }, 10_000, 2 * one)
  await produceOther(batch('two'))
  await produceOther(batch('two'))
  assert.equal((await enough).records!.length, 2 * one)

  const startedMs = performance.now()
  assert.equal((await served.fetchOne('awaited', { offset: 3 }, 100)).records!.length, 0)
  const waitedMs = performance.now() - startedMs
  assert(waitedMs >= 95, `waited ${waitedMs} ms`)

  const deleted = served.fetchOne('awaited', { offset: 3 }, 10_000)
  await other.request(apis.deleteTopics, 5, { topicNames: ['awaited'], timeoutMs: 5_000 })
  assert.notEqual((await deleted).errorCode, 0, 'a deleted topic lets nobody wait')
})

test('ListOffsets knows every name for a place, in the versions that have it', async () => {
  await served.newTopic('placed')
  const builder = new BatchBuilder()
  for (const [index, timestamp] of [1_000, 3_000, 2_000].entries()) {
    builder.append(null, Buffer.from(String(index)), undefined, timestamp)
  }
  await served.produceTo('placed', builder.build({ codec: 'zstd' }))
  const rows: [timestamp: number, version: number, error: ErrorName, offset: number, found: number][] = [
    [-1, 1, 'none', 3, -1],
    [-2, 1, 'none', 0, -1],
    [-3, 7, 'none', 1, 3_000],
    [-3, 6, 'unsupportedVersion', -1, -1],
    [-4, 8, 'none', 0, -1],
    [-5, 9, 'none', -1, -1],
    [-6, 11, 'none', -1, -1],
    [-6, 10, 'unsupportedVersion', -1, -1],
    [-7, 11, 'unsupportedVersion', -1, -1],
    [0, 1, 'none', 0, 1_000],
    [1_001, 1, 'none', 1, 3_000],
    [2_000, 11, 'none', 1, 3_000],
    [3_001, 11, 'none', -1, -1],
  ]
  for (const [timestamp, version, error, offset, found] of rows) {
    const topics = [{ name: 'placed', partitions: [{ partitionIndex: 0, timestamp }] }]
    const row = (await served.client.request(apis.listOffsets, version, { topics })).topics[0]!.partitions[0]!
    const what = `timestamp ${timestamp}, version ${version}`
    assert.deepEqual([row.errorCode, row.offset, row.timestamp], [errorCodes[error], offset, found], what)
  }
})
