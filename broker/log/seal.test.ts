// Sealed segments and their sidecars: one segment in another's place is found at the next start, whatever offsets it
// bears, and set aside; a sidecar that is damaged, old or not its segment's does no harm.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogDirectory } from './log-directory.ts'
import { appendFlushed, closeOn, openDirectory, recordsOf, startMs, topicId } from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'
import { Scrub } from './scrub.ts'
import { formatSeal, parseSeal, readSeal, sealPath } from './seal.ts'
import { SimDisk } from './sim-disk.ts'

const config = { segmentBytes: 200 }
const noRandom = () => 0

/** Two logs of one-record batches, two batches a segment, as `p0 … p4` and `q0 … q4`. */
function written(): { disk: SimDisk; directory: LogDirectory; logs: PartitionLog[] } {
  const disk = new SimDisk()
  disk.nowMs = startMs
  const directory = openDirectory(disk, config)
  const logs = [0, 1].map(partition => directory.create('logs', partition, topicId))
  for (const [index, log] of logs.entries()) {
    appendFlushed(
      disk,
      log,
      [0, 1, 2, 3, 4].map(n => `${'pq'[index]}${n}`),
    )
  }
  return { disk, directory, logs }
}

const segment = (partition: number, offset: number) =>
  `/data/logs-${partition}/${String(offset).padStart(20, '0')}.log`
const sidecar = (partition: number, offset: number) => sealPath(`/data/logs-${partition}`, offset)

function swap(disk: SimDisk, one: string, other: string): void {
  const [first, second] = [Buffer.from(disk.bytesOf(one)), Buffer.from(disk.bytesOf(other))]
  disk.damage(one, () => second)
  disk.damage(other, () => first)
}

async function restarted(disk: SimDisk, directory: LogDirectory, isClean: boolean): Promise<LogDirectory> {
  if (isClean) await closeOn(disk, directory)
  else disk.crash('process', noRandom)
  return openDirectory(disk, config)
}

const recordsIn = (directory: LogDirectory) => [0, 1].map(index => recordsOf(directory.get('logs', index)!))
const lossesIn = (directory: LogDirectory) =>
  directory.corruptions.map(
    ({ log, corruption }) => `${log.partition}:${corruption.fromOffset}-${corruption.toOffset}`,
  )
const wholeP = ['0:p0', '1:p1', '2:p2', '3:p3', '4:p4']
const wholeQ = ['0:q0', '1:q1', '2:q2', '3:q3', '4:q4']

test('a sealed segment has a sidecar that says whose it is; the one that is appended to has none', () => {
  const { disk } = written()
  const names = disk.list('/data/logs-0').filter(name => name.endsWith('.seal'))
  assert.deepEqual(names, ['00000000000000000000.seal', '00000000000000000002.seal'])
  const seal = readSeal(disk, '/data/logs-0', 2)!
  assert.deepEqual([seal.topicId, seal.partition, seal.baseOffset], [topicId, 0, 2])
  assert.equal(seal.sizeBytes, disk.bytesOf(segment(0, 2)).length)
  const bytes = formatSeal(seal)
  assert.deepEqual(parseSeal(bytes), seal)
  for (let at = 0; at < bytes.length; at++) {
    const wrong = Buffer.from(bytes)
    wrong[at]! ^= 1
    assert.equal(parseSeal(wrong), null, `byte ${at}`)
  }
})

for (const isClean of [true, false]) {
  const end = isClean ? 'a clean end' : 'kill -9'
  test(`after ${end}: segments of equal offsets in each other’s place are set aside, both`, async () => {
    const { disk, directory } = written()
    if (isClean) await closeOn(disk, directory)
    swap(disk, segment(0, 2), segment(1, 2))
    const opened = isClean ? openDirectory(disk, config) : await restarted(disk, directory, false)
    assert.deepEqual(recordsIn(opened), [
      ['0:p0', '1:p1', '4:p4'],
      ['0:q0', '1:q1', '4:q4'],
    ])
    assert.deepEqual(lossesIn(opened), ['0:2-4', '1:2-4'])
    const again = await restarted(disk, opened, false)
    assert.deepEqual(lossesIn(again), ['0:2-4', '1:2-4'], 'found once')
  })

  test(`after ${end}: segments of one log in each other’s place are set aside`, async () => {
    const { disk, directory } = written()
    if (isClean) await closeOn(disk, directory)
    swap(disk, segment(0, 0), segment(0, 2))
    const opened = isClean ? openDirectory(disk, config) : await restarted(disk, directory, false)
    assert.deepEqual(recordsIn(opened), [['4:p4'], wholeQ])
    assert.deepEqual(lossesIn(opened), ['0:0-2', '0:2-4'])
  })
}

test('a segment that comes with its sidecar is foreign; a sidecar that comes alone does no harm', async () => {
  const { disk, directory } = written()
  await closeOn(disk, directory)
  for (const path of [segment, sidecar]) disk.damage(path(0, 2), () => disk.bytesOf(path(1, 2)))
  disk.damage(sidecar(0, 0), () => disk.bytesOf(sidecar(1, 0)))
  const opened = openDirectory(disk, config)
  assert.deepEqual(recordsIn(opened), [['0:p0', '1:p1', '4:p4'], wholeQ])
  assert.deepEqual(lossesIn(opened), ['0:2-4'])
  assert.equal(readSeal(disk, '/data/logs-0', 0)!.partition, 0, 'written anew')
})

test('damage within a sealed segment costs the damaged batch alone', async () => {
  const { disk, directory } = written()
  await closeOn(disk, directory)
  disk.damage(segment(0, 0), bytes => {
    bytes[70]! ^= 1
    bytes[18]! ^= 1
    return bytes
  })
  const opened = openDirectory(disk, config)
  assert.deepEqual(lossesIn(opened), ['0:0-1'])
  assert.deepEqual(recordsIn(opened)[0], wholeP.slice(1))
})

test('without its sidecar, or with half of one, a segment is only not checked', async () => {
  const { disk, directory } = written()
  await closeOn(disk, directory)
  disk.unlink(sidecar(0, 0))
  disk.damage(sidecar(0, 2), bytes => bytes.subarray(0, 20))
  const opened = openDirectory(disk, config)
  assert.deepEqual(recordsIn(opened), [wholeP, wholeQ])
  assert.deepEqual(lossesIn(opened), [])
})

test('a segment that is cut and grows again has no sidecar until it is sealed again', () => {
  const { disk, logs } = written()
  const log = logs[0]!
  log.truncateTo(3, startMs)
  assert.equal(readSeal(disk, '/data/logs-0', 2), null)
  appendFlushed(disk, log, ['r3', 'r4'])
  assert.notEqual(readSeal(disk, '/data/logs-0', 2), null)
  disk.crash('process', noRandom)
  const opened = openDirectory(disk, config)
  assert.deepEqual(recordsIn(opened)[0], ['0:p0', '1:p1', '2:p2', '3:r3', '4:r4'])
  assert.deepEqual(lossesIn(opened), [])
})

test('a scrub finds a flipped bit that nobody read, and the next start sets it aside', async () => {
  const { disk, directory, logs } = written()
  const scrubbed = (bytes: number) => {
    const scrub = new Scrub(disk, () => logs)
    for (let step = 0; step < 20; step++) scrub.step(bytes, startMs)
  }
  scrubbed(1)
  scrubbed(1_000)
  assert.equal(logs[0]!.failure, null)
  disk.damage(segment(1, 2), bytes => {
    bytes[bytes.length - 1]! ^= 1
    return bytes
  })
  scrubbed(1)
  assert.match(String(logs[1]!.failure), /no sound batch/)
  const opened = await restarted(disk, directory, false)
  assert.deepEqual(lossesIn(opened), ['1:3-4'])
  assert.deepEqual(recordsIn(opened), [wholeP, ['0:q0', '1:q1', '2:q2', '4:q4']])
})

test('a scrub writes the sidecars that are missing, and doubts what is not what they say', () => {
  const { disk, logs } = written()
  disk.unlink(sidecar(0, 0))
  const scrub = new Scrub(disk, () => logs)
  for (let step = 0; step < 20; step++) scrub.step(1_000, startMs)
  assert.equal(readSeal(disk, '/data/logs-0', 0)?.sizeBytes, disk.bytesOf(segment(0, 0)).length)
  swap(disk, segment(0, 2), segment(1, 2))
  for (let step = 0; step < 20; step++) scrub.step(1_000, startMs + 60_000)
  assert.equal(logs[0]!.failure, null, 'read once a day')
  for (let step = 0; step < 20; step++) scrub.step(1_000, startMs + 86_400_000)
  assert.match(String(logs[0]!.failure), /not what was written/)
})
