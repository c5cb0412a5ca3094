// Drives @platformatic/kafka through everything it can say to a broker, for the recorder:
// `node platformatic.ts HOST:PORT`.
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'

const client = { clientId: 'golden', bootstrapBrokers: [process.argv[2]!] }
const topic = 'golden-platformatic'
const groupId = 'golden-platformatic'

const admin = new Admin(client)
await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 })
await admin.listTopics()
await admin.describeConfigs({
  resources: [{ resourceType: 2, resourceName: topic, configurationKeys: ['retention.ms'] }],
  includeSynonyms: true,
  includeDocumentation: false,
})

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
  const producer = new Producer({
    ...client,
    serializers: stringSerializers,
    compression,
    idempotent: compression === 'zstd',
  })
  const messages = [1, 2, 3].map(n => ({
    topic,
    partition: 0,
    key: `key-${n}`,
    value: `GET /products/${n} 200`,
    headers: { pos: '0' },
  }))
  await producer.send({ messages, acks: -1 })
  await producer.close()
}

for (const stop of [12, 3]) {
  const consumer = new Consumer({
    ...client,
    groupId,
    deserializers: stringDeserializers,
    sessionTimeout: 6_000,
    heartbeatInterval: 500,
  })
  const stream = await consumer.consume({
    topics: [topic],
    autocommit: false,
    mode: 'committed',
    fallbackMode: 'earliest',
    maxWaitTime: 200,
  })
  let seen = 0
  for await (const message of stream) {
    await message.commit()
    if (++seen === stop) break
  }
  await new Promise(done => setTimeout(done, 1_200))
  await admin.describeGroups({ groups: [groupId] })
  await consumer.listOffsets({ topics: [topic] })
  await consumer.listCommittedOffsets({ topics: [{ topic, partitions: [0, 1] }] })
  await consumer.close(true)
}
await admin.listGroups()
await admin.deleteTopics({ topics: [topic] })
await admin.close()
