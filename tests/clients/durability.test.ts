// What was acknowledged is there after kill -9, in its place; a retry after the restart is known by its sequence.
// The time from the start of the process to the first acknowledged record is printed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { keys } from '../../broker/controller/cluster-state.ts'
import { openSqliteStore } from '../../broker/metadata/sqlite-store.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { batchEnd, batchHeaderBytes, batchView } from '../../broker/protocol/record-batch.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import { BrokerProcess } from './broker-process.ts'
import { WireClient } from './wire-client.ts'

const topic = 'events'
const partitions = 3
const recordsPerBatch = 20

interface Producer {
  readonly producerId: number
  readonly sequences: number[]
}

async function newProducer(client: WireClient): Promise<Producer> {
  const { producerId } = await client.request(apis.initProducerId, 4, { transactionalId: null })
  return { producerId, sequences: new Array<number>(partitions).fill(0) }
}

function batchOf(producer: Producer, partition: number, builder: BatchBuilder): Buffer {
  const sequence = producer.sequences[partition]!
  for (let index = 0; index < recordsPerBatch; index++) {
    builder.append(
      null,
      Buffer.from(`${producer.producerId}/${partition}/${sequence + index}`),
      undefined,
      Date.now(),
    )
  }
  producer.sequences[partition] = sequence + recordsPerBatch
  return builder.build({ codec: 'zstd', producerId: producer.producerId, epoch: 0, sequence })
}

async function produceBatch(client: WireClient, partition: number, records: Buffer) {
  const answer = await client.request(apis.produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 5_000,
    topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
  })
  return answer.responses[0]!.partitionResponses[0]!
}

/** Every value of a partition by its offset. */
async function readAll(client: WireClient, partition: number, name = topic): Promise<Map<number, string>> {
  const values = new Map<number, string>()
  for (let offset = 0; ; ) {
    const answer = await client.request(apis.fetch, 12, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 2 ** 22,
      topics: [{ topic: name, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 2 ** 20 }] }],
    })
    const { records, errorCode, highWatermark } = answer.responses[0]!.partitions[0]!
    assert.equal(errorCode, 0)
    if (offset === highWatermark) return values
    assert(records && records.length > 0, `offset ${offset} of ${highWatermark} gives records`)
    for (let at = 0, end = 0; at < records.length; at = end) {
      end = batchEnd(records, at, records.length)
      assert(end > 0, 'only whole batches are sent')
      walkRecords(
        records.subarray(at, end),
        (recordOffset, _time, buffer, _keyStart, _keyEnd, start, stop) => {
          values.set(recordOffset, buffer.toString('utf8', start, stop))
        },
      )
      offset = batchView.lastOffset(records, at) + 1
    }
  }
}

test('every acknowledged record survives kill -9 of the broker, whatever was under way', async () => {
  await using broker = await BrokerProcess.start([{ name: topic, partitions }])
  const acknowledged: { partition: number; offset: number; value: string }[] = []
  for (let life = 0; life < 3; life++) {
    using client = await WireClient.connect(broker.port)
    const producer = await newProducer(client)
    const builder = new BatchBuilder()
    let isDead = false
    const keepProducing = async (partition: number) => {
      while (!isDead) {
        const first = producer.sequences[partition]!
        const answer = await produceBatch(client, partition, batchOf(producer, partition, builder))
        assert.equal(answer.errorCode, 0)
        for (let index = 0; index < recordsPerBatch; index++) {
          const value = `${producer.producerId}/${partition}/${first + index}`
          acknowledged.push({ partition, offset: answer.baseOffset + index, value })
        }
      }
    }
    const failures: unknown[] = []
    const note = (error: unknown) => {
      if (!isDead) failures.push(error)
    }
    const producing = [0, 1, 2].map(partition => keepProducing(partition).catch(note))
    const target = acknowledged.length + 2_000
    while (acknowledged.length < target && failures.length === 0) {
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.deepEqual(failures, [])
    isDead = true
    await broker.stop('SIGKILL')
    await Promise.all(producing)
    await broker.start()
  }
  using client = await WireClient.connect(broker.port)
  const kept = await Promise.all([0, 1, 2].map(partition => readAll(client, partition)))
  for (const { partition, offset, value } of acknowledged) assert.equal(kept[partition]!.get(offset), value)
  for (const values of kept)
    assert.equal(new Set(values.values()).size, values.size, 'nothing is there twice')
})

test('a retry of an acknowledged batch gets its first offset, after a restart too, and is not kept twice', async () => {
  await using broker = await BrokerProcess.start([{ name: topic, partitions }])
  const builder = new BatchBuilder()
  let client = await WireClient.connect(broker.port)
  const producer = await newProducer(client)
  const batches = [0, 1, 2, 3, 4].map(() => batchOf(producer, 0, builder))
  const offsets: number[] = []
  for (const batch of batches) offsets.push((await produceBatch(client, 0, batch)).baseOffset)
  assert.deepEqual(offsets, [0, 20, 40, 60, 80])
  assert.equal((await produceBatch(client, 0, batches[0]!)).baseOffset, 0)
  client[Symbol.dispose]()

  await broker.killAndRestart()
  client = await WireClient.connect(broker.port)
  for (const [index, batch] of batches.entries()) {
    assert.equal((await produceBatch(client, 0, batch)).baseOffset, offsets[index])
  }
  const next = await produceBatch(client, 0, batchOf(producer, 0, builder))
  assert.deepEqual([next.errorCode, next.baseOffset], [0, 100])
  assert((await newProducer(client)).producerId > producer.producerId, 'a producer id is never given twice')
  client[Symbol.dispose]()
})

test('a stop by SIGTERM is clean; it and the start after it are timed', async () => {
  await using broker = await BrokerProcess.start([{ name: topic, partitions }])
  const startedMs = performance.now()
  assert.equal(await broker.stop('SIGTERM'), 0)
  console.log(`stopped in ${Math.round(performance.now() - startedMs)} ms`)

  const againMs = performance.now()
  await broker.start()
  using client = await WireClient.connect(broker.port)
  const builder = new BatchBuilder()
  builder.append(null, Buffer.from('first'), undefined, Date.now())
  const answer = await produceBatch(client, 0, builder.build({ codec: 'none' }))
  assert.equal(answer.errorCode, 0)
  console.log(`process start to first acknowledged record: ${Math.round(performance.now() - againMs)} ms`)
})

test('acknowledged bytes that the disk lost are put into the ledger, and the partition goes on', async () => {
  const ledger = '__tailrace_losses'
  await using broker = await BrokerProcess.start([
    { name: topic, partitions },
    { name: ledger, partitions: 1 },
  ])
  const builder = new BatchBuilder()
  let client = await WireClient.connect(broker.port)
  const producer = await newProducer(client)
  for (let count = 0; count < 5; count++) await produceBatch(client, 0, batchOf(producer, 0, builder))
  client[Symbol.dispose]()
  await broker.stop('SIGKILL')

  const path = join(broker.config.dataDirectory, `${topic}-0`, '00000000000000000000.log')
  const bytes = await readFile(path)
  const second = batchEnd(bytes, 0, bytes.length)
  bytes[second + batchHeaderBytes + 3]! ^= 0xff
  await writeFile(path, bytes)
  await broker.start()

  client = await WireClient.connect(broker.port)
  const kept = await readAll(client, 0)
  assert.deepEqual(
    [kept.size, kept.has(19), kept.has(20), kept.has(39), kept.has(40)],
    [80, true, false, false, true],
  )
  const next = await produceBatch(client, 0, batchOf(producer, 0, builder))
  assert.deepEqual([next.errorCode, next.baseOffset], [0, 100])
  const entries = [...(await readAll(client, 0, ledger)).values()].map(value => JSON.parse(value) as unknown)
  assert.partialDeepStrictEqual(entries, [{ source: `broker-1/${topic}-0`, from: '20', to: '40', lines: 20 }])
  client[Symbol.dispose]()

  await broker.killAndRestart()
  client = await WireClient.connect(broker.port)
  assert.equal((await readAll(client, 0, ledger)).size, 1, 'a loss is put on record once')
  client[Symbol.dispose]()
})

test('a second broker on the same port, or in the same directory, is told what to do and ends', async () => {
  await using broker = await BrokerProcess.start()
  for (const [change, words] of [
    [{}, /--kafka-port/],
    [{ port: 0 }, /another process is using it/],
  ] as const) {
    const config = JSON.stringify({ ...broker.config, ...change })
    const entry = fileURLToPath(new URL('../../broker/main.ts', import.meta.url))
    const second = spawnSync(process.execPath, [entry, config], { encoding: 'utf8' })
    assert.equal(second.status, 78)
    assert.match(second.stderr, words)
  }
  using client = await WireClient.connect(broker.port)
  assert.equal((await client.request(apis.metadata, 9, { topics: [] })).brokers.length, 1)
})

test('a broker that was paused for longer than its lease registers anew and leads in the next epoch', async () => {
  await using broker = await BrokerProcess.start([{ name: topic, partitions }])
  using client = await WireClient.connect(broker.port)
  const producer = await newProducer(client)
  const builder = new BatchBuilder()
  assert.equal((await produceBatch(client, 0, batchOf(producer, 0, builder))).errorCode, 0)
  process.kill(broker.pid, 'SIGSTOP')
  // Any other process at the store declares the session of the silent one over.
  const witness = await openSqliteStore(broker.config.metadataPath)
  while ((await witness.get(keys.broker(1))) !== null) await new Promise(resolve => setTimeout(resolve, 20))
  await witness.close()
  process.kill(broker.pid, 'SIGCONT')
  const batch = batchOf(producer, 0, builder)
  let answer = await produceBatch(client, 0, batch)
  // It may take one more request before the broker knows what it missed; a retry is always safe.
  while (answer.errorCode === errorCodes.notLeaderOrFollower) answer = await produceBatch(client, 0, batch)
  assert.deepEqual([answer.errorCode, answer.baseOffset], [0, recordsPerBatch])
  const epochOf = async () => {
    const { topics } = await client.request(apis.metadata, 9, { topics: [{ name: topic }] })
    return topics[0]!.partitions[0]!.leaderEpoch
  }
  while ((await epochOf()) === 0) await new Promise(resolve => setTimeout(resolve, 20))
  assert(broker.logLines.some(({ message }) => message.includes('registering anew')))
  assert.equal((await produceBatch(client, 0, batchOf(producer, 0, builder))).baseOffset, 2 * recordsPerBatch)
  assert.equal((await readAll(client, 0)).size, 3 * recordsPerBatch)
})
