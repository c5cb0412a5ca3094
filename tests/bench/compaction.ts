// `npm run bench -- compaction [mebibytes]`: what a big compaction (512 MiB unless said otherwise) costs those who
// produce meanwhile, to another partition of the same broker's directory: the longest time that the event loop stood
// still, and the time from an append to its flush. Without and with, A B A B. Writes to a temporary directory.
import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LogDirectory } from '../../broker/log/log-directory.ts'
import type { PartitionLog } from '../../broker/log/partition-log.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { quantile } from './usage.ts'

const mebibyte = 2 ** 20
const topicId = 'dGFpbHJhY2UtdGVzdC0xMg'
const quietMs = 8_000
const produceEveryMs = 4
const tickMs = 1_000
const keys = 100_000

class Bench {
  readonly directory: LogDirectory
  readonly produced: PartitionLog
  readonly compacted: PartitionLog
  readonly #builder = new BatchBuilder()
  readonly #waiting: { readonly end: number; readonly atMs: number }[] = []
  #flushMs: number[] = []
  #round = 0

  constructor(path: string) {
    this.directory = LogDirectory.open({
      path,
      clusterId: 'bench',
      nodeId: 1,
      nowMs: Date.now(),
      listener: {
        onDurable: (log, durableEnd) => this.#onDurable(log, durableEnd),
        onFailed: (_log, error) => assert.fail(error),
      },
    })
    this.produced = this.directory.create('logs', 0, topicId)
    const config = { segmentBytes: 64 * mebibyte, minCleanableDirtyRatio: 0, fileDeleteDelayMs: 1_000 }
    this.compacted = this.directory.create('state', 0, topicId, { ...config, isRetained: false })
  }

  #onDurable(log: PartitionLog, durableEnd: number): void {
    log.highWatermark = durableEnd
    if (log !== this.produced) return
    while (this.#waiting[0] && this.#waiting[0].end <= durableEnd)
      this.#flushMs.push(performance.now() - this.#waiting.shift()!.atMs)
  }

  #append(log: PartitionLog, records: number, valueBytes: number): number {
    const value = Buffer.alloc(valueBytes, 'tailrace ')
    for (let index = 0; index < records; index++) {
      const key = `key ${(this.#round = (this.#round * 48_271 + 11) % 2_147_483_647) % keys}`
      this.#builder.append(Buffer.from(key), value, undefined, Date.now())
    }
    const result = log.append(this.#builder.build({ codec: 'none' }), 0, Date.now())
    assert(result.ok)
    return log.logEndOffset
  }

  async fill(bytes: number): Promise<void> {
    for (let written = 0; written < bytes; written += mebibyte) {
      this.#append(this.compacted, 1_024, 1_000)
      this.compacted.requestFlush()
      await new Promise(resolve => setImmediate(resolve))
    }
    while (this.compacted.durableEnd < this.compacted.logEndOffset)
      await new Promise(resolve => setTimeout(resolve, 5))
  }

  /** Produces until `isOver`; what the event loop and the flushes took. */
  async measure(name: string, isOver: () => boolean): Promise<void> {
    this.#flushMs = []
    let longestMs = 0
    let turnedMs = performance.now()
    let tickedMs = turnedMs
    let producedMs = turnedMs
    const startedMs = turnedMs
    const cpu = process.cpuUsage()
    while (!isOver()) {
      await new Promise(resolve => setImmediate(resolve))
      const nowMs = performance.now()
      longestMs = Math.max(longestMs, nowMs - turnedMs)
      turnedMs = nowMs
      if (nowMs - tickedMs > tickMs) {
        tickedMs = nowMs
        this.directory.tick(Date.now())
      }
      if (nowMs - producedMs < produceEveryMs) continue
      producedMs = nowMs
      this.#waiting.push({ end: this.#append(this.produced, 16, 1_000), atMs: nowMs })
      this.produced.requestFlush()
    }
    const { user, system } = process.cpuUsage(cpu)
    const flush = [0.5, 0.99, 1].map(q => Number(quantile(this.#flushMs, q)).toFixed(1)).join(' / ')
    const seconds = (performance.now() - startedMs) / 1_000
    const row = [name.padEnd(11), `${seconds.toFixed(1)} s`, `${((user + system) / 1e6).toFixed(1)} s of CPU`]
    console.log(
      [...row, `longest stall ${longestMs.toFixed(1)} ms`, `append to flush ${flush} ms`].join(' | '),
    )
  }

  quiet(): Promise<void> {
    const endMs = performance.now() + quietMs
    return this.measure('without', () => performance.now() > endMs)
  }

  async cleaning(): Promise<void> {
    const { cleaner } = this.directory
    const before = cleaner.totals.cleanings
    this.compacted.config = { ...this.compacted.config, isCompacted: true }
    cleaner.look(this.directory.logs(), Date.now())
    // And a little longer, until the old files have gone.
    let overMs = Number.POSITIVE_INFINITY
    await this.measure('compacting', () => {
      if (cleaner.totals.cleanings > before) overMs = Math.min(overMs, performance.now() + 4_000)
      return performance.now() > overMs
    })
    this.compacted.config = { ...this.compacted.config, isCompacted: false }
  }
}

export async function runCompaction(args: readonly string[]): Promise<void> {
  const bytes = Number(args[0] ?? 512) * mebibyte
  await using place = await mkdtempDisposable(join(tmpdir(), 'tailrace-compaction-'))
  const bench = new Bench(place.path)
  console.log('append to flush: median / p99 / longest')
  for (let round = 0; round < 2; round++) {
    await bench.fill(bytes)
    await bench.quiet()
    await bench.cleaning()
  }
  await bench.directory.close(1)
}
