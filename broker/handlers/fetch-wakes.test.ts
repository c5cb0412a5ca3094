// A parked Fetch is never forgotten: it ends when the watermark moves, when the role of its replica ends, and when the
// log under it is cut; and a role that ends and begins again in one turn leaves it where it was.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '../client/connection.ts'
import { apis } from '../protocol/apis.ts'
import { errorName } from '../protocol/errors.ts'
import { ReplicaTrio, topic, topicId, until } from './replica-trio.ts'

const longMs = 20_000

async function parkedFetch(connection: Connection, fetchOffset: number) {
  const partitions = [{ partition: 0, currentLeaderEpoch: -1, fetchOffset, partitionMaxBytes: 2 ** 20 }]
  const limits = { maxWaitMs: longMs, minBytes: 1, maxBytes: 2 ** 20 }
  const answer = await connection.request(apis.fetch, { ...limits, topics: [{ topic, topicId, partitions }] })
  const { errorCode, records, currentLeader } = answer.responses[0]!.partitions[0]!
  return { error: errorName(errorCode), bytes: records?.length ?? 0, leaderId: currentLeader.leaderId }
}

test('a fetch above the watermark ends when followers have what was written, not before', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  const waiting = parkedFetch(await trio.connect(1), 1)
  await until('it is parked', () => trio.partition(1).fetchWaiters.size === 1)
  for (const id of [2, 3]) trio.partition(id).stop('notLeaderOrFollower')
  await trio.produce(1, 'b', 1)
  assert.equal(trio.partition(1).fetchWaiters.size, 1, 'written is not committed')
  trio.elect(1)
  const { error, bytes } = await waiting
  assert.equal(error, 'none')
  assert.ok(bytes > 0)
})

test('when the leader changes its parked fetches end, and say who leads', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  const waiting = parkedFetch(await trio.connect(1), 1)
  await until('it is parked', () => trio.partition(1).fetchWaiters.size === 1)
  trio.elect(2)
  assert.deepEqual(await waiting, { error: 'notLeaderOrFollower', bytes: 0, leaderId: 2 })
  assert.equal(trio.partition(1).fetchWaiters.size, 0)
})

test('leadership lost and regained on the same broker: a fetch that was parked before ends', async () => {
  await using trio = await ReplicaTrio.start()
  await trio.acknowledged(1, 'a')
  const connection = await trio.connect(1)
  for (let round = 0; round < 5; round++) {
    const end = trio.partition(1).log.logEndOffset
    const waiting = parkedFetch(connection, end)
    await until('it is parked', () => trio.partition(1).fetchWaiters.size === 1)
    trio.partition(1).stop('notLeaderOrFollower')
    trio.elect(1)
    await trio.acknowledged(1, `again ${round}`)
    const { error, bytes } = await waiting
    assert.ok(error === 'notLeaderOrFollower' || bytes > 0, `${error}, ${bytes} bytes`)
    assert.equal(trio.partition(1).fetchWaiters.size, 0)
  }
})
