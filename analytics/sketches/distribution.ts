// What is kept of many numbers: count, sum, minimum, maximum, the last by event time, and a DDSketch whose quantiles
// are within 1 % of a value that was really seen. Merging adds, so a stored one is replaced, never added twice.
// Pure, bytes in and out; the byte form is ours (a tenth of the library's protobuf) and is drawn below.
import { LogCollapsingLowestDenseDDSketch } from '@datadog/sketches-js'

const relativeAccuracy = 0.01
/** Bins before the smallest values share one: 1024 bins of 2 % span nine decades. */
const binLimit = 1024
const format = 1
/** format u8, count f64, sum f64, min f64, max f64, last f64, lastAt f64, zeros f64; then two runs of bins. */
const headerBytes = 57

type Store = LogCollapsingLowestDenseDDSketch['store']

export class Distribution {
  readonly #sketch = new LogCollapsingLowestDenseDDSketch({ relativeAccuracy, binLimit })
  #last = Number.NaN
  #lastAt = Number.NEGATIVE_INFINITY

  get count(): number {
    return this.#sketch.count
  }

  get sum(): number {
    return this.#sketch.sum
  }

  /** About what it takes in memory, for whoever bounds that: two stores with arrays of bins, and their numbers. */
  get bytesHeld(): number {
    return 700 + (this.#sketch.store.bins.length + this.#sketch.negativeStore.bins.length) * 8
  }

  /** Adds a value seen at a time, `times` times. */
  add(value: number, at: number, times = 1): void {
    this.#sketch.accept(value, times)
    // Of two values at one time the larger wins, so that the order of reading does not matter.
    if (at > this.#lastAt || (at === this.#lastAt && value > this.#last)) {
      this.#last = value
      this.#lastAt = at
    }
  }

  merge(other: Distribution): void {
    if (other.count === 0) return
    // Not by the library's own merge, which leaves negative values out and misplaces a largest key of 0 (2.1.1).
    const mine = this.#sketch
    const theirs = other.#sketch
    addBins(mine.store, theirs.store.minKey, countsOf(theirs.store))
    addBins(mine.negativeStore, theirs.negativeStore.minKey, countsOf(theirs.negativeStore))
    mine.zeroCount += theirs.zeroCount
    mine.count += theirs.count
    mine.sum += theirs.sum
    mine.min = Math.min(mine.min, theirs.min)
    mine.max = Math.max(mine.max, theirs.max)
    if (other.#lastAt > this.#lastAt || (other.#lastAt === this.#lastAt && other.#last > this.#last)) {
      this.#last = other.#last
      this.#lastAt = other.#lastAt
    }
  }

  /** Null while nothing was added. */
  summary(): DistributionSummary | null {
    if (this.count === 0) return null
    const sketch = this.#sketch
    // A bin's middle can lie outside what was seen; the extremes are known exactly.
    const at = (quantile: number) =>
      Math.min(sketch.max, Math.max(sketch.min, sketch.getValueAtQuantile(quantile)))
    return {
      count: sketch.count,
      mean: sketch.sum / sketch.count,
      min: sketch.min,
      max: sketch.max,
      last: this.#last,
      p50: at(0.5),
      p90: at(0.9),
      p95: at(0.95),
      p99: at(0.99),
    }
  }

  toBytes(): Buffer {
    const sketch = this.#sketch
    const bytes = Buffer.allocUnsafe(
      headerBytes + storeBytesMax(sketch.store) + storeBytesMax(sketch.negativeStore),
    )
    bytes[0] = format
    const numbers = [
      sketch.count,
      sketch.sum,
      sketch.min,
      sketch.max,
      this.#last,
      this.#lastAt,
      sketch.zeroCount,
    ]
    for (const [index, number] of numbers.entries()) bytes.writeDoubleLE(number, 1 + index * 8)
    let at = writeStore(bytes, headerBytes, sketch.store)
    at = writeStore(bytes, at, sketch.negativeStore)
    return bytes.subarray(0, at)
  }

  static fromBytes(bytes: Buffer): Distribution {
    if (bytes[0] !== format) throw new RangeError(`Cannot read distribution: unknown format ${bytes[0]}`)
    const distribution = new Distribution()
    const sketch = distribution.#sketch
    const number = (index: number) => bytes.readDoubleLE(1 + index * 8)
    const at = readStore(bytes, headerBytes, sketch.store)
    readStore(bytes, at, sketch.negativeStore)
    sketch.count = number(0)
    sketch.sum = number(1)
    sketch.min = number(2)
    sketch.max = number(3)
    distribution.#last = number(4)
    distribution.#lastAt = number(5)
    sketch.zeroCount = number(6)
    return distribution
  }
}

export interface DistributionSummary {
  readonly count: number
  readonly mean: number
  readonly min: number
  readonly max: number
  readonly last: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
}

/** Number of bins, first key, then per bin a count; empty bins in a row are a zero and how many. */
function storeBytesMax(store: Store): number {
  return store.count === 0 ? 5 : 10 + (store.maxKey - store.minKey + 1) * 10
}

function writeStore(bytes: Buffer, from: number, store: Store): number {
  if (store.count === 0) return writeNumber(bytes, from, 0)
  const bins = store.maxKey - store.minKey + 1
  let at = writeNumber(bytes, from, bins)
  at = writeNumber(bytes, at, store.minKey >= 0 ? store.minKey * 2 : store.minKey * -2 - 1)
  for (let bin = 0; bin < bins; bin++) {
    const count = store.bins[store.minKey - store.offset + bin]!
    at = writeNumber(bytes, at, count)
    if (count !== 0) continue
    const first = bin
    while (bin + 1 < bins && store.bins[store.minKey - store.offset + bin + 1] === 0) bin++
    at = writeNumber(bytes, at, bin - first)
  }
  return at
}

function readStore(bytes: Buffer, from: number, store: Store): number {
  let at = readNumber(bytes, from)
  const bins = readValue
  if (bins === 0) return at
  at = readNumber(bytes, at)
  const minKey = readValue % 2 === 0 ? readValue / 2 : -(readValue + 1) / 2
  const counts = new Array<number>(bins).fill(0)
  for (let bin = 0; bin < bins; bin++) {
    at = readNumber(bytes, at)
    counts[bin] = readValue
    if (readValue > 0) continue
    at = readNumber(bytes, at)
    bin += readValue
  }
  addBins(store, minKey, counts)
  return at
}

/** Adds bins from `minKey` on. Both ends first: the store then grows once, not with every key beyond its last. */
function addBins(store: Store, minKey: number, counts: readonly number[]): void {
  const bins = counts.length
  if (bins === 0) return
  store.add(minKey, counts[0]!)
  if (bins > 1) store.add(minKey + bins - 1, counts[bins - 1]!)
  for (let bin = 1; bin < bins - 1; bin++) if (counts[bin]! > 0) store.add(minKey + bin, counts[bin]!)
}

function countsOf(store: Store): readonly number[] {
  if (store.count === 0) return []
  return store.bins.slice(store.minKey - store.offset, store.maxKey - store.offset + 1)
}

/** The number last read: a second return value without an object. */
let readValue = 0

function readNumber(bytes: Buffer, from: number): number {
  let at = from
  let scale = 1
  readValue = 0
  for (;;) {
    const byte = bytes[at++]
    if (byte === undefined) throw new RangeError('Cannot read distribution: it ends inside a number')
    readValue += (byte & 0x7f) * scale
    if (byte < 0x80) return at
    scale *= 0x80
  }
}

function writeNumber(bytes: Buffer, from: number, value: number): number {
  let at = from
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80
  bytes[at++] = rest
  return at
}
