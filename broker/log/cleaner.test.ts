// Compaction as its users see it: the last record of every key stays at its offset, tombstones go when their time has
// come, retries are still recognised, and nothing young, uncommitted or active is touched.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import { batchEnd, batchView, type CodecName, codecs, validateBatch } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import type { LogConfig } from './log-config.ts'
import type { LogDirectory } from './log-directory.ts'
import { appended, batchOf, closeOn, Heard, openDirectory, startMs, topicId } from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'
import { Scrub } from './scrub.ts'
import { SimDisk } from './sim-disk.ts'

const hourMs = 3_600_000
const compacted = { isCompacted: true, isRetained: false, segmentBytes: 600, indexIntervalBytes: 100 }

interface Pair {
  readonly key: string | null
  readonly value: string | null
}

const builder = new BatchBuilder()

function pairsBatch(
  pairs: readonly Pair[],
  options: { codec?: CodecName; producerId?: number; sequence?: number; timestamp?: number } = {},
): Buffer {
  const { codec = 'none', producerId = -1, sequence = -1, timestamp = startMs } = options
  for (const { key, value } of pairs) {
    const bytes = value === null ? null : Buffer.from(value)
    builder.append(key === null ? null : Buffer.from(key), bytes, undefined, timestamp)
  }
  return builder.build({ codec, producerId, epoch: producerId < 0 ? -1 : 0, sequence })
}

interface Scene {
  readonly disk: SimDisk
  readonly directory: LogDirectory
  readonly log: PartitionLog
}

function opened(config: Partial<LogConfig> = {}, disk = new SimDisk()): Scene {
  if (disk.nowMs === 0) disk.nowMs = startMs
  const directory = openDirectory(disk, { ...compacted, ...config })
  const log = directory.get('logs', 0) ?? directory.create('logs', 0, topicId)
  return { disk, directory, log }
}

function append({ disk, log }: Scene, batch: Buffer): void {
  appended(log.append(batch, 0, disk.nowMs))
}

function commit({ disk, log }: Scene): void {
  log.requestFlush()
  disk.completeFlushes()
  log.highWatermark = log.durableEnd
}

/** One cleaning, to its end. */
function clean({ disk, directory }: Scene): void {
  directory.cleaner.look(directory.logs(), disk.nowMs)
  for (let round = 0; round < 50 && directory.cleaner.isBusy; round++) disk.completeFlushes()
  assert(!directory.cleaner.isBusy)
  disk.completeFlushes()
}

/** `offset key=value`, batch by batch as a consumer reads it; sound batches only. */
function contents(log: PartitionLog, from = log.logStartOffset): string[] {
  const records: string[] = []
  for (const batch of batches(log, from)) {
    walkRecords(batch, (offset, _time, buffer, keyStart, keyEnd, valueStart, valueEnd) => {
      const key = keyStart < 0 ? 'null' : buffer.toString('utf8', keyStart, keyEnd)
      const value = valueStart < 0 ? 'null' : buffer.toString('utf8', valueStart, valueEnd)
      records.push(`${offset} ${key}=${value.replace(/\.+$/, '')}`)
    })
  }
  return records
}

function batches(log: PartitionLog, from = log.logStartOffset): Buffer[] {
  const found: Buffer[] = []
  for (let offset = from; offset < log.logEndOffset; ) {
    const range = log.read(offset, 4096, log.logEndOffset, true)
    assert(range.ok)
    if (range.length === 0) break
    const bytes = log.copy(range)
    for (let at = 0, end = 0; at < bytes.length; at = end) {
      end = batchEnd(bytes, at, bytes.length)
      assert.equal(validateBatch(bytes, at, end), 'none')
      assert(batchView.lastOffset(bytes, at) >= offset, 'offsets go on')
      found.push(bytes.subarray(at, end))
      offset = batchView.lastOffset(bytes, at) + 1
    }
  }
  return found
}

const padded = (value: string) => value.padEnd(80, '.')

/** Thirty updates of three keys, then enough for them to lie in sealed segments. */
function updated(scene: Scene, codec: CodecName = 'none'): void {
  for (let i = 0; i < 30; i++) {
    append(scene, pairsBatch([{ key: `k${i % 3}`, value: padded(`v${i}`) }], { codec }))
  }
  commit(scene)
}

/** What must be left of pairs by offset: the last of every key, and all that no cleaning may touch. */
function expected(log: PartitionLog, all: readonly string[]): string[] {
  const { baseOffset: activeOffset } = log.segmentList.active
  const last = new Map(all.slice(0, activeOffset).map((line, offset) => [line.split('=')[0], offset]))
  return all
    .map((line, offset) => ({ line, offset }))
    .filter(({ line, offset }) => offset >= activeOffset || last.get(line.split('=')[0]) === offset)
    .map(({ line, offset }) => `${offset} ${line}`)
}

for (const codec of codecs) {
  test(`of every key the last record stays, at its offset, compressed by ${codec}`, async () => {
    const scene = opened()
    const all: string[] = []
    for (let i = 0; i < 24; i++) {
      const pairs = [0, 1, 2].map(j => ({ key: `k${(i + j * j) % 7}`, value: padded(`v${i}/${j}`) }))
      all.push(...pairs.map(({ key, value }) => `${key}=${value.replace(/\.+$/, '')}`))
      append(scene, pairsBatch(pairs, { codec }))
    }
    commit(scene)
    const { log, disk, directory } = scene
    const before = log.sizeBytes
    clean(scene)
    assert.deepEqual(contents(log), expected(log, all))
    assert(log.sizeBytes < before / 2)
    for (const batch of batches(log)) {
      if (batchView.recordCount(batch, 0) > 0) assert.equal(batchView.codec(batch, 0), codec)
    }
    assert.equal(directory.cleaner.totals.cleanings, 1)
    await closeOn(disk, directory)
    const again = opened({}, disk)
    assert.deepEqual(contents(again.log), expected(log, all), 'after a restart')
    assert.equal(again.log.segmentList.cleanOffset, again.log.segmentList.active.baseOffset)
  })
}

test('what is active, uncommitted or younger than the lag stays as it is', () => {
  const lagging = opened({ minCompactionLagMs: hourMs })
  updated(lagging)
  const all = contents(lagging.log)
  clean(lagging)
  assert.deepEqual(contents(lagging.log), all, 'too young')
  lagging.disk.nowMs += 2 * hourMs
  clean(lagging)
  assert(contents(lagging.log).length < all.length)

  const uncommitted = opened()
  for (let i = 0; i < 30; i++) append(uncommitted, pairsBatch([{ key: 'k', value: padded(`v${i}`) }]))
  uncommitted.log.requestFlush()
  uncommitted.disk.completeFlushes()
  uncommitted.log.highWatermark = 9
  clean(uncommitted)
  const kept = contents(uncommitted.log).map(line => Number(line.split(' ')[0]))
  assert.deepEqual(
    kept.slice(-21),
    Array.from({ length: 21 }, (_, i) => i + 9),
    'above the high watermark',
  )
  assert(kept.length < 30)
})

test('a log is cleaned when enough of it is dirty, or when something has waited long enough', () => {
  const scene = opened({ maxCompactionLagMs: 10 * hourMs })
  for (let i = 0; i < 30; i++) append(scene, pairsBatch([{ key: `k${i}`, value: padded('v') }]))
  commit(scene)
  clean(scene)
  for (let i = 0; i < 8; i++) append(scene, pairsBatch([{ key: 'k0', value: padded(`w${i}`) }]))
  commit(scene)
  clean(scene)
  assert.equal(scene.directory.cleaner.totals.cleanings, 1, 'a quarter is not a half')
  scene.disk.nowMs += 11 * hourMs
  clean(scene)
  assert.equal(scene.directory.cleaner.totals.cleanings, 2)
})

test('a tombstone outlives what it deletes by delete.retention.ms, and says when it goes', () => {
  const scene = opened({ deleteRetentionMs: hourMs, minCleanableDirtyRatio: 0 })
  const { log, disk } = scene
  append(scene, pairsBatch([{ key: 'gone', value: padded('v') }]))
  append(
    scene,
    pairsBatch(
      [
        { key: 'gone', value: null },
        { key: 'stays', value: padded('s') },
      ],
      { timestamp: startMs - 5 },
    ),
  )
  const fill = (name: string) => {
    for (let i = 0; i < 12; i++) append(scene, pairsBatch([{ key: name, value: padded(`${i}`) }]))
    commit(scene)
  }
  fill('a')
  clean(scene)
  assert(!contents(log).includes('0 gone=v'))
  assert(contents(log).includes('1 gone=null') && contents(log).includes('2 stays=s'))
  const marked = batches(log).find(batch => batchView.baseOffset(batch, 0) === 1)!
  assert.equal(batchView.attributes(marked, 0) & 0x40, 0x40)
  assert.equal(batchView.baseTimestamp(marked, 0), disk.nowMs + hourMs)
  walkRecords(marked, (_offset, timestamp) => assert.equal(timestamp, startMs - 5, 'times are as they were'))
  disk.nowMs += hourMs - 1
  fill('b')
  clean(scene)
  assert(contents(log).includes('1 gone=null'), 'not yet')
  disk.nowMs += 1
  fill('c')
  clean(scene)
  assert(!contents(log).some(line => line.includes('gone')))
  assert(contents(log).includes('2 stays=s'))
})

test('records without a key are dropped, and a producer is still known by its emptied batch', async () => {
  const scene = opened()
  const retried = pairsBatch([{ key: 'k', value: padded('first') }], { producerId: 9, sequence: 0 })
  append(scene, Buffer.from(retried))
  append(scene, pairsBatch([{ key: null, value: padded('nobody') }]))
  for (let i = 0; i < 12; i++) append(scene, pairsBatch([{ key: 'k', value: padded(`${i}`) }]))
  commit(scene)
  clean(scene)
  const [first] = batches(scene.log)
  assert.equal(batchView.producerId(first!, 0), 9)
  assert.equal(batchView.recordCount(first!, 0), 0)
  assert(!contents(scene.log).some(line => line.includes('nobody')))
  await closeOn(scene.disk, scene.directory)
  scene.disk.unlink('/data/.kafka_cleanshutdown')
  for (const name of scene.disk.list('/data/logs-0'))
    if (name.endsWith('.snapshot')) scene.disk.unlink(`/data/logs-0/${name}`)
  const { log } = opened({}, scene.disk)
  const again = appended(log.append(Buffer.from(retried), 0, startMs))
  assert.deepEqual(again, { baseOffset: 0, lastOffset: 0, duplicate: true })
})

test('keys beyond the memory budget are cleaned in further rounds', () => {
  const scene = opened({ segmentBytes: 40_000, minCleanableDirtyRatio: 0 })
  const { log, directory, disk } = scene
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 3_000; i += 100) {
      const pairs = Array.from({ length: 100 }, (_, j) => ({ key: `key ${i + j}`, value: `${round}` }))
      append(scene, pairsBatch(pairs))
    }
  }
  commit(scene)
  directory.cleaner.mapBytes = 1
  let last = -1
  for (let round = 0; round < 20 && last !== log.segmentList.cleanOffset; round++) {
    last = log.segmentList.cleanOffset
    clean(scene)
  }
  assert.equal(log.segmentList.cleanOffset, log.segmentList.active.baseOffset)
  assert(directory.cleaner.totals.cleanings > 4)
  const sealed = contents(log).filter(line => Number(line.split(' ')[0]) < log.segmentList.active.baseOffset)
  const keys = sealed.map(line => line.split(/[ =]/).slice(1, 3).join(' '))
  assert.equal(new Set(keys).size, keys.length, 'no key twice')
  assert.equal(disk.list('/data/logs-0').filter(name => /cleaned|swap/.test(name)).length, 0)
})

test('readers of a file that was compacted away read on, and its files go after a while', () => {
  const scene = opened()
  updated(scene)
  const { log, disk, directory } = scene
  const range = log.read(0, 100, log.logEndOffset, true)
  assert(range.ok && range.file)
  range.file.retain()
  const before = log.copy(range)
  clean(scene)
  assert.deepEqual(log.copy(range), before)
  range.file.release()
  assert(disk.list('/data/logs-0').some(name => name.endsWith('.log.deleted')))
  for (let i = 0; i < 3; i++) {
    disk.nowMs += 61_000
    directory.tick(disk.nowMs)
    disk.completeFlushes()
  }
  assert(!disk.list('/data/logs-0').some(name => name.endsWith('.deleted')))
})

test('a lookup by offset or time leads over the gaps', () => {
  const scene = opened({ segmentBytes: 2_000 })
  for (let i = 0; i < 60; i++) {
    const key = i % 10 === 0 ? `rare ${i}` : 'k'
    append(scene, pairsBatch([{ key, value: padded(`v${i}`) }], { timestamp: startMs + i * 1_000 }))
  }
  commit(scene)
  clean(scene)
  const { log } = scene
  for (let offset = 0; offset < log.logEndOffset; offset++) {
    const next = contents(log).find(line => Number(line.split(' ')[0]) >= offset)!
    assert.equal(contents(log, offset)[0], next)
    const found = log.offsetForTimestamp(startMs + offset * 1_000, log.logEndOffset)
    assert.equal(found?.offset, Number(next.split(' ')[0]))
  }
})

test('a follower takes over the gaps of its leader, and they are no damage after a crash', () => {
  const scene = opened({ segmentBytes: 2_000 })
  for (let i = 0; i < 200; i++) {
    const key = i % 5 === 0 ? `rare ${i}` : 'k'
    append(scene, pairsBatch([{ key, value: padded(`v${i}`) }]))
  }
  commit(scene)
  clean(scene)
  const { log: leader, directory } = scene
  const follower = directory.create('copy', 0, 'Y29weS10b3BpYy1pZC0xMg')
  while (follower.logEndOffset < leader.logEndOffset) {
    const range = leader.read(follower.logEndOffset, 500, leader.logEndOffset, true)
    const result = follower.appendFetched(leader.copy(range), follower.logEndOffset, 0, startMs)
    assert(result.ok && result.bytes > 0)
  }
  follower.requestFlush()
  scene.disk.completeFlushes()
  assert.deepEqual(contents(follower), contents(leader))
  const notes = scene.disk.list('/data/copy-0').filter(name => name.endsWith('.gap'))
  assert(notes.length <= 16, 'gaps are not noted one by one for ever')
  scene.disk.crash('none', () => 0.5)
  const again = openDirectory(scene.disk, compacted)
  assert.deepEqual(again.corruptions, [])
  assert.deepEqual(contents(again.get('copy', 0)!), contents(again.get('logs', 0)!))
})

test('a log that cannot be read through says so once, with what to do, and the next start mends it', () => {
  const heard = new Heard()
  const disk = new SimDisk()
  disk.nowMs = startMs
  const directory = openDirectory(disk, compacted, heard)
  const scene = { disk, directory, log: directory.create('logs', 0, topicId) }
  updated(scene)
  disk.damage('/data/logs-0/00000000000000000000.log', bytes => bytes.fill(0x55, 80, 100))
  for (let round = 0; round < 3; round++) clean(scene)
  assert.deepEqual(
    heard.notices.map(({ message, fields }) => [message, fields['topic'], fields['partition']]),
    [['a partition cannot be compacted any more', 'logs', 0]],
  )
  assert.match(String(heard.notices[0]!.fields['remedy']), /tailrace log dump \/data\/logs-0 --deep/)
  assert.match(directory.cleaner.faultOf(scene.log)!.message, /no sound batch at byte 0/)
  assert.deepEqual(heard.failures, [], 'reads and writes go on')
  disk.crash('process', () => 0)
  const again = openDirectory(disk, compacted)
  assert.equal(again.corruptions.length, 1)
  clean({ disk, directory: again, log: again.get('logs', 0)! })
  assert.equal(again.cleaner.faultOf(again.get('logs', 0)!), null)
})

test('a truncation while cleaned files take their place finishes that first', () => {
  const scene = opened()
  updated(scene)
  const { log, directory, disk } = scene
  directory.cleaner.look(directory.logs(), disk.nowMs)
  assert(directory.cleaner.isBusy)
  const kept = log.segmentList.active.baseOffset
  log.truncateTo(kept, disk.nowMs)
  disk.completeFlushes()
  disk.completeFlushes()
  assert.equal(log.logEndOffset, kept)
  append(scene, batchOf({ values: ['on'] }))
  commit(scene)
  assert.equal(contents(log).at(-1), `${kept} k=on`)
})

test('indexes are settled and sidecars written beside a swap, and never get in its way', () => {
  const scene = opened()
  updated(scene)
  const { log, directory, disk } = scene
  log.maintain(disk.nowMs)
  assert(disk.pendingFlushes > 0, 'a segment is being settled')
  for (const name of disk.list(log.directory))
    if (name.endsWith('.seal')) disk.unlink(`${log.directory}/${name}`)
  directory.cleaner.look(directory.logs(), disk.nowMs)
  for (let round = 0; round < 20; round++) {
    const scrub = new Scrub(disk, () => directory.logs())
    for (let step = 0; step < 40; step++) scrub.step(1_000, disk.nowMs)
    log.maintain(disk.nowMs)
    disk.completeFlushes()
  }
  assert(!directory.cleaner.isBusy)
  assert.equal(directory.cleaner.totals.cleanings, 1)
  assert.equal(log.failure, null)
  const before = contents(log)
  disk.crash('process', () => 0.5)
  const again = openDirectory(disk, compacted)
  assert.deepEqual(again.corruptions, [])
  assert.deepEqual(contents(again.get('logs', 0)!), before)
})
