// What other brokers got wrong about writing, deduplication and offsets (produce, idempotence, ListOffsets, epochs), as
// far as no other file tests it. The rest of these rows: data-apis, durability, compacted-topics (this folder);
// producer-state, partition-log (broker/log); partition, fencing (broker/replication); replication (broker/handlers).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { decompress } from '../../broker/protocol/compression.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { batchView, type CodecName, sealCrc } from '../../broker/protocol/record-batch.ts'
import { batch, ServedBroker, worstCode } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const served = ServedBroker.forThisFile()
const codecs: readonly CodecName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const batchHeaderBytes = 61
const intMax = 2 ** 31 - 1

async function rowOf(name: string, records: Buffer, version = 9) {
  const topicData = [{ name, partitionData: [{ index: 0, records }] }]
  const answer = await served.client.request(apis.produce, version, { acks: -1, timeoutMs: 5_000, topicData })
  const { errorCode, baseOffset, logAppendTimeMs, logStartOffset } =
    answer.responses[0]!.partitionResponses[0]!
  return { error: errorName(errorCode), baseOffset, logAppendTimeMs, logStartOffset }
}

function idempotent(sequence: number, count = 1, epoch = 0, producerId = 900): Buffer {
  const builder = new BatchBuilder()
  for (let at = 0; at < count; at++)
    builder.append(null, Buffer.from(`${sequence} ${at}`), undefined, 1_700_000_000_000)
  return builder.build({ codec: 'none', producerId, epoch, sequence })
}

for (const codec of codecs) {
  test(`a batch compressed by ${codec} comes back as it was, but for base offset and leader epoch`, async () => {
    const name = `kept-${codec}`
    await served.newTopic(name)
    await served.produceTo(name, batch('before'))
    const builder = new BatchBuilder()
    for (const value of ['one', 'two'])
      builder.append(Buffer.from('k'), Buffer.from(value), undefined, 1_700_000_000_000)
    const sent = Buffer.from(builder.build({ codec }))
    assert.equal((await rowOf(name, Buffer.from(sent))).baseOffset, 1)
    const { records } = await served.fetchOne(name, { offset: 1 })
    assert.deepEqual([batchView.baseOffset(records!, 0), batchView.leaderEpoch(records!, 0)], [1, 0])
    // From the magic on; what lies before is outside the checksum.
    assert.equal(records!.toString('hex', 16), sent.toString('hex', 16))
    assert(decompress(codec, records!.subarray(batchHeaderBytes), 1_000).length > 0)
  })
}

test('no append time under CreateTime, the real log start, and base offset -1 with an error', async () => {
  await served.newTopic('answered')
  assert.deepEqual(await rowOf('answered', batch('x')), {
    error: 'none',
    baseOffset: 0,
    logAppendTimeMs: -1,
    logStartOffset: 0,
  })
  const refused = await rowOf('answered', Buffer.concat([batch('x'), batch('y')]))
  assert.deepEqual([refused.error, refused.baseOffset], ['invalidRecord', -1])
})

test('what a batch claims must be so: records counted, offsets from 0, a sequence with a producer', async () => {
  await served.newTopic('claims')
  const claims: [what: string, change: (records: Buffer) => void][] = [
    ['more records than there are offsets', records => records.writeInt32BE(5, 57)],
    ['no records', records => records.writeInt32BE(0, 57)],
    ['a last offset beyond its records', records => records.writeInt32BE(7, 23)],
    ['a base offset', records => records.writeBigInt64BE(4n, 0)],
    ['a producer without a sequence', records => records.writeBigInt64BE(5n, 43)],
  ]
  for (const [what, change] of claims) {
    const records = batch('x')
    change(records)
    sealCrc(records, 0)
    assert.equal((await rowOf('claims', records)).error, 'invalidRecord', what)
  }
  const old = new BatchBuilder()
  old.append(null, Buffer.from('x'), undefined, 1)
  const zstd = old.build({ codec: 'zstd' })
  assert.equal(
    (await rowOf('claims', zstd, 6)).error,
    'unsupportedCompressionType',
    'zstd came with version 7',
  )
  assert.equal((await rowOf('claims', batch('x'))).baseOffset, 0, 'nothing of these was kept')
})

test('an old record is taken: logs carry whatever times their hosts believed', async () => {
  await served.newTopic('aged')
  for (const timestamp of [0, Date.now() + 10 * 365 * 86_400_000]) {
    const builder = new BatchBuilder()
    builder.append(null, Buffer.from('x'), undefined, timestamp)
    assert.equal((await rowOf('aged', builder.build({ codec: 'none' }))).error, 'none')
  }
})

test('a retry of any of the last five batches gets its first offset; an older one is out of order', async () => {
  await served.newTopic('retried')
  for (let sequence = 0; sequence < 6; sequence++) {
    assert.equal((await rowOf('retried', idempotent(sequence))).baseOffset, sequence)
  }
  for (let sequence = 1; sequence < 6; sequence++) {
    assert.equal((await rowOf('retried', idempotent(sequence))).baseOffset, sequence)
  }
  assert.equal((await rowOf('retried', idempotent(0))).error, 'outOfOrderSequenceNumber')
  assert.equal(
    (await rowOf('retried', idempotent(5, 2))).error,
    'outOfOrderSequenceNumber',
    'cut differently',
  )
  assert.equal((await rowOf('retried', idempotent(8))).error, 'outOfOrderSequenceNumber', 'a gap')
  assert.equal((await served.fetchOne('retried', { offset: 0 })).highWatermark, 6)
})

test('sequences wrap from 2^31 - 1 to 0; a new epoch starts at 0 and shuts out the old one', async () => {
  await served.newTopic('wrapped')
  assert.equal(
    (await rowOf('wrapped', idempotent(intMax - 1, 2))).error,
    'none',
    'unknown producers start anywhere',
  )
  assert.equal((await rowOf('wrapped', idempotent(0))).error, 'none')
  assert.equal((await rowOf('wrapped', idempotent(3, 1, 1))).error, 'outOfOrderSequenceNumber')
  assert.equal((await rowOf('wrapped', idempotent(0, 1, 1))).error, 'none')
  assert.equal((await rowOf('wrapped', idempotent(1, 1, 0))).error, 'invalidProducerEpoch')
})

test('producer ids are never given out twice, not even over a restart', async () => {
  const seen = new Set<number>()
  const take = async (client: WireClient) => {
    const { errorCode, producerId } = await client.request(apis.initProducerId, 4, { transactionalId: null })
    assert.equal(errorCode, 0)
    assert(!seen.has(producerId), `${producerId} a second time`)
    seen.add(producerId)
  }
  for (let times = 0; times < 3; times++) await take(served.client)
  await served.broker.killAndRestart()
  served.client[Symbol.dispose]()
  served.client = await WireClient.connect(served.broker.port)
  for (let times = 0; times < 3; times++) await take(served.client)
})

test('OffsetForLeaderEpoch: the latest epoch ends at the log end, a later one is unknown', async () => {
  await served.newTopic('epochs')
  await served.produceTo('epochs', batch('a', 'b'), batch('c'))
  const ask = async (leaderEpoch: number) => {
    const topics = [{ topic: 'epochs', partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch }] }]
    const answer = await served.client.request(apis.offsetForLeaderEpoch, 4, { replicaId: -1, topics })
    const { errorCode, leaderEpoch: epoch, endOffset } = answer.topics[0]!.partitions[0]!
    return [errorCode, epoch, endOffset]
  }
  assert.deepEqual(await ask(0), [0, 0, 3])
  assert.deepEqual(await ask(7), [0, -1, -1])
})

test('ListOffsets names the leader epoch from version 4 on', async () => {
  await served.newTopic('listed')
  await served.produceTo('listed', batch('a'))
  for (const [version, epoch] of [
    [3, -1],
    [4, 0],
    [11, 0],
  ] as const) {
    const topics = [{ name: 'listed', partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
    const answer = await served.client.request(apis.listOffsets, version, { topics })
    assert.deepEqual(
      [worstCode(answer), answer.topics[0]!.partitions[0]!.leaderEpoch],
      [0, epoch],
      `v${version}`,
    )
  }
})
