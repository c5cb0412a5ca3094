// DeleteRecords with replicas, over real sockets and files: the answer is a promise that no live replica has the
// records any more, or says that this could not be found out in time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apis } from '../protocol/apis.ts'
import { errorName } from '../protocol/errors.ts'
import { ReplicaTrio, topic } from './replica-trio.ts'

async function deleted(trio: ReplicaTrio, offset: number, timeoutMs: number) {
  const connection = await trio.connectionTo(1)
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }]
  const answer = await connection.request(apis.deleteRecords, { topics, timeoutMs })
  const { errorCode, lowWatermark } = answer.topics[0]!.partitions[0]!
  return [errorName(errorCode), lowWatermark]
}

const startOf = (trio: ReplicaTrio, id: number) => trio.partition(id).log.logStartOffset

test('records are deleted when every live replica has let go of them', async () => {
  await using trio = await ReplicaTrio.start()
  for (const value of ['a', 'b', 'c']) await trio.acknowledged(1, value)
  assert.deepEqual(await deleted(trio, 2, 30_000), ['none', 2])
  assert.deepEqual([startOf(trio, 1), startOf(trio, 2), startOf(trio, 3)], [2, 2, 2])
  assert.deepEqual(await deleted(trio, -1, 30_000), ['none', 3], 'up to the high watermark')
  assert.deepEqual([startOf(trio, 2), startOf(trio, 3)], [3, 3])
})

test('a live replica that does not fetch is waited for until the deadline, a dead one is not', async () => {
  await using trio = await ReplicaTrio.start()
  for (const value of ['a', 'b', 'c']) await trio.acknowledged(1, value)
  assert.deepEqual(await deleted(trio, 1, 30_000), ['none', 1])
  trio.deaf.add(3)
  trio.partition(3).stop('notLeaderOrFollower')
  assert.deepEqual(await deleted(trio, 2, 1), ['requestTimedOut', 1], 'with where that replica still starts')
  assert.equal(startOf(trio, 1), 2, 'giving up is not undoing')
  assert.equal(startOf(trio, 3), 1)
  const waiting = deleted(trio, 3, 30_000)
  await trio.kill(3)
  trio.tell()
  assert.deepEqual(await waiting, ['none', 3])
  assert.equal(startOf(trio, 2), 3)
})

test('who waits hears at once when the leader is one no more', async () => {
  await using trio = await ReplicaTrio.start()
  for (const value of ['a', 'b']) await trio.acknowledged(1, value)
  trio.deaf.add(3)
  trio.partition(3).stop('notLeaderOrFollower')
  const waiting = deleted(trio, 1, 30_000)
  const { lowWatermark } = trio.partition(1)
  while (startOf(trio, 1) < 1 || lowWatermark.offset >= 1) await new Promise(resolve => setImmediate(resolve))
  trio.elect(2)
  assert.deepEqual(await waiting, ['notLeaderOrFollower', -1])
})
