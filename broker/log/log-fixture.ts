// What the tests of this room share: batches, a data directory on a simulated disk, and reading back what it holds.
import assert from 'node:assert/strict'
import type { LogFields } from '../../runtime/log.ts'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import { batchEnd, batchView, type CodecName } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import type { Disk } from './disk.ts'
import { flushLeftBehind } from './flush-all.ts'
import type { LogConfig } from './log-config.ts'
import { LogDirectory } from './log-directory.ts'
import type { LogListener } from './log-parts.ts'
import type { AppendResult } from './log-results.ts'
import type { PartitionLog } from './partition-log.ts'
import { SettledDisk } from './settled-disk.ts'
import type { SimDisk } from './sim-disk.ts'

export const topicId = 'dGFpbHJhY2UtdGVzdC0xMg'
export const clusterId = 'Y2x1c3Rlci1vZi1vbmUtMQ'
export const startMs = Date.UTC(2026, 10, 24, 8)

export interface BatchWish {
  readonly values: readonly string[]
  readonly timestamp?: number
  readonly timestamps?: readonly number[]
  readonly codec?: CodecName
  readonly producerId?: number
  readonly epoch?: number
  readonly sequence?: number
}

const builder = new BatchBuilder()

export function batchOf(wish: BatchWish): Buffer {
  wish.values.forEach((value, index) => {
    const timestamp = wish.timestamps?.[index] ?? wish.timestamp ?? startMs
    builder.append(Buffer.from('k'), Buffer.from(value), undefined, timestamp)
  })
  const {
    codec = 'none',
    producerId = -1,
    epoch = producerId < 0 ? -1 : 0,
    sequence = producerId < 0 ? -1 : 0,
  } = wish
  return builder.build({ codec, producerId, epoch, sequence })
}

/** A batch of one record whose value has so many bytes. */
export function batchOfBytes(bytes: number, name = 'x'): Buffer {
  return batchOf({ values: [name.padEnd(bytes, '.')] })
}

/** What a listener heard, newest last. */
export class Heard implements LogListener {
  readonly durable: number[] = []
  readonly failures: Error[] = []
  readonly notices: { readonly message: string; readonly fields: LogFields }[] = []

  onNotice(message: string, fields: LogFields): void {
    this.notices.push({ message, fields })
  }

  onDurable(_log: PartitionLog, durableEnd: number): void {
    this.durable.push(durableEnd)
  }

  onFailed(_log: PartitionLog, error: Error): void {
    this.failures.push(error)
  }
}

export function openDirectory(
  disk: SimDisk,
  config: Partial<LogConfig> = {},
  listener: LogListener = new Heard(),
  through: Disk = disk,
): LogDirectory {
  return LogDirectory.open({
    path: '/data',
    clusterId,
    nodeId: 1,
    listener,
    nowMs: disk.nowMs,
    config,
    disk: through,
  })
}

/** The one log of a directory, made if it is not there. */
export function logOf(directory: LogDirectory): PartitionLog {
  return directory.get('logs', 0) ?? directory.create('logs', 0, topicId)
}

export function appended(result: AppendResult): {
  baseOffset: number
  lastOffset: number
  duplicate: boolean
} {
  assert(result.ok, result.ok ? '' : `${result.error}: ${result.message}`)
  const { baseOffset, lastOffset, duplicate } = result
  return { baseOffset, lastOffset, duplicate }
}

/** Appends records one batch each and makes them durable. */
export function appendFlushed(disk: SimDisk, log: PartitionLog, values: readonly string[]): void {
  for (const value of values) appended(log.append(batchOf({ values: [value] }), 0, disk.nowMs))
  log.requestFlush()
  disk.completeFlushes()
  assert.equal(log.durableEnd, log.logEndOffset)
}

/** Every record a log serves up to `limit`, as `offset:value`, read range by range as a consumer would. */
export function recordsOf(log: PartitionLog, limit = log.logEndOffset, maxBytes = 4096): string[] {
  const records: string[] = []
  for (let offset = log.logStartOffset; offset < limit; ) {
    const range = log.read(offset, maxBytes, limit, true)
    assert(range.ok, 'a read within the log succeeds')
    if (range.length === 0) break
    const bytes = log.copy(range)
    let at = 0
    for (let end = batchEnd(bytes, at, bytes.length); end >= 0; end = batchEnd(bytes, at, bytes.length)) {
      walkRecords(bytes.subarray(at, end), (recordOffset, _time, buffer, _ks, _ke, valueStart, valueEnd) => {
        records.push(`${recordOffset}:${buffer.toString('utf8', valueStart, valueEnd).replace(/\.+$/, '')}`)
      })
      offset = batchView.lastOffset(bytes, at) + 1
      at = end
    }
    assert.equal(at, bytes.length, 'a range is whole batches')
  }
  return records
}

/** As a broker starts: what a killed life left is flushed first, and recovery syncs only what it changes itself. */
export async function openSettled(
  disk: SimDisk,
  config: Partial<LogConfig> = {},
  listener: LogListener = new Heard(),
): Promise<LogDirectory> {
  const settled = new SettledDisk(disk)
  await completed(disk, flushLeftBehind(settled, '/data'))
  const directory = openDirectory(disk, config, listener, settled)
  settled.end()
  return directory
}

/** Lets the medium work until the promise is settled. */
export async function completed(disk: SimDisk, work: Promise<void>): Promise<void> {
  let isOver = false
  const ended = work.finally(() => {
    isOver = true
  })
  ended.catch(() => {})
  while (!isOver) {
    disk.completeFlushes()
    await Promise.resolve()
  }
  await ended
}

export async function closeOn(disk: SimDisk, directory: LogDirectory, brokerEpoch = 7): Promise<void> {
  await completed(disk, directory.close(brokerEpoch))
}

/** Other crashes than those of every day, for whoever wants more of them. */
const { TAILRACE_FIRST_SEED: firstSeed = '0' } = process.env

/** xorshift32: the same seed gives the same crash. */
export function randomFrom(seed: number): () => number {
  let state = (seed + Number(firstSeed)) | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
