// Stories of one log on a simulated disk: appending, flushing, reading, cutting. Recovery is in recovery.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchView, setBaseOffset } from '../protocol/record-batch.ts'
import {
  appended,
  appendFlushed,
  batchOf,
  batchOfBytes,
  closeOn,
  Heard,
  logOf,
  openDirectory,
  recordsOf,
  startMs,
} from './log-fixture.ts'
import { SimDisk } from './sim-disk.ts'

function simDisk(): SimDisk {
  const disk = new SimDisk()
  disk.nowMs = startMs
  return disk
}

test('append() gives out dense offsets and stamps base offset and leader epoch into the batch alone', () => {
  const disk = simDisk()
  const log = logOf(openDirectory(disk))
  const first = batchOf({ values: ['a', 'b', 'c'] })
  const untouched = Buffer.from(first)
  assert.deepEqual(appended(log.append(first, 4, startMs)), {
    baseOffset: 0,
    lastOffset: 2,
    duplicate: false,
  })
  const second = batchOf({ values: ['d'] })
  assert.deepEqual(appended(log.append(second, 4, startMs)), {
    baseOffset: 3,
    lastOffset: 3,
    duplicate: false,
  })
  assert.deepEqual([batchView.baseOffset(second, 0), batchView.leaderEpoch(second, 0)], [3, 4])
  assert.deepEqual(
    first.subarray(16),
    untouched.subarray(16),
    'magic and everything after it is as the producer sent it',
  )
  assert.deepEqual(recordsOf(log), ['0:a', '1:b', '2:c', '3:d'])
})

test('append() refuses what is not one sound batch, and the log is as before', () => {
  const disk = simDisk()
  const log = logOf(openDirectory(disk, { segmentBytes: 1024 }))
  const flipped = batchOf({ values: ['a'] })
  flipped[flipped.length - 1]! ^= 1
  const cases: readonly (readonly [string, Buffer])[] = [
    ['corruptMessage', flipped],
    ['invalidRecord', Buffer.concat([batchOf({ values: ['a'] }), batchOf({ values: ['b'] })])],
    ['recordListTooLarge', batchOfBytes(2000)],
  ]
  for (const [error, batch] of cases) {
    const result = log.append(batch, 0, startMs)
    assert.equal(result.ok ? 'none' : result.error, error)
  }
  assert.equal(log.logEndOffset, 0)
  assert.deepEqual(disk.bytesOf('/data/logs-0/00000000000000000000.log').length, 0)
})

test('a short write is continued until the whole batch is there', () => {
  const disk = simDisk()
  const log = logOf(openDirectory(disk))
  disk.writeBytesMax = 7
  appendFlushed(disk, log, ['one', 'two'])
  assert.deepEqual(recordsOf(log), ['0:one', '1:two'])
})

test('a full disk refuses the batch, keeps nothing of it, and takes the next one when there is room', () => {
  const disk = simDisk()
  const heard = new Heard()
  const log = logOf(openDirectory(disk, {}, heard))
  appendFlushed(disk, log, ['before'])
  disk.writeBytesMax = 10
  let writes = 0
  disk.fault = operation =>
    operation === 'write' && ++writes > 3
      ? Object.assign(new Error('no space left'), { code: 'ENOSPC' })
      : null
  const refused = log.append(batchOf({ values: ['refused'] }), 0, startMs)
  assert.equal(refused.ok ? 'none' : refused.error, 'kafkaStorageError')
  disk.fault = () => null
  appendFlushed(disk, log, ['after'])
  assert.deepEqual(recordsOf(log), ['0:before', '1:after'])
  assert.equal(log.failure, null)
  assert.deepEqual(heard.failures, [])
})

test('one flush runs at a time, and who asks meanwhile rides in the next', () => {
  const disk = simDisk()
  const heard = new Heard()
  const log = logOf(openDirectory(disk, {}, heard))
  appendFlushed(disk, log, ['directory entry']) // The first flush also syncs the new file's name.
  const append = (value: string) => {
    appended(log.append(batchOf({ values: [value] }), 0, startMs))
    log.requestFlush()
  }
  append('a')
  append('b')
  append('c')
  assert.equal(disk.pendingFlushes, 1)
  assert.equal(log.durableEnd, 1)
  disk.completeOneFlush()
  assert.equal(log.durableEnd, 2, 'the first flush covers what was there when it began')
  assert.equal(disk.pendingFlushes, 1, 'b and c share the second')
  disk.completeOneFlush()
  assert.equal(log.durableEnd, 4)
  assert.equal(disk.pendingFlushes, 0)
  assert.deepEqual(heard.durable, [1, 2, 4])
})

test('a failed flush fails every later one, and the owner hears of it once', () => {
  const disk = simDisk()
  const heard = new Heard()
  const directory = openDirectory(disk, {}, heard)
  const log = logOf(directory)
  const other = directory.create('logs', 1, 'dGFpbHJhY2UtdGVzdC0xMw')
  appendFlushed(disk, log, ['safe'])
  appended(log.append(batchOf({ values: ['lost'] }), 0, startMs))
  disk.fault = operation =>
    operation === 'sync' ? Object.assign(new Error('input/output error'), { code: 'EIO' }) : null
  log.requestFlush()
  disk.completeFlushes()
  disk.fault = () => null
  log.requestFlush()
  assert.equal(disk.pendingFlushes, 0, 'trying again would succeed without having written')
  assert.equal(log.durableEnd, 1)
  for (const candidate of [log, other]) {
    const result = candidate.append(batchOf({ values: ['x'] }), 0, startMs)
    assert.equal(result.ok ? 'none' : result.error, 'kafkaStorageError')
  }
  assert.equal(heard.failures.length, 1)
  assert.deepEqual(recordsOf(log, log.durableEnd), ['0:safe'], 'reads go on')
})

test('flushes of many logs share the pool: never more than its share at once', () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  const logs = Array.from({ length: 20 }, (_, index) => directory.create('logs', index, topicIdOf(index)))
  for (const log of logs) {
    appended(log.append(batchOf({ values: ['a'] }), 0, startMs))
    log.requestFlush()
  }
  assert.equal(disk.pendingFlushes, 12)
  disk.completeFlushes()
  assert.deepEqual(new Set(logs.map(log => log.durableEnd)), new Set([1]))
})

function topicIdOf(index: number): string {
  return `dGFpbHJhY2UtdGVzdC0${String(index).padStart(3, '0')}`
}

test('a segment rolls by size, by age, and when an index is full', () => {
  const rollsOf = (config: object, passMs: number) => {
    const disk = simDisk()
    const log = logOf(openDirectory(disk, config))
    for (let i = 0; i < 6; i++) {
      appended(log.append(batchOfBytes(300), 0, startMs + i * passMs))
    }
    assert.equal(recordsOf(log).length, 6)
    return disk
      .list('/data/logs-0')
      .filter(name => name.endsWith('.log'))
      .map(name => Number(name.slice(0, 20)))
  }
  assert.deepEqual(rollsOf({}, 0), [0])
  assert.deepEqual(rollsOf({ segmentBytes: 800 }, 0), [0, 2, 4])
  assert.deepEqual(rollsOf({ segmentMs: 1500 }, 1000), [0, 2, 4])
  assert.deepEqual(rollsOf({ indexIntervalBytes: 1, indexBytesMax: 24 }, 0), [0, 2, 4])
})

test('a segment rolls where an offset would not fit into its index, over a gap of compaction', () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  const log = logOf(directory)
  const bases = [0, 5, 2 ** 31 - 1, 2 ** 31 + 10, 2 ** 33]
  for (const base of bases) {
    const batch = batchOfBytes(100)
    setBaseOffset(batch, 0, base)
    assert(log.appendFetched(batch, log.logEndOffset, 0, startMs).ok)
  }
  const names = disk.list('/data/logs-0').filter(name => name.endsWith('.log'))
  assert.deepEqual(
    names.map(name => Number(name.slice(0, 20))),
    [0, 2 ** 31, 2 ** 31 + 11],
  )
  for (const base of bases) {
    const range = log.read(base, 1, log.logEndOffset, true)
    assert.equal(batchView.baseOffset(log.copy(range), 0), base)
  }
})

test('read() answers whole batches: those from the offset on, below the limit, within the size', () => {
  const disk = simDisk()
  const log = logOf(openDirectory(disk, { segmentBytes: 3000, indexIntervalBytes: 500 }))
  const sizes: number[] = []
  for (let i = 0; i < 30; i++) {
    const batch = batchOf({ values: [`${i}a`.padEnd(100, '.'), `${i}b`] })
    sizes.push(batch.length)
    appended(log.append(batch, 0, startMs))
  }
  const all = recordsOf(log)
  assert.equal(all.length, 60)
  for (let limit = 0; limit <= 60; limit++) {
    assert.deepEqual(recordsOf(log, limit, 1), all.slice(0, limit - (limit % 2)), `limit ${limit}`)
    assert.deepEqual(
      recordsOf(log, limit, 1000),
      all.slice(0, limit - (limit % 2)),
      `limit ${limit}, 1000 bytes`,
    )
  }
  const range = log.read(7, 1, 60, true)
  assert(range.ok && range.file)
  const bytes = log.copy(range)
  assert.deepEqual(
    [batchView.baseOffset(bytes, 0), bytes.length],
    [6, sizes[3]],
    'the batch that contains offset 7',
  )
  assert.deepEqual(log.read(7, 1, 60, false), { ok: true, file: null, position: 0, length: 0 })
  assert.deepEqual(log.read(60, 1000, 60, true), { ok: true, file: null, position: 0, length: 0 })
  assert.deepEqual(log.read(61, 1000, 60, true), { ok: false, error: 'offsetOutOfRange' })
  assert.deepEqual(log.read(-1, 1000, 60, true), { ok: false, error: 'offsetOutOfRange' })
})

test('a file that is retained outlives its segment', () => {
  const disk = simDisk()
  const directory = openDirectory(disk, { segmentBytes: 400, retentionBytes: 0, fileDeleteDelayMs: 0 })
  const log = logOf(directory)
  appendFlushed(disk, log, ['a'.padEnd(300, '.'), 'b'.padEnd(300, '.')])
  log.highWatermark = log.logEndOffset
  const range = log.read(0, 4096, 1, true)
  assert(range.ok && range.file)
  range.file.retain()
  directory.tick(startMs + 600_000)
  disk.completeFlushes()
  directory.tick(startMs + 1_200_000)
  disk.completeFlushes()
  assert.equal(log.logStartOffset, 2)
  assert.equal(disk.status('/data/logs-0/00000000000000000000.log'), null)
  assert.equal(disk.status('/data/logs-0/00000000000000000000.log.deleted'), null)
  const header = Buffer.alloc(61)
  assert.equal(disk.read(range.file.fd, header, 0, 61, range.position), 61)
  const before = disk.openFiles
  range.file.release()
  assert.equal(disk.openFiles, before - 1)
})

test('offsetForTimestamp() finds the record, not the batch, whatever the codec', () => {
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const disk = simDisk()
    const log = logOf(openDirectory(disk, { segmentBytes: 700, indexIntervalBytes: 100 }))
    for (let i = 0; i < 10; i++) {
      const timestamps = [0, 1, 2].map(j => 1000 + i * 30 + j * 10)
      appended(log.append(batchOf({ values: ['a', 'b', 'c'], timestamps, codec }), 5, startMs))
    }
    for (let offset = 0; offset < 30; offset++) {
      const found = { offset, timestamp: 1000 + offset * 10, leaderEpoch: 5 }
      assert.deepEqual(log.offsetForTimestamp(1000 + offset * 10, 30), found)
      assert.deepEqual(log.offsetForTimestamp(1000 + offset * 10 - 9, 30), found)
    }
    assert.equal(log.offsetForTimestamp(1291, 30), null)
    assert.equal(log.offsetForTimestamp(1290, 29), null, 'not beyond the limit')
    assert.deepEqual(log.offsetOfMaxTimestamp(30), { offset: 29, timestamp: 1290, leaderEpoch: 5 })
  }
})

test('offsetOfMaxTimestamp() is the record with the largest timestamp, not the last one', () => {
  const disk = simDisk()
  const log = logOf(openDirectory(disk))
  assert.equal(log.offsetOfMaxTimestamp(0), null)
  appended(log.append(batchOf({ values: ['a', 'b', 'c'], timestamps: [10, 90, 20] }), 0, startMs))
  appended(log.append(batchOf({ values: ['d'], timestamps: [50] }), 0, startMs))
  assert.deepEqual(log.offsetOfMaxTimestamp(4), { offset: 1, timestamp: 90, leaderEpoch: 0 })
})

test('leader epochs: each begins where its first batch lies, the latest ends at the log end', async () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  const log = logOf(directory)
  assert.deepEqual(log.endOffsetForEpoch(0), { epoch: -1, endOffset: -1 })
  for (const epoch of [0, 0, 3, 5]) appended(log.append(batchOf({ values: ['a', 'b'] }), epoch, startMs))
  assert.deepEqual(log.endOffsetForEpoch(5), { epoch: 5, endOffset: 8 })
  assert.deepEqual(log.endOffsetForEpoch(4), { epoch: 3, endOffset: 6 })
  assert.deepEqual(log.endOffsetForEpoch(0), { epoch: 0, endOffset: 4 })
  assert.deepEqual(log.endOffsetForEpoch(6), { epoch: -1, endOffset: -1 })
  assert.deepEqual([log.latestEpoch, log.epochOf(3), log.epochOf(4)], [5, 0, 3])
  const path = '/data/logs-0/leader-epoch-checkpoint'
  assert.equal(disk.status(path), null, 'no flush while clients wait')
  await closeOn(disk, directory)
  assert.equal(disk.bytesOf(path).toString(), '0\n3\n0 0\n3 4\n5 6\n')
})

test('deleteRecordsBefore() moves the start, not beyond the high watermark', () => {
  const disk = simDisk()
  const log = logOf(openDirectory(disk))
  appendFlushed(disk, log, ['a', 'b', 'c'])
  log.highWatermark = 2
  assert.equal(log.deleteRecordsBefore(3), 'offsetOutOfRange')
  assert.equal(log.deleteRecordsBefore(2), 'none')
  assert.equal(log.logStartOffset, 2)
  assert.deepEqual(log.read(1, 4096, 3, true), { ok: false, error: 'offsetOutOfRange' })
  assert.deepEqual(recordsOf(log), ['2:c'])
})

test('truncateTo() drops the later batches, their epochs, and what producers did in them', () => {
  const disk = simDisk()
  const log = logOf(openDirectory(disk, { segmentBytes: 500 }))
  const append = (value: string, sequence: number, epoch: number) => {
    const batch = batchOf({ values: [value.padEnd(150, '.')], producerId: 9, sequence })
    return log.append(batch, epoch, startMs)
  }
  for (const [index, value] of ['a', 'b', 'c', 'd', 'e'].entries()) appended(append(value, index, index))
  log.requestFlush()
  disk.completeFlushes()
  log.truncateTo(2, startMs)
  assert.deepEqual([log.logEndOffset, log.durableEnd, log.latestEpoch], [2, 2, 1])
  assert.deepEqual(recordsOf(log), ['0:a', '1:b'])
  assert.equal(disk.list('/data/logs-0').filter(name => name.endsWith('.log')).length, 1)
  const skipped = append('x', 4, 7)
  assert.equal(skipped.ok ? 'none' : skipped.error, 'outOfOrderSequenceNumber')
  appended(append('f', 2, 7))
  log.requestFlush()
  disk.completeFlushes()
  assert.deepEqual(recordsOf(log), ['0:a', '1:b', '2:f'])
  assert.equal(log.durableEnd, 3)
})

test('truncateTo() while a flush is under way: what the flush covered and the cut removed is not durable', () => {
  const disk = simDisk()
  const log = logOf(openDirectory(disk))
  appendFlushed(disk, log, ['a'])
  appended(log.append(batchOf({ values: ['b'] }), 0, startMs))
  log.requestFlush()
  log.truncateTo(1, startMs)
  appended(log.append(batchOf({ values: ['c'] }), 0, startMs))
  disk.completeOneFlush()
  assert.equal(log.durableEnd, 1)
  log.requestFlush()
  disk.completeFlushes()
  assert.equal(log.durableEnd, 2)
  assert.deepEqual(recordsOf(log), ['0:a', '1:c'])
})
