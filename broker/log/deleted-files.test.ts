// Segments and partitions that go while somebody still reads them, and the clock by which a segment is old.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogDirectory } from './log-directory.ts'
import { appendFlushed, batchOf, Heard, logOf, openDirectory, recordsOf, startMs } from './log-fixture.ts'
import type { ReadResult } from './log-results.ts'
import { SimDisk } from './sim-disk.ts'

const hourMs = 3_600_000
const padded = (...names: string[]) => names.map(name => name.padEnd(180, '.'))

function simDisk(): SimDisk {
  const disk = new SimDisk()
  disk.nowMs = startMs
  return disk
}

function tick(disk: SimDisk, directory: LogDirectory, afterMs: number): void {
  disk.nowMs += afterMs
  directory.tick(disk.nowMs)
  disk.completeFlushes()
}

/** What a sender does between a read and its last byte. */
function sending(disk: SimDisk, range: ReadResult): { bytes(): string; end(): void } {
  assert(range.ok && range.file)
  const { file, position, length } = range
  const { fd } = file
  file.retain()
  const bytes = () => {
    const buffer = Buffer.alloc(length)
    assert.equal(disk.read(fd, buffer, 0, length, position), length)
    return buffer.toString('latin1')
  }
  return { bytes, end: () => file.release() }
}

test('who reads a segment that retention deletes reads on, and its file goes after the delay', () => {
  const disk = simDisk()
  const directory = openDirectory(disk, { segmentBytes: 300, retentionBytes: 0, fileDeleteDelayMs: 60_000 })
  const log = logOf(directory)
  appendFlushed(disk, log, padded('a', 'b', 'c'))
  log.highWatermark = 2
  const send = sending(disk, log.read(0, 4_096, 3, true))
  const before = send.bytes()
  tick(disk, directory, 30_000)
  assert.deepEqual([log.logStartOffset, log.read(0, 1, 3, true).ok], [2, false])
  const deleted = () => disk.list('/data/logs-0').filter(name => name.endsWith('.log.deleted'))
  assert.equal(deleted().length, 2)
  assert.equal(send.bytes(), before)
  tick(disk, directory, 61_000)
  tick(disk, directory, 61_000)
  assert.deepEqual(deleted(), [])
  assert.equal(send.bytes(), before, 'the name has gone, the bytes have not')
  const open = disk.openFiles
  send.end()
  assert.equal(disk.openFiles, open - 1)
})

test('who reads a partition that is deleted reads on, and its files go when nobody does', () => {
  const disk = simDisk()
  const directory = openDirectory(disk)
  const log = logOf(directory)
  appendFlushed(disk, log, padded('a', 'b'))
  const send = sending(disk, log.read(0, 4_096, 2, true))
  const before = send.bytes()
  directory.delete('logs', 0)
  assert.match(disk.list('/data').find(name => name.startsWith('logs-0'))!, /^logs-0\.[0-9a-f]{32}-delete$/)
  assert.equal(send.bytes(), before)
  for (let round = 0; round < 3; round++) tick(disk, directory, 61_000)
  assert.equal(send.bytes(), before)
  send.end()
  assert.equal(disk.openFiles, 0)
})

test('a deletion that the power cuts off goes on at the next start, whatever was done of it', () => {
  for (let cutAt = 1; cutAt < 12; cutAt++) {
    const disk = simDisk()
    const directory = openDirectory(disk)
    appendFlushed(disk, logOf(directory), ['a'])
    disk.cutAt = disk.operations + cutAt
    try {
      directory.delete('logs', 0)
      for (let round = 0; round < 3; round++) tick(disk, directory, 61_000)
    } catch (error) {
      assert.equal((error as Error).name, 'PowerCut')
    }
    disk.crash('none', () => 0.5)
    const again = openDirectory(disk)
    // Either it was never deleted, or it is out of sight for good.
    const log = again.get('logs', 0)
    if (log) assert.deepEqual(recordsOf(log), ['0:a'])
    for (let round = 0; round < 3; round++) tick(disk, again, 61_000)
    const left = disk.list('/data').filter(name => name.endsWith('-delete'))
    assert.deepEqual(left, [], `cut at ${cutAt}`)
    assert.equal(again.get('logs', 0) === undefined, cutAt > 2, `cut at ${cutAt}`)
  }
})

test('a segment is as old as its newest record, and at least as old as its file, after a restart too', () => {
  const config = { segmentBytes: 300, retentionMs: hourMs }
  for (const [what, timestamp, hours, start] of [
    ['stamped in the future: the file says when', startMs + 1_000 * hourMs, 2, 2],
    ['stamped in the past: the records say when', startMs - 2 * hourMs, 0.1, 2],
    ['young by both', startMs, 0.5, 0],
  ] as const) {
    for (const isRestarted of [false, true]) {
      const disk = simDisk()
      let directory = openDirectory(disk, config)
      const log = logOf(directory)
      for (const value of padded('a', 'b')) {
        assert(log.append(batchOf({ values: [value], timestamp }), 0, startMs).ok)
      }
      log.requestFlush()
      disk.completeFlushes()
      log.highWatermark = 2
      tick(disk, directory, 6_000)
      if (isRestarted) {
        disk.crash('none', () => 0)
        directory = openDirectory(disk, config)
      }
      tick(disk, directory, hours * hourMs)
      const { logStartOffset } = logOf(directory)
      assert.equal(logStartOffset, start, `${what}${isRestarted ? ', restarted' : ''}`)
    }
  }
})

test('a segment that is compacted twice within the delay leaves one deleted file, which goes once', () => {
  const disk = simDisk()
  const heard = new Heard()
  const config = { segmentBytes: 600, isCompacted: true, isRetained: false, minCleanableDirtyRatio: 0 }
  const directory = openDirectory(disk, config, heard)
  const log = logOf(directory)
  for (let round = 1; round <= 3; round++) {
    appendFlushed(disk, log, padded('a', 'b', 'c', 'd', 'e', 'f', 'g'))
    log.highWatermark = log.durableEnd
    tick(disk, directory, 6_000)
    assert.equal(directory.cleaner.totals.cleanings, round)
  }
  for (let round = 0; round < 5; round++) tick(disk, directory, 40_000)
  assert.deepEqual(heard.failures, [])
  assert.deepEqual(
    disk.list('/data/logs-0').filter(name => name.endsWith('.deleted')),
    [],
  )
  assert.equal(recordsOf(log, log.logEndOffset, 8_192).at(-1), '20:g')
})
