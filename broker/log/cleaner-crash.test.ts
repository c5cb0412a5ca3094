// The power goes at every single operation of a life with compaction in it, and once more during the recovery that
// follows. Whatever the disk kept: folding what is left gives the same last value of every key as folding all that was
// appended, nothing acknowledged is missing, nothing is called damaged, and the log goes on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import { batchEnd, batchView } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import type { LogDirectory } from './log-directory.ts'
import { appended, openDirectory, randomFrom, startMs, topicId } from './log-fixture.ts'
import type { LogListener } from './log-parts.ts'
import type { PartitionLog } from './partition-log.ts'
import { type CrashMode, SimDisk } from './sim-disk.ts'

const config = {
  isCompacted: true,
  isRetained: false,
  segmentBytes: 500,
  indexIntervalBytes: 120,
  minCleanableDirtyRatio: 0,
  deleteRetentionMs: 60_000,
  fileDeleteDelayMs: 60_000,
}
const modes: readonly CrashMode[] = ['none', 'prefix', 'subset', 'process']
const builder = new BatchBuilder()

type Pair = readonly [key: string, value: string | null]

class Life implements LogListener {
  readonly disk: SimDisk
  readonly pairs: Pair[] = []
  acknowledged = 0
  directory: LogDirectory | null = null

  constructor(disk: SimDisk) {
    this.disk = disk
    disk.nowMs = startMs
  }

  onDurable(log: PartitionLog, durableEnd: number): void {
    this.acknowledged = Math.max(this.acknowledged, durableEnd)
    log.highWatermark = durableEnd
  }

  onFailed(): void {}

  get log(): PartitionLog {
    return this.directory!.get('logs', 0)!
  }

  play(): void {
    this.directory = openDirectory(this.disk, config, this)
    this.directory.create('logs', 0, topicId)
    this.append(9, 1)
    this.clean()
    this.append(7, 2)
    this.tick()
    this.clean()
    this.append(4, 3)
    this.clean()
    this.tick()
  }

  /** Four keys and now and then a tombstone. */
  append(count: number, epoch: number): void {
    for (let i = 0; i < count; i++) {
      const number = this.pairs.length
      const pair: Pair = [`k${(number * 7) % 4}`, number % 5 === 4 ? null : `${number}`.padEnd(60, '.')]
      builder.append(Buffer.from(pair[0]), pair[1] === null ? null : Buffer.from(pair[1]), undefined, startMs)
      const batch = builder.build({ codec: 'none', producerId: 5, epoch: 0, sequence: number })
      this.pairs.push(pair)
      appended(this.log.append(batch, epoch, this.disk.nowMs))
    }
    this.log.requestFlush()
    this.disk.completeFlushes()
  }

  clean(): void {
    const { directory, disk } = this
    directory!.cleaner.look(directory!.logs(), disk.nowMs)
    for (let round = 0; round < 50 && directory!.cleaner.isBusy; round++) disk.completeFlushes()
    disk.completeFlushes()
  }

  tick(): void {
    this.disk.nowMs += 61_000
    this.directory!.tick(this.disk.nowMs)
    this.disk.completeFlushes()
  }
}

function lived(cutAt: number): { readonly life: Life; readonly wasCut: boolean } {
  const disk = new SimDisk()
  const life = new Life(disk)
  disk.cutAt = cutAt
  try {
    life.play()
  } catch (error) {
    if (disk.operations < cutAt) throw error
  }
  return { life, wasCut: disk.operations >= cutAt }
}

function check({ directory, pairs, acknowledged }: Life, when: string): void {
  assert.deepEqual(directory!.corruptions, [], `${when}: nothing was damaged`)
  const log = directory!.get('logs', 0)
  if (!log) {
    assert.equal(acknowledged, 0, `${when}: the partition is there`)
    return
  }
  assert(log.logEndOffset >= acknowledged, `${when}: ${acknowledged} acknowledged, ${log.logEndOffset} there`)
  assert.deepEqual(folded(recordsOf(log)), folded(pairs.slice(0, log.logEndOffset)), when)
  if (log.logEndOffset === 0) return
  const last = log.logEndOffset - 1
  const [key, value] = pairs[last]!
  builder.append(Buffer.from(key), value === null ? null : Buffer.from(value), undefined, startMs)
  const retry = builder.build({ codec: 'none', producerId: 5, epoch: 0, sequence: last })
  const again = { baseOffset: last, lastOffset: last, duplicate: true }
  assert.deepEqual(appended(log.append(retry, 9, startMs)), again, `${when}: a retry is recognised`)
}

function folded(pairs: readonly Pair[]): Record<string, string> {
  const values = new Map<string, string>()
  for (const [key, value] of pairs) {
    if (value === null) values.delete(key)
    else values.set(key, value)
  }
  return Object.fromEntries([...values].sort())
}

function recordsOf(log: PartitionLog): Pair[] {
  const pairs: Pair[] = []
  for (let offset = log.logStartOffset; offset < log.logEndOffset; ) {
    const range = log.read(offset, 300, log.logEndOffset, true)
    assert(range.ok)
    if (range.length === 0) break
    const bytes = log.copy(range)
    for (let at = 0, end = 0; at < bytes.length; at = end) {
      end = batchEnd(bytes, at, bytes.length)
      const batch = bytes.subarray(at, end)
      walkRecords(batch, (_offset, _time, buffer, keyStart, keyEnd, valueStart, valueEnd) => {
        const value = valueStart < 0 ? null : buffer.toString('utf8', valueStart, valueEnd)
        pairs.push([buffer.toString('utf8', keyStart, keyEnd), value])
      })
      assert(batchView.lastOffset(batch, 0) >= offset, 'offsets go on')
      offset = batchView.lastOffset(batch, 0) + 1
    }
  }
  return pairs
}

test('compaction loses no last value wherever the power goes, twice', () => {
  let cuts = 0
  for (let cutAt = 1; ; cutAt++) {
    for (const seed of [cutAt, cutAt + 7_919]) {
      const { life, wasCut } = lived(cutAt)
      if (!wasCut) {
        assert(cuts > 300, `the script has ${cuts} points to cut at`)
        assert(life.directory!.cleaner.totals.cleanings >= 3)
        return
      }
      cuts++
      const mode = modes[(cutAt + seed) % modes.length]!
      const random = randomFrom(seed * 2_654_435_761)
      const when = `cut at ${cutAt}, ${mode}, seed ${seed}`
      life.disk.crash(mode, random)
      life.disk.cutAt = 1 + Math.floor(random() * 30)
      try {
        life.directory = openDirectory(life.disk, config, life)
      } catch (error) {
        if (life.disk.operations < life.disk.cutAt) throw error
        life.disk.crash(modes[Math.floor(random() * modes.length)]!, random)
        life.directory = openDirectory(life.disk, config, life)
      }
      life.disk.cutAt = Number.POSITIVE_INFINITY
      check(life, when)
      goOn(life, when, random)
    }
  }
})

/** After recovery the log takes records and is cleaned as before, through one more power cut. */
function goOn(life: Life, when: string, random: () => number): void {
  const log = life.directory!.get('logs', 0)
  if (!log) return
  log.highWatermark = log.durableEnd
  life.pairs.length = log.logEndOffset
  life.append(5, 9)
  life.clean()
  life.disk.crash('subset', random)
  life.directory = openDirectory(life.disk, config, life)
  check(life, `${when}, and once more`)
}
