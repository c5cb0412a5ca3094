// How often somebody may try to sign in: per address, per account from one address, and per account from everywhere it
// never signed in from. Each is a bucket that refills; what succeeded is given back. Pure; time is handed in. Bounded.

interface Bucket {
  left: number
  atMs: number
}

export interface Rate {
  readonly most: number
  readonly refillMs: number
}

export const loginRates = {
  address: { most: 20, refillMs: 60_000 },
  accountAtAddress: { most: 5, refillMs: 60_000 },
  account: { most: 50, refillMs: 600_000 },
} as const satisfies Record<string, Rate>

const keysMax = 4_096

/** A bucket for each key; those used last are remembered. */
export class Buckets {
  readonly #rate: Rate
  readonly #buckets = new Map<string, Bucket>()

  constructor(rate: Rate) {
    this.#rate = rate
  }

  /** 0 if there was one left, which is taken; else in how many milliseconds there will be. */
  take(key: string, nowMs: number): number {
    const { most, refillMs } = this.#rate
    const eachMs = refillMs / most
    const bucket = this.#buckets.get(key) ?? { left: most, atMs: nowMs }
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > keysMax) this.#buckets.delete(this.#buckets.keys().next().value!)
    bucket.left = Math.min(most, bucket.left + Math.max(0, nowMs - bucket.atMs) / eachMs)
    bucket.atMs = nowMs
    if (bucket.left < 1) return Math.ceil((1 - bucket.left) * eachMs)
    bucket.left--
    return 0
  }

  giveBack(key: string): void {
    const bucket = this.#buckets.get(key)
    if (bucket) bucket.left = Math.min(this.#rate.most, bucket.left + 1)
  }
}

export class LoginLimits {
  readonly #addresses = new Buckets(loginRates.address)
  readonly #pairs = new Buckets(loginRates.accountAtAddress)
  readonly #accounts = new Buckets(loginRates.account)
  /** Where an account signed in from: a stranger who guesses elsewhere does not lock its owner out. */
  readonly #known = new Set<string>()

  /** Taken before a password is looked at; 0 when it may be, else in how many milliseconds. `account` null: a link. */
  take(address: string, account: string | null, nowMs: number): number {
    const network = networkOf(address)
    const wait = this.#addresses.take(network, nowMs)
    if (wait > 0 || account === null) return wait
    const pair = `${account}\n${network}`
    const pairWait = this.#pairs.take(pair, nowMs)
    if (pairWait > 0 || this.#known.has(pair)) return pairWait
    return this.#accounts.take(account, nowMs)
  }

  succeeded(address: string, account: string | null): void {
    const network = networkOf(address)
    this.#addresses.giveBack(network)
    if (account === null) return
    const pair = `${account}\n${network}`
    this.#pairs.giveBack(pair)
    if (!this.#known.has(pair)) this.#accounts.giveBack(account)
    this.#known.delete(pair)
    this.#known.add(pair)
    if (this.#known.size > keysMax) this.#known.delete(this.#known.values().next().value!)
  }
}

/** One IPv4 address, or the /64 that whoever has one IPv6 address has. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (!plain.includes(':')) return plain
  const [head = '', tail = ''] = (plain.split('%')[0] ?? '').split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === '' ? [] : tail.split(':')
  const missing = plain.includes('::') ? Math.max(0, 8 - first.length - last.length) : 0
  const groups = [...first, ...Array.from({ length: missing }, () => '0'), ...last]
  const network = groups.slice(0, 4).map(group => Number.parseInt(group, 16).toString(16))
  return `${network.join(':')}::/64`
}
