// The data directory as a whole: identity, lock, clean ends, checkpoints, retention, deletion; once on a real disk.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempDisposable, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { LogDirectory, LogDirectoryError } from './log-directory.ts'
import {
  appended,
  appendFlushed,
  batchOf,
  closeOn,
  clusterId,
  Heard,
  logOf,
  openDirectory,
  recordsOf,
  startMs,
  topicId,
} from './log-fixture.ts'
import { SimDisk } from './sim-disk.ts'

function simDisk(): SimDisk {
  const disk = new SimDisk()
  disk.nowMs = startMs
  return disk
}

/** One tick, with what it asks of the disk, and what that leads to. */
function tick(disk: SimDisk, directory: LogDirectory, afterMs: number): void {
  disk.nowMs += afterMs
  directory.tick(disk.nowMs)
  disk.completeFlushes()
}

test('a directory belongs to one node of one cluster', () => {
  const disk = simDisk()
  const first = openDirectory(disk)
  assert.match(first.directoryId, /^[A-Za-z0-9_-]{22}$/)
  assert.equal(openDirectory(disk).directoryId, first.directoryId)
  const options = { path: '/data', clusterId, nodeId: 1, listener: new Heard(), nowMs: startMs, disk }
  assert.throws(() => LogDirectory.open({ ...options, nodeId: 2 }), LogDirectoryError)
  assert.throws(() => LogDirectory.open({ ...options, clusterId: 'another' }), LogDirectoryError)
})

test('a clean end leaves a marker with the broker epoch; the next start takes it away and scans nothing', async () => {
  const disk = simDisk()
  const config = { segmentBytes: 300 }
  let directory = openDirectory(disk, config)
  appendFlushed(disk, logOf(directory), ['a'.padEnd(150, '.'), 'b'.padEnd(150, '.'), 'c'])
  logOf(directory).highWatermark = 3
  await closeOn(disk, directory, 41)
  assert.equal(disk.bytesOf('/data/.kafka_cleanshutdown').toString(), '{"version":0,"brokerEpoch":41}')
  assert.equal(disk.openFiles, 0)
  // Nobody looks at the payload: a clean start reads headers from the last index entry on.
  disk.damage('/data/logs-0/00000000000000000000.log', bytes => bytes.fill(0x55, 70))
  disk.crash('none', () => 0)
  directory = openDirectory(disk, config)
  const log = logOf(directory)
  assert.equal(directory.previousBrokerEpoch, 41)
  assert.deepEqual([log.logEndOffset, log.durableEnd, log.highWatermark], [3, 3, 3])
  assert.deepEqual(directory.corruptions, [])
  assert.equal(disk.status('/data/.kafka_cleanshutdown'), null)
  disk.crash('none', () => 0)
  assert.equal(openDirectory(disk, config).previousBrokerEpoch, -1)
})

test('a log that was opened cleanly goes on where it was: indexes, epochs, segments', async () => {
  const disk = simDisk()
  const config = { segmentBytes: 2000, indexIntervalBytes: 150 }
  let directory = openDirectory(disk, config)
  const values = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(60, '.'))
  logOf(directory)
  for (let i = 0; i < 40; i += 7) {
    appendFlushed(disk, logOf(directory), values.slice(i, i + 7))
    await closeOn(disk, directory)
    directory = openDirectory(disk, config)
  }
  const log = logOf(directory)
  assert.deepEqual(
    recordsOf(log, 40, 300),
    values.map((value, i) => `${i}:${value.replace(/\.+$/, '')}`),
  )
  for (let offset = 0; offset < 40; offset++) assert.equal(recordsOf(log, offset + 1, 1).length, offset + 1)
})

test('a clean end flushes what was only written', async () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  appended(logOf(directory).append(batchOf({ values: ['a'] }), 0, startMs))
  await closeOn(disk, directory)
  disk.crash('none', () => 0)
  assert.deepEqual(recordsOf(logOf(openDirectory(disk))), ['0:a'])
})

test('after a disk failure there is no clean end', async () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  const log = logOf(directory)
  appended(log.append(batchOf({ values: ['a'] }), 0, startMs))
  disk.fault = operation => (operation === 'sync' ? new Error('input/output error') : null)
  await closeOn(disk, directory)
  assert.notEqual(directory.failure, null)
  assert.equal(disk.status('/data/.kafka_cleanshutdown'), null)
})

test('checkpoints are written by tick, only when something changed, and read at the next start', () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  const log = logOf(directory)
  appendFlushed(disk, log, ['a', 'b', 'c'])
  log.highWatermark = 2
  assert.equal(log.deleteRecordsBefore(1), 'none')
  tick(disk, directory, 60_000)
  assert.equal(disk.bytesOf('/data/replication-offset-checkpoint').toString(), '0\n1\nlogs 0 2\n')
  assert.equal(disk.bytesOf('/data/log-start-offset-checkpoint').toString(), '0\n1\nlogs 0 1\n')
  assert.equal(disk.bytesOf('/data/recovery-point-offset-checkpoint').toString(), '0\n1\nlogs 0 0\n')
  const before = disk.operations
  tick(disk, directory, 60_000)
  assert.equal(disk.operations, before)
  disk.crash('none', () => 0)
  const reopened = logOf(openDirectory(disk))
  assert.deepEqual([reopened.logStartOffset, reopened.highWatermark, reopened.logEndOffset], [1, 2, 3])
})

test('recordStarts() hears when the new start is durable, whatever else is being written or overtakes it', () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  const log = logOf(directory)
  appendFlushed(disk, log, ['a', 'b', 'c', 'd'])
  log.highWatermark = 4
  const heard: [number, Error | null][] = []
  const move = (offset: number) => {
    log.deleteRecordsBefore(offset)
    directory.recordStarts(error => heard.push([offset, error]))
  }
  move(1)
  move(2)
  assert.deepEqual(heard, [])
  // The first is flushed and in place, but its name may still be lost.
  disk.completeOneFlush()
  assert.deepEqual(heard, [])
  disk.completeFlushes()
  assert.deepEqual(heard, [
    [1, null],
    [2, null],
  ])
  move(3)
  directory.create('logs', 1, topicId)
  disk.completeFlushes()
  move(3)
  disk.completeFlushes()
  assert.deepEqual(heard.slice(2), [
    [3, null],
    [3, null],
  ])
  disk.crash('none', () => 0)
  assert.equal(logOf(openDirectory(disk)).logStartOffset, 3)
})

test('recordStarts() says so when the disk fails it', () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  const log = logOf(directory)
  appendFlushed(disk, log, ['a', 'b'])
  log.highWatermark = 2
  log.deleteRecordsBefore(1)
  disk.fault = (operation, path) =>
    operation === 'sync' && path.includes('log-start') ? new Error('input/output error') : null
  const heard: (string | undefined)[] = []
  directory.recordStarts(error => heard.push(error?.message))
  disk.completeFlushes()
  assert.deepEqual(heard, ['input/output error'])
  assert.notEqual(directory.failure, null)
})

test('a new partition does not inherit the offsets of a deleted one of its name', () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  const log = logOf(directory)
  appendFlushed(disk, log, ['a', 'b', 'c'])
  log.highWatermark = 3
  log.deleteRecordsBefore(2)
  tick(disk, directory, 60_000)
  directory.delete('logs', 0)
  assert.equal(directory.get('logs', 0), undefined)
  appendFlushed(disk, directory.create('logs', 0, 'YW5vdGhlci10b3BpYy1pZA'), ['new'])
  disk.crash('none', () => 0)
  const reopened = openDirectory(disk).get('logs', 0)!
  assert.deepEqual(
    [reopened.topicId, reopened.logStartOffset, recordsOf(reopened)],
    ['YW5vdGhlci10b3BpYy1pZA', 0, ['0:new']],
  )
})

test('a deleted partition is out of sight at once, and its files go by and by', () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  appendFlushed(disk, logOf(directory), ['a'])
  directory.delete('logs', 0)
  const [name] = disk.list('/data').filter(entry => entry.startsWith('logs-0'))
  assert.match(name!, /^logs-0\.[0-9a-f]{32}-delete$/)
  tick(disk, directory, 1_000)
  assert.notEqual(disk.status(`/data/${name}`), null)
  for (let i = 0; i < 4; i++) tick(disk, directory, 60_000)
  assert.equal(disk.status(`/data/${name}`), null)
  assert.equal(disk.openFiles, 0)
})

test('a creation that was cut short left nothing, and can be done again', () => {
  const disk = simDisk()
  openDirectory(disk)
  disk.makeDirectory('/data/logs-0')
  disk.syncDirectory('/data')
  disk.crash('none', () => 0)
  const directory = openDirectory(disk)
  assert.equal(directory.get('logs', 0), undefined)
  appendFlushed(disk, directory.create('logs', 0, topicId), ['a'])
})

test('a creation that the disk fails at any operation stops no later start, and can be done again', () => {
  let failures = 0
  for (let at = 1; at < 60; at++) {
    const disk = simDisk()
    disk.writeBytesMax = 20
    const directory = openDirectory(disk)
    const before = disk.operations
    disk.fault = () =>
      disk.operations - before >= at ? Object.assign(new Error('EIO'), { code: 'EIO' }) : null
    try {
      directory.create('logs', 0, topicId)
    } catch {
      failures++
    }
    disk.fault = () => null
    disk.crash(at % 2 === 0 ? 'process' : 'none', () => 0.5)
    const again = openDirectory(disk)
    appendFlushed(disk, logOf(again), ['a'])
    assert.deepEqual(recordsOf(logOf(openDirectory(disk))), ['0:a'], `operation ${at}`)
  }
  assert(failures > 5, `${failures} creations failed`)
})

test('retention: the start moves, the new start is on record before a file is renamed, and then they go', () => {
  const disk = simDisk()
  const config = { segmentBytes: 300, retentionBytes: 500, fileDeleteDelayMs: 60_000 }
  const directory = openDirectory(disk, config)
  const log = logOf(directory)
  appendFlushed(
    disk,
    log,
    ['a', 'b', 'c', 'd', 'e'].map(name => name.padEnd(180, '.')),
  )
  const files = (suffix: string) => disk.list('/data/logs-0').filter(name => name.endsWith(suffix)).length
  log.highWatermark = 1
  tick(disk, directory, 30_000)
  assert.equal(log.logStartOffset, 1, 'not past the high watermark')
  log.highWatermark = 5
  disk.nowMs += 30_000
  directory.tick(disk.nowMs)
  assert.equal(log.logStartOffset, 3)
  assert.equal(files('.log'), 4, 'still there: the checkpoint is not yet durable')
  disk.completeFlushes()
  assert.equal(files('.log'), 2)
  assert.match(disk.bytesOf('/data/log-start-offset-checkpoint').toString(), /logs 0 3/)
  assert.deepEqual(recordsOf(log), ['3:d', '4:e'])
  tick(disk, directory, 120_000)
  assert.equal(files('.deleted'), 0)
  disk.crash('none', () => 0)
  assert.deepEqual(recordsOf(logOf(openDirectory(disk, config))), ['3:d', '4:e'])
})

test('retention that goes on while the start is being recorded waits for the next record', () => {
  const disk = simDisk()
  const directory = openDirectory(disk, { segmentBytes: 300, retentionBytes: 0 })
  const log = logOf(directory)
  appendFlushed(
    disk,
    log,
    ['a', 'b', 'c'].map(name => name.padEnd(180, '.')),
  )
  const files = () => disk.list('/data/logs-0').filter(name => name.endsWith('.log')).length
  for (const highWatermark of [1, 2]) {
    log.highWatermark = highWatermark
    disk.nowMs += 30_000
    directory.tick(disk.nowMs)
  }
  assert.deepEqual([log.logStartOffset, files()], [2, 3])
  disk.completeFlushes()
  assert.match(disk.bytesOf('/data/log-start-offset-checkpoint').toString(), /logs 0 1/)
  assert.equal(files(), 2, 'the second segment stays: its going is not on record')
  tick(disk, directory, 30_000)
  assert.equal(files(), 1)
})

test('retention by time empties an idle log and keeps its end', () => {
  const disk = simDisk()
  const config = { retentionMs: 3_600_000 }
  const directory = openDirectory(disk, config)
  const log = logOf(directory)
  appendFlushed(disk, log, ['a', 'b'])
  log.highWatermark = 2
  tick(disk, directory, 3_700_000)
  assert.deepEqual([log.logStartOffset, log.logEndOffset, recordsOf(log)], [2, 2, []])
  appendFlushed(disk, log, ['c'])
  disk.crash('none', () => 0)
  assert.deepEqual(recordsOf(logOf(openDirectory(disk, config))), ['2:c'])
})

test('settled segments are not scanned again: the recovery point follows their indexes', () => {
  const disk = simDisk()
  const config = { segmentBytes: 300 }
  const directory = openDirectory(disk, config)
  const log = logOf(directory)
  appendFlushed(
    disk,
    log,
    ['a', 'b', 'c'].map(name => name.padEnd(180, '.')),
  )
  assert.equal(log.recoveryPoint, 0)
  for (let i = 0; i < 3; i++) tick(disk, directory, 60_000)
  assert.equal(log.recoveryPoint, 2)
  assert.match(disk.bytesOf('/data/recovery-point-offset-checkpoint').toString(), /logs 0 2/)
  disk.crash('none', () => 0)
  const reopened = logOf(openDirectory(disk, config))
  assert.equal(reopened.recoveryPoint, 2)
  assert.deepEqual(recordsOf(reopened), ['0:a', '1:b', '2:c'])
})

test('on a real disk: append, flush, roll, read, end cleanly, and hold the directory meanwhile', async () => {
  await using place = await mkdtempDisposable(join(tmpdir(), 'log-directory-'))
  const path = join(place.path, 'broker-1')
  const durable = new Map<number, () => void>()
  const listener = {
    onDurable: (_log: unknown, end: number) => durable.get(end)?.(),
    onFailed: (_log: unknown, error: Error) => assert.fail(error),
  }
  const options = { path, clusterId, nodeId: 1, listener, nowMs: startMs, config: { segmentBytes: 3_000 } }
  let directory = LogDirectory.open(options)
  assert.throws(() => LogDirectory.open(options), /another process is using it/)
  assert.equal(await lockedElsewhere(path), true)
  const log = directory.create('logs', 0, topicId)
  const values = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(300, '.'))
  const flushed = new Promise<void>(resolve => durable.set(100, resolve))
  for (const value of values) {
    appended(log.append(batchOf({ values: [value], codec: 'zstd' }), 0, startMs))
    log.requestFlush()
  }
  await flushed
  assert.equal(log.durableEnd, 100)
  const expected = values.map((value, i) => `${i}:${value.replace(/\.+$/, '')}`)
  assert.deepEqual(recordsOf(log, 100, 3000), expected)
  await directory.close(3)
  const names = await readdir(join(path, 'logs-0'))
  assert(names.filter(name => name.endsWith('.log')).length > 1)
  assert.equal(
    (await readFile(join(path, 'logs-0/partition.metadata'))).toString(),
    `version: 0\ntopic_id: ${topicId}`,
  )
  directory = LogDirectory.open(options)
  assert.deepEqual(recordsOf(directory.get('logs', 0)!, 100, 3000), expected)
  await directory.close(4)
  assert.equal(await lockedElsewhere(path), false)
})

/** Whether somebody else would be refused: asked from a thread with SQLite connections of its own. */
async function lockedElsewhere(path: string): Promise<boolean> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.module).then(({ lockDirectory }) => {
      const lock = lockDirectory(workerData.path)
      lock?.release()
      parentPort.postMessage(lock === null)
    })`
  const module = new URL('./directory-lock.ts', import.meta.url).href
  const worker = new Worker(source, { eval: true, workerData: { module, path } })
  const [isLocked] = (await once(worker, 'message')) as [boolean]
  await worker.terminate()
  return isLocked
}
