// A follower's log on a simulated disk: what a leader sent goes in as it is or not at all, and what the leader does
// not have goes out again, epochs and producers with it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchView } from '../protocol/record-batch.ts'
import { appended, appendFlushed, batchOf, logOf, openDirectory, recordsOf, startMs } from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'
import { SimDisk } from './sim-disk.ts'

function newLog(disk = new SimDisk(), config = {}): PartitionLog {
  disk.nowMs = startMs
  return logOf(openDirectory(disk, config))
}

/** What a leader would send from `offset` on. */
function sent(leader: PartitionLog, offset = 0): Buffer {
  return leader.copy(leader.read(offset, 2 ** 20, leader.logEndOffset, true))
}

/** A leader with a batch per [values, epoch]. */
function leaderOf(...batches: [values: string[], epoch: number, producer?: number, sequence?: number][]) {
  const leader = newLog()
  for (const [values, epoch, producerId = -1, sequence = -1] of batches) {
    appended(leader.append(batchOf({ values, producerId, sequence }), epoch, startMs))
  }
  return leader
}

test('appendFetched() keeps offsets, epochs and every byte', () => {
  const leader = leaderOf([['a', 'b'], 1], [['c'], 1], [['d'], 4])
  const disk = new SimDisk()
  const follower = newLog(disk)
  const bytes = sent(leader)
  assert.deepEqual(follower.appendFetched(bytes, 0, 4, startMs), { ok: true, bytes: bytes.length })
  assert.deepEqual(sent(follower), bytes)
  assert.deepEqual(recordsOf(follower), recordsOf(leader))
  assert.deepEqual(
    [0, 3, 2].map(offset => follower.epochOf(offset)),
    [1, 4, 1],
  )
  assert.deepEqual(follower.endOffsetForEpoch(1), { epoch: 1, endOffset: 3 })
  follower.requestFlush()
  disk.completeFlushes()
  assert.equal(follower.durableEnd, 4)
})

test('appendFetched() leaves a batch that was cut off, and goes on with it next time', () => {
  const leader = leaderOf([['a'], 1], [['b'], 1])
  const follower = newLog()
  const bytes = sent(leader)
  const second = batchView.sizeInBytes(bytes, 0)
  assert.deepEqual(follower.appendFetched(bytes.subarray(0, bytes.length - 1), 0, 1, startMs), {
    ok: true,
    bytes: second,
  })
  assert.deepEqual(follower.appendFetched(bytes.subarray(second), 1, 1, startMs), {
    ok: true,
    bytes: bytes.length - second,
  })
  assert.deepEqual(recordsOf(follower), ['0:a', '1:b'])
})

test('appendFetched() refuses what does not follow on, and keeps what did', () => {
  const leader = leaderOf([['a'], 1], [['b'], 1], [['c'], 3])
  const flipped = sent(leader, 2)
  flipped[flipped.length - 1]! ^= 1
  const epochZero = sent(leaderOf([['x'], 0], [['y'], 0], [['z'], 0], [['late'], 0]), 3)
  const cases: [error: string, bytes: Buffer, fetchOffset: number, fetchedEpoch: number, end: number][] = [
    // A reply to an older fetch: the log has moved on, or has been cut, since.
    ['offsetOutOfRange', sent(leader), 1, 3, 0],
    // KAFKA-18723: newer than the epoch it was fetched in.
    ['unknownLeaderEpoch', sent(leader), 0, 2, 2],
    ['corruptMessage', flipped, 2, 3, 2],
    ['none', sent(leader, 2), 2, 3, 3],
    // Older than what is there: another history.
    ['fencedLeaderEpoch', epochZero, 3, 3, 3],
    // Something else for offsets that are taken.
    ['offsetOutOfRange', sent(leader, 1), 3, 3, 3],
  ]
  const follower = newLog()
  for (const [error, bytes, fetchOffset, fetchedEpoch, end] of cases) {
    const result = follower.appendFetched(bytes, fetchOffset, fetchedEpoch, startMs)
    assert.equal(result.ok ? 'none' : result.error, error)
    assert.equal(follower.logEndOffset, end, error)
  }
  assert.deepEqual(recordsOf(follower), ['0:a', '1:b', '2:c'])
})

test('a follower knows the producers of what it was sent: as leader it recognises their retries', () => {
  const leader = leaderOf([['a'], 1, 7, 0], [['b'], 1, 7, 1])
  const follower = newLog()
  assert(follower.appendFetched(sent(leader), 0, 1, startMs).ok)
  const retry = follower.append(batchOf({ values: ['b'], producerId: 7, sequence: 1 }), 2, startMs)
  assert.deepEqual(appended(retry), { baseOffset: 1, lastOffset: 1, duplicate: true })
  const gap = follower.append(batchOf({ values: ['d'], producerId: 7, sequence: 3 }), 2, startMs)
  assert.equal(gap.ok ? 'none' : gap.error, 'outOfOrderSequenceNumber')
})

test('restartAt() drops everything and goes on elsewhere, also after a power cut', () => {
  const disk = new SimDisk()
  const follower = newLog(disk)
  appendFlushed(disk, follower, ['a', 'b', 'c'])
  follower.highWatermark = 3
  follower.restartAt(500, startMs)
  assert.deepEqual(
    [follower.logStartOffset, follower.logEndOffset, follower.highWatermark, follower.latestEpoch],
    [500, 500, 500, -1],
  )
  follower.requestFlush()
  disk.completeFlushes()
  assert.equal(follower.durableEnd, 500)
  disk.crash('none', () => 0)
  const recovered = newLog(disk)
  assert.deepEqual(
    [recovered.logStartOffset, recovered.logEndOffset, recovered.corruptions.length],
    [500, 500, 0],
  )
})

test('an empty follower that begins within a batch takes the whole batch', () => {
  const leader = leaderOf([['a', 'b', 'c'], 1], [['d'], 1])
  const follower = newLog()
  follower.restartAt(2, startMs)
  assert(follower.appendFetched(sent(leader, 2), 2, 1, startMs).ok)
  assert.deepEqual(recordsOf(follower), ['0:a', '1:b', '2:c', '3:d'])
})

test("a gap in the leader's log is no damage of the follower's, through any end and any cut", () => {
  const leader = leaderOf([['a'], 1], [['b'], 1], [['c'], 1], [['d'], 1])
  const bytes = sent(leader)
  const size = batchView.sizeInBytes(bytes, 0)
  const gapped = Buffer.concat([bytes.subarray(0, size), bytes.subarray(2 * size)])
  for (const mode of ['process', 'none'] as const) {
    const disk = new SimDisk()
    const follower = newLog(disk)
    assert.equal(follower.appendFetched(gapped, 0, 1, startMs).ok, true)
    follower.requestFlush()
    disk.completeFlushes()
    disk.crash(mode, () => 0)
    const again = newLog(disk)
    assert.deepEqual([recordsOf(again), again.corruptions], [['0:a', '2:c', '3:d'], []])
    again.truncateTo(1, startMs)
    assert.equal(again.appendFetched(bytes.subarray(size), 1, 1, startMs).ok, true)
    disk.crash('process', () => 0)
    assert.deepEqual(recordsOf(newLog(disk)), ['0:a', '1:b', '2:c', '3:d'], 'what was lacking has come')
    assert.deepEqual(
      disk.list('/data/logs-0').filter(name => name.endsWith('.gap')),
      [],
    )
  }
})
