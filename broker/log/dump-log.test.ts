// The dump against real directories: nothing to say about a life with every codec, several epochs, rolls, compaction
// and a truncation, and something to say about each file once a bit of it is flipped. And a cleaning in its own thread
// while appends go on.
import assert from 'node:assert/strict'
import { mkdtempDisposableSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BatchBuilder } from '../protocol/batch-builder.ts'
import { codecs } from '../protocol/record-batch.ts'
import { realDisk } from './disk.ts'
import { type DumpedBatch, dumpFile } from './dump-log.ts'
import { liveIn, openReal } from './lived-in.ts'
import { appended, startMs, topicId } from './log-fixture.ts'

const builder = new BatchBuilder()

function dump(directory: string, deep = true) {
  const problems: string[] = []
  const rows = new Map<string, object[]>()
  for (const name of readdirSync(directory).sort()) {
    const found: object[] = []
    const sink = {
      row: (row: object) => found.push(row),
      problem: (text: string) => problems.push(`${name}: ${text}`),
    }
    if (dumpFile(realDisk, join(directory, name), { deep }, sink)) rows.set(name, found)
  }
  return { rows, problems }
}

test('a lived-in directory has no mismatch; a flipped bit in any of its files is one', async () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'dump-'))
  await liveIn(root.path)
  const path = join(root.path, 'logs-0')
  const { rows, problems } = dump(path)
  assert.deepEqual(problems, [])
  const kinds = new Set([...rows.keys()].map(name => name.replace(/^\d+/, '')))
  for (const kind of [
    '.log',
    '.index',
    '.timeindex',
    '.snapshot',
    'partition.metadata',
    'leader-epoch-checkpoint',
  ])
    assert(kinds.has(kind), kind)
  const batches = [...rows]
    .filter(([name]) => name.endsWith('.log'))
    .flatMap(([, found]) => found as DumpedBatch[])
  assert.deepEqual(new Set(batches.map(({ codec }) => codec)), new Set(codecs))
  assert(batches.some(({ deleteHorizonMs }) => deleteHorizonMs !== undefined))
  assert(batches.some(({ count, lastOffset, baseOffset }) => count < lastOffset - baseOffset + 1))
  for (const name of rows.keys()) {
    if (name === 'durable-point') continue
    const bytes = readFileSync(join(path, name))
    if (bytes.length === 0) continue
    const flipped = Buffer.from(bytes)
    flipped[flipped.length - 2]! ^= 0x41
    writeFileSync(join(path, name), flipped)
    assert(
      dump(path).problems.some(problem => problem.startsWith(name)),
      `${name} with a flipped bit`,
    )
    writeFileSync(join(path, name), bytes)
  }
})

test('a cleaning in its own thread holds nobody up', async t => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'clean-'))
  const config = { isCompacted: true, segmentBytes: 1024 * 1024, minCleanableDirtyRatio: 0 }
  let onDurable = () => {}
  const directory = openReal(root.path, config, () => onDurable())
  const log = directory.create('logs', 0, topicId)
  const value = Buffer.alloc(1_000, 'v')
  const batchOf = (round: number) => {
    for (let j = 0; j < 50; j++) builder.append(Buffer.from(`key ${(round * 50 + j) % 3_000}`), value)
    return builder.build({ codec: 'none' })
  }
  for (let round = 0; round < 300; round++) appended(log.append(batchOf(round), 1, startMs))
  const durable = new Promise<void>(resolve => {
    onDurable = () => log.durableEnd === log.logEndOffset && resolve()
  })
  log.requestFlush()
  await durable
  const before = log.sizeBytes
  directory.cleaner.look(directory.logs(), startMs)
  let turns = 0
  let longestMs = 0
  while (directory.cleaner.isBusy) {
    const startedMs = performance.now()
    appended(log.append(batchOf(turns), 1, startMs))
    await new Promise(resolve => setImmediate(resolve))
    longestMs = Math.max(longestMs, performance.now() - startedMs)
    turns++
  }
  assert(turns > 10, `${turns} appends went in while it was cleaned`)
  assert.equal(directory.cleaner.totals.cleanings, 1)
  assert(directory.cleaner.totals.bytesWritten < before / 3)
  t.diagnostic(`${turns} appends meanwhile, the longest took ${longestMs.toFixed(1)} ms`)
  const late = new Promise<void>(resolve => {
    onDurable = () => log.durableEnd === log.logEndOffset && resolve()
  })
  log.requestFlush()
  await late
  await directory.close(1)
})
