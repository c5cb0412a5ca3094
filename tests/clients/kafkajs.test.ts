// kafkajs against our broker: the older generation of clients (no flexible versions).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompressionTypes, type Consumer, Kafka, logLevel } from 'kafkajs'
import { BrokerProcess } from './broker-process.ts'

const topic = 'shop'
const perCodec = 120

function clientOf(broker: BrokerProcess): Kafka {
  return new Kafka({
    clientId: 'kafkajs-test',
    brokers: [broker.address],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 20, maxRetryTime: 500 },
  })
}

async function produce(kafka: Kafka, name: string): Promise<string[]> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false })
  await producer.connect()
  const sent: string[] = []
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
    const messages = Array.from({ length: perCodec }, (_, index) => ({
      key: `visitor-${index}`,
      value: `${name} ${compression} ${index}`,
    }))
    sent.push(...messages.map(({ value }) => value))
    await producer.send({ topic, compression, messages, acks: -1 })
  }
  await producer.disconnect()
  return sent
}

/** Reads with two members of one group until `count` messages have come; each must have had some. */
async function consumeAsTwo(kafka: Kafka, count: number): Promise<string[]> {
  const received: string[] = []
  const perMember = [0, 0]
  const { promise, resolve } = Promise.withResolvers<void>()
  const consumers = [0, 1].map(() =>
    kafka.consumer({ groupId: 'readers', sessionTimeout: 10_000, maxWaitTimeInMs: 200 }),
  )
  const start = async (consumer: Consumer, member: number) => {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    const joined = new Promise(join => consumer.on(consumer.events.GROUP_JOIN, join))
    await consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ message }) => {
        received.push(String(message.value))
        perMember[member]!++
        if (received.length >= count) resolve()
      },
    })
    await joined
  }
  await Promise.all(consumers.map(start))
  await promise
  await Promise.all(consumers.map(consumer => consumer.disconnect()))
  assert(
    perMember.every(share => share > 0),
    `both members read: ${perMember}`,
  )
  return received
}

test('kafkajs creates a topic, produces with every codec, reads in a group of two, and resumes', async () => {
  await using broker = await BrokerProcess.start()
  const kafka = clientOf(broker)
  const admin = kafka.admin()
  await admin.connect()
  assert.equal(
    await admin.createTopics({ topics: [{ topic, numPartitions: 4, replicationFactor: 1 }] }),
    true,
  )
  assert.equal(await admin.createTopics({ topics: [{ topic, numPartitions: 4 }] }), false)

  const sent = await produce(kafka, 'before')
  assert.deepEqual((await consumeAsTwo(kafka, sent.length)).sort(), sent.sort())
  const committed = (await admin.fetchOffsets({ groupId: 'readers', topics: [topic] }))[0]!.partitions
  assert.equal(
    committed.reduce((sum, { offset }) => sum + Number(offset), 0),
    sent.length,
  )
  await admin.disconnect()

  await broker.killAndRestart()
  const after = await produce(clientOf(broker), 'after')
  assert.deepEqual((await consumeAsTwo(clientOf(broker), after.length)).sort(), after.sort())
})
