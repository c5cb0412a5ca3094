// The data path of replication over real sockets and files: what is acknowledged survives the loss of any one broker,
// what is not goes from every log, and nobody sees what is not on enough disks.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../protocol/apis.ts'
import { errorName } from '../protocol/errors.ts'
import { ReplicaTrio, topic, topicId, until } from './replica-trio.ts'

const all = [1, 2, 3]

test('a follower dies: the set shrinks, produce goes on; it comes back, catches up and joins again', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  for (const id of all) assert.deepEqual(trio.valuesOf(id), ['1:a'], 'acknowledged is on every in-sync disk')
  await trio.kill(3)
  await trio.acknowledged(1, 'b')
  assert.deepEqual(trio.entry.isr, [1, 2], 'only without the dead one could it be acknowledged')
  await trio.acknowledged(1, 'c')
  await trio.startBroker(3)
  await until('broker 3 is in sync', () => trio.entry.isr.includes(3))
  assert.deepEqual(trio.valuesOf(3), ['1:a', '1:b', '1:c'])
  await trio.acknowledged(1, 'd')
  assert.deepEqual(trio.valuesOf(3), ['1:a', '1:b', '1:c', '1:d'])
  assert.deepEqual(trio.alarms, [])
})

test('with too few in sync nothing more is committed: who waits waits on, 19 before anything is written', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  await trio.kill(2)
  await trio.kill(3)
  const other = await trio.connect(1)
  const waiting = trio.produce(1, 'b', -1, 60_000, Promise.resolve(other))
  await until('the dead are taken out', () => trio.entry.isr.length === 1)
  assert.deepEqual(trio.entry.isr, [1])
  await until('the leader knows', () => trio.partition(1).replica.isr.length === 1)
  assert.equal((await trio.produce(1, 'c')).error, 'notEnoughReplicas')
  assert.equal((await trio.produce(1, 'd', 1)).error, 'none')
  assert.deepEqual(trio.valuesOf(1), ['1:a', '1:b', '1:d'])
  assert.equal(trio.partition(1).highWatermark, 1, 'what one disk alone holds is seen by nobody')
  const connection = await trio.connectionTo(1)
  const latestOf = async (replicaId: number) => {
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: 1, timestamp: -1 }]
    const answer = await connection.request(apis.listOffsets, {
      replicaId,
      topics: [{ name: topic, partitions }],
    })
    return answer.topics[0]!.partitions[0]!.offset
  }
  assert.deepEqual([await latestOf(-1), await latestOf(2)], [1, 3], 'but by replicas')
  await trio.startBroker(2)
  await until('everything is committed', () => trio.partition(1).highWatermark === 3)
  assert.equal((await waiting).error, 'none', 'as soon as enough have it')
  await until('the follower hears of it', () => trio.partition(2).highWatermark === 3)
  other.close()
})

test('a damaged replica fetches anew what its disk lost, quietly, and a damaged copy is no vote', async () => {
  await using trio = await ReplicaTrio.start()
  for (const value of ['a', 'b', 'c']) await trio.acknowledged(1, value)
  await trio.kill(3)
  trio.damage(3, 1)
  // What registration does for it.
  trio.elect(1, [1, 2])
  await trio.acknowledged(1, 'd')
  await trio.startBroker(3)
  await until('broker 3 is in sync', () => trio.entry.isr.includes(3))
  assert.deepEqual(trio.valuesOf(3), ['1:a', '1:b', '1:c', '2:d'])
  assert.deepEqual(trio.partition(3).log.corruptions, [])
  assert.deepEqual([trio.alarms, trio.lost], [['3: damaged records are fetched anew from the leader'], []])
})

test('a leader whose disk gives followers what they must refuse looks at it, and steps back', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  for (const id of [2, 3]) trio.partition(id).stop('notLeaderOrFollower')
  assert.equal((await trio.produce(1, 'b', 1)).error, 'none')
  trio.damage(1, 1)
  assert.deepEqual(trio.failures, [])
  trio.tell()
  await until('the leader has looked', () => trio.failures.length > 0)
  assert.match(trio.failures[0]!, /^1: Cannot read the batch at 1 .*: a follower refused it, rightly$/)
  assert.deepEqual(trio.valuesOf(2), ['1:a'])
})

test('a replica that had more than an uncleanly elected leader says which records are lost', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  await trio.kill(3)
  await trio.acknowledged(1, 'b')
  await trio.acknowledged(1, 'c')
  await until('both know it as committed', () => [1, 2].every(id => trio.partition(id).highWatermark === 3))
  await trio.startBroker(3, () => trio.elect(3, [3]))
  await until('the others have cut it away', () => trio.lost.length === 2)
  assert.deepEqual(trio.lost.toSorted(), [
    [1, 1, 3],
    [2, 1, 3],
  ])
})

test('acks=all that nobody confirms ends by its time-out, and the record stays', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  // The store is down: the dead members cannot be taken out, and are waited for.
  trio.deaf.add(1)
  await trio.kill(2)
  await trio.kill(3)
  assert.equal((await trio.produce(1, 'b', -1, 1)).error, 'requestTimedOut')
  const { replica } = trio.partition(1)
  // One of them or both: the second is noticed a moment after the first.
  await until('the dead are to leave', () => (replica.proposedIsr?.length ?? 3) < 3)
  assert.equal(trio.partition(1).highWatermark, 1)
  assert.deepEqual(trio.valuesOf(1), ['1:a', '1:b'])
})

test('the leader dies: another leads with all that was acknowledged; the old one cuts its own tail', async () => {
  await using trio = await ReplicaTrio.start()
  const acknowledged = ['1:a', '1:b']
  await trio.acknowledged(1, 'a')
  await trio.acknowledged(1, 'b')
  // The others can no longer hear broker 1: they follow nobody, and what it takes now is on its disk alone.
  for (const id of [2, 3]) trio.partition(id).stop('notLeaderOrFollower')
  assert.equal((await trio.produce(1, 'lost 1', 1)).error, 'none')
  assert.equal((await trio.produce(1, 'lost 2', 1)).error, 'none')
  await trio.kill(1)
  trio.elect(2, [2, 3])
  await trio.acknowledged(2, 'c')
  assert.deepEqual(trio.valuesOf(2), [...acknowledged, '2:c'])
  await trio.startBroker(1)
  assert.deepEqual(trio.valuesOf(1), [...acknowledged, '1:lost 1', '1:lost 2'])
  await until('broker 1 is in sync', () => trio.entry.isr.includes(1))
  assert.deepEqual(trio.valuesOf(1), [...acknowledged, '2:c'])
  await trio.acknowledged(2, 'd')
  for (const id of all) assert.deepEqual(trio.valuesOf(id), [...acknowledged, '2:c', '2:d'], String(id))
  assert.deepEqual(trio.alarms, [])
})

test('a zombie leader acknowledges nothing, says who leads once it knows, and its tail goes', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  trio.deaf.add(1)
  trio.elect(3, [1, 2, 3])
  const zombie = trio.produce(1, 'zombie')
  await until('it is in the log of the zombie', () => trio.partition(1).log.logEndOffset === 2)
  assert.equal(trio.partition(1).highWatermark, 1)
  trio.deaf.delete(1)
  trio.tell()
  assert.equal((await zombie).error, 'notLeaderOrFollower')
  const refused = await trio.produce(1, 'b')
  assert.equal(refused.error, 'notLeaderOrFollower')
  assert.deepEqual(refused.currentLeader, { leaderId: 3, leaderEpoch: 2 })
  assert.deepEqual(
    refused.nodeEndpoints.map(({ nodeId }) => nodeId),
    [3],
  )
  await trio.acknowledged(3, 'c')
  for (const id of all) assert.deepEqual(trio.valuesOf(id), ['1:a', '2:c'], String(id))
})

test('an epoch without records ends the one before it: a tail of the old one is cut first', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  for (const id of [2, 3]) trio.partition(id).stop('notLeaderOrFollower')
  await trio.produce(1, 'lost', 1)
  trio.elect(2, [1, 2, 3])
  await until('the tail is gone', () => trio.partition(1).log.logEndOffset === 1)
  const connection = await trio.connectionTo(2)
  const partitions = [{ partition: 0, currentLeaderEpoch: 2, leaderEpoch: 1 }]
  const { topics } = await connection.request(apis.offsetForLeaderEpoch, { topics: [{ topic, partitions }] })
  assert.deepEqual([topics[0]!.partitions[0]!.leaderEpoch, topics[0]!.partitions[0]!.endOffset], [1, 1])
})

test('a client that is not a broker cannot follow: its fetch is refused and is no vote', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  for (const id of [2, 3]) trio.partition(id).stop('notLeaderOrFollower')
  await trio.produce(1, 'b', 1)
  const plain = await trio.connect(1)
  const broker = await trio.connectionTo(1)
  const vote = { partition: 0, currentLeaderEpoch: 1, fetchOffset: 2, partitionMaxBytes: 2 ** 20 }
  const topics = [{ topic, topicId, partitions: [vote] }]
  const body = { maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 20, topics }
  for (const [replicaId, replicaEpoch] of [
    [2, 12],
    [3, 13],
  ] as const) {
    const answer = await plain.request(apis.fetch, { ...body, replicaState: { replicaId, replicaEpoch } })
    const { errorCode, records } = answer.responses[0]!.partitions[0]!
    assert.deepEqual([errorName(errorCode), records?.length ?? 0], ['topicAuthorizationFailed', 0])
  }
  assert.equal(trio.partition(1).highWatermark, 1)
  for (const [replicaId, replicaEpoch] of [
    [2, 12],
    [3, 13],
  ] as const)
    await broker.request(apis.fetch, { ...body, replicaState: { replicaId, replicaEpoch } })
  assert.equal(trio.partition(1).highWatermark, 2, 'the same by brokers commits')
  plain.close()
})

test('Fetch fences by epoch, keeps consumers below the watermark, and knows who may follow', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  for (const id of [2, 3]) trio.partition(id).stop('notLeaderOrFollower')
  await trio.produce(1, 'b', 1)
  const connection = await trio.connectionTo(1)
  const ask = async (
    replicaId: number,
    replicaEpoch: number,
    currentLeaderEpoch: number,
    fetchOffset = 0,
  ) => {
    const partitions = [{ partition: 0, currentLeaderEpoch, fetchOffset, partitionMaxBytes: 2 ** 20 }]
    const replicaState = { replicaId, replicaEpoch }
    const limits = { maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 20 }
    const answer = await connection.request(apis.fetch, {
      ...limits,
      replicaState,
      topics: [{ topic, topicId, partitions }],
    })
    const { errorCode, records } = answer.responses[0]!.partitions[0]!
    return [errorName(errorCode), records?.length ?? 0] as const
  }
  const [error, oneBatch] = await ask(-1, -1, -1)
  assert.equal(error, 'none')
  assert.deepEqual(await ask(-1, -1, 0), ['fencedLeaderEpoch', 0])
  assert.deepEqual(await ask(-1, -1, 2), ['unknownLeaderEpoch', 0])
  assert.deepEqual(await ask(-1, -1, 1, 1), ['none', 0], 'between watermark and end there is nothing to see')
  assert.deepEqual(await ask(2, 12, 1), ['none', 2 * oneBatch], 'a follower reads up to the end')
  assert.deepEqual(await ask(2, 11, 1), ['clusterAuthorizationFailed', 0], 'an earlier life of broker 2')
  assert.deepEqual(await ask(4, 14, 1), ['clusterAuthorizationFailed', 0])
  assert.deepEqual(await ask(2, 12, -1), ['unknownLeaderEpoch', 0], 'a vote names its epoch')
  assert.equal(trio.partition(1).highWatermark, 1)
})
