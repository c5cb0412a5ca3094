// The map against a Map: the newest offset of every key, and no more memory than it was given.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetMap } from './offset-map.ts'

test('the newest offset of every key, through growth', () => {
  const map = new OffsetMap(1024 * 1024)
  const model = new Map<string, number>()
  for (let offset = 0; offset < 20_000; offset++) {
    const key = `key ${(offset * 7_919) % 6_000}`
    assert(map.put(Buffer.from(key), offset))
    model.set(key, offset)
  }
  assert.equal(map.size, model.size)
  for (const [key, offset] of model) assert.equal(map.get(Buffer.from(key)), offset)
  assert.equal(map.get(Buffer.from('another')), -1)
  assert.equal(map.get(Buffer.alloc(0)), -1)
})

test('a full map refuses new keys, moves known ones, and stays within its budget', () => {
  const budgetBytes = 100_000
  const map = new OffsetMap(budgetBytes)
  let offset = 0
  while (map.put(Buffer.from(`${offset}`), offset)) offset++
  assert(offset > 1_000 && map.size === offset)
  assert(map.memoryBytes <= budgetBytes)
  assert(map.put(Buffer.from('7'), 1_000_000))
  assert.equal(map.get(Buffer.from('7')), 1_000_000)
  assert.equal(map.get(Buffer.from(`${offset}`)), -1)
})
