// Damage by name: what each kind does to a log, and what the next start makes of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchView } from '../protocol/record-batch.ts'
import { parseDurablePoint } from './checkpoints.ts'
import type { LogConfig } from './log-config.ts'
import type { LogDirectory } from './log-directory.ts'
import {
  appended,
  appendFlushed,
  batchOf,
  closeOn,
  Heard,
  logOf,
  openDirectory,
  recordsOf,
  startMs,
} from './log-fixture.ts'
import { SimDisk } from './sim-disk.ts'

const logPath = '/data/logs-0/00000000000000000000.log'
const noRandom = () => 0

/** A log of flushed one-record batches, and one more that is only in the page cache. */
function written(
  flushed: readonly string[],
  unflushed: readonly string[] = [],
  config: Partial<LogConfig> = {},
) {
  const disk = new SimDisk()
  disk.nowMs = startMs
  const log = logOf(openDirectory(disk, config))
  if (flushed.length > 0) appendFlushed(disk, log, flushed)
  for (const value of unflushed) appended(log.append(batchOf({ values: [value] }), 0, startMs))
  return disk
}

/** The process is killed, not the machine: the page cache stays. */
function restarted(disk: SimDisk, config: Partial<LogConfig> = {}): LogDirectory {
  disk.crash('process', noRandom)
  return openDirectory(disk, config)
}

/** Where each batch of a segment starts, and where the last one ends. */
function boundaries(disk: SimDisk, path = logPath): number[] {
  const bytes = disk.bytesOf(path)
  const starts = [0]
  while (starts.at(-1)! < bytes.length)
    starts.push(starts.at(-1)! + batchView.sizeInBytes(bytes, starts.at(-1)!))
  return starts
}

function flip(disk: SimDisk, path: string, at: number): void {
  disk.damage(path, bytes => {
    bytes[at]! ^= 0x08
    return bytes
  })
}

const gaps = (directory: LogDirectory) =>
  directory.corruptions.map(({ corruption: { position, fromOffset, toOffset } }) => ({
    position,
    fromOffset,
    toOffset,
  }))

test('a killed process loses nothing that was written, and everything is durable after the restart', () => {
  const disk = written(['a', 'b'], ['c'])
  const log = logOf(restarted(disk))
  assert.deepEqual(recordsOf(log), ['0:a', '1:b', '2:c'])
  assert.equal(log.durableEnd, 3)
  disk.crash('none', noRandom)
  assert.deepEqual(recordsOf(logOf(openDirectory(disk))), ['0:a', '1:b', '2:c'])
})

test('a torn last batch is cut off, at whichever byte it was torn', () => {
  const whole = written(['a', 'b'], ['c'])
  const [, , start, end] = boundaries(whole) as [number, number, number, number]
  for (let length = start; length < end; length++) {
    const disk = written(['a', 'b'], ['c'])
    disk.damage(logPath, bytes => bytes.subarray(0, length))
    const directory = restarted(disk)
    assert.deepEqual(recordsOf(logOf(directory)), ['0:a', '1:b'], `torn at byte ${length}`)
    assert.deepEqual(directory.corruptions, [])
    assert.equal(disk.bytesOf(logPath).length, start)
  }
})

test('zeros behind the last batch, from blocks that were allocated but never written, are cut off', () => {
  const disk = written(['a', 'b'])
  disk.damage(logPath, bytes => Buffer.concat([bytes, Buffer.alloc(4096)]))
  const directory = restarted(disk)
  assert.deepEqual(recordsOf(logOf(directory)), ['0:a', '1:b'])
  assert.deepEqual(directory.corruptions, [])
})

test('a flipped bit beyond the durable point is a torn tail, with whatever follows it', () => {
  const disk = written(['a'], ['b', 'c'])
  flip(disk, logPath, boundaries(disk)[1]! + 65)
  const directory = restarted(disk)
  assert.deepEqual(recordsOf(logOf(directory)), ['0:a'])
  assert.deepEqual(directory.corruptions, [])
})

test('a flipped bit below the durable point is reported, not truncated, wherever in the batch it is', () => {
  const whole = written(['a', 'b', 'c'])
  const [, start, end] = boundaries(whole) as [number, number, number]
  for (let at = start; at < end; at++) {
    // The leader epoch is outside the checksum; a wrong one costs no record.
    if (at >= start + 12 && at < start + 16) continue
    const disk = written(['a', 'b', 'c'])
    flip(disk, logPath, at)
    const damaged = disk.bytesOf(logPath).subarray(start, end)
    const directory = restarted(disk)
    const log = logOf(directory)
    assert.deepEqual(recordsOf(log), ['0:a', '2:c'], `bit of byte ${at - start}`)
    assert.deepEqual(gaps(directory), [{ position: start, fromOffset: 1, toOffset: 2 }])
    assert.deepEqual(
      disk.bytesOf(directory.corruptions[0]!.corruption.path),
      damaged,
      'what the disk gave is kept',
    )
    appendFlushed(disk, log, ['d'])
    assert.deepEqual(recordsOf(log), ['0:a', '2:c', '3:d'])
  }
})

test('a loss is offered at every start until it is reported, then never again', () => {
  const disk = written(['a', 'b', 'c'])
  flip(disk, logPath, boundaries(disk)[1]! + 65)
  restarted(disk)
  const again = restarted(disk)
  assert.deepEqual(gaps(again).length, 1)
  const [{ log, corruption }] = again.corruptions as [LogDirectory['corruptions'][0]]
  log.reported(corruption)
  assert.deepEqual(again.corruptions, [])
  const last = restarted(disk)
  assert.deepEqual(last.corruptions, [])
  assert.deepEqual(recordsOf(logOf(last)), ['0:a', '2:c'], 'the gap is known: it is not found a second time')
})

test('a page of zeros over several batches below the durable point: the batches around it live on', () => {
  const disk = written(['a', 'b', 'c', 'd', 'e', 'f'])
  const starts = boundaries(disk)
  disk.damage(logPath, bytes => bytes.fill(0, starts[1]! + 30, starts[3]! + 30))
  const directory = restarted(disk)
  assert.deepEqual(recordsOf(logOf(directory)), ['0:a', '4:e', '5:f'])
  assert.deepEqual(gaps(directory), [{ position: starts[1], fromOffset: 1, toOffset: 4 }])
})

test('damage at the very end of what was durable: its offsets are not given out again', () => {
  const disk = written(['a', 'b', 'c'])
  flip(disk, logPath, boundaries(disk)[2]! + 65)
  const log = logOf(restarted(disk))
  assert.deepEqual([log.logEndOffset, recordsOf(log)], [3, ['0:a', '1:b']])
  appendFlushed(disk, log, ['d'])
  assert.deepEqual(recordsOf(log), ['0:a', '1:b', '3:d'])
  const again = restarted(disk)
  assert.deepEqual(recordsOf(logOf(again)), ['0:a', '1:b', '3:d'])
  assert.deepEqual(gaps(again).length, 1)
})

test('a segment of which nothing is left: whoever reads at its offsets goes on behind them', () => {
  const disk = written(['a', 'b'])
  disk.damage(logPath, bytes => bytes.fill(0))
  restarted(disk)
  const log = logOf(restarted(disk))
  appendFlushed(disk, log, ['c'])
  assert.deepEqual([log.logStartOffset, recordsOf(log)], [0, ['2:c']])
})

test('the durable point that recovery writes is not taken back by the next power cut', () => {
  const disk = written(['a', 'b', 'c'])
  for (const cut of [1, 2]) {
    disk.crash('none', noRandom)
    if (cut === 1) openDirectory(disk)
    assert.equal(parseDurablePoint(disk.bytesOf('/data/logs-0/durable-point')), 3, `after power cut ${cut}`)
  }
  disk.crash('none', noRandom)
  flip(disk, logPath, boundaries(disk)[2]! + 65)
  assert.deepEqual(gaps(openDirectory(disk)).length, 1, 'damage is damage still')
})

test('a file that ends before the durable point: the missing records are reported', () => {
  for (const cut of [0, 1]) {
    const disk = written(['a', 'b', 'c'])
    const end = boundaries(disk)[1]! + cut * 20
    disk.damage(logPath, bytes => bytes.subarray(0, end))
    const directory = restarted(disk)
    assert.deepEqual([recordsOf(logOf(directory)), logOf(directory).logEndOffset], [['0:a'], 3])
    assert.deepEqual(gaps(directory), [{ position: boundaries(disk)[1], fromOffset: 1, toOffset: 3 }])
  }
})

test('a segment file that is gone from the middle is reported as the gap it leaves', () => {
  const config = { segmentBytes: 300 }
  const names = ['a', 'b', 'c', 'd'].map(name => name.padEnd(200, '.'))
  const disk = written(names, [], config)
  disk.unlink('/data/logs-0/00000000000000000001.log')
  const directory = restarted(disk, config)
  assert.deepEqual(recordsOf(logOf(directory)), ['0:a', '2:c', '3:d'])
  assert.deepEqual(
    gaps(directory).map(({ fromOffset, toOffset }) => [fromOffset, toOffset]),
    [[1, 2]],
  )
  assert.deepEqual(recordsOf(logOf(restarted(disk, config))), ['0:a', '2:c', '3:d'])
})

test('a torn batch in a sealed segment beyond the durable point takes the later segments with it', () => {
  const config = { segmentBytes: 300 }
  const disk = written(
    ['a'.padEnd(200, '.')],
    ['b', 'c'].map(name => name.padEnd(200, '.')),
    config,
  )
  flip(disk, '/data/logs-0/00000000000000000001.log', 70)
  const directory = restarted(disk, config)
  assert.deepEqual(recordsOf(logOf(directory)), ['0:a'])
  assert.deepEqual(disk.list('/data/logs-0').filter(name => name.endsWith('.log')).length, 2)
  appendFlushed(disk, logOf(directory), ['d'])
  assert.deepEqual(recordsOf(logOf(restarted(disk, config))), ['0:a', '1:d'])
})

test('garbage between two batches is set aside although no record is missing', () => {
  const disk = written(['a', 'b'])
  const middle = boundaries(disk)[1]!
  disk.damage(logPath, bytes =>
    Buffer.concat([bytes.subarray(0, middle), Buffer.from('garbage'), bytes.subarray(middle)]),
  )
  const directory = restarted(disk)
  assert.deepEqual(recordsOf(logOf(directory)), ['0:a', '1:b'])
  assert.deepEqual(gaps(directory), [{ position: middle, fromOffset: 1, toOffset: 1 }])
})

test('indexes that are missing, torn or zeroed are rebuilt, after a clean end too', async () => {
  const config = { segmentBytes: 1500, indexIntervalBytes: 200 }
  const values = Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(100, '.'))
  const bytesOf = (disk: SimDisk) =>
    disk
      .list('/data/logs-0')
      .filter(name => /index$/.test(name))
      .map(name => disk.bytesOf(`/data/logs-0/${name}`))
  for (const damage of ['missing', 'torn', 'zeroed'] as const) {
    const disk = written([], [], config)
    const directory = restarted(disk, config)
    appendFlushed(disk, logOf(directory), values)
    await closeOn(disk, directory)
    const before = bytesOf(disk)
    for (const name of disk.list('/data/logs-0').filter(name => /index$/.test(name))) {
      const path = `/data/logs-0/${name}`
      if (damage === 'missing') disk.unlink(path)
      if (damage === 'torn') disk.damage(path, bytes => bytes.subarray(0, Math.max(bytes.length - 3, 0)))
      if (damage === 'zeroed') disk.damage(path, bytes => bytes.fill(0))
    }
    const reopened = openDirectory(disk, config)
    assert.equal(recordsOf(logOf(reopened), 20, 200).length, 20, damage)
    assert.deepEqual(logOf(reopened).offsetForTimestamp(startMs, 20)?.offset, 0)
    await closeOn(disk, reopened)
    assert.deepEqual(bytesOf(disk), before, `${damage}: the same bytes again`)
  }
})

test('a checkpoint of leader epochs that is gone or torn is rebuilt from the batches', () => {
  for (const damage of [() => Buffer.from('0\n9\n'), null]) {
    const disk = written([])
    const log = logOf(restarted(disk))
    for (const epoch of [0, 2, 2, 5]) appended(log.append(batchOf({ values: ['x'] }), epoch, startMs))
    const path = '/data/logs-0/leader-epoch-checkpoint'
    assert.equal(logOf(restarted(disk)).latestEpoch, 5)
    const before = disk.bytesOf(path)
    if (damage) disk.damage(path, damage)
    else disk.unlink(path)
    assert.equal(logOf(restarted(disk)).latestEpoch, 5)
    assert.deepEqual(disk.bytesOf(path), before)
  }
})

test('an epoch is on the medium before recovery passes over the segments that it began in', async () => {
  const disk = new SimDisk()
  disk.nowMs = startMs
  const config = { segmentBytes: 200 }
  let directory = openDirectory(disk, config)
  appendFlushed(disk, logOf(directory), ['a'])
  await closeOn(disk, directory)
  directory = openDirectory(disk, config)
  for (const epoch of [3, 3, 5, 5, 5, 5])
    appended(logOf(directory).append(batchOf({ values: ['x'] }), epoch, startMs))
  logOf(directory).requestFlush()
  disk.completeFlushes()
  for (let minute = 1; minute <= 5; minute++) {
    directory.tick(startMs + minute * 61_000)
    disk.completeFlushes()
  }
  assert(logOf(directory).recoveryPoint > 4)
  disk.crash('process', noRandom)
  const log = logOf(openDirectory(disk, config))
  assert.deepEqual(
    [0, 1, 2, 3, 6].map(offset => log.epochOf(offset)),
    [0, 3, 3, 5, 5],
  )
})

test('producer state survives a kill, a torn snapshot and a clean restart, all five batches of it', async () => {
  const config = { segmentBytes: 400 }
  const batch = (sequence: number) =>
    batchOf({ values: [`${sequence}`.padEnd(100, '.')], producerId: 5, sequence })
  const disk = new SimDisk()
  disk.nowMs = startMs
  let directory = openDirectory(disk, config)
  logOf(directory)
  for (let sequence = 0; sequence < 8; sequence++)
    appended(logOf(directory).append(batch(sequence), 0, startMs))
  const expectWindow = (how: string) => {
    for (let sequence = 3; sequence < 8; sequence++) {
      const expected = { baseOffset: sequence, lastOffset: sequence, duplicate: true }
      assert.deepEqual(appended(logOf(directory).append(batch(sequence), 0, startMs)), expected, how)
    }
    const older = logOf(directory).append(batch(2), 0, startMs)
    assert.equal(older.ok ? 'none' : older.error, 'outOfOrderSequenceNumber', how)
  }
  directory = restarted(disk, config)
  expectWindow('killed')
  for (const name of disk.list('/data/logs-0').filter(name => name.endsWith('.snapshot'))) {
    disk.damage(`/data/logs-0/${name}`, bytes => bytes.subarray(0, bytes.length - 1))
  }
  directory = restarted(disk, config)
  expectWindow('snapshots torn')
  await closeOn(disk, directory)
  directory = openDirectory(disk, config)
  expectWindow('clean restart')
})

test('after a failed flush the next start writes the tail again, so that its flush means something', () => {
  const disk = written(['a'], ['b'])
  const directory = restarted(disk)
  const log = logOf(directory)
  appended(log.append(batchOf({ values: ['c'] }), 0, startMs))
  disk.fault = operation => (operation === 'sync' ? new Error('input/output error') : null)
  log.requestFlush()
  disk.completeFlushes()
  assert.notEqual(log.failure, null)
  // The pages of c are now marked clean, though the medium never saw them.
  assert.deepEqual(recordsOf(logOf(restarted(disk))), ['0:a', '1:b', '2:c'])
  disk.crash('none', noRandom)
  assert.deepEqual(recordsOf(logOf(openDirectory(disk))), ['0:a', '1:b', '2:c'])
})

test('a segment that cannot be flushed at the start either is copied into a new file', () => {
  const disk = written(['a'], ['b'])
  const log = logOf(restarted(disk))
  appended(log.append(batchOf({ values: ['c'] }), 0, startMs))
  disk.crash('process', noRandom)
  let failures = 0
  disk.fault = (operation, path) =>
    operation === 'sync' && path.endsWith('.log') && ++failures > 0 ? new Error('input/output error') : null
  assert.deepEqual(recordsOf(logOf(openDirectory(disk))), ['0:a', '1:b', '2:c'])
  assert.equal(failures, 1, 'the old file is not flushed again')
  disk.crash('none', noRandom)
  assert.deepEqual(recordsOf(logOf(openDirectory(disk))), ['0:a', '1:b', '2:c'])
})

test('damage that a read meets ends the directory; the next start looks at every byte and sets it aside', async () => {
  const disk = written(['a', 'b', 'c'])
  const [, start] = boundaries(disk) as [number, number]
  await closeOn(disk, restarted(disk))
  const heard = new Heard()
  const trusted = logOf(openDirectory(disk, {}, heard))
  // A batch that cannot be as long as it says.
  disk.damage(logPath, bytes => {
    bytes.writeInt32BE(2 ** 30, start + 8)
    return bytes
  })
  const found = trusted.read(1, 1_000, 3, true)
  assert(!found.ok && found.error === 'corruptMessage')
  assert.equal(heard.failures.length, 1)
  const directory = restarted(disk)
  assert.deepEqual(gaps(directory), [{ position: start, fromOffset: 1, toOffset: 2 }])
  assert.deepEqual(recordsOf(logOf(directory)), ['0:a', '2:c'])
  assert.equal(disk.status('/data/logs-0/suspect'), null)
})

test('cut to before its damage, a log is as before it, and has nothing to report', () => {
  const disk = written(['a', 'b', 'c'])
  flip(disk, logPath, boundaries(disk)[1]! + 65)
  const directory = restarted(disk)
  const log = logOf(directory)
  log.truncateTo(directory.corruptions[0]!.corruption.fromOffset, startMs)
  assert.deepEqual([log.logEndOffset, directory.corruptions], [1, []])
  const again = restarted(disk)
  assert.deepEqual([recordsOf(logOf(again)), again.corruptions], [['0:a'], []])
})
