// The one number that bounds what the agent holds: the pool, and the shipper over it, whatever comes and whoever
// does not answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SentCallback } from '../broker/client/lane.ts'
import { checkCrc } from '../broker/protocol/record-batch.ts'
import { createLog } from '../runtime/log.ts'
import { BatchPool } from './batch-memory.ts'
import { Shipper } from './ship.ts'
import { beginRange, beginSpan, newTrackedFile } from './tracker.ts'

const memoryBytesMax = 12 * 1_048_576

test('what was given back is handed out again, and never to two', () => {
  const pool = new BatchPool(1_048_576)
  const out = new Set<ArrayBufferLike>()
  const seen = new Set<ArrayBufferLike>()
  const taken: Buffer[] = []
  for (let round = 0; round < 2_000; round++) {
    const bytes = 1 + ((round * 7_919) % 60_000)
    const memory = pool.take(bytes)
    assert(memory.length >= bytes)
    assert(!out.has(memory.buffer))
    out.add(memory.buffer)
    seen.add(memory.buffer)
    taken.push(memory.subarray(0, bytes))
    if (taken.length === 8) {
      const back = taken.splice((round * 31) % 8, 1)[0]!
      out.delete(back.buffer)
      pool.give(back)
    }
    assert(pool.takenBytes + pool.spareBytes <= 1_048_576)
  }
  assert(seen.size < 60, `${seen.size} buffers for 2,000 batches`)
})

test('spare memory of one size makes room for another; what is too much or too large is let go', () => {
  const pool = new BatchPool(100_000)
  const small = Array.from({ length: 30 }, () => pool.take(4_096))
  for (const memory of small) pool.give(memory)
  assert.deepEqual([pool.takenBytes, pool.spareBytes], [0, 24 * 4_096])
  const large = pool.take(65_536)
  assert(pool.takenBytes + pool.spareBytes <= 100_000)
  pool.give(large)
  const larger = pool.take(2_000_000)
  assert.equal(pool.takenBytes, 2_000_000)
  pool.give(larger)
  assert.equal(pool.takenBytes, 0)
  assert(pool.spareBytes <= 100_000)
})

/** Hands lines to a shipper whose broker answers when told, if ever. */
function shipping(codec: 'zstd' | 'none', partitions: number) {
  const flying: { bytes: Buffer; callback: SentCallback }[] = []
  let wallMs = 1_764_000_000_000
  const shipper = new Shipper({
    agentId: 'agent000',
    config: {
      dataDirectory: '/nowhere',
      keySeedPath: '/nowhere/key-seed',
      bootstrap: [],
      host: 'web-1',
      inputs: [{ paths: [], topic: 'logs', format: 'raw' }],
      codec,
    },
    keySeed: 'seed',
    cluster: { topic: () => undefined, refresh: async () => undefined } as never,
    producer: {
      send: (_topic, _partition, bytes, callback) => void flying.push({ bytes, callback }),
      replace: () => assert.fail('nothing is refused here'),
    },
    clock: { wallMs: () => wallMs++, monotonicMs: () => 0 },
    log: createLog('test', () => {}),
    checkpoint: { epoch: 1, durableEpoch: 1, request: () => {} },
    onRoom: () => {},
    onLoss: () => assert.fail('nothing is lost here'),
    onRejected: () => {},
  })
  const routing = {
    ...{ topic: 'logs', partitions, format: 'raw' as const },
    ...{ keyField: null, hashKey: '0123456789abcdef' },
  }
  const file = newTrackedFile(1n, 2n, '/x.log')
  const range = beginRange(file, 'agent000.0123456789a.0', routing)
  const line = Buffer.from('a line of a hundred bytes, '.repeat(4))
  let position = 0
  return {
    shipper,
    flying,
    /** As long as there is room: lines a megabyte apart, so that they go to all partitions. */
    fill(): number {
      let lines = 0
      const span = beginSpan(range)
      for (; shipper.hasRoom() && lines < 1_000_000; lines++) {
        shipper.append(span, line, 0, line.length, (position += partitions > 100 ? 1_048_576 : 4_096))
      }
      return lines
    },
  }
}

for (const codec of ['zstd', 'none'] as const) {
  for (const partitions of [6, 5_000]) {
    const title = `${partitions} partitions, ${codec}, and no answer: nothing is read any more when it is enough`
    test(title, t => {
      const { shipper, flying, fill } = shipping(codec, partitions)
      t.after(() => shipper.close())
      // Compressed batches make room: the rest is less each time.
      let rounds = 0
      while (fill() > 0 && rounds++ < 100) {
        assert(shipper.unacknowledgedBytes < memoryBytesMax)
        assert(shipper.memoryBytes <= memoryBytesMax, `${shipper.memoryBytes} bytes`)
        shipper.flush()
      }
      assert(rounds < 100)
      const reached = shipper.memoryBytes
      for (const { bytes, callback } of flying.splice(0)) {
        assert(checkCrc(bytes, 0), 'nobody else wrote there')
        callback(null, 0)
      }
      assert(shipper.isIdle)
      assert(shipper.memoryBytes <= Math.max(reached, memoryBytesMax))
      assert(fill() > 0)
    })
  }
}
