// Chance from a seed, and the hash of keys and stories. Pure.
/**
 * The only source of chance in the model: one seed, one story. A 32-bit xorshift with a mixed seed is
 * plenty here, and it is the same on every machine.
 */
export class Random {
  #state: number

  constructor(seed: number) {
    let mixed = (seed + 0x9e3779b9) | 0
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    this.#state = (mixed ^ (mixed >>> 16)) | 1
  }

  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }

  /** 0 ≤ result < bound. */
  below(bound: number): number {
    return this.next() % bound
  }

  chance(probability: number): boolean {
    return this.next() < probability * 0x1_0000_0000
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }
}

/** FNV-1a, for keys and for the hash of a story. */
export function hash(text: string, basis = 0x811c9dc5): number {
  let value = basis
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return value >>> 0
}
