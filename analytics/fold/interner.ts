// Byte strings as small numbers: a value seen before costs one hash and one comparison, no string. Values are cut to
// a bound. Ids live as long as the interner and are never stored.
import { hashBytes, hashed } from '../sketches/hash.ts'

export class ByteInterner {
  readonly #bytesMax: number
  readonly #encoding: 'utf8' | 'latin1'
  /** Open addressing: id + 1, 0 for empty; always less than half full. */
  #slots = new Int32Array(256)
  #hashes = new Float64Array(128)
  #ends = new Int32Array(128)
  #arena = Buffer.allocUnsafe(4096)
  #count = 0
  readonly #texts: string[] = []

  /** latin1 keeps different bytes different as text; utf8 is for people. */
  constructor(bytesMax: number, encoding: 'utf8' | 'latin1' = 'utf8') {
    this.#bytesMax = bytesMax
    this.#encoding = encoding
  }

  get size(): number {
    return this.#count
  }

  idOf(bytes: Uint8Array, start: number, end: number): number {
    const stop = end - start > this.#bytesMax ? start + this.#bytesMax : end
    hashBytes(bytes, start, stop)
    const hash = hashed.high * 0x100000 + (hashed.low >>> 12)
    const mask = this.#slots.length - 1
    let slot = hashed.low & mask
    for (;;) {
      const found = this.#slots[slot]!
      if (found === 0) return this.#add(bytes, start, stop, hash, slot)
      if (this.#hashes[found - 1] === hash && this.#equals(found - 1, bytes, start, stop)) return found - 1
      slot = (slot + 1) & mask
    }
  }

  idOfText(text: string): number {
    const bytes = Buffer.from(text)
    return this.idOf(bytes, 0, bytes.length)
  }

  /** The value as text. In utf8, bytes that are not, and a character cut in two, read as U+FFFD. */
  text(id: number): string {
    return (this.#texts[id] ??= this.#arena.toString(
      this.#encoding,
      id === 0 ? 0 : this.#ends[id - 1]!,
      this.#ends[id]!,
    ))
  }

  #equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = id === 0 ? 0 : this.#ends[id - 1]!
    const length = end - start
    if (this.#ends[id]! - from !== length) return false
    for (let at = 0; at < length; at++) if (this.#arena[from + at] !== bytes[start + at]) return false
    return true
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const id = this.#count++
    const from = id === 0 ? 0 : this.#ends[id - 1]!
    const length = end - start
    if (from + length > this.#arena.length) {
      const grown = Buffer.allocUnsafe(Math.max(from + length, this.#arena.length * 2))
      this.#arena.copy(grown, 0, 0, from)
      this.#arena = grown
    }
    for (let at = 0; at < length; at++) this.#arena[from + at] = bytes[start + at]!
    if (id >= this.#hashes.length) {
      this.#hashes = grownFloats(this.#hashes)
      this.#ends = grownInts(this.#ends)
    }
    this.#hashes[id] = hash
    this.#ends[id] = from + length
    this.#slots[slot] = id + 1
    if (this.#count * 2 > this.#slots.length) this.#rehash()
    return id
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let id = 0; id < this.#count; id++) {
      // The stored hash is high * 2^20 + the top 20 bits of low; the slot comes from low's bottom bits: hash again.
      const from = id === 0 ? 0 : this.#ends[id - 1]!
      hashBytes(this.#arena, from, this.#ends[id]!)
      let slot = hashed.low & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = id + 1
    }
    this.#slots = slots
  }
}

function grownFloats(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(array.length * 2)
  grown.set(array)
  return grown
}

function grownInts(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(array.length * 2)
  grown.set(array)
  return grown
}
