// The power goes at every single write, sync, rename and unlink of a scripted life of a data directory, and once more
// during the recovery that follows. Whatever the disk kept of what was not synced: no acknowledged record is missing,
// what is there is a prefix of what was appended, nothing intact is called damaged, and retries are recognised.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogDirectory } from './log-directory.ts'
import {
  appended,
  batchOf,
  closeOn,
  openDirectory,
  openSettled,
  randomFrom,
  recordsOf,
  startMs,
} from './log-fixture.ts'
import type { LogListener } from './log-parts.ts'
import type { PartitionLog } from './partition-log.ts'
import { markSuspect } from './quarantine.ts'
import { type CrashMode, SimDisk } from './sim-disk.ts'

const config = { segmentBytes: 700, indexIntervalBytes: 150, retentionBytes: 1500, fileDeleteDelayMs: 60_000 }
const modes: readonly CrashMode[] = ['none', 'prefix', 'subset', 'process']
const topicIds = ['Zmlyc3QtdG9waWMtaWQtMQ', 'c2Vjb25kLXRvcGljLWlkMg']
const producerId = 77

/** What the clients of one partition know: it exists, what they sent, and up to where it was acknowledged. */
interface Known {
  readonly topicId: string
  readonly values: string[]
  /** Of each value, the epoch it was appended in. */
  readonly epochs: number[]
  acknowledged: number
  /** What lies below had expired; a start may find it again, in no epoch. */
  startOffset: number
  isDeleted: boolean
}

class Life implements LogListener {
  readonly disk: SimDisk
  readonly known: Known[] = []
  directory: LogDirectory | null = null

  constructor(disk: SimDisk) {
    this.disk = disk
    disk.nowMs = startMs
  }

  onDurable(log: PartitionLog, durableEnd: number): void {
    const known = this.known.find(candidate => candidate.topicId === log.topicId)!
    known.acknowledged = Math.max(known.acknowledged, durableEnd)
    log.highWatermark = durableEnd
  }

  onFailed(): void {}

  async play(): Promise<void> {
    const { disk } = this
    this.directory = openDirectory(disk, config, this)
    this.create(0)
    this.append(0, 3, 0)
    this.flush()
    this.append(0, 4, 0)
    this.create(1)
    this.append(1, 2, 1)
    this.flush()
    this.append(0, 5, 1)
    this.append(1, 1, 1)
    this.tick(61_000)
    this.flush()
    this.append(0, 2, 1)
    await closeOn(disk, this.directory)
    this.directory = openDirectory(disk, config, this)
    this.append(0, 4, 2)
    this.flush()
    this.append(0, 6, 3)
    this.flush()
    this.append(0, 2, 3)
    this.truncate(0, this.known[0]!.values.length - 7)
    this.append(0, 3, 4)
    this.flush()
    this.truncate(0, this.known[0]!.values.length - 1)
    this.tick(61_000)
    this.delete(1)
    this.append(0, 1, 5)
    this.flush()
    this.append(0, 2, 5)
    this.tick(61_000)
  }

  create(index: number): void {
    this.directory!.create('logs', index, topicIds[index]!)
    this.known.push({
      topicId: topicIds[index]!,
      values: [],
      epochs: [],
      acknowledged: 0,
      startOffset: 0,
      isDeleted: false,
    })
  }

  append(index: number, count: number, epoch: number): void {
    const known = this.known[index]!
    const log = this.directory!.get('logs', index)!
    for (let i = 0; i < count; i++) {
      const value = `${index}/${known.values.length}`
      const batch = batchOf({ values: [value.padEnd(90, '.')], producerId, sequence: known.values.length })
      known.values.push(value)
      known.epochs.push(epoch)
      appended(log.append(batch, epoch, this.disk.nowMs))
    }
  }

  /** As a follower that must follow another history: until it returns the cut may have been made or not. */
  truncate(index: number, offset: number): void {
    const known = this.known[index]!
    known.acknowledged = Math.min(known.acknowledged, offset)
    this.directory!.get('logs', index)!.truncateTo(offset, this.disk.nowMs)
    known.values.length = offset
    known.epochs.length = offset
  }

  flush(): void {
    for (const log of this.directory!.logs()) log.requestFlush()
    this.disk.completeFlushes()
  }

  tick(afterMs: number): void {
    this.disk.nowMs += afterMs
    this.directory!.tick(this.disk.nowMs)
    this.disk.completeFlushes()
  }

  delete(index: number): void {
    this.known[index]!.isDeleted = true
    this.directory!.delete('logs', index)
  }
}

async function lived(cutAt: number): Promise<{ readonly life: Life; readonly wasCut: boolean }> {
  const disk = new SimDisk()
  const life = new Life(disk)
  disk.cutAt = cutAt
  try {
    await life.play()
    return { life, wasCut: false }
  } catch (error) {
    if (disk.operations < cutAt) throw error
    return { life, wasCut: true }
  }
}

function check(directory: LogDirectory, known: readonly Known[], when: string): void {
  assert.deepEqual(directory.corruptions, [], `${when}: nothing was damaged`)
  for (const [index, { topicId, values, epochs, acknowledged, startOffset, isDeleted }] of known.entries()) {
    const log = directory.get('logs', index)
    if (isDeleted) continue
    assert.equal(log?.topicId, topicId, `${when}: partition ${index} is there`)
    assert(
      log.logEndOffset >= acknowledged,
      `${when}: ${acknowledged} acknowledged, ${log.logEndOffset} there`,
    )
    assert.equal(log.durableEnd, log.logEndOffset, `${when}: durable once it is open`)
    const expected = values
      .map((value, offset) => `${offset}:${value}`)
      .slice(log.logStartOffset, log.logEndOffset)
    assert.deepEqual(recordsOf(log), expected, when)
    for (let offset = Math.max(startOffset, log.logStartOffset); offset < log.logEndOffset; offset++)
      assert.equal(log.epochOf(offset), epochs[offset], `${when}: the epoch of ${offset}`)
    for (let offset = Math.max(log.logEndOffset - 5, 0); offset < log.logEndOffset; offset++) {
      const retry = batchOf({ values: [values[offset]!.padEnd(90, '.')], producerId, sequence: offset })
      const again = { baseOffset: offset, lastOffset: offset, duplicate: true }
      assert.deepEqual(appended(log.append(retry, 9, startMs)), again, `${when}: a retry is recognised`)
    }
  }
}

test('no acknowledged record is lost wherever the power goes, twice', async () => {
  let cuts = 0
  for (let cutAt = 1; ; cutAt++) {
    const mode = modes[cutAt % modes.length]!
    for (const seed of [cutAt, cutAt + 10_007]) {
      const { life, wasCut } = await lived(cutAt)
      if (!wasCut) {
        assert(cuts > 300, `the script has ${cuts} points to cut at`)
        return
      }
      cuts++
      const random = randomFrom(seed * 2_654_435_761)
      for (const [index, one] of life.known.entries())
        one.startOffset = life.directory?.get('logs', index)?.logStartOffset ?? 0
      const when = `cut at ${cutAt}, ${mode}, seed ${seed}`
      life.disk.crash(mode, random)
      life.disk.cutAt = 1 + Math.floor(random() * 30)
      try {
        life.directory = await openSettled(life.disk, config, life)
      } catch (error) {
        if (life.disk.operations < life.disk.cutAt) throw error
        life.disk.crash(modes[Math.floor(random() * modes.length)]!, random)
        life.directory = await openSettled(life.disk, config, life)
      }
      life.disk.cutAt = Number.POSITIVE_INFINITY
      check(life.directory, life.known, when)
      survivesAtOnce(life, when, random)
      goOn(life, when, random)
    }
  }
})

/** Whatever recovery kept is on the medium when it ends, with nothing more done. */
function survivesAtOnce(life: Life, when: string, random: () => number): void {
  const endsOf = (directory: LogDirectory) =>
    [...directory.logs()].map(({ directory: path, logEndOffset }) => `${path} ${logEndOffset}`)
  const before = endsOf(life.directory!)
  life.disk.crash('none', random)
  life.directory = openDirectory(life.disk, config, life)
  assert.deepEqual(endsOf(life.directory), before, `${when}, and at once again`)
  check(life.directory, life.known, `${when}, and at once again`)
}

/** After recovery the log takes and keeps records as before, through one more power cut. */
function goOn(life: Life, when: string, random: () => number): void {
  const { directory, known } = life
  for (const [index, partition] of known.entries()) {
    const log = directory!.get('logs', index)
    if (partition.isDeleted || !log) continue
    partition.values.length = log.logEndOffset
    partition.epochs.length = log.logEndOffset
    life.append(index, 2, 9)
  }
  life.flush()
  life.disk.crash('subset', random)
  check(openDirectory(life.disk, config, life), known, `${when}, and once more`)
}

/** A log of one partition in several segments that ended cleanly, with one flipped bit in the batch of offset 1. */
async function damaged(): Promise<Life> {
  const life = new Life(new SimDisk())
  life.directory = openDirectory(life.disk, config, life)
  life.create(0)
  life.append(0, 9, 0)
  life.flush()
  const log = life.directory.get('logs', 0)!
  const { position, length } = log.read(1, 1, 9, true) as { position: number; length: number }
  await closeOn(life.disk, life.directory)
  life.disk.damage(`${log.directory}/00000000000000000000.log`, bytes => {
    bytes[position + length - 3]! ^= 4
    return bytes
  })
  markSuspect(life.disk, log.directory)
  life.disk.crash('process', () => 0)
  return life
}

test('damage is set aside once and for all, wherever the power goes while it is', async () => {
  for (let cutAt = 1; ; cutAt++) {
    const life = await damaged()
    const random = randomFrom(cutAt * 40_503)
    const mode = modes[cutAt % modes.length]!
    life.disk.cutAt = cutAt
    let wasCut = false
    try {
      life.directory = openDirectory(life.disk, config, life)
    } catch (error) {
      if (life.disk.operations < cutAt) throw error
      wasCut = true
      life.disk.crash(mode, random)
      life.directory = openDirectory(life.disk, config, life)
    }
    const when = `cut at ${cutAt}, ${mode}`
    const gaps = life.directory!.corruptions.map(({ corruption }) => [
      corruption.fromOffset,
      corruption.toOffset,
    ])
    assert.deepEqual(gaps, [[1, 2]], when)
    const expected = life.known[0]!.values.map((value, offset) => `${offset}:${value}`)
    const log = life.directory!.get('logs', 0)!
    assert.deepEqual(recordsOf(log), [expected[0], ...expected.slice(2)], when)
    if (!wasCut) {
      assert(cutAt > 15, `recovery has ${cutAt} points to cut at`)
      return
    }
  }
})

test('the script that is swept writes, flushes, renames and removes every kind of file there is', async () => {
  const life = new Life(new SimDisk())
  const done = new Set<string>()
  life.disk.fault = (operation, path) => {
    const kind = path
      .replace(/^.*\//, '')
      .replace(/^\d{20}\./, '*.')
      .replace(/^logs-\d(\.[0-9a-f]+)?/, 'partition')
    done.add(`${operation} ${kind}`)
    return null
  }
  await life.play()
  for (const kind of [
    '*.log',
    '*.index',
    '*.timeindex',
    '*.snapshot',
    'durable-point',
    'partition.metadata',
  ]) {
    for (const operation of ['write', 'sync'])
      assert(done.has(`${operation} ${kind}`), `${operation} ${kind}`)
  }
  const replaced = [
    'recovery-point-offset-checkpoint',
    'replication-offset-checkpoint',
    'leader-epoch-checkpoint',
  ]
  replaced.push('log-start-offset-checkpoint', 'meta.properties', '.kafka_cleanshutdown')
  for (const kind of replaced) {
    for (const operation of ['write', 'sync', 'rename']) {
      assert(done.has(`${operation} ${kind}.tmp`), `${operation} ${kind}`)
    }
  }
  const removed = ['rename *.log', 'unlink *.log.deleted', 'unlink .kafka_cleanshutdown', 'rename partition']
  for (const step of [...removed, 'truncate *.log', 'syncDirectory data', 'syncDirectory partition']) {
    assert(done.has(step), `${step}; there are ${[...done].sort()}`)
  }
})
