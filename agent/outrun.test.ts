// A writer faster than the sink: the short form; the whole one, with 10 s of silence, is `npm run bench -- agent`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outrun } from './outrun.ts'

test('50 MB/s, rotated every 250 ms, four kept, nothing sent for 1.5 s: no gap, nothing twice', async () => {
  const outcome = await outrun({
    seconds: 2.5,
    bytesPerSecond: 50_000_000,
    rotateMs: 250,
    keep: 4,
    blockedMs: 1_500,
  })
  assert(outcome.written > 1_000 && outcome.pinnedBytesMax > 0, JSON.stringify(outcome))
  const { missing, doubled, losses } = outcome
  assert.deepEqual(
    { missing, doubled, losses },
    { missing: 0, doubled: 0, losses: [] },
    JSON.stringify(outcome),
  )
})
