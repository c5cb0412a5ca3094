// Distinct counts against sets, over the whole range, merged and stored.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBytes, hashed } from './hash.ts'
import { HyperLogLog } from './hyperloglog.ts'

function addText(sketch: HyperLogLog, text: string): void {
  const bytes = Buffer.from(text)
  hashBytes(bytes, 0, bytes.length)
  sketch.add(hashed.high, hashed.low)
}

function sketchOf(from: number, to: number): HyperLogLog {
  const sketch = new HyperLogLog()
  for (let value = from; value < to; value++) addText(sketch, `visitor-${value}`)
  return sketch
}

test('count() is exact up to 256 values, whatever is repeated', () => {
  for (const size of [0, 1, 2, 100, 256]) {
    const sketch = sketchOf(0, size)
    sketch.merge(sketchOf(0, size))
    assert.equal(sketch.count(), size)
    assert.ok(sketch.isExact)
  }
})

test('count() stays within 5 % from 257 to 300,000', () => {
  for (const size of [257, 300, 1000, 5000, 12_000, 40_000, 300_000]) {
    const count = sketchOf(0, size).count()
    assert.ok(Math.abs(count / size - 1) < 0.05, `${count} for ${size}`)
  }
})

test('merge() of overlapping sketches counts the union, in any order', () => {
  for (const [sizes, union] of [
    [[100, 150], 200],
    [[200, 400], 400],
    [[3000, 2000], 4500],
  ] as const) {
    const parts = () => [sketchOf(0, sizes[0]), sketchOf(union - sizes[1], union)] as const
    const [a, b] = parts()
    const [c, d] = parts()
    a.merge(b)
    d.merge(c)
    assert.equal(a.count(), d.count())
    assert.ok(Math.abs(a.count() / union - 1) < 0.05, `${a.count()} for ${union}`)
  }
})

test('fromBytes() gives back what toBytes() wrote, exact and dense, and goes on counting', () => {
  for (const size of [0, 1, 256, 257, 5000]) {
    const stored = HyperLogLog.fromBytes(sketchOf(0, size).toBytes())
    assert.equal(stored.count(), sketchOf(0, size).count())
    stored.merge(sketchOf(size, size + 300))
    assert.equal(stored.count(), sketchOf(0, size + 300).count())
  }
  assert.throws(() => HyperLogLog.fromBytes(Buffer.from([9])), RangeError)
})

test('hashBytes() spreads: no two of 200,000 short texts collide', () => {
  const seen = new Set<number>()
  for (let value = 0; value < 200_000; value++) {
    const bytes = Buffer.from(`/products/${value}`)
    hashBytes(bytes, 0, bytes.length)
    seen.add(hashed.high * 0x100000 + (hashed.low >>> 12))
  }
  assert.equal(seen.size, 200_000)
})

test('a sparse sketch equals the dense one of the same values, however they come together', () => {
  for (const size of [0, 1, 5, 200, 1000, 1100, 3000, 20_000]) {
    const sparse = HyperLogLog.sparse()
    for (let value = 0; value < size; value++) addText(sparse, `visitor-${value}`)
    const stored = HyperLogLog.fromBytes(sparse.toBytes())
    const merged = HyperLogLog.sparse()
    merged.merge(sketchOf(0, size))
    const other = sketchOf(0, 10)
    other.merge(stored)
    for (const sketch of [stored, merged]) assert.equal(sketch.count(), sparse.count())
    if (size >= 10) assert.equal(other.count(), sparse.count())
    assert.ok(Math.abs(sparse.count() - size) <= Math.max(size * 0.05, 1), `${sparse.count()} for ${size}`)
  }
})

test('a sparse sketch of a few takes a few bytes', () => {
  const sketch = HyperLogLog.sparse()
  for (let value = 0; value < 10; value++) addText(sketch, `visitor-${value}`)
  assert.equal(sketch.toBytes().length, 31)
  assert.ok(sketch.bytesHeld < 400)
})
