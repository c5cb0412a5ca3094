// A broker comes back with an empty disk under its old id, in the worst moments: it had led, it was the last in sync,
// it was the only one that may be elected. It is trusted with nothing until it has copied everything.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { electUnclean, replaceBroker } from '../../cli/cluster.ts'
import { type AdminPartition, ClusterAdmin } from '../../cli/cluster-admin.ts'
import { eventually } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'

const topic = 'logs'
const silent = () => {}

async function partitionOf(admin: ClusterAdmin): Promise<AdminPartition> {
  const { partitions } = await admin.view()
  return partitions.find(partition => partition.topic === topic)!
}

/** Resolves with the partition when it is so. */
function reaches(admin: ClusterAdmin, what: string, isSo: (partition: AdminPartition) => boolean) {
  return eventually(what, () => partitionOf(admin), isSo)
}

function wipe(cluster: BrokerCluster, brokerId: number): Promise<void> {
  return rm(join(cluster.directory, `broker-${brokerId}`), { recursive: true })
}

async function send(kafka: Kafka, values: readonly string[]): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await producer.send({ topic, acks: -1, messages: values.map(value => ({ value })) })
  await producer.disconnect()
}

async function endOffset(kafka: Kafka): Promise<number> {
  const admin = kafka.admin()
  await admin.connect()
  const [offsets] = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  return Number(offsets!.high)
}

test('a wiped disk is elected for nothing, whoever it was, and has everything again afterwards', async () => {
  await using cluster = await BrokerCluster.start(3, [{ name: topic, partitions: 1 }])
  using admin = new ClusterAdmin(cluster.addresses)
  const retry = { retries: 20, initialRetryTime: 50, maxRetryTime: 300 }
  const kafka = new Kafka({ brokers: cluster.addresses, logLevel: logLevel.NOTHING, retry })
  const { leader } = await reaches(admin, 'all three are in sync', ({ isr }) => isr.length === 3)
  await send(kafka, ['a', 'b', 'c'])

  // The leader, and it is back at once.
  await cluster.stopOne(leader, 'SIGKILL')
  await wipe(cluster, leader)
  await cluster.startOne(leader)
  const other = await reaches(admin, 'another leads', one => one.leader > 0 && one.leader !== leader)
  assert(!other.isr.includes(leader) || other.isr.length === 3, 'it leads nothing, and joins by copying')
  assert.equal((await replaceBroker(admin, silent, leader)).replicas > 0, true)
  assert.equal((await partitionOf(admin)).isr.length, 3)
  assert.equal(await endOffset(kafka), 3)

  // The last in sync: the other two go one after the other, so the second of them stays eligible.
  const now = await reaches(admin, 'the first leads again', one => one.leader === one.replicas[0])
  const [first, second, third] = now.replicas as [number, number, number]
  await cluster.stopOne(third, 'SIGKILL')
  await reaches(admin, 'two are left', ({ isr }) => isr.length === 2)
  await send(kafka, ['d', 'e'])
  await cluster.stopOne(second, 'SIGKILL')
  await reaches(admin, 'one is left', ({ isr }) => isr.length === 1)
  await cluster.stopOne(first, 'SIGKILL')
  await wipe(cluster, first)
  await cluster.startOne(first)
  const alone = await reaches(admin, 'nobody leads', one => one.leader < 0)
  assert.equal(alone.isr.includes(first), false)
  await cluster.startOne(third)
  assert.equal((await partitionOf(admin)).leader, -1, 'what left the set earlier lacks acknowledged records')
  await cluster.startOne(second)
  await reaches(admin, 'the eligible one leads and the others copy', one => one.isr.length === 3)
  assert.equal(await endOffset(kafka), 5)

  // The only one that may be elected: nobody is, until a person says so.
  await cluster.stopOne(third, 'SIGKILL')
  await reaches(admin, 'two are left', ({ isr }) => isr.length === 2)
  await send(kafka, ['f'])
  for (const id of [first, second]) await cluster.stopOne(id, 'SIGKILL')
  for (const id of [first, second]) await wipe(cluster, id)
  for (const id of [third, first, second]) await cluster.startOne(id)
  await reaches(admin, 'nobody leads', one => one.leader < 0 && one.isr.length === 0)
  await electUnclean(admin, topic, 0)
  await reaches(admin, 'led again', one => one.leader > 0)
})
