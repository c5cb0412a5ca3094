// Distinct counts. Exact up to 256 values, then HyperLogLog with 4096 registers (standard error 1.6 %) and Ertl's
// improved estimator, which needs no bias tables. A sparse one never keeps values, only the registers that are set:
// three bytes a value instead of eight. Adding and merging are idempotent, whatever the forms. Pure, bytes in and out.

const precision = 12
const registerCount = 1 << precision
/** Rank bits that remain of the 32 bits after the index. */
const rankMax = 33
const exactMax = 256
/** Registers set before all of them are kept: by then the list of them is as long as half the array. */
const sparseMax = 1024
const kinds = { exact: 1, dense: 2, sparse: 3 } as const

export class HyperLogLog {
  /** 52-bit hashes while there are few; null once they are registers. */
  #exact: Set<number> | null = new Set()
  /** Registers that are set, in order, as index * 64 + rank; null in the other forms. */
  #sparse: Uint32Array | null = null
  #sparseSize = 0
  #registers: Uint8Array | null = null

  /** For the many: small from the first value on, with a standard error of 1.6 % at every size. */
  static sparse(): HyperLogLog {
    const sketch = new HyperLogLog()
    sketch.#exact = null
    sketch.#sparse = new Uint32Array(4)
    return sketch
  }

  /** Adds a value by the two halves of its hash. */
  add(high: number, low: number): void {
    if (this.#exact) this.#addExact(high * 0x100000 + (low >>> 12))
    else this.#setRegister(registerOf(high), rankOf(high, low))
  }

  merge(other: HyperLogLog): void {
    if (other.#exact) {
      for (const value of other.#exact) this.#addPacked(value)
    } else if (other.#sparse) {
      this.#leaveExact()
      for (let at = 0; at < other.#sparseSize; at++)
        this.#setRegister(other.#sparse[at]! >>> 6, other.#sparse[at]! & 63)
    } else {
      const mine = this.#dense()
      const theirs = other.#registers!
      for (let index = 0; index < registerCount; index++) {
        if (theirs[index]! > mine[index]!) mine[index] = theirs[index]!
      }
    }
  }

  /** The number of distinct values: exact while they are kept, else an estimate, rounded. */
  count(): number {
    return this.#exact ? this.#exact.size : Math.round(estimate(this.#histogram()))
  }

  get isExact(): boolean {
    return this.#exact !== null
  }

  /** About what it takes in memory, for whoever bounds that. */
  get bytesHeld(): number {
    if (this.#exact) return 250 + this.#exact.size * 40
    return 250 + (this.#sparse ? this.#sparse.byteLength : registerCount)
  }

  toBytes(): Buffer {
    if (this.#sparse) return this.#sparseBytes()
    if (this.#registers) return Buffer.concat([Buffer.from([kinds.dense]), this.#registers])
    const values = Float64Array.from(this.#exact!)
    return Buffer.concat([Buffer.from([kinds.exact]), new Uint8Array(values.buffer)])
  }

  static fromBytes(bytes: Uint8Array): HyperLogLog {
    const sketch = new HyperLogLog()
    if (bytes[0] === kinds.dense && bytes.length === registerCount + 1) {
      sketch.#exact = null
      sketch.#registers = Uint8Array.from(bytes.subarray(1))
      return sketch
    }
    if (bytes[0] === kinds.sparse && (bytes.length - 1) % 3 === 0) {
      const sparse = HyperLogLog.sparse()
      for (let at = 1; at < bytes.length; at += 3)
        sparse.#setRegister((bytes[at]! << 8) | bytes[at + 1]!, bytes[at + 2]!)
      return sparse
    }
    if (bytes[0] !== kinds.exact || (bytes.length - 1) % 8 !== 0) {
      throw new RangeError(`Cannot read distinct sketch of ${bytes.length} bytes: unknown kind ${bytes[0]}`)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1)
    for (let at = 0; at < view.byteLength; at += 8) sketch.#addExact(view.getFloat64(at, true))
    return sketch
  }

  #addPacked(value: number): void {
    const high = Math.floor(value / 0x100000)
    if (this.#exact) this.#addExact(value)
    else this.#setRegister(registerOf(high), rankOf(high, (value - high * 0x100000) << 12))
  }

  #addExact(value: number): void {
    const exact = this.#exact!
    exact.add(value)
    if (exact.size > exactMax) this.#dense()
  }

  #setRegister(index: number, rank: number): void {
    const registers = this.#registers
    if (!registers) this.#setSparse(index, rank)
    else if (rank > registers[index]!) registers[index] = rank
  }

  #setSparse(index: number, rank: number): void {
    const sparse = this.#sparse!
    let from = 0
    let to = this.#sparseSize
    while (from < to) {
      const middle = (from + to) >>> 1
      if (sparse[middle]! >>> 6 < index) from = middle + 1
      else to = middle
    }
    const packed = index * 64 + rank
    if (from < this.#sparseSize && sparse[from]! >>> 6 === index) {
      if (packed > sparse[from]!) sparse[from] = packed
      return
    }
    if (this.#sparseSize === sparseMax) {
      this.#dense()[index] = rank
      return
    }
    let target = sparse
    if (this.#sparseSize === sparse.length) {
      target = new Uint32Array(sparse.length * 2)
      target.set(sparse)
      this.#sparse = target
    }
    target.copyWithin(from + 1, from, this.#sparseSize)
    target[from] = packed
    this.#sparseSize++
  }

  /** Kept values become registers. */
  #leaveExact(): void {
    if (this.#exact) this.#dense()
  }

  #dense(): Uint8Array {
    if (this.#registers) return this.#registers
    const registers = new Uint8Array(registerCount)
    this.#registers = registers
    for (let at = 0; at < this.#sparseSize; at++)
      registers[this.#sparse![at]! >>> 6] = this.#sparse![at]! & 63
    this.#sparse = null
    this.#sparseSize = 0
    const exact = this.#exact
    this.#exact = null
    if (exact) for (const value of exact) this.#addPacked(value)
    return registers
  }

  /** index u16, rank u8, of each register that is set. */
  #sparseBytes(): Buffer {
    const bytes = Buffer.allocUnsafe(1 + this.#sparseSize * 3)
    bytes[0] = kinds.sparse
    for (let at = 0; at < this.#sparseSize; at++) {
      const packed = this.#sparse![at]!
      bytes[1 + at * 3] = packed >>> 14
      bytes[2 + at * 3] = (packed >>> 6) & 0xff
      bytes[3 + at * 3] = packed & 63
    }
    return bytes
  }

  /** How many registers have each rank. */
  #histogram(): Uint32Array {
    const histogram = new Uint32Array(rankMax + 1)
    if (this.#registers) {
      for (let index = 0; index < registerCount; index++) histogram[this.#registers[index]!]!++
      return histogram
    }
    histogram[0] = registerCount - this.#sparseSize
    for (let at = 0; at < this.#sparseSize; at++) histogram[this.#sparse![at]! & 63]!++
    return histogram
  }
}

/** The top 12 bits choose the register, the next 32 give the rank. */
function registerOf(high: number): number {
  return high >>> (32 - precision)
}

function rankOf(high: number, low: number): number {
  return Math.clz32((high << precision) | (low >>> (32 - precision))) + 1
}

/** O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6. */
function estimate(histogram: Uint32Array): number {
  let sum = registerCount * tau(1 - histogram[rankMax]! / registerCount)
  for (let rank = rankMax - 1; rank >= 1; rank--) sum = 0.5 * (sum + histogram[rank]!)
  sum += registerCount * sigma(histogram[0]! / registerCount)
  return (registerCount * registerCount) / (2 * Math.LN2 * sum)
}

function sigma(ratio: number): number {
  if (ratio === 1) return Number.POSITIVE_INFINITY
  let x = ratio
  let y = 1
  let z = ratio
  for (let before = -1; before !== z; ) {
    x *= x
    before = z
    z += x * y
    y += y
  }
  return z
}

function tau(ratio: number): number {
  if (ratio === 0 || ratio === 1) return 0
  let x = ratio
  let y = 1
  let z = 1 - ratio
  for (let before = -1; before !== z; ) {
    x = Math.sqrt(x)
    before = z
    y *= 0.5
    z -= (1 - x) * (1 - x) * y
  }
  return z / 3
}
