// What a fault is: a row of a table, with what it needs of the machine, and what it may use. Touches only the brokers
// it is given.
import { sessionTtlMsOf } from '../../../broker/metadata/open-store.ts'
import type { Brokers } from '../brokers.ts'
import type { LeaderWatch } from '../leader-watch.ts'
import type { Network } from '../network.ts'
import type { Random } from '../random.ts'

export interface Scene {
  readonly brokers: Brokers
  readonly watch: LeaderWatch
  readonly random: Random
  readonly topic: string
  /** Told of what a fault shows to be wrong, when no client can see it. */
  readonly onAnomaly: (what: string) => void
}

export type Need = 'several brokers' | 'network' | 'zookeeper' | 'sqlite' | 'cpu quota'

export interface Fault {
  readonly number: string
  readonly title: string
  readonly needs: readonly Need[]
  /** Whether leadership has to move, or at least begin a new epoch. */
  readonly movesLeaders: boolean
  /** Only when it is named: the product is known not to stand it yet, or a person has to look at what comes of it. */
  readonly onRequest?: boolean
  /** Injects it; whatever stays is undone by healing the brokers. Returns in words what was done, or `nothing`. */
  readonly strike: (scene: Scene) => Promise<string>
}

/** Of a broker at the store. */
export function sessionMs({ brokers }: Scene): number {
  return sessionTtlMsOf(brokers.metadataPath)
}

/** In what a strike returns when the fault could not be injected just then. */
export const nothing = 'nothing: '

/** Why it cannot be injected here; null when it can. */
export function missingFor({ needs }: Fault, brokers: Brokers): string | null {
  for (const need of needs) {
    if (need === 'several brokers' && brokers.ids.length < 2) return 'one broker'
    if (need === 'network' && typeof brokers.network === 'string') return brokers.network
    if (need === 'cpu quota' && typeof brokers.cpu === 'string') return brokers.cpu
    if ((need === 'zookeeper' || need === 'sqlite') && brokers.store !== need)
      return `the store is ${brokers.store}`
  }
  return null
}

/** For faults that need one. */
export function networkOf({ brokers }: Scene): Network {
  if (typeof brokers.network === 'string') throw new TypeError(brokers.network)
  return brokers.network
}

/** Who leads most of the topic. */
export function busiestLeader({ brokers, watch }: Scene): number {
  const led = new Map<number, number>(brokers.ids.map(id => [id, 0]))
  for (const { leader } of watch.leaders()) led.set(leader, (led.get(leader) ?? 0) + 1)
  return [...led].sort(([, one], [, other]) => other - one)[0]![0]
}

export function controller({ brokers, watch }: Scene): number {
  return brokers.ids.includes(watch.controllerId) ? watch.controllerId : brokers.ids[0]!
}

/** Two different ones. */
export function pairOf({ brokers, random }: Scene): readonly [number, number] {
  const one = random.pick(brokers.ids)
  return [one, random.pick(brokers.ids.filter(id => id !== one))]
}

export function rest(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, Math.max(0, ms)))
}
