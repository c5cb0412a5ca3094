// Three brokers whose data directories are capped: what nobody has counted stays and produce is refused, reads go on;
// when the aggregators have come on, every broker lets the oldest segments go, leader or follower, and goes on. And one
// on a small disk, where the disk itself is the cap.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CountedPartition, PassedHint } from '../../analytics/ingest/passed-hint.ts'
import { Cluster } from '../../broker/client/cluster.ts'
import { offsetAt } from '../../broker/client/fetcher.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { listOffsetsTimestamps } from '../../broker/protocol/messages/02-list-offsets.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'
import { KeptRecords } from './kept-records.ts'
import { OwnDisk, whyNoMounts } from './own-disk.ts'

const topic = 'logs'
const mebibyte = 2 ** 20

async function diskOf(cluster: Cluster, brokerId: number) {
  const connection = await cluster.connectionTo(brokerId)
  const { results } = await connection.request(apis.describeLogDirs, { topics: null })
  const { topics, totalBytes, usableBytes } = results[0]!
  const partitions = topics.find(({ name }) => name === topic)!.partitions
  return { totalBytes, usableBytes, bytes: partitions.reduce((sum, one) => sum + one.partitionSize, 0) }
}

/** Says for the aggregators that all there is has been counted. */
async function countAll(cluster: Cluster, partitions: number): Promise<void> {
  const counted: CountedPartition[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const offset = await offsetAt(cluster, topic, partition, listOffsetsTimestamps.latest)
    counted.push({ topic, partition, offset })
  }
  assert.equal(await new PassedHint(cluster, () => counted).tell(), true)
}

test('at the cap of three brokers: refused until the aggregators have come on, then the oldest goes', async () => {
  const config = { dataDirectoryBytes: 8 * mebibyte, segmentBytes: mebibyte / 2 }
  await using brokers = await BrokerCluster.start(3, [{ name: topic, partitions: 2 }], null, { config })
  const cluster = new Cluster({ bootstrap: brokers.addresses, clientId: 'test' })
  await cluster.refresh([topic])
  await using records = await KeptRecords.to(brokers.addresses, topic, 20_000)
  // Until the ticks of all brokers have seen it, a second later at most.
  let refused = 0
  while (refused < 5) refused = (await records.send()) ? 0 : refused + 1
  await until('each of them says so', () =>
    brokers.ids.every(id =>
      brokers.said.some(line => line.startsWith(`broker-${id} `) && line.includes('at its cap')),
    ),
  )
  for (const id of brokers.ids) {
    const { totalBytes, usableBytes, bytes } = await diskOf(cluster, id)
    assert.deepEqual([totalBytes, usableBytes], [8 * mebibyte, 0])
    assert(bytes > 8 * mebibyte - 100_000)
  }
  // A new leader says where its log ends once enough others have all of it: who has no room takes a while to be let go.
  await until('all is counted', async () => {
    await cluster.refresh([topic])
    return countAll(cluster, 2).then(
      () => true,
      () => false,
    )
  })
  await until('produce is taken again', () => records.send())
  for (const id of brokers.ids) {
    await until(`broker ${id} has made room`, async () => (await diskOf(cluster, id)).usableBytes > 0)
    assert(brokers.said.some(line => line.startsWith(`broker-${id} `) && line.includes('were deleted')))
  }
  await cluster.refresh([topic])
  const starts = [0, 1].map(index => offsetAt(cluster, topic, index, listOffsetsTimestamps.earliest))
  assert((await Promise.all(starts)).some(offset => offset > 0))
  cluster.close()
})

test('a small disk is a cap of its own, before it is full', {
  skip: whyNoMounts('tmpfs') ?? false,
}, async () => {
  await using disk = await OwnDisk.tmpfs(32)
  const topics = [{ name: topic, partitions: 1 }]
  await using broker = await BrokerProcess.start(topics, { segmentBytes: mebibyte }, disk.path)
  const cluster = new Cluster({ bootstrap: [broker.address], clientId: 'test' })
  await cluster.refresh([topic])
  await using records = await KeptRecords.to([broker.address], topic, 50_000)
  let refused = 0
  while (refused < 5) refused = (await records.send()) ? 0 : refused + 1
  await records.check()
  await countAll(cluster, 1)
  await until('produce is taken again', () => records.send())
  assert((await offsetAt(cluster, topic, 0, listOffsetsTimestamps.earliest)) > 0)
  const { totalBytes, bytes } = await diskOf(cluster, 1)
  assert(totalBytes < 32 * mebibyte * 0.95 && bytes < totalBytes, `${bytes} of ${totalBytes}`)
  cluster.close()
})
