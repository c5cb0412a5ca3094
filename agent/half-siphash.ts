// HalfSipHash-2-4 with 64 bits of output: a keyed hash made of 32-bit operations only, so that hashing a visitor
// costs a fraction of a microsecond and a stranger cannot choose collisions. Pure.

/** The two halves of the last hash; reading them at once is the caller's duty. Numbers, because a bigint costs more. */
export const hashed = { low: 0, high: 0 }

/** `low` and `high` are the key's two little-endian words. */
export interface HashKey {
  readonly low: number
  readonly high: number
}

/** Hashes `bytes[start, end)` into `hashed`. */
export function halfSipHash(key: HashKey, bytes: Uint8Array, start: number, end: number): void {
  let v0 = key.low
  let v1 = key.high ^ 0xee
  let v2 = 0x6c796765 ^ key.low
  let v3 = 0x74656462 ^ key.high
  const wordsEnd = end - ((end - start) & 3)
  let at = start
  let last = (end - start) << 24
  // One pass a word; the pass after the last word takes the length and what is left, the eight after it finish.
  for (let finishing = -1; finishing < 8; ) {
    let word = 0
    let rounds = 2
    if (at < wordsEnd) {
      word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
      at += 4
    } else if (finishing < 0) {
      for (let shift = 0; at < end; at++, shift += 8) last |= bytes[at]! << shift
      word = last
      finishing = 0
    } else {
      if (finishing === 0) v2 ^= 0xee
      else {
        hashed.low = v1 ^ v3
        v1 ^= 0xdd
      }
      rounds = 4
      finishing += 4
    }
    v3 ^= word
    for (; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    v0 ^= word
  }
  hashed.high = v1 ^ v3
}
