// Quantiles within their promise, and a byte form that loses nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Distribution } from './distribution.ts'

/** Log-normal-ish values from a seed, some zero, some negative when asked. */
function values(count: number, seed: number, negatives = false): number[] {
  let state = seed >>> 0
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  return Array.from({ length: count }, () => {
    const value = Math.round(Math.exp(random() * 10)) - 1
    return negatives && random() < 0.3 ? -value : value
  })
}

function distributionOf(numbers: readonly number[]): Distribution {
  const distribution = new Distribution()
  for (const [index, number] of numbers.entries()) distribution.add(number, index)
  return distribution
}

test('summary() is within 1 % of the exact quantiles and exact in everything else', () => {
  for (const negatives of [false, true]) {
    const numbers = values(20_000, 7, negatives)
    const sorted = numbers.toSorted((a, b) => a - b)
    const summary = distributionOf(numbers).summary()!
    for (const [name, quantile] of [
      ['p50', 0.5],
      ['p90', 0.9],
      ['p95', 0.95],
      ['p99', 0.99],
    ] as const) {
      const exact = sorted[Math.floor(quantile * (sorted.length - 1))]!
      assert.ok(
        Math.abs(summary[name] - exact) <= 0.011 * Math.abs(exact) + 1e-9,
        `${name} ${summary[name]} ${exact}`,
      )
    }
    assert.equal(summary.count, 20_000)
    assert.deepEqual([summary.min, summary.max, summary.last], [sorted[0], sorted.at(-1), numbers.at(-1)])
    assert.equal(summary.mean, numbers.reduce((a, b) => a + b) / 20_000)
  }
})

test('fromBytes() gives back what toBytes() wrote', () => {
  for (const count of [1, 2, 300, 5000]) {
    const distribution = distributionOf(values(count, 11, true))
    const bytes = distribution.toBytes()
    const stored = Distribution.fromBytes(bytes)
    assert.deepEqual(stored.summary(), distribution.summary())
    assert.deepEqual(stored.toBytes(), bytes)
    assert.ok(bytes.length < 3000, `${bytes.length} bytes`)
  }
  assert.equal(Distribution.fromBytes(new Distribution().toBytes()).summary(), null)
  assert.throws(() => Distribution.fromBytes(Buffer.from([7])), RangeError)
  assert.throws(() => Distribution.fromBytes(distributionOf([1, 5]).toBytes().subarray(0, 58)), RangeError)
})

test('merge() keeps a largest value of exactly 1, whose key is 0', () => {
  const merged = distributionOf([0.2])
  merged.merge(distributionOf([0.3, 1]))
  assert.ok(Math.abs(merged.summary()!.p50 - 0.3) < 0.004)
  assert.equal(merged.summary()!.max, 1)
})

test('merge() equals having added everything to one', () => {
  const numbers = values(4000, 5, true)
  const whole = distributionOf(numbers)
  const first = distributionOf(numbers.slice(0, 1000))
  const rest = new Distribution()
  for (const [index, number] of numbers.slice(1000).entries()) rest.add(number, 1000 + index)
  for (const [a, b] of [
    [first, rest],
    [new Distribution(), whole],
  ] as const) {
    const merged = Distribution.fromBytes(a.toBytes())
    merged.merge(Distribution.fromBytes(b.toBytes()))
    merged.merge(new Distribution())
    assert.deepEqual(merged.summary(), whole.summary())
  }
})
