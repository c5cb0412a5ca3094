// Who is let in: so many connections in all and from one address, as long as there are descriptors, and so many a
// second; the others of a storm wait unread until it is their turn. Counts and decides; sockets are the server's.
export interface AdmissionLimits {
  readonly connectionsMax: number
  /** From one address that is not of this machine. */
  readonly connectionsPerAddressMax: number
  /** From one address of this machine: agents, analytics and tools all come from there. */
  readonly connectionsPerLoopbackMax: number
  readonly admissionsPerSecond: number
}

export class Admission {
  readonly #limits: AdmissionLimits
  readonly #byAddress = new Map<string, number>()
  #open = 0
  /** Lowered by every connection until the next look at what is really open. */
  #descriptorsLeft = Number.POSITIVE_INFINITY
  #tokens: number
  #refilledMs: number

  constructor(limits: AdmissionLimits, nowMs: number) {
    this.#limits = limits
    this.#tokens = limits.admissionsPerSecond
    this.#refilledMs = nowMs
  }

  get openCount(): number {
    return this.#open
  }

  set descriptorsLeft(count: number) {
    this.#descriptorsLeft = count
  }

  /** Why this address gets no connection now; null if it gets one, which is then counted until `left`. */
  enter(address: string): string | null {
    const { connectionsMax } = this.#limits
    if (this.#open >= connectionsMax) return `${this.#open} are open already`
    if (this.#descriptorsLeft <= 0) return 'the files that may be open are needed for the logs'
    const before = this.#byAddress.get(address) ?? 0
    if (before >= this.#maxFor(address)) return `${before} from this address are open already`
    this.#byAddress.set(address, before + 1)
    this.#open++
    this.#descriptorsLeft--
    return null
  }

  left(address: string): void {
    const before = this.#byAddress.get(address) ?? 0
    if (before > 1) this.#byAddress.set(address, before - 1)
    else this.#byAddress.delete(address)
    this.#open--
    this.#descriptorsLeft++
  }

  /** Whether one more may be served now, or has to wait; a second's worth is saved up. */
  mayServe(nowMs: number): boolean {
    const { admissionsPerSecond: rate } = this.#limits
    const earned = ((nowMs - this.#refilledMs) / 1_000) * rate
    this.#tokens = Math.min(rate, this.#tokens + Math.max(0, earned))
    this.#refilledMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  #maxFor(address: string): number {
    const { connectionsPerAddressMax, connectionsPerLoopbackMax } = this.#limits
    return isLoopbackAddress(address) ? connectionsPerLoopbackMax : connectionsPerAddressMax
  }
}

/** As sockets name them. */
function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}
