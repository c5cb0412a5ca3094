// One partition between its core and its log, on a simulated disk: what a follower writes, cuts and drops, when a
// leader's waiters are told, and what a lost lease holds back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appended, batchOf, logOf, openDirectory, recordsOf, startMs } from '../log/log-fixture.ts'
import type { LogListener } from '../log/log-parts.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { SimDisk } from '../log/sim-disk.ts'
import type { ErrorName } from '../protocol/errors.ts'
import { Partition } from './partition.ts'
import { noPeers, type PartitionPeers } from './peers.ts'

function newDisk(): SimDisk {
  const disk = new SimDisk()
  disk.nowMs = startMs
  return disk
}

const listener: LogListener = {
  onDurable: (log, durableEnd) => (log.owner as Partition | null)?.onDurable(durableEnd),
  onFailed: (_log, error) => assert.fail(error),
}

/** A partition whose flushes happen when the test says so; `1:a 1:b 3:c` are batches of one record, epoch first. */
function partitionWith(batches: string, peers: Partial<PartitionPeers> = {}) {
  const disk = newDisk()
  const log = logOf(openDirectory(disk, {}, listener))
  write(log, batches)
  log.requestFlush()
  disk.completeFlushes()
  const wall = { wallMs: () => startMs, monotonicMs: () => 0 }
  const flushes = { add: (partition: Partition) => partition.log.requestFlush() }
  const partition = new Partition(log, 1, 2 ** 20, flushes, { ...noPeers, clock: wall, ...peers })
  return { partition, log, disk, flush: () => disk.completeFlushes() }
}

function write(log: PartitionLog, batches: string): void {
  for (const word of batches.split(' ').filter(Boolean)) {
    const [epoch, value] = word.split(':')
    appended(log.append(batchOf({ values: [value!] }), Number(epoch), startMs))
  }
}

/** What a leader with this log would send from `offset` on. */
function sentBy(batches: string, offset = 0): Buffer {
  const log = logOf(openDirectory(newDisk()))
  write(log, batches)
  return log.copy(log.read(offset, 2 ** 20, log.logEndOffset, true))
}

const facts = { partitionEpoch: 0, replicas: [1, 2], isr: [1, 2], minIsr: 1, countsFlushedBytes: true }
const followOrder = { ...facts, leader: 2, leaderHost: 'localhost', leaderPort: 1 }

test('a follower cuts to the end that both histories know (KIP-101, KIP-279)', () => {
  const cases: [ours: string, epoch: number, endOffset: number, left: string[]][] = [
    // The leader's epoch 1 ended earlier than ours.
    ['1:a 1:b 1:c', 1, 2, ['0:a', '1:b']],
    // Ours ended earlier: what we have after it is another leader's.
    ['1:a 2:b 2:c', 1, 3, ['0:a']],
    // The leader has nothing of our newest epoch: the floor of it decides, and the next fetch goes on from there.
    ['1:a 3:b 5:c', 4, 9, ['0:a', '1:b']],
    // The leader's answer is older than anything here.
    ['3:a 3:b', 1, 0, []],
    ['3:a 3:b', 2, 7, []],
  ]
  for (const [ours, epoch, endOffset, left] of cases) {
    const { partition, log } = partitionWith(ours)
    partition.follow({ ...followOrder, leaderEpoch: 7 })
    assert.equal(partition.cutDiverging({ epoch, endOffset }), true, ours)
    assert.deepEqual(recordsOf(log), left, `${ours} cut by ${epoch}, ${endOffset}`)
    assert.equal(partition.replica.logEndOffset, log.logEndOffset)
  }
})

test('an answer that names no end below ours cuts nothing, and says so', () => {
  const { partition, log } = partitionWith('1:a 1:b')
  partition.follow({ ...followOrder, leaderEpoch: 7 })
  assert.equal(partition.cutDiverging({ epoch: 1, endOffset: 2 }), false)
  assert.equal(log.logEndOffset, 2)
})

test('a cut below what is known as committed raises the alarm', () => {
  const alarms: unknown[] = []
  const { partition } = partitionWith('1:a 1:b 1:c', {
    alarm: (_partition, _message, fields) => alarms.push(fields),
  })
  partition.follow({ ...followOrder, leaderEpoch: 2 })
  partition.answered(2, 3, 0)
  partition.cutDiverging({ epoch: 1, endOffset: 1 })
  assert.deepEqual(alarms, [{ fromOffset: 1, toOffset: 3 }])
  assert.deepEqual([partition.highWatermark, partition.log.highWatermark], [1, 1])
})

test('a follower begins again where its leader begins, and takes over the start of its log', () => {
  const { partition, log, flush } = partitionWith('1:a 1:b')
  partition.follow({ ...followOrder, leaderEpoch: 2 })
  assert.equal(partition.beginAgain(-1), false)
  assert.equal(partition.beginAgain(2), false, 'what comes next is still there')
  assert.equal(partition.beginAgain(3), true)
  flush()
  assert.deepEqual([log.logStartOffset, log.logEndOffset, log.durableEnd], [3, 3, 3])
  assert(partition.takeFetched(sentBy('1:a 1:b 1:c 2:d 2:e', 3), 3, 2).ok)
  partition.answered(2, 5, 4)
  assert.deepEqual([log.logStartOffset, log.logEndOffset, log.highWatermark], [4, 5, 5])
})

test('a reply to another fetch than the last is of no use: other epoch, other offset', () => {
  const { partition, log } = partitionWith('1:a')
  partition.follow({ ...followOrder, leaderEpoch: 2 })
  assert.deepEqual(
    [1, 2, 3].map(epoch => partition.follows(epoch)),
    [false, true, false],
  )
  const stale = partition.takeFetched(sentBy('1:a 1:b'), 0, 2)
  assert.equal(stale.ok ? 'none' : stale.error, 'offsetOutOfRange')
  assert.deepEqual(recordsOf(log), ['0:a'])
  partition.stop('notLeaderOrFollower')
  assert.equal(partition.follows(2), false)
})

test('what an earlier role left unflushed is flushed before the first vote, and before the first promise', () => {
  for (const role of ['lead', 'follow'] as const) {
    const durable: number[] = []
    const followers = { ...noPeers.followers, durable: ({ log }: Partition) => durable.push(log.durableEnd) }
    const { partition, log, flush } = partitionWith('1:a', { followers })
    write(log, '1:b')
    if (role === 'lead') partition.lead({ ...facts, isr: [1], leaderEpoch: 2 })
    else partition.follow({ ...followOrder, leaderEpoch: 2 })
    assert.equal(partition.replica.durableEnd, 1)
    flush()
    assert.equal(partition.replica.durableEnd, 2, role)
    assert.deepEqual(durable, role === 'follow' ? [2] : [])
  }
})

test('a lease that may have run out holds promises back: kept when it is held again, broken at its end', () => {
  const lease = { isHeld: () => isHeld }
  let isHeld = true
  const { partition, flush } = partitionWith('', { lease })
  partition.lead({ ...facts, isr: [1], leaderEpoch: 1 })
  const told: ErrorName[] = []
  const waiter = { settled: (error: ErrorName) => void told.push(error) }
  const produce = (value: string, isHeldThen: boolean) => {
    isHeld = true
    appended(partition.append(batchOf({ values: [value] }), -1, waiter, startMs))
    isHeld = isHeldThen
    flush()
    return told.splice(0)
  }
  assert.deepEqual(produce('a', true), ['none'])
  assert.deepEqual(produce('b', false), [])
  isHeld = true
  partition.tick()
  assert.deepEqual(told.splice(0), ['none'])
  assert.deepEqual(produce('c', false), [])
  partition.stop('notLeaderOrFollower')
  assert.deepEqual(told, ['notLeaderOrFollower'])
})

test('without a lease nothing is appended, and clients are not answered from what may be old', () => {
  const lease = { isHeld: () => isHeld }
  let isHeld = true
  const { partition, log } = partitionWith('', { lease })
  partition.lead({ ...facts, isr: [1], leaderEpoch: 3 })
  assert.equal(partition.clientError(3), 'none')
  isHeld = false
  for (const acks of [-1, 0, 1]) {
    const refused = partition.append(batchOf({ values: ['a'] }), acks, null, startMs)
    assert.equal(refused.ok ? 'none' : refused.error, 'notLeaderOrFollower')
  }
  assert.equal(log.logEndOffset, 0)
  assert.deepEqual(
    [-1, 2, 3, 4].map(epoch => partition.clientError(epoch)),
    ['notLeaderOrFollower', 'fencedLeaderEpoch', 'notLeaderOrFollower', 'unknownLeaderEpoch'],
  )
})

test('while the lease may have run out, members that still fetch in this epoch speak for the leader', () => {
  const time = { nowMs: 0 }
  const clock = { monotonicMs: () => time.nowMs, wallMs: () => startMs }
  let isHeld = true
  const { partition, flush } = partitionWith('', { lease: { isHeld: () => isHeld }, clock })
  const all = [1, 2, 3]
  partition.lead({ ...facts, replicas: all, isr: all, minIsr: 2, leaderEpoch: 5 })
  const told: string[] = []
  const produce = (acks: number) => {
    const waiter = { settled: (error: ErrorName) => void told.push(`${acks} ${error}`) }
    isHeld = true
    appended(partition.append(batchOf({ values: ['a'] }), acks, waiter, startMs))
    isHeld = false
    flush()
  }
  produce(1)
  produce(-1)
  partition.followerFetched(2, 7, 5, 2)
  partition.followerFetched(3, 7, 4, 2)
  assert.deepEqual(told, [], 'a fetch of another epoch says nothing of this one')
  partition.followerFetched(3, 7, 5, 2)
  assert.deepEqual(told.splice(0), ['1 none', '-1 none'])
  time.nowMs = 60_000
  produce(1)
  partition.followerFetched(2, 7, 5, 3)
  assert.deepEqual(told, [], 'after a pause both must speak again')
  partition.followerFetched(3, 7, 5, 3)
  assert.deepEqual(told, ['1 none'])
})

test('the end of an epoch: of the one that is led, of one without records, of older ones', () => {
  const { partition } = partitionWith('1:a 1:b 3:c')
  partition.lead({ ...facts, leaderEpoch: 6 })
  const ends = [0, 1, 2, 3, 4, 6, 7].map(epoch => Object.values(partition.endOffsetForEpoch(epoch)))
  assert.deepEqual(ends, [
    [0, 0],
    [1, 2],
    [1, 2],
    [3, 3],
    [3, 3],
    [6, 3],
    [-1, -1],
  ])
  const empty = partitionWith('').partition
  empty.lead({ ...facts, leaderEpoch: 6 })
  assert.deepEqual(
    empty.endOffsetForEpoch(4),
    { epoch: 4, endOffset: 0 },
    'a follower with a tail of epoch 4 cuts it',
  )
})

test('when too few are in sync who waits with a deadline of its own waits on, others are told at once', () => {
  const { partition, flush } = partitionWith('')
  partition.lead({ ...facts, minIsr: 2, leaderEpoch: 1 })
  const told: string[] = []
  const waiters = [true, false].map(isPatient => ({
    isPatient,
    settled: (error: ErrorName) => void told.push(`${isPatient ? 'patient' : 'other'} ${error}`),
  }))
  for (const waiter of waiters) appended(partition.append(batchOf({ values: ['a'] }), -1, waiter, startMs))
  flush()
  partition.updated({ ...facts, minIsr: 2, isr: [1], partitionEpoch: 1 })
  assert.deepEqual(told.splice(0), ['other notEnoughReplicasAfterAppend'])
  partition.followerFetched(2, 7, 1, 2)
  assert.deepEqual(told, [])
  partition.updated({ ...facts, minIsr: 2, isr: [1, 2], partitionEpoch: 2 })
  assert.deepEqual(told, ['patient none'])
})
