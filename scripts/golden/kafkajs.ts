// Drives kafkajs through everything it can say to a broker, for the recorder: `node kafkajs.ts HOST:PORT`.
import kafkajs from 'kafkajs'

const { CompressionTypes, Kafka, logLevel } = kafkajs
const kafka = new Kafka({ clientId: 'golden', brokers: [process.argv[2]!], logLevel: logLevel.ERROR })
const topic = 'golden-kafkajs'

const admin = kafka.admin()
await admin.connect()
await admin.createTopics({
  topics: [{ topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '600000' }] }],
})
await admin.describeConfigs({
  includeSynonyms: true,
  resources: [{ type: 2, name: topic, configNames: ['retention.ms', 'cleanup.policy'] }],
})
await admin.describeCluster()

for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
  const producer = kafka.producer({ idempotent: compression === CompressionTypes.GZIP })
  await producer.connect()
  const headers = { src: 'a1b2c3d4.0000000000e.0', pos: '0' }
  const messages = [1, 2, 3].map(n => ({
    key: `key-${n}`,
    value: `GET /products/${n} 200`,
    headers,
    partition: 0,
  }))
  await producer.send({ topic, compression, messages })
  await producer.disconnect()
}

// Twice: the second time there is a committed offset to resume from.
for (const stop of [3, 1]) {
  const consumer = kafka.consumer({ groupId: 'golden-kafkajs' })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const { promise, resolve } = Promise.withResolvers<void>()
  let seen = 0
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      if (seen === stop) return
      await consumer.commitOffsets([{ topic, partition, offset: String(BigInt(message.offset) + 1n) }])
      if (++seen === stop) resolve()
    },
  })
  await promise
  await admin.describeGroups(['golden-kafkajs'])
  await new Promise(done => setTimeout(done, 3_500))
  await consumer.disconnect()
}

await admin.listGroups()
await admin.fetchOffsets({ groupId: 'golden-kafkajs', topics: [topic] })
await admin.fetchTopicOffsets(topic)
await admin.fetchTopicOffsetsByTimestamp(topic, Date.now() - 60_000)
await admin.deleteTopics({ topics: [topic] })
await admin.disconnect()
