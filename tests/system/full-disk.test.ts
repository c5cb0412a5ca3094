// A disk fills up under running brokers: a real tmpfs of a few MiB. Produce is refused with KAFKA_STORAGE_ERROR and
// nothing of it is seen; reads, groups and metadata go on; with room again it goes on by itself. Of three brokers the
// others lead on. Skipped where a file system cannot be mounted.
import assert from 'node:assert/strict'
import { mkdir, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { type AdminPartition, ClusterAdmin } from '../../cli/cluster-admin.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'
import { KeptRecords } from './kept-records.ts'
import { OwnDisk, whyNoMounts } from './own-disk.ts'

const topic = 'logs'
const full = 256 * 1024
const skip = whyNoMounts('tmpfs') ?? false

test('a full disk: refused, readable, committable, restartable, and then as before', { skip }, async () => {
  await using disk = await OwnDisk.tmpfs(24)
  await using broker = await BrokerProcess.start([{ name: topic, partitions: 2 }], {}, disk.path)
  await using records = await KeptRecords.to([broker.address], topic, 10_000)
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  assert.equal(await records.send(), true)
  // The reserve is written in the first second.
  await until('there is a reserve', async () => (await fileBytes(broker, 'reserve')) > 0)
  await disk.fillUpTo(2 * 1024 * 1024)
  while (await records.send()) {}
  assert.equal(records.refusals.at(-1), 'KAFKA_STORAGE_ERROR')
  await records.check()
  await admin.setOffsets({ groupId: 'readers', topic, partitions: [{ partition: 0, offset: '3' }] })
  assert.equal(await records.send(), false)
  await until('it says so', () => broker.logLines.some(line => line.message.includes('the disk is full')))

  await broker.killAndRestart()
  assert.equal(await records.send(), false, 'a restart makes no room')
  const [offsets] = await admin.fetchOffsets({ groupId: 'readers', topics: [topic] })
  assert.equal(offsets!.partitions.find(({ partition }) => partition === 0)!.offset, '3')

  await disk.makeRoom()
  await until('produce is taken again', () => records.send())
  await records.check()
  await admin.disconnect()
  assert.equal(await broker.stop('SIGTERM'), 0)
})

test('one full disk of three: the others lead on, nothing is lost, it comes back', { skip }, async () => {
  await using disk = await OwnDisk.tmpfs(32)
  const prepare = async (directory: string) => {
    await mkdir(join(disk.path, 'data'))
    await symlink(join(disk.path, 'data'), join(directory, 'broker-2'))
  }
  await using cluster = await BrokerCluster.start(3, [{ name: topic, partitions: 3 }], null, { prepare })
  await using admin = new ClusterAdmin(cluster.addresses)
  const view = async (): Promise<AdminPartition[]> =>
    (await admin.view()).partitions.filter(partition => partition.topic === topic)
  const isWhole = async () => (await view()).every(({ isr }) => isr.length === 3)
  await until('all are in sync', isWhole)
  await using records = await KeptRecords.to(cluster.addresses, topic, 1_000)
  records.start()
  await records.more(100)
  await disk.fillUpTo(full)

  await until('broker 2 leads nothing and is not in sync', async () =>
    (await view()).every(({ leader, isr }) => leader !== 2 && !isr.includes(2)),
  )
  await records.more(300)
  await disk.makeRoom()
  await until('all are in sync again', isWhole)
  await records.more(100)
  await records.stop()
  await records.check()
})

async function fileBytes(broker: BrokerProcess, name: string): Promise<number> {
  return stat(join(broker.config.dataDirectory, name)).then(
    ({ size }) => size,
    () => 0,
  )
}
