// A directory of real files with everything in it that a log can hold: every codec, an idempotent producer, tombstones,
// three epochs, rolled segments, and a compaction behind it. For the tests of tools that read such files.
import assert from 'node:assert/strict'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import { codecs } from '../protocol/record-batch.ts'
import type { LogConfig } from './log-config.ts'
import { LogDirectory } from './log-directory.ts'
import { appended, clusterId, startMs, topicId } from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'

const builder = new BatchBuilder()

export function openReal(
  path: string,
  config: Partial<LogConfig>,
  onDurable: () => void = () => {},
): LogDirectory {
  const listener = {
    onDurable: (log: PartitionLog, durableEnd: number) => {
      log.highWatermark = durableEnd
      onDurable()
    },
    onFailed: (_log: PartitionLog, error: Error) => assert.fail(error),
  }
  return LogDirectory.open({ path, clusterId, nodeId: 1, listener, nowMs: startMs, config })
}

/** Keyed batches of every codec by an idempotent producer, in three epochs. */
function write(log: PartitionLog, count: number): void {
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < 5; j++) {
      const isGone = i % 7 === 3 && j === 0
      const key = Buffer.from(isGone ? `gone ${i}` : `key ${(i * 5 + j) % 11}`)
      const value = isGone ? null : Buffer.from(`value ${i}/${j} `.repeat(8))
      builder.append(key, value, undefined, startMs + i * 1_000 + j)
    }
    const batch = builder.build({ codec: codecs[i % 5]!, producerId: 4, epoch: 0, sequence: i * 5 })
    appended(log.append(batch, 1 + Math.floor((i * 3) / count), startMs + i))
  }
  log.requestFlush()
}

async function cleaned(directory: LogDirectory): Promise<void> {
  directory.cleaner.look(directory.logs(), startMs)
  assert(directory.cleaner.isBusy)
  while (directory.cleaner.isBusy) await new Promise(resolve => setImmediate(resolve))
}

/** Into `logs-0`, compacted, and `plain-0`, not; closed when it returns. */
export async function liveIn(path: string): Promise<void> {
  const config = {
    isCompacted: true,
    segmentBytes: 3_000,
    indexIntervalBytes: 300,
    minCleanableDirtyRatio: 0,
    fileDeleteDelayMs: 0,
  }
  const durable = Promise.withResolvers<void>()
  let flushed = 0
  const directory = openReal(path, config, () => ++flushed === 2 && durable.resolve())
  const log = directory.create('logs', 0, topicId)
  const plain = directory.create('plain', 0, 'cGxhaW4tdG9waWMtaWQtMQ', { isCompacted: false })
  for (const one of [log, plain]) write(one, 60)
  await durable.promise
  await cleaned(directory)
  await directory.close(1)
}
