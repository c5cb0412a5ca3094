// The fetch loop against a scripted broker: whole batches in order, decisions asked for, back-pressure kept.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import { batchEnd } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import { Cluster } from './cluster.ts'
import { type FetchedFrom, FetchLoop, offsetAt } from './fetcher.ts'
import { Producer } from './producer.ts'
import { ScriptedBroker } from './scripted-broker.ts'

const quiet = createLog('test', () => {})

function produce(producer: Producer, partition: number, ...values: string[]): Promise<number> {
  const builder = new BatchBuilder()
  for (const value of values) builder.append(null, Buffer.from(value))
  return new Promise((resolve, reject) => {
    producer.send('t', partition, builder.build({ codec: 'zstd' }), (error, offset) => {
      if (error) reject(new Error(error))
      else resolve(offset)
    })
  })
}

async function scene(broker: ScriptedBroker) {
  await broker.listen()
  const cluster = new Cluster({ bootstrap: [`127.0.0.1:${broker.port}`], clientId: 'test' })
  const producer = new Producer({ cluster, clock: systemClock, log: quiet })
  const seen: string[] = []
  const events: string[] = []
  let wake = () => {}
  const onBatches = (topic: string, partition: number, batches: Buffer, from: FetchedFrom) => {
    for (let at = 0, end = batchEnd(batches, 0, batches.length); end > 0; ) {
      walkRecords(batches.subarray(at, end), (offset, _time, buffer, _ks, _ke, start, stop) => {
        seen.push(`${partition}:${offset} ${buffer.toString('latin1', start, stop)}`)
      })
      at = end
      end = batchEnd(batches, at, batches.length)
    }
    assert.equal(topic, 't')
    assert(from.nextOffset <= from.highWatermark)
    wake()
  }
  const handler = {
    onBatches,
    onOffsetOutOfRange: (
      _topic: string,
      partition: number,
      offset: number,
      earliest: number,
      latest: number,
    ) => {
      events.push(`${partition} out of range ${offset} ${earliest}-${latest}`)
      wake()
    },
    onDiverged: (_topic: string, partition: number, offset: number, end: number) => {
      events.push(`${partition} diverged ${offset} ${end}`)
      wake()
    },
    onTopicReplaced: (_topic: string, partition: number) => {
      events.push(`${partition} replaced`)
      wake()
    },
  }
  const loop = new FetchLoop({ cluster, handler, clock: systemClock, log: quiet, maxWaitMs: 20 })
  const until = async (holds: () => boolean) => {
    while (!holds()) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  const close = () => {
    loop.close()
    producer.close()
    cluster.close()
  }
  return { cluster, producer, loop, seen, events, until, [Symbol.dispose]: close }
}

for (const newest of [11, 12, 18]) {
  test(`Fetch ${newest}: batches of two partitions come in order, old ones first, then new ones`, async () => {
    await using broker = new ScriptedBroker()
    broker.versions = { fetch: [4, newest] }
    broker.createTopic('t', 2)
    using s = await scene(broker)
    await produce(s.producer, 0, 'a', 'b')
    await produce(s.producer, 1, 'x')
    s.loop.seek('t', 0, 0)
    s.loop.seek('t', 1, 0)
    await s.until(() => s.seen.length === 3)
    await produce(s.producer, 0, 'c')
    await s.until(() => s.seen.length === 4)
    assert.deepEqual(
      s.seen.filter(line => line.startsWith('0')),
      ['0:0 a', '0:1 b', '0:2 c'],
    )
    assert.equal(s.loop.positionOf('t', 0), 3)
  })
}

test('an offset outside the log is reported with the bounds, and seek() goes on', async () => {
  await using broker = new ScriptedBroker()
  broker.createTopic('t', 1)
  using s = await scene(broker)
  await produce(s.producer, 0, 'a')
  await produce(s.producer, 0, 'b')
  broker.topics.get('t')!.partitions[0]!.start = 1
  s.loop.seek('t', 0, 0)
  await s.until(() => s.events.length === 1)
  assert.deepEqual(s.events, ['0 out of range 0 1-2'])
  s.loop.seek('t', 0, 1)
  await s.until(() => s.seen.length === 1)
  assert.deepEqual(s.seen, ['0:1 b'])
})

test('a topic that was deleted and made again is reported, not read on', async () => {
  await using broker = new ScriptedBroker()
  broker.createTopic('t', 1)
  using s = await scene(broker)
  await produce(s.producer, 0, 'a')
  s.loop.seek('t', 0, 0)
  await s.until(() => s.seen.length === 1)
  broker.topics.delete('t')
  broker.createTopic('other', 1)
  broker.createTopic('t', 1)
  await s.until(() => s.events.length === 1)
  assert.deepEqual(s.events, ['0 replaced'])
})

test('while paused nothing is asked for; a partition can pause alone', async () => {
  await using broker = new ScriptedBroker()
  broker.createTopic('t', 2)
  using s = await scene(broker)
  s.loop.seek('t', 0, 0)
  s.loop.seek('t', 1, 0)
  s.loop.pausePartition('t', 1, true)
  await produce(s.producer, 1, 'x')
  await produce(s.producer, 0, 'a')
  await s.until(() => s.seen.length === 1)
  assert.deepEqual(s.seen, ['0:0 a'])
  s.loop.pause()
  s.loop.pausePartition('t', 1, false)
  s.loop.resume()
  await s.until(() => s.seen.length === 2)
  assert.deepEqual(s.seen[1], '1:0 x')
})

test('a broker that is away is waited for', async () => {
  await using broker = new ScriptedBroker()
  broker.createTopic('t', 1)
  using s = await scene(broker)
  await produce(s.producer, 0, 'a')
  s.loop.seek('t', 0, 0)
  await s.until(() => s.seen.length === 1)
  const port = broker.port
  await broker.stop()
  while (s.loop.lastError === null) await new Promise(resolve => setImmediate(resolve))
  await broker.listen(port)
  await produce(s.producer, 0, 'b')
  await s.until(() => s.seen.length === 2)
  assert.deepEqual(s.seen, ['0:0 a', '0:1 b'])
})

test('offsetAt() finds the ends of a log', async () => {
  await using broker = new ScriptedBroker()
  broker.createTopic('t', 1)
  using s = await scene(broker)
  await produce(s.producer, 0, 'a', 'b')
  assert.equal(await offsetAt(s.cluster, 't', 0, -1), 2)
  assert.equal(await offsetAt(s.cluster, 't', 0, -2), 0)
  await assert.rejects(offsetAt(s.cluster, 'none', 0, -1), /Cannot find an offset of none\/0/)
})

test('a log that lost its end and grew past where we stand is reported, and seek() reads what is there', async () => {
  await using broker = new ScriptedBroker()
  broker.createTopic('t', 1)
  using s = await scene(broker)
  s.loop.seek('t', 0, 0)
  for (const value of ['a', 'b', 'c']) await produce(s.producer, 0, value)
  await s.until(() => s.seen.length === 3)
  s.loop.pause()
  const partition = broker.topics.get('t')!.partitions[0]!
  partition.batches.length = 1
  partition.end = 1
  broker.leaderEpoch = 1
  for (const value of ['x', 'y', 'z']) await produce(s.producer, 0, value)
  s.loop.resume()
  await s.until(() => s.events.length === 1)
  assert.deepEqual(s.events, ['0 diverged 3 1'])
  assert.equal(s.seen.length, 3)
  s.loop.seek('t', 0, 1)
  await s.until(() => s.seen.length === 6)
  assert.deepEqual(s.seen.slice(3), ['0:1 x', '0:2 y', '0:3 z'])
})
