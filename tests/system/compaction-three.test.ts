// Compaction on three brokers: leader and follower compact each on its own, a replica that is added afterwards fetches
// over the gaps, and all three hold the same last value of every key.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { realDisk } from '../../broker/log/disk.ts'
import { type DumpedBatch, dumpFile } from '../../broker/log/dump-log.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { worstCode } from '../clients/served-broker.ts'
import { WireClient } from '../clients/wire-client.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'

const topic = 'state'
const batches = 120
const keys = 40
let cluster: BrokerCluster

before(async () => {
  cluster = await BrokerCluster.start(3, [])
})
after(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

/** The last value of every key as a broker's own files have it, how many records there are, and what is wrong. */
function heldBy(brokerId: number) {
  const directory = join(cluster.directory, `broker-${brokerId}`, `${topic}-0`)
  const values = new Map<string, string | null>()
  const problems: string[] = []
  let count = 0
  const names = existsSync(directory) ? readdirSync(directory).filter(name => name.endsWith('.log')) : []
  for (const name of names.sort()) {
    const row = (batch: object) => {
      for (const { key, value } of (batch as DumpedBatch).records ?? []) {
        values.set(key!, value?.slice(0, 8) ?? null)
        count++
      }
    }
    dumpFile(realDisk, join(directory, name), { deep: true }, { row, problem: text => problems.push(text) })
  }
  return { values, count, problems }
}

test('every replica is compacted, one that comes later too', async () => {
  using client = await WireClient.connect(cluster.portOf(1))
  const settings = {
    'cleanup.policy': 'compact',
    'segment.bytes': '1048576',
    'min.cleanable.dirty.ratio': '0',
  }
  const configs = Object.entries(settings).map(([name, value]) => ({ name, value }))
  const assignments = [{ partitionIndex: 0, brokerIds: [1, 2] }]
  const topics = [{ name: topic, numPartitions: -1, replicationFactor: -1, assignments, configs }]
  assert.equal(worstCode(await client.request(apis.createTopics, 7, { topics, timeoutMs: 10_000 })), 0)
  const builder = new BatchBuilder()
  const expected = new Map<string, string>()
  for (let round = 0; round < batches; round++) {
    for (let j = 0; j < 20; j++) {
      const key = `key ${(round * 20 + j) % keys}`
      const value = `${round}/${j}`.padEnd(8)
      expected.set(key, value)
      builder.append(Buffer.from(key), Buffer.from(value.padEnd(1_500, '.')))
    }
    const records = builder.build({ codec: 'none' })
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
    const answer = await client.request(apis.produce, 8, { acks: -1, timeoutMs: 10_000, topicData })
    assert.equal(worstCode(answer), 0)
  }
  const all = batches * 20
  await until('both replicas are compacted', () => [1, 2].every(id => heldBy(id).count < all / 2))
  const partitions = [{ partitionIndex: 0, replicas: [1, 2, 3] }]
  const moved = { topics: [{ name: topic, partitions }], timeoutMs: 10_000 }
  assert.equal(worstCode(await client.request(apis.alterPartitionReassignments, 1, moved)), 0)
  await until('the third replica is in sync', async () => {
    const answer = await client.request(apis.metadata, 12, { topics: [{ name: topic }] })
    return answer.topics[0]!.partitions[0]!.isrNodes.length === 3
  })
  assert(heldBy(3).count < all / 2, 'it was sent what is left')
  for (const id of cluster.ids) {
    await until(`broker ${id} holds every last value`, () => {
      const { values, problems } = heldBy(id)
      return problems.length === 0 && [...expected].every(([key, value]) => values.get(key) === value)
    })
  }
})
