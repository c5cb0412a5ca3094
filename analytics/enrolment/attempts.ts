// How often an address may try: a bucket each, refilled over time, and one for all together. Pure; time is handed in.
// Bounded: the addresses that were seen last are remembered.

const attemptsPerAddress = 10
const attemptsTogether = 100
const refillMs = 60_000
const addressesMax = 4_096

interface Bucket {
  left: number
  atMs: number
}

export class Attempts {
  readonly #buckets = new Map<string, Bucket>()
  readonly #together: Bucket = { left: attemptsTogether, atMs: 0 }

  /** Null if it may try now, else in how many milliseconds. */
  take(address: string, nowMs: number): number | null {
    const bucket = this.#buckets.get(address) ?? { left: attemptsPerAddress, atMs: nowMs }
    this.#buckets.delete(address)
    this.#buckets.set(address, bucket)
    if (this.#buckets.size > addressesMax) this.#buckets.delete(this.#buckets.keys().next().value!)
    return draw(bucket, attemptsPerAddress, nowMs) ?? draw(this.#together, attemptsTogether, nowMs)
  }
}

function draw(bucket: Bucket, most: number, nowMs: number): number | null {
  const eachMs = refillMs / most
  bucket.left = Math.min(most, bucket.left + Math.max(0, nowMs - bucket.atMs) / eachMs)
  bucket.atMs = nowMs
  if (bucket.left < 1) return Math.ceil((1 - bucket.left) * eachMs)
  bucket.left--
  return null
}
