// The hash against the values Kafka's own tests assert (UtilsTest.testMurmur2).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2, partitionForKey } from './murmur2.ts'

test('murmur2() gives what Java gives', () => {
  const known: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [key, hash] of known) assert.equal(murmur2(Buffer.from(key)), hash, key)
})

test('partitionForKey() drops the sign bit rather than negating', () => {
  assert.equal(partitionForKey(Buffer.from('foobar'), 6), (-790332482 & 0x7fffffff) % 6)
  for (let i = 0; i < 200; i++) {
    const partition = partitionForKey(Buffer.from(`key-${i}`), 6)
    assert.ok(partition >= 0 && partition < 6)
  }
})
