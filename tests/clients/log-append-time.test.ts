// message.timestamp.type=LogAppendTime: the broker's clock is the time of every record. Held to what Kafka 4.3 writes
// (LogValidator: the batch's attribute bit and largest timestamp, and so its checksum; base timestamp and records
// stay the producer's, compressed or not) and answers (UnifiedLog.append: of a duplicate, the time of the first one).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { batchView, type CodecName, codecs, sealCrc } from '../../broker/protocol/record-batch.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import { ServedBroker } from './served-broker.ts'
import { WireClient } from './wire-client.ts'

const served = ServedBroker.forThisFile()
const stamped = { 'message.timestamp.type': 'LogAppendTime' }
const producerTimes = [1_700_000_000_000, 1_700_000_005_000]

function batchOf(codec: CodecName = 'none', sequence = -1, times = producerTimes): Buffer {
  const builder = new BatchBuilder()
  for (const [index, time] of times.entries()) {
    builder.append(Buffer.from(`k${index}`), Buffer.from('value'.repeat(50)), undefined, time)
  }
  const producer = sequence < 0 ? {} : { producerId: 900, epoch: 0, sequence }
  return Buffer.from(builder.build({ codec, ...producer }))
}

async function produced(name: string, records: Buffer) {
  const answer = await served.produce(name, Buffer.from(records))
  const { errorCode, baseOffset, logAppendTimeMs } = answer.responses[0]!.partitionResponses[0]!
  return { error: errorName(errorCode), baseOffset, logAppendTimeMs }
}

/** As Kafka's broker would keep it. */
function asKept(sent: Buffer, baseOffset: number, logAppendTimeMs: number): Buffer {
  const kept = Buffer.from(sent)
  kept.writeBigInt64BE(BigInt(baseOffset), 0)
  kept.writeInt32BE(0, 12)
  kept.writeInt16BE(kept.readInt16BE(21) | 8, 21)
  kept.writeBigInt64BE(BigInt(logAppendTimeMs), 35)
  sealCrc(kept, 0)
  return kept
}

async function offsetAt(name: string, timestamp: number): Promise<[number, number]> {
  const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp }] }]
  const answer = await served.client.request(apis.listOffsets, 7, { topics })
  const found = answer.topics[0]!.partitions[0]!
  return [found.offset, found.timestamp]
}

function timesOf(records: Buffer): number[] {
  const times: number[] = []
  walkRecords(records, (_offset, timestamp) => times.push(timestamp))
  return times
}

for (const codec of codecs) {
  test(`a batch compressed by ${codec} gets the time of its append, byte for byte as in Kafka`, async () => {
    const name = `stamped-${codec}`
    await served.newTopic(name, 1, stamped)
    const beforeMs = Date.now()
    await produced(name, batchOf())
    const sent = batchOf(codec)
    const { error, baseOffset, logAppendTimeMs } = await produced(name, sent)
    assert.deepEqual([error, baseOffset], ['none', 2])
    assert(logAppendTimeMs >= beforeMs && logAppendTimeMs <= Date.now())
    const { records } = await served.fetchOne(name, { offset: 2 })
    assert.equal(records!.toString('hex'), asKept(sent, 2, logAppendTimeMs).toString('hex'))
    assert.deepEqual(timesOf(records!), [logAppendTimeMs, logAppendTimeMs])
    assert.equal(
      batchView.baseTimestamp(records!, 0),
      producerTimes[0],
      'the producer’s stays there to be seen',
    )
  })
}

test('the producer’s clock does not matter, but it may not set the bit itself', async () => {
  await served.newTopic('any-clock', 1, { ...stamped, 'message.timestamp.after.max.ms': '1000' })
  const ahead = [Date.now() + 86_400_000]
  assert.equal((await produced('any-clock', batchOf('none', -1, ahead))).error, 'none')
  const own = batchOf()
  own.writeInt16BE(8, 21)
  sealCrc(own, 0)
  assert.deepEqual(await produced('any-clock', own), {
    error: 'invalidTimestamp',
    baseOffset: -1,
    logAppendTimeMs: -1,
  })
})

test('a duplicate is answered with the time of the first one, also where that is its producer’s', async () => {
  await served.newTopic('again', 1, stamped)
  const first = await produced('again', batchOf('none', 0))
  const second = await produced('again', batchOf('none', 2))
  assert.equal(second.baseOffset, 2)
  assert.deepEqual(await produced('again', batchOf('none', 0)), first)
  assert.deepEqual(await produced('again', batchOf('none', 2)), second)
  await served.newTopic('again-created')
  assert.equal((await produced('again-created', batchOf('none', 0))).logAppendTimeMs, -1)
  assert.deepEqual(await produced('again-created', batchOf('none', 0)), {
    error: 'none',
    baseOffset: 0,
    logAppendTimeMs: producerTimes[1],
  })
})

test('look-ups by time go by the append, and still do after a kill', async () => {
  await served.newTopic('found', 1, stamped)
  const first = await produced('found', batchOf())
  let second = await produced('found', batchOf('zstd'))
  while (second.logAppendTimeMs === first.logAppendTimeMs) second = await produced('found', batchOf('zstd'))
  for (const isRestarted of [false, true]) {
    assert.deepEqual(await offsetAt('found', producerTimes[1]!), [0, first.logAppendTimeMs])
    const later = second.logAppendTimeMs
    assert.deepEqual(await offsetAt('found', later), [second.baseOffset, later])
    assert.deepEqual(await offsetAt('found', -3), [second.baseOffset, later], 'the largest')
    assert.equal((await offsetAt('found', later + 1))[0], -1)
    if (isRestarted) break
    await served.broker.killAndRestart()
    served.client[Symbol.dispose]()
    served.client = await WireClient.connect(served.broker.port)
  }
})

test('the setting takes effect at run time, for what is appended from then on', async () => {
  await served.newTopic('changed')
  assert.equal((await produced('changed', batchOf())).logAppendTimeMs, -1)
  for (const [value, isStamped] of [
    ['LogAppendTime', true],
    ['CreateTime', false],
  ] as const) {
    const configs = [{ name: 'message.timestamp.type', configOperation: 0, value }]
    const resources = [{ resourceType: 2, resourceName: 'changed', configs }]
    const answer = await served.client.request(apis.incrementalAlterConfigs, 1, { resources })
    assert.equal(answer.responses[0]!.errorCode, 0)
    assert.equal((await produced('changed', batchOf())).logAppendTimeMs >= 0, isStamped, value)
  }
  const { records } = await served.fetchOne('changed', { offset: 0 })
  assert.deepEqual(timesOf(records!), producerTimes)
})
