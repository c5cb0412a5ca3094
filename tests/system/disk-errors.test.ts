// The disk of a running broker fails by strace: EIO on a flush or a write ends the broker, without an acknowledgement
// and without a second try, and the next start has everything that was acknowledged; of three brokers the others lead
// on. A slow flush makes slow answers or REQUEST_TIMED_OUT, never a success. Skipped where strace cannot inject.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { apis } from '../../broker/protocol/apis.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { ClusterAdmin } from '../../cli/cluster-admin.ts'
import { BrokerProcess } from '../clients/broker-process.ts'
import { WireClient } from '../clients/wire-client.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from './broker-cluster.ts'
import { KeptRecords } from './kept-records.ts'
import { SyscallFault, whyNoFaults } from './syscall-faults.ts'

const topic = 'logs'
const topics = [{ name: topic, partitions: 1 }]
const skip = whyNoFaults()
const segmentOf = (dataDirectory: string) => join(dataDirectory, `${topic}-0`, '00000000000000000000.log')

for (const [what, calls] of [
  ['flush', 'fdatasync'],
  ['write', 'pwrite64'],
] as const) {
  test(`EIO on a ${what} ends the only broker: no acknowledgement, no second try, and nothing is lost`, {
    skip,
  }, async () => {
    await using broker = await BrokerProcess.start(topics)
    await using records = await KeptRecords.to([broker.address], topic)
    for (let count = 0; count < 3; count++) assert.equal(await records.send(), true)
    const { pid } = broker
    {
      await using fault = await SyscallFault.on(
        pid,
        calls,
        'error=EIO',
        segmentOf(broker.config.dataDirectory),
      )
      const ended = broker.ended()
      assert.equal(await records.send(), false)
      assert.equal(await ended, 1)
      assert.equal(await fault.count(), 1, 'what failed once is not tried again')
    }
    const said = broker.logLines.find(line => line.message.includes('the disk failed, stopping'))
    assert(said, 'it says what happened')
    await broker.start()
    await until('produce goes on after the restart', () => records.send())
    await records.check()
  })
}

test('EIO on a flush of one broker of three: the others lead on, it comes back', { skip }, async () => {
  await using cluster = await BrokerCluster.start(3, topics)
  await using admin = new ClusterAdmin(cluster.addresses)
  const view = async () => (await admin.view()).partitions.find(partition => partition.topic === topic)!
  await until('all are in sync', async () => (await view()).isr.length === 3)
  await using records = await KeptRecords.to(cluster.addresses, topic)
  records.start()
  await records.more(50)
  const { leader } = await view()
  const segment = segmentOf(join(cluster.directory, `broker-${leader}`))
  await using fault = await SyscallFault.on(cluster.pidOf(leader), 'fdatasync', 'error=EIO', segment)
  await until('another leads', async () => (await view()).leader !== leader)
  await records.more(50)
  await fault.lift()
  await cluster.stopOne(leader, 'SIGKILL')
  await cluster.startOne(leader)
  await until('all are in sync again', async () => (await view()).isr.length === 3)
  await records.stop()
  await records.check()
})

test('a slow flush: the answer waits for it or is REQUEST_TIMED_OUT, and nothing is shown before', {
  skip,
}, async () => {
  await using broker = await BrokerProcess.start(topics)
  using client = await WireClient.connect(broker.port)
  const builder = new BatchBuilder()
  const produce = async (value: string) => {
    builder.append(null, Buffer.from(value), undefined, Date.now())
    const partitionData = [{ index: 0, records: Buffer.from(builder.build({ codec: 'none' })) }]
    const body = {
      transactionalId: null,
      acks: -1,
      timeoutMs: 500,
      topicData: [{ name: topic, partitionData }],
    }
    const answer = await client.request(apis.produce, 9, body)
    return answer.responses[0]!.partitionResponses[0]!.errorCode
  }
  const highWatermark = async () => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 2 ** 20 }]
    const body = { maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 20, topics: [{ topic, partitions }] }
    return (await client.request(apis.fetch, 12, body)).responses[0]!.partitions[0]!.highWatermark
  }
  assert.equal(await produce('a'), 0)
  const segment = segmentOf(broker.config.dataDirectory)
  {
    await using fault = await SyscallFault.on(broker.pid, 'fdatasync', 'delay_enter=300ms', segment)
    const startedMs = performance.now()
    assert.equal(await produce('b'), 0)
    assert(performance.now() - startedMs >= 300, 'the answer has waited for the flush')
    assert.equal(await fault.count(), 1)
  }
  {
    await using fault = await SyscallFault.on(broker.pid, 'fdatasync', 'delay_enter=2500ms', segment)
    assert.equal(await produce('c'), errorCodes.requestTimedOut)
    assert.equal(await highWatermark(), 2, 'what is not on the disk is not shown')
    await until('the flush returns in the end', async () => (await highWatermark()) === 3)
    assert((await fault.count()) >= 1)
  }
  assert.equal(await produce('d'), 0)
})
