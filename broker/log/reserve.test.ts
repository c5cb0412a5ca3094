// A full disk: what does not fit is refused before anything of it can be seen, what is there is served, and with the
// room that was kept the log goes on being a log: deletes, checkpoints, epochs, group offsets. It comes back by itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogDirectory } from './log-directory.ts'
import { appended, batchOf, batchOfBytes, recordsOf, startMs } from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'
import { reserveBytesFor } from './reserve.ts'
import { SimDisk } from './sim-disk.ts'

const reserveBytes = 8_000
const topicIds = { logs: 'Zmlyc3QtdG9waWMtaWQtMQ', __consumer_offsets: 'c2Vjb25kLXRvcGljLWlkMg' } as const
const kibibyte = 1024

class Machine {
  readonly disk = new SimDisk()
  readonly failures: Error[] = []
  directory: LogDirectory

  constructor() {
    this.disk.nowMs = startMs
    this.disk.capacityBytes = 64 * kibibyte
    this.directory = this.open()
    for (const [topic, id] of Object.entries(topicIds)) this.directory.create(topic, 0, id)
    this.tick()
  }

  open(): LogDirectory {
    const listener = {
      onDurable: (log: PartitionLog, durableEnd: number) => {
        log.highWatermark = durableEnd
      },
      onFailed: (_log: PartitionLog, error: Error) => this.failures.push(error),
    }
    const places = { path: '/data', clusterId: 'Y2x1c3Rlci1vZi1vbmUtMQ', nodeId: 1 }
    const config = { segmentBytes: 4 * kibibyte, fileDeleteDelayMs: 1_000 }
    const { disk } = this
    return LogDirectory.open({ ...places, listener, nowMs: disk.nowMs, config, disk, reserveBytes })
  }

  log(topic: keyof typeof topicIds): PartitionLog {
    return this.directory.get(topic, 0)!
  }

  tick(afterMs = 1_000): void {
    this.disk.nowMs += afterMs
    this.directory.tick(this.disk.nowMs)
    this.disk.completeFlushes()
  }

  /** Appends until the disk takes no more; returns how many were taken. */
  fill(topic: keyof typeof topicIds = 'logs', batchBytes = kibibyte): number {
    const log = this.log(topic)
    for (let count = 0; ; count++) {
      const result = log.append(batchOfBytes(batchBytes), 0, startMs)
      if (result.ok) continue
      assert.equal(result.error, 'kafkaStorageError')
      log.requestFlush()
      this.disk.completeFlushes()
      return count
    }
  }
}

test('a full disk refuses produce with nothing of the batch visible, serves what it has, and comes back', () => {
  const machine = new Machine()
  const log = machine.log('logs')
  const count = machine.fill()
  assert(count > 40, `${count} batches fitted`)
  assert.equal(log.logEndOffset, count)
  assert.equal(recordsOf(log).length, count)
  assert.equal(machine.directory.isFull, true)
  const operations = machine.disk.operations
  assert.equal(log.append(batchOfBytes(10), 0, startMs).ok, false)
  assert.equal(machine.disk.operations, operations, 'while it is full produce does not touch the disk')

  machine.tick()
  assert.equal(machine.directory.isFull, true, 'the room that was kept is not room to produce into')
  machine.disk.capacityBytes += 64 * kibibyte
  machine.tick()
  assert.equal(machine.directory.isFull, false)
  appended(log.append(batchOf({ values: ['after'] }), 0, startMs))
  assert.equal(recordsOf(log).at(-1), `${count}:after`)
  assert.deepEqual(machine.failures, [])
})

test('on a full disk group offsets, epochs, deletes and checkpoints go on, and so does the next start', () => {
  const machine = new Machine()
  const count = machine.fill()
  const offsets = machine.log('__consumer_offsets')
  appended(offsets.append(batchOf({ values: ['a commit'] }), 0, startMs))
  offsets.requestFlush()
  machine.disk.completeFlushes()
  assert.equal(offsets.durableEnd, 1)

  const log = machine.log('logs')
  log.truncateTo(count - 1, startMs)
  assert.equal(log.deleteRecordsBefore(count - 2), 'none')
  machine.tick(61_000)
  machine.tick(2_000)
  assert.deepEqual(machine.failures, [])

  machine.disk.crash('process', () => 0)
  machine.directory = machine.open()
  assert.equal(machine.directory.isFull, false, 'what was deleted has made room')
  assert.equal(recordsOf(machine.log('__consumer_offsets')).length, 1)
  assert.equal(machine.log('logs').logEndOffset, count - 1)
})

test('retention makes room on a full disk, and produce is taken again', () => {
  const machine = new Machine()
  machine.fill()
  const log = machine.log('logs')
  log.config = { ...log.config, retentionBytes: 16 * kibibyte }
  for (let second = 0; second < 5; second++) machine.tick()
  assert.equal(machine.directory.isFull, false)
  appended(log.append(batchOf({ values: ['after'] }), 0, machine.disk.nowMs))
  assert.deepEqual(machine.failures, [])
})

test('whatever write the disk fills up at: produce, roll, snapshot, checkpoint; the log stays whole', () => {
  for (let spareBytes = 0; spareBytes < 3_000; spareBytes += 61) {
    const machine = new Machine()
    machine.disk.writeBytesMax = 700
    machine.disk.capacityBytes = 20 * kibibyte + spareBytes
    const count = machine.fill('logs', 190)
    machine.tick(6_000)
    const when = `${spareBytes} bytes of room`
    assert.deepEqual(machine.failures, [], when)
    machine.disk.crash('process', () => 0)
    machine.directory = machine.open()
    const log = machine.log('logs')
    assert.equal(recordsOf(log).length, count, when)
    assert.deepEqual(machine.directory.corruptions, [], when)
    machine.disk.capacityBytes += 64 * kibibyte
    machine.tick()
    appended(log.append(batchOf({ values: ['after'] }), 0, startMs))
    assert.equal(recordsOf(log).at(-1), `${count}:after`, when)
  }
})

test('the reserve is small on a small disk', () => {
  const mebibyte = kibibyte * kibibyte
  assert.equal(reserveBytesFor(mebibyte), 256 * kibibyte)
  assert.equal(reserveBytesFor(24 * mebibyte), Math.floor(1.2 * mebibyte))
  assert.equal(reserveBytesFor(1e12), 8 * mebibyte)
})
