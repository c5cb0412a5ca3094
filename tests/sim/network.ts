// The network between brokers, store and clients: late, lost, doubled, out of order across connections, cut both ways
// or one way, or stopped up for a while. Pure but for the scheduler.
import type { Scheduler } from './scheduler.ts'

export const storeNode = 0

export interface NetworkRates {
  readonly oneWayDelayMs: number
  readonly loss: number
  readonly duplication: number
  readonly storeLoss: number
}

export class Network {
  readonly #scheduler: Scheduler
  readonly #drawn: NetworkRates
  #rates: NetworkRates
  readonly #cut = new Set<number>()
  readonly #cloggedUntilMs = new Map<number, number>()

  constructor(scheduler: Scheduler, rates: NetworkRates) {
    this.#scheduler = scheduler
    this.#drawn = rates
    this.#rates = rates
    this.calm()
  }

  /** A message over a connection of its own: nothing is promised about it. */
  send(from: number, to: number, what: string, deliver: () => void): void {
    const { random } = this.#scheduler
    const { loss, storeLoss, duplication } = this.#rates
    const isStore = from === storeNode || to === storeNode
    if (random.chance(isStore ? storeLoss : loss)) return
    this.#carry(from, to, what, deliver)
    // The store numbers what it is asked; between brokers and clients a connection may be replayed by a proxy.
    if (!isStore && random.chance(duplication)) this.#carry(from, to, `${what} again`, deliver)
  }

  cut(from: number, to: number): void {
    this.#cut.add(linkOf(from, to))
  }

  heal(): void {
    this.#cut.clear()
    this.#cloggedUntilMs.clear()
  }

  clog(from: number, to: number, untilMs: number): void {
    this.#cloggedUntilMs.set(linkOf(from, to), untilMs)
  }

  calm(): void {
    this.#rates = {
      oneWayDelayMs: Math.min(5, this.#drawn.oneWayDelayMs),
      loss: 0,
      duplication: 0,
      storeLoss: 0,
    }
  }

  disturb(): void {
    this.#rates = this.#drawn
  }

  #carry(from: number, to: number, what: string, deliver: () => void): void {
    const { random, nowMs } = this.#scheduler
    const { oneWayDelayMs } = this.#rates
    const usual = 1 + random.below(oneWayDelayMs)
    const late = this.#rates.loss > 0 && random.chance(0.02) ? random.below(40 * oneWayDelayMs) : 0
    const clogged = Math.max(0, (this.#cloggedUntilMs.get(linkOf(from, to)) ?? 0) - nowMs)
    this.#scheduler.after(clogged + usual + late, `${from}→${to} ${what}`, () => {
      if (!this.#cut.has(linkOf(from, to))) deliver()
    })
  }
}

function linkOf(from: number, to: number): number {
  return from * 1_000 + to
}
