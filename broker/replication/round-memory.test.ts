// The spare buffer: used again, never two frames in one, never the read buffer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RoundMemory } from './round-memory.ts'

test('what is given back is taken again, and only then', () => {
  const memory = new RoundMemory()
  const first = memory.take(70_000)
  assert.equal(first.length, 131_072)
  assert.notEqual(memory.take(70_000).buffer, first.buffer, 'while it is in use another one is made')
  memory.give(first.subarray(10, 20))
  assert.equal(memory.take(100_000).buffer, first.buffer)
})

test('give() keeps the larger, lets the huge go, and never takes the read buffer for a spare', () => {
  const memory = new RoundMemory()
  const [small, large, huge] = [memory.take(1_000), memory.take(5_000_000), memory.take(9_000_000)]
  for (const given of [small, large, small, huge, memory.readBuffer]) memory.give(given)
  assert.equal(memory.take(1).buffer, large.buffer)
})
