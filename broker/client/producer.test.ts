// The idempotent producer against a scripted broker: whatever goes wrong, every record is appended once, in order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import type { ErrorName } from '../protocol/errors.ts'
import { batchView } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import { Cluster } from './cluster.ts'
import { Producer } from './producer.ts'
import { type ProduceFault, ScriptedBroker } from './scripted-broker.ts'

const quiet = createLog('test', () => {})

function batchOf(...values: string[]): Buffer {
  const builder = new BatchBuilder()
  for (const value of values) builder.append(null, Buffer.from(value))
  return builder.build({ codec: 'none' })
}

function valuesIn(broker: ScriptedBroker, topic: string, partition: number): string[] {
  const values: string[] = []
  for (const batch of broker.topics.get(topic)!.partitions[partition]!.batches) {
    walkRecords(batch, (_offset, _time, buffer, _keyStart, _keyEnd, start, end) => {
      values.push(buffer.toString('latin1', start, end))
    })
  }
  return values
}

function producerOf(broker: ScriptedBroker) {
  const cluster = new Cluster({
    bootstrap: [`127.0.0.1:${broker.port}`],
    clientId: 'test',
    autoCreate: true,
  })
  const producer = new Producer({ cluster, clock: systemClock, log: quiet, requestTimeoutMs: 500 })
  const close = () => {
    producer.close()
    cluster.close()
  }
  return { cluster, producer, close, [Symbol.dispose]: close }
}

/** Sends `count` batches of three to each partition at once, and waits for all of them. */
function sendAll(producer: Producer, partitions: number, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = partitions * count
    for (let batch = 0; batch < count; batch++) {
      for (let partition = 0; partition < partitions; partition++) {
        const values = [0, 1, 2].map(record => `${batch * 3 + record}`)
        producer.send('t', partition, batchOf(...values), error => {
          if (error) reject(new Error(error))
          else if (--left === 0) resolve()
        })
      }
    }
  })
}

function expectAll(broker: ScriptedBroker, partitions: number, count: number): void {
  const expected = Array.from({ length: count * 3 }, (_, index) => `${index}`)
  for (let partition = 0; partition < partitions; partition++) {
    assert.deepEqual(valuesIn(broker, 't', partition), expected)
  }
}

test('a batch that times out again and again after its append is not forgotten for those behind it', async () => {
  await using broker = await new ScriptedBroker().listen()
  broker.autoCreatePartitions = 1
  // The second batch, and then what is sent next but four: the same one again, and again.
  const struck = new Set([1, 6, 7, 8])
  broker.fault = (_topic, _partition, batch) =>
    struck.has(batch) ? { error: 'requestTimedOut', appended: true } : null
  using client = producerOf(broker)
  await sendAll(client.producer, 1, 20)
  expectAll(broker, 1, 20)
})

test('batches of many partitions share requests and arrive in order', async () => {
  await using broker = await new ScriptedBroker().listen()
  broker.autoCreatePartitions = 3
  using client = producerOf(broker)
  await sendAll(client.producer, 3, 20)
  expectAll(broker, 3, 20)
  assert.equal(client.producer.isIdle, true)
  const produced = broker.requests.filter(name => name === 'produce').length
  assert(produced < 60, `${produced} requests for 60 batches`)
})

const faults: readonly (readonly [string, ProduceFault])[] = [
  ['an answer lost after the append', { drop: 'after' }],
  ['a connection lost before the append', { drop: 'before' }],
  ['a leader that has moved', { error: 'notLeaderOrFollower' }],
  ['replicas that are too few', { error: 'notEnoughReplicas' }],
  ['a time-out after the append', { error: 'requestTimedOut', appended: true }],
  ['a bad checksum on the way', { error: 'corruptMessage' }],
]

for (const [name, fault] of faults) {
  test(`${name} is retried without loss, doubles or disorder`, async () => {
    await using broker = await new ScriptedBroker().listen()
    broker.autoCreatePartitions = 2
    const struck = new Set([0, 3, 7, 8, 15, 22])
    broker.fault = (_topic, _partition, batch) => (struck.has(batch) ? fault : null)
    using client = producerOf(broker)
    await sendAll(client.producer, 2, 12)
    expectAll(broker, 2, 12)
  })
}

test('the first batch under a new producer id flies alone', async () => {
  await using broker = await new ScriptedBroker().listen()
  broker.autoCreatePartitions = 1
  // With the first answer lost, a second batch that had flown beside it would have been taken as the first.
  broker.fault = (_topic, _partition, batch) => (batch === 0 ? { error: 'notEnoughReplicas' } : null)
  using client = producerOf(broker)
  await sendAll(client.producer, 1, 5)
  expectAll(broker, 1, 5)
})

test('a broker that forgot the producer gets everything unacknowledged under a new id', async () => {
  await using broker = await new ScriptedBroker().listen()
  broker.autoCreatePartitions = 1
  using client = producerOf(broker)
  await sendAll(client.producer, 1, 2)
  let refused = false
  broker.fault = () => {
    if (refused) return null
    refused = true
    return { error: 'unknownProducerId' }
  }
  const before = batchView.producerId(broker.topics.get('t')!.partitions[0]!.batches.at(-1)!, 0)
  await sendAll(client.producer, 1, 3)
  const batches = broker.topics.get('t')!.partitions[0]!.batches
  assert.notEqual(batchView.producerId(batches.at(-1)!, 0), before)
  assert.equal(batchView.baseSequence(batches.at(-3)!, 0), 0)
  assert.equal(valuesIn(broker, 't', 0).length, 15)
})

test('a gap that the broker claims before our oldest batch starts over too', async () => {
  await using broker = await new ScriptedBroker().listen()
  broker.autoCreatePartitions = 1
  using client = producerOf(broker)
  await sendAll(client.producer, 1, 2)
  for (const state of broker.topics.get('t')!.partitions[0]!.producers.values()) state.next = 77
  await sendAll(client.producer, 1, 2)
  assert.deepEqual(valuesIn(broker, 't', 0).slice(6), ['0', '1', '2', '3', '4', '5'])
})

test('what the broker refuses for good is reported, can be replaced, and holds up nothing else', async () => {
  await using broker = await new ScriptedBroker().listen()
  broker.autoCreatePartitions = 1
  broker.fault = (_topic, _partition, batch) => (batch === 1 ? { error: 'messageTooLarge' } : null)
  using client = producerOf(broker)
  const { producer } = client
  const done = Promise.withResolvers<void>()
  const errors: (ErrorName | null)[] = []
  producer.send('t', 0, batchOf('a'), () => {})
  producer.send('t', 0, batchOf('b', 'c'), error => {
    errors.push(error)
    const halves = [batchOf('b'), batchOf('c')]
    producer.replace(
      't',
      0,
      halves.map(bytes => ({ bytes, callback: () => {} })),
    )
  })
  producer.send('t', 0, batchOf('d'), () => done.resolve())
  await done.promise
  assert.deepEqual(errors, ['messageTooLarge'])
  assert.deepEqual(valuesIn(broker, 't', 0), ['a', 'b', 'c', 'd'])
})

test('a broker that is away is waited for, and everything arrives when it is back', async () => {
  await using broker = await new ScriptedBroker().listen()
  broker.autoCreatePartitions = 2
  using client = producerOf(broker)
  await sendAll(client.producer, 2, 2)
  const port = broker.port
  await broker.stop()
  const sent = sendAll(client.producer, 2, 3)
  while (client.producer.lastError === null) await new Promise(resolve => setImmediate(resolve))
  await broker.listen(port)
  await sent
  assert.equal(valuesIn(broker, 't', 1).length, 15)
  assert.equal(client.producer.lastError, null)
})

test('names before v13, ids from v13 on', async () => {
  for (const newest of [3, 8, 12, 13]) {
    await using broker = new ScriptedBroker()
    broker.versions = { produce: [0, newest], metadata: [0, newest < 13 ? 9 : 13] }
    await broker.listen()
    broker.autoCreatePartitions = 1
    using client = producerOf(broker)
    await sendAll(client.producer, 1, 2)
    expectAll(broker, 1, 2)
  }
})
