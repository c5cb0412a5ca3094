// The power goes for real: brokers on an ext4 image on a loop device, whose file system is shut down at one instant,
// journal and all (FS_IOC_SHUTDOWN): what the image holds then is what a disk would hold. Of one broker of three, and
// of everything at once, the metadata too. No acknowledged record is missing. Skipped where nothing can be mounted.
import assert from 'node:assert/strict'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClusterAdmin } from '../../cli/cluster-admin.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'
import { KeptRecords } from './kept-records.ts'
import { OwnDisk, whyNoMounts } from './own-disk.ts'

const topic = 'logs'
const skip = whyNoMounts('ext4') ?? false

async function untilInSync(addresses: readonly string[]): Promise<void> {
  await using admin = new ClusterAdmin([...addresses])
  await until('all are in sync', async () => {
    const { partitions } = await admin.view()
    const ours = partitions.filter(partition => partition.topic === topic)
    return ours.length > 0 && ours.every(({ isr, replicas }) => isr.length === replicas.length)
  })
}

test('the cut is one: what was not flushed is gone, what was is there', { skip }, async () => {
  await using disk = await OwnDisk.ext4(16)
  await writeFile(join(disk.path, 'flushed'), 'a', { flush: true })
  await writeFile(join(disk.path, 'written'), 'b')
  disk.cutPower()
  disk.mountAgain()
  assert.deepEqual(
    (await readdir(disk.path)).filter(name => name !== 'lost+found'),
    ['flushed'],
  )
})

test('a power cut of the only broker, three times: every acknowledged record is there', {
  skip,
}, async () => {
  await using disk = await OwnDisk.ext4(96)
  await using broker = await BrokerProcess.start([{ name: topic, partitions: 3 }], {}, disk.path)
  await using records = await KeptRecords.to([broker.address], topic, 1_000)
  for (let cut = 0; cut < 3; cut++) {
    records.start()
    await records.more(200)
    disk.cutPower()
    await broker.stop('SIGKILL')
    await records.stop()
    disk.mountAgain()
    await broker.start()
    await records.check()
  }
  const damage = broker.logLines.filter(line => /damage|corrupt|lost/i.test(line.message))
  assert.deepEqual(damage, [], 'what a power cut takes is no damage')
})

test('a power cut of one broker of three, and of all at once: every acknowledged record is there', {
  skip,
}, async () => {
  await using shared = await OwnDisk.ext4(192)
  await using own = await OwnDisk.ext4(96)
  const prepare = async (directory: string) => {
    await mkdir(join(own.path, 'data'))
    await symlink(join(own.path, 'data'), join(directory, 'broker-2'))
  }
  const place = { place: shared.path, prepare }
  await using cluster = await BrokerCluster.start(3, [{ name: topic, partitions: 3 }], null, place)
  await using records = await KeptRecords.to(cluster.addresses, topic, 1_000)
  await untilInSync(cluster.addresses)
  records.start()
  await records.more(100)

  own.cutPower()
  await cluster.stopOne(2, 'SIGKILL')
  await records.more(100)
  own.mountAgain()
  await cluster.startOne(2)
  await untilInSync(cluster.addresses)
  await records.more(100)

  own.cutPower()
  shared.cutPower()
  await Promise.all(cluster.ids.map(id => cluster.stopOne(id, 'SIGKILL')))
  await records.stop()
  own.mountAgain()
  shared.mountAgain()
  await Promise.all(cluster.ids.map(id => cluster.startOne(id)))
  await untilInSync(cluster.addresses)
  await records.check()
  records.start()
  await records.more(50)
  await records.stop()
})
