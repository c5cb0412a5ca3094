// The damage done to files: nothing below the durable point is touched by tears and losses, and the log recovers.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatDurablePoint } from '../../broker/log/checkpoints.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { batchEnd, checkCrc, setBaseOffset } from '../../broker/protocol/record-batch.ts'
import { flipBit, loseUnflushed, swapSegments, tearTails } from './partition-files.ts'
import { Random } from './random.ts'

/** Three batches of one record each, of which two are flushed. */
function written(directory: string, names: readonly string[] = ['00000000000000000000.log']) {
  const builder = new BatchBuilder()
  const batches = [0, 1, 2].map(base => {
    builder.append(null, Buffer.from(`value ${base}`), undefined, 1_000)
    const batch = builder.build({ codec: 'none' })
    setBaseOffset(batch, 0, base)
    return batch
  })
  const partition = join(directory, 'k-0')
  mkdirSync(partition)
  for (const [index, name] of names.entries()) {
    writeFileSync(join(partition, name), Buffer.concat([...batches, Buffer.alloc(index, batches[0])]))
  }
  writeFileSync(join(partition, 'durable-point'), formatDurablePoint(2))
  const paths = names.map(name => join(partition, name))
  return { paths, durableBytes: batches[0]!.length + batches[1]!.length }
}

test('a power cut takes what was not flushed, and no more', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'damage-'))
  const { paths, durableBytes } = written(directory.path)
  const before = readFileSync(paths[0]!)
  assert.equal(loseUnflushed(directory.path), before.length - durableBytes)
  assert.deepEqual(readFileSync(paths[0]!), before.subarray(0, durableBytes))
})

test('a torn tail leaves what was flushed, and behind it no whole batch that was not there', async () => {
  for (let seed = 0; seed < 20; seed++) {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'damage-'))
    const { paths, durableBytes } = written(directory.path)
    const before = readFileSync(paths[0]!)
    assert.equal(tearTails(directory.path, new Random(seed)), 1)
    const torn = readFileSync(paths[0]!)
    assert.deepEqual(torn.subarray(0, durableBytes), before.subarray(0, durableBytes))
    assert.notDeepEqual(torn, before)
    const end = batchEnd(torn, before.length, torn.length)
    assert(end <= 0 || !checkCrc(torn, before.length))
  }
})

test('only sealed segments are flipped and swapped', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'damage-'))
  const { paths } = written(directory.path, ['00.log', '01.log', '02.log'])
  const before = paths.map(path => readFileSync(path))
  assert.match(swapSegments(directory.path, new Random(1))!, /00\.log|01\.log/)
  assert.deepEqual(
    paths.map(path => readFileSync(path)),
    [before[1], before[0], before[2]],
  )
  assert.match(flipBit(directory.path, new Random(1))!, /0[01]\.log at \d+$/)
  assert.deepEqual(readFileSync(paths[2]!), before[2])
})
