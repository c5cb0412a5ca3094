// Somebody else's program that reads what Tailrace keeps: an ordinary Kafka consumer group, by an ordinary client.
//
//   npm install kafkajs && node subscriber.mjs 127.0.0.1:9092 logs
import { Kafka, logLevel } from 'kafkajs'

const [broker = '127.0.0.1:9092', topic = 'logs'] = process.argv.slice(2)
// Batches are compressed by zstd, which kafkajs does not know by itself: Node does.
const { CompressionCodecs, CompressionTypes } = (await import('kafkajs')).default
const { zstdCompressSync, zstdDecompressSync } = await import('node:zlib')
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => zstdCompressSync(encoder.buffer),
  decompress: async buffer => zstdDecompressSync(buffer),
})

const kafka = new Kafka({ clientId: 'subscriber', brokers: [broker], logLevel: logLevel.ERROR })
const consumer = kafka.consumer({ groupId: 'subscriber' })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  eachMessage: async ({ partition, message }) => {
    console.log(`${partition}:${message.offset} ${message.value}`)
  },
})
process.once('SIGTERM', () => void consumer.disconnect())
