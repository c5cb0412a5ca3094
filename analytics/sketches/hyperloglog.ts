// Distinct counts. Exact up to 256 values, then HyperLogLog with 4096 registers (standard error 1.6 %) and Ertl's
// improved estimator, which needs no bias tables. Adding and merging are idempotent. Pure, bytes in and out.

const precision = 12
const registerCount = 1 << precision
/** Rank bits that remain of the 32 bits after the index. */
const rankMax = 33
const exactMax = 256
const kinds = { exact: 1, dense: 2 } as const

export class HyperLogLog {
  /** 52-bit hashes while there are few; null once dense. */
  #exact: Set<number> | null = new Set()
  #registers: Uint8Array | null = null

  /** Adds a value by the two halves of its hash. */
  add(high: number, low: number): void {
    if (this.#registers) setRegister(this.#registers, high, low)
    else this.#addExact(high * 0x100000 + (low >>> 12))
  }

  merge(other: HyperLogLog): void {
    if (other.#registers) {
      const mine = this.#dense()
      const theirs = other.#registers
      for (let index = 0; index < registerCount; index++) {
        if (theirs[index]! > mine[index]!) mine[index] = theirs[index]!
      }
      return
    }
    for (const value of other.#exact!) {
      if (this.#registers) setPacked(this.#registers, value)
      else this.#addExact(value)
    }
  }

  /** The number of distinct values: exact up to 256, else an estimate, rounded. */
  count(): number {
    return this.#registers ? Math.round(estimate(this.#registers)) : this.#exact!.size
  }

  get isExact(): boolean {
    return this.#registers === null
  }

  toBytes(): Buffer {
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
    if (bytes[0] !== kinds.exact || (bytes.length - 1) % 8 !== 0) {
      throw new RangeError(`Cannot read distinct sketch of ${bytes.length} bytes: unknown kind ${bytes[0]}`)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1)
    for (let at = 0; at < view.byteLength; at += 8) sketch.#addExact(view.getFloat64(at, true))
    return sketch
  }

  #addExact(value: number): void {
    const exact = this.#exact
    if (!exact) {
      setPacked(this.#dense(), value)
      return
    }
    exact.add(value)
    if (exact.size > exactMax) this.#dense()
  }

  #dense(): Uint8Array {
    if (this.#registers) return this.#registers
    const registers = new Uint8Array(registerCount)
    for (const value of this.#exact!) setPacked(registers, value)
    this.#registers = registers
    this.#exact = null
    return registers
  }
}

function setPacked(registers: Uint8Array, value: number): void {
  const high = Math.floor(value / 0x100000)
  setRegister(registers, high, (value - high * 0x100000) << 12)
}

/** The top 12 bits choose the register, the next 32 give the rank. */
function setRegister(registers: Uint8Array, high: number, low: number): void {
  const index = high >>> (32 - precision)
  const rest = (high << precision) | (low >>> (32 - precision))
  const rank = Math.clz32(rest) + 1
  if (rank > registers[index]!) registers[index] = rank
}

/** O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6. */
function estimate(registers: Uint8Array): number {
  const histogram = new Uint32Array(rankMax + 1)
  for (let index = 0; index < registerCount; index++) histogram[registers[index]!]!++
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
