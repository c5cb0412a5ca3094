// @platformatic/kafka against our broker: the newer generation of clients (flexible versions only).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Admin,
  Consumer,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { BrokerProcess } from './broker-process.ts'

const topic = 'shop'
const perCodec = 120
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

function optionsFor(broker: BrokerProcess) {
  return { clientId: 'platformatic-test', bootstrapBrokers: [broker.address], retries: 20, retryDelay: 100 }
}

async function produce(broker: BrokerProcess, name: string): Promise<string[]> {
  const producer = new Producer({
    ...optionsFor(broker),
    serializers: stringSerializers,
    idempotent: true,
    autocreateTopics: false,
  })
  const sent: string[] = []
  for (const compression of codecs) {
    const messages = Array.from({ length: perCodec }, (_, index) => ({
      topic,
      key: `visitor-${index}`,
      value: `${name} ${compression} ${index}`,
    }))
    sent.push(...messages.map(({ value }) => value))
    await producer.send({ messages, compression, acks: -1 })
  }
  await producer.close()
  return sent
}

/** Reads with two members of one group until `count` messages have come; each must have had some. */
async function consumeAsTwo(broker: BrokerProcess, count: number): Promise<string[]> {
  const received: string[] = []
  const perMember = [0, 0]
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const consumers = [0, 1].map(
    () => new Consumer({ ...optionsFor(broker), groupId: 'readers', deserializers: stringDeserializers }),
  )
  // Both are members before either reads, so that the partitions are shared from the first record on.
  await Promise.all(consumers.map(consumer => consumer.topics.trackAll(topic)))
  await Promise.all(
    consumers.map(consumer => consumer.joinGroup({ sessionTimeout: 10_000, heartbeatInterval: 200 })),
  )
  const streams = await Promise.all(
    consumers.map(consumer =>
      consumer.consume({
        topics: [topic],
        mode: MessagesStreamModes.COMMITTED,
        fallbackMode: MessagesStreamFallbackModes.EARLIEST,
        autocommit: false,
        maxWaitTime: 100,
        sessionTimeout: 10_000,
        heartbeatInterval: 200,
      }),
    ),
  )
  streams.forEach((stream, member) => {
    stream.on('error', reject)
    stream.on('data', message => {
      received.push(message.value)
      perMember[member]!++
      Promise.resolve(message.commit()).then(() => {
        if (received.length >= count) resolve()
      }, reject)
    })
  })
  await promise
  for (const stream of streams) await stream.close()
  for (const consumer of consumers) await consumer.close(true)
  assert(
    perMember.every(share => share > 0),
    `both members read: ${perMember}`,
  )
  return received
}

test('@platformatic/kafka creates a topic, produces with every codec, reads in a group of two, resumes', async () => {
  await using broker = await BrokerProcess.start()
  const admin = new Admin(optionsFor(broker))
  await admin.createTopics({ topics: [topic], partitions: 4, replicas: 1 })
  const { topics } = await admin.metadata({ topics: [topic] })
  assert.equal(topics.get(topic)?.partitionsCount, 4)
  await admin.close()

  const sent = await produce(broker, 'before')
  assert.deepEqual((await consumeAsTwo(broker, sent.length)).sort(), sent.sort())

  await broker.killAndRestart()
  const after = await produce(broker, 'after')
  assert.deepEqual((await consumeAsTwo(broker, after.length)).sort(), after.sort())
})
