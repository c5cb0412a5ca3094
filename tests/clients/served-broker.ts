// One broker and one connection to it for a file of table tests, and the small requests that all of them make.
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { BrokerProcess } from './broker-process.ts'
import { WireClient } from './wire-client.ts'

export const topic = 'logs'

export class ServedBroker {
  broker!: BrokerProcess
  client!: WireClient
  /** Of `topic`. */
  topicId = ''

  /** Starts before the tests of the calling file and ends after them. */
  static forThisFile(): ServedBroker {
    const served = new ServedBroker()
    before(async () => {
      served.broker = await BrokerProcess.start([{ name: topic, partitions: 2 }])
      served.client = await WireClient.connect(served.broker.port)
      const { topics } = await served.client.request(apis.metadata, 12, { topics: [{ name: topic }] })
      served.topicId = topics[0]!.topicId
    })
    after(async () => {
      served.client[Symbol.dispose]()
      await served.broker[Symbol.asyncDispose]()
    })
    return served
  }

  async newTopic(name: string, partitions = 1, configs: Record<string, string> = {}): Promise<void> {
    const settings = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    const topics = [{ name, numPartitions: partitions, replicationFactor: 1, configs: settings }]
    assert.equal(worstCode(await this.client.request(apis.createTopics, 7, { topics })), 0)
  }

  async produceTo(name: string, ...batches: Buffer[]): Promise<void> {
    for (const records of batches) assert.equal(worstCode(await this.produce(name, records)), 0)
  }

  produce(name: string, records: Buffer | null, index = 0, client = this.client) {
    const topicData = [{ name, partitionData: [{ index, records }] }]
    return client.request(apis.produce, 8, { acks: -1, timeoutMs: 5_000, topicData })
  }

  async fetchOne(name: string, wish: FetchWish, maxWaitMs = 0, minBytes = 1) {
    const partition = {
      partition: 0,
      fetchOffset: wish.offset,
      partitionMaxBytes: wish.maxBytes ?? 2 ** 20,
      currentLeaderEpoch: wish.epoch ?? -1,
    }
    const topics = [{ topic: name, partitions: [partition] }]
    const answer = await this.client.request(apis.fetch, 11, { maxWaitMs, minBytes, topics })
    return answer.responses[0]!.partitions[0]!
  }
}

export interface FetchWish {
  readonly offset: number
  readonly maxBytes?: number
  readonly epoch?: number
}

export function batch(...values: string[]): Buffer {
  const builder = new BatchBuilder()
  for (const value of values) builder.append(null, Buffer.from(value), undefined, 1_700_000_000_000)
  return builder.build({ codec: 'none' })
}

/** The deepest error code that is not none. */
export function worstCode(value: unknown): number {
  if (Array.isArray(value)) return value.map(worstCode).find(code => code !== 0) ?? 0
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return 0
  const { errorCode } = value as { errorCode?: number }
  return errorCode ? errorCode : worstCode(Object.values(value))
}
