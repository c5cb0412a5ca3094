// The cap of a data directory: what it comes to, what goes first, what never goes, and when produce is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { capBytesOf, dispensable, segmentsToGo } from './capacity-plan.ts'
import { LogDirectory } from './log-directory.ts'
import { appended, batchOfBytes, clusterId, Heard, recordsOf, startMs, topicId } from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'
import { SimDisk } from './sim-disk.ts'

const kibibyte = 1024

test('capBytesOf() is what was configured, or own bytes and free space less a twentieth', () => {
  assert.equal(capBytesOf(1000, 600, 900), 1000)
  assert.equal(capBytesOf(5000, 600, 1400), 1900)
  assert.equal(capBytesOf(Number.POSITIVE_INFINITY, 2000, 0), 1900)
  assert.equal(capBytesOf(Number.POSITIVE_INFINITY, 5, Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY)
})

/** Segments of ten records and 100 bytes, written at these times. */
const written = (...times: number[]) =>
  times.map((atMs, index) => ({
    sizeBytes: 100,
    endOffset: (index + 1) * 10,
    maxTimestamp: atMs,
    modifiedMs: 1_000,
  }))

test('dispensable() ends at the high watermark, and where the aggregators are', () => {
  const cases: readonly (readonly [string, number, number, number])[] = [
    ['all committed and passed', 30, 30, 3],
    ['the aggregators are in the middle of the second', 30, 15, 1],
    ['nobody is known to have read it', 30, -1, 0],
    ['not committed', 9, 30, 0],
  ]
  for (const [name, highWatermark, passed, count] of cases)
    assert.equal(dispensable(written(1, 2, 3), highWatermark, passed).length, count, name)
})

test('segmentsToGo() takes the oldest over all logs, no more than needed, and each log from its start', () => {
  const cases: readonly (readonly [string, number[][], number, number[]])[] = [
    ['nothing is too much', [[1], [2]], 0, [0, 0]],
    ['one byte too many costs a segment', [[5], [2]], 1, [0, 1]],
    [
      'oldest first over all',
      [
        [1, 4, 9],
        [2, 3, 5],
      ],
      350,
      [2, 2],
    ],
    [
      'a young one before an old one holds it',
      [
        [8, 1],
        [2, 3],
      ],
      150,
      [0, 2],
    ],
    ['more than there is', [[1], []], 1_000, [1, 0]],
  ]
  for (const [name, logs, excess, counts] of cases) {
    assert.deepEqual(
      segmentsToGo(
        logs.map(times => written(...times)),
        excess,
      ),
      counts,
      name,
    )
  }
})

class Machine {
  readonly disk = new SimDisk()
  readonly notices: Record<string, unknown>[] = []
  directory: LogDirectory
  #appended = 0

  constructor(capBytes: number) {
    this.disk.nowMs = startMs
    this.directory = this.open(capBytes)
    for (const topic of ['first', 'second', '__consumer_offsets']) this.directory.create(topic, 0, topicId)
    this.log('__consumer_offsets').config = {
      ...this.log('__consumer_offsets').config,
      isRetained: false,
      isCompacted: true,
    }
  }

  open(capBytes: number): LogDirectory {
    const heard = new Heard()
    const listener = {
      onFailed: heard.onFailed.bind(heard),
      onDurable: (log: PartitionLog, durableEnd: number) => {
        log.highWatermark = durableEnd
      },
      onNotice: (_message: string, fields: object) => this.notices.push({ ...fields }),
    }
    const config = { segmentBytes: 4 * kibibyte, fileDeleteDelayMs: 60_000 }
    const { disk } = this
    const place = { path: '/data', clusterId, nodeId: 1 }
    return LogDirectory.open({
      ...place,
      listener,
      nowMs: disk.nowMs,
      config,
      disk,
      capBytes,
      reserveBytes: 1,
    })
  }

  log(topic: string): PartitionLog {
    return this.directory.get(topic, 0)!
  }

  tick(afterMs = 1_000): void {
    this.disk.nowMs += afterMs
    this.directory.tick(this.disk.nowMs)
    this.disk.completeFlushes()
  }

  /** So many batches of a kibibyte, a millisecond apart in the clock of their file. */
  fill(topic: string, count: number): void {
    const log = this.log(topic)
    for (let index = 0; index < count; index++) {
      this.disk.nowMs++
      appended(log.append(batchOfBytes(900, String(this.#appended++)), 0, this.disk.nowMs))
    }
    log.requestFlush()
    this.disk.completeFlushes()
  }

  isRefusing(topic: string): boolean {
    const result = this.log(topic).append(batchOfBytes(10), 0, this.disk.nowMs)
    assert(result.ok || result.error === 'kafkaStorageError')
    return !result.ok
  }
}

test('at the cap the oldest sealed segments go that the aggregators have passed, with a word about it', () => {
  const machine = new Machine(32 * kibibyte)
  machine.fill('first', 12)
  machine.fill('second', 12)
  machine.fill('first', 12)
  const { capacity } = machine.directory
  capacity.passed.set('first-0', 24).set('second-0', 5)
  machine.tick()
  const first = machine.log('first')
  assert.equal(first.logStartOffset, 4)
  assert.deepEqual(machine.log('second').logStartOffset, 0, 'what is younger is not needed')
  assert.equal(capacity.usedBytes, machine.log('first').sizeBytes + machine.log('second').sizeBytes)
  assert(capacity.usedBytes <= capacity.capBytes)
  assert.deepEqual(
    machine.notices.map(({ topic, segments, newStart }) => [topic, segments, newStart]),
    [['first', 1, 4]],
  )
  assert.deepEqual(capacity.totals, { segments: 1, bytes: machine.notices[0]!['bytes'] })
  assert.equal(machine.directory.isFull, false)
  assert.match(machine.disk.bytesOf('/data/log-start-offset-checkpoint').toString(), /first 0 4/)
  machine.disk.crash('none', () => 0)
  machine.directory = machine.open(32 * kibibyte)
  assert.equal(machine.log('first').logStartOffset, 4)
  assert.equal(recordsOf(machine.log('first'), 24, 30 * kibibyte).length, 20)
})

test('what nobody has passed stays, produce is refused, and goes on when the aggregators have come on', () => {
  const machine = new Machine(16 * kibibyte)
  machine.fill('first', 20)
  const internal = machine.log('__consumer_offsets')
  machine.tick()
  assert.equal(machine.log('first').logStartOffset, 0)
  assert.equal(machine.directory.isFull, true)
  assert.equal(machine.isRefusing('first'), true)
  assert.equal(machine.isRefusing('__consumer_offsets'), false)
  internal.requestFlush()
  machine.directory.capacity.passed.set('first-0', 5)
  machine.tick()
  assert.equal(machine.log('first').logStartOffset, 4)
  assert.equal(machine.directory.isFull, false)
  assert.equal(machine.isRefusing('first'), false)
})

test('the power may go at any moment of it: what was not passed is there, and nothing looks like damage', () => {
  const capBytes = 32 * kibibyte
  let cuts = 0
  for (let cutAt = 1; cutAt < 60; cutAt++) {
    const machine = new Machine(capBytes)
    machine.fill('first', 20)
    machine.fill('second', 20)
    machine.directory.capacity.passed.set('first-0', 13).set('second-0', 3)
    machine.disk.cutAt = machine.disk.operations + cutAt
    try {
      for (let second = 0; second < 3; second++) machine.tick(31_000)
    } catch (error) {
      assert.equal((error as Error).name, 'PowerCut')
      cuts++
    }
    machine.disk.crash('none', () => 0.5)
    machine.directory = machine.open(capBytes)
    assert.deepEqual(machine.directory.corruptions, [], `cut at ${cutAt}`)
    for (const [topic, passed] of [
      ['first', 13],
      ['second', 3],
    ] as const) {
      const log = machine.log(topic)
      assert(log.logStartOffset <= passed, `${topic} begins at ${log.logStartOffset}, cut at ${cutAt}`)
      const records = recordsOf(log, log.logEndOffset, 64 * kibibyte)
      assert.equal(records.length, 20 - log.logStartOffset, `cut at ${cutAt}`)
    }
  }
  assert(cuts > 10, `${cuts} cuts`)
})

test('internal topics never go, and neither does what is only compacted or not committed', () => {
  const machine = new Machine(8 * kibibyte)
  const { passed } = machine.directory.capacity
  for (const name of ['first-0', 'second-0', '__consumer_offsets-0']) passed.set(name, 1_000)
  machine.fill('__consumer_offsets', 12)
  machine.fill('second', 12)
  machine.log('second').config = { ...machine.log('second').config, isRetained: false, isCompacted: true }
  machine.fill('first', 12)
  machine.log('first').highWatermark = 3
  machine.tick()
  for (const topic of ['first', 'second', '__consumer_offsets'])
    assert.equal(machine.log(topic).logStartOffset, 0, topic)
  assert.equal(machine.directory.isFull, true)
})

test('files on their way out count as ours: the cap does not shrink while they still take room', () => {
  const machine = new Machine(Number.POSITIVE_INFINITY)
  machine.disk.capacityBytes = 64 * kibibyte
  machine.fill('first', 40)
  machine.fill('second', 16)
  machine.directory.capacity.passed.set('first-0', 40)
  const ends: number[] = []
  machine.disk.capacityBytes = 56 * kibibyte
  for (let second = 0; second < 5; second++) {
    machine.tick()
    ends.push(machine.log('first').logStartOffset)
  }
  assert(ends[0]! > 0 && ends[0]! < 12, String(ends))
  assert.deepEqual(new Set(ends).size, 1, `what was enough at once stays enough: ${ends}`)
  machine.directory.delete('second', 0)
  for (let second = 0; second < 5; second++) machine.tick()
  assert.equal(machine.log('first').logStartOffset, ends[0])
})
