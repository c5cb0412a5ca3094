// Opening and closing the house in one process: what an earlier life left half done is finished, what it did not
// know is left alone.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../runtime/clock.ts'
import { createLog } from '../runtime/log.ts'
import { Metrics } from '../runtime/metrics.ts'
import { createBrokerCounters } from './broker-metrics.ts'
import { openSqliteStore } from './metadata/sqlite-store.ts'
import { type OpenBroker, openBroker } from './opening.ts'
import { BatchBuilder } from './protocol/batch-builder.ts'

function opening(directory: string, said: string[] = []): Promise<OpenBroker> {
  return openBroker({
    config: {
      brokerId: 1,
      host: '127.0.0.1',
      port: 0,
      dataDirectory: join(directory, 'broker-1'),
      metadataPath: join(directory, 'metadata.db'),
      segmentBytes: 2 ** 20,
      retentionMs: -1,
      retentionBytes: -1,
      defaultPartitions: 2,
      initialTopics: [{ name: 'logs', partitions: 1 }],
    },
    clock: systemClock,
    log: createLog('test', line => said.push(line)),
    counters: createBrokerCounters(new Metrics()),
    port: 9_092,
    openStore: openSqliteStore,
    onFatal: error => assert.fail(error),
  })
}

test('a deletion that a crash interrupted is finished at the next start', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'opening-'))
  const before = await opening(directory.path)
  const { topic } = await before.broker.createTopic({ name: 'doomed', partitions: 1, configs: {} })
  await before.broker.parts.membership.controller!.markDeleting(topic!.topic)
  await before.close()

  const after = await opening(directory.path)
  assert.equal(after.broker.topics.byName('doomed'), undefined)
  assert.equal(after.broker.parts.logs.get('doomed', 0), undefined)
  await after.broker.parts.membership.settle()
  assert.equal(after.broker.parts.membership.image.topics.has(topic!.id), false)
  await after.close()
})

test('each start leads in the next epoch, with what was acknowledged below the high watermark', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'opening-'))
  for (let life = 0; life < 3; life++) {
    const { broker, close } = await opening(directory.path)
    const partition = broker.topics.byName('logs')!.partitions[0]!
    assert.deepEqual([partition.replica.leaderEpoch, partition.highWatermark], [life, life])
    const builder = new BatchBuilder()
    builder.append(null, Buffer.from('x'), undefined, 1)
    const settled = Promise.withResolvers<string>()
    const waiter = { settled: settled.resolve }
    assert(partition.append(builder.build({ codec: 'none' }), -1, waiter, 1).ok)
    assert.equal(await settled.promise, 'none')
    assert.equal(broker.topics.byName('logs')!.topic.partitions[0]!.value.leaderEpoch, life)
    await close()
  }
})

test('a partition that no topic knows is left alone, and said', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'opening-'))
  const first = await opening(directory.path)
  first.broker.parts.logs.create('orphan', 0, 'AAAAAAAAAAAAAAAAAAAAAQ')
  await first.close()
  const said: string[] = []
  const second = await opening(directory.path, said)
  assert(second.broker.parts.logs.get('orphan', 0))
  assert(said.some(line => line.includes('belongs to no topic') && line.includes('orphan-0')))
  await second.close()
})

test('a place that was lost is taken again: nothing is led in between, and then in the next epoch', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'opening-'))
  const { broker, close } = await opening(directory.path)
  const partition = broker.topics.byName('logs')!.partitions[0]!
  broker.parts.local.stopAll()
  assert.equal(partition.replica.role, 'offline')
  const refused = partition.append(Buffer.alloc(0), 1, null, 1)
  assert(!refused.ok && refused.error === 'notLeaderOrFollower')
  await broker.apply()
  assert.equal(partition.replica.role, 'offline', 'not in the epoch that was granted before')
  const topic = broker.topics.byName('logs')!.topic
  const { controller } = broker.parts.membership
  await controller!.change(topic, 0, now => ({ ...now, leaderEpoch: now.leaderEpoch + 1 }))
  await broker.apply()
  assert.deepEqual([partition.replica.role, partition.replica.leaderEpoch], ['leader', 1])
  await close()
})
