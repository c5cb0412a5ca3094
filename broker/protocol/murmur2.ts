// Which partition a key belongs to, exactly as Java's default partitioner decides it, so that records of one
// key from any client share a partition. Pure.

const seed = 0x9747b28c
const multiplier = 0x5bd1e995

/** 32-bit MurmurHash2 as Kafka's Java client computes it; signed. */
export function murmur2(key: Uint8Array): number {
  let hash = seed ^ key.length
  const wholeWords = key.length & ~3
  for (let i = 0; i < wholeWords; i += 4) {
    let word = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24)
    word = Math.imul(word, multiplier)
    word ^= word >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier)
  }
  const rest = key.length - wholeWords
  if (rest === 3) hash ^= key[wholeWords + 2]! << 16
  if (rest >= 2) hash ^= key[wholeWords + 1]! << 8
  if (rest >= 1) {
    hash ^= key[wholeWords]!
    hash = Math.imul(hash, multiplier)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, multiplier)
  return hash ^ (hash >>> 15)
}

/** The sign bit is dropped, not negated: that is what Java's `toPositive` does. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
