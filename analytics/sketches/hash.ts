// A 64-bit hash of bytes as two 32-bit halves, for sketches and interning: fast and well mixed, not cryptographic.
// It is part of the stored format: sketches written before a change could not be merged with those after it.

/** The two halves of the last hash: read them before the next call. An object per call would cost more. */
export const hashed = { high: 0, low: 0 }

/** Hashes bytes[start, end) into `hashed`, going on from `seed`, so that several fields make one hash. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed = 0): void {
  let high = 0xdeadbeef ^ seed
  let low = 0x41c6ce57 ^ seed
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    high = Math.imul(high ^ byte, 0x9e3779b1)
    low = Math.imul(low ^ byte, 0x5f356495)
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b)
  high ^= Math.imul(low ^ (low >>> 13), 0xc2b2ae35)
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b)
  low ^= Math.imul(high ^ (high >>> 13), 0xc2b2ae35)
  high = Math.imul(high ^ (high >>> 15), 0x2c1b3c6d)
  low = Math.imul(low ^ (low >>> 15), 0x297a2d39)
  hashed.high = (high ^ (high >>> 16)) >>> 0
  hashed.low = (low ^ (low >>> 16)) >>> 0
}
