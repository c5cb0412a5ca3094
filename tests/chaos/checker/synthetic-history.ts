// A history that a correct log would give, made up from a seed: clients that send in batches, poll, assign, subscribe
// and crash at once, some told of success, some of failure, some of nothing; then the last reads. For the checker's
// own tests, which break it. Pure.
import { type Action, type HistoryEvent, type Key, nobody, type Read, sendsOf } from './history.ts'

export interface SyntheticOptions {
  readonly seed: number
  /** Invocations before the last reads. */
  readonly operations: number
  readonly clients: number
  readonly keys: number
}

interface Client {
  process: number
  open: Open | null
  readonly positions: Map<Key, number>
}

interface Open {
  readonly f: 'send' | 'poll' | 'assign'
  readonly key: Key
  readonly values: readonly number[]
}

const batchMax = 4
const readsMax = 12

export function syntheticHistory({ seed, operations, clients, keys }: SyntheticOptions): HistoryEvent[] {
  const world = new World(seed, keys)
  const team: Client[] = Array.from({ length: clients }, () => world.newClient())
  for (let invoked = 0; invoked < operations; ) {
    const client = team[world.below(clients)]!
    if (client.open) world.complete(client, client.open)
    else {
      world.invoke(client)
      invoked++
    }
  }
  for (const client of team) if (client.open) world.complete(client, client.open)
  world.readToTheEnd()
  return world.events
}

class World {
  readonly events: HistoryEvent[] = []
  readonly #keys: readonly Key[]
  readonly #logs: Map<Key, Read[]>
  #random: number
  #value = 0
  #process = 0

  constructor(seed: number, keys: number) {
    this.#random = seed >>> 0 || 1
    this.#keys = Array.from({ length: keys }, (_, index) => `synthetic/${index}`)
    this.#logs = new Map(this.#keys.map(key => [key, []]))
  }

  newClient(): Client {
    const positions = new Map(this.#keys.map(key => [key, 0]))
    return { process: this.#process++, open: null, positions }
  }

  below(limit: number): number {
    // xorshift32: short, and the same everywhere.
    this.#random ^= this.#random << 13
    this.#random ^= this.#random >>> 17
    this.#random ^= this.#random << 5
    this.#random >>>= 0
    return this.#random % limit
  }

  invoke(client: Client): void {
    const key = this.#keys[this.below(this.#keys.length)]!
    const die = this.below(128)
    const f = die < 2 ? 'assign' : die < 65 ? 'send' : 'poll'
    const values = f === 'send' ? Array.from({ length: 1 + this.below(batchMax) }, () => ++this.#value) : []
    client.open = { f, key, values }
    const base = { timeNs: this.#now(), process: client.process, type: 'invoke' } as const
    if (f === 'assign') this.events.push({ ...base, f, keys: [key] })
    else this.events.push({ ...base, f, actions: sendsOf(key, values, null) })
  }

  complete(client: Client, open: Open): void {
    client.open = null
    const base = { timeNs: this.#now(), process: client.process }
    if (open.f === 'assign') {
      this.events.push({ ...base, type: 'ok', f: 'assign', keys: [open.key] })
      // Elsewhere than before, as a client may that assigns.
      for (const key of client.positions.keys()) if (key !== open.key) client.positions.delete(key)
      for (const key of this.#keys) {
        if (key !== open.key) client.positions.set(key, this.below(this.#logs.get(key)!.length + 1))
      }
    } else if (open.f === 'poll')
      this.events.push({ ...base, type: 'ok', f: 'poll', actions: this.#poll(client, open) })
    else this.#send(client, open)
  }

  readToTheEnd(): void {
    this.events.push({ type: 'info', f: 'final', timeNs: this.#now(), process: nobody })
    const process = this.#process++
    const reads = Object.fromEntries(this.#logs)
    const base = { process, f: 'poll' } as const
    this.events.push({ ...base, type: 'invoke', timeNs: this.#now(), actions: [] })
    this.events.push({ ...base, type: 'ok', timeNs: this.#now(), actions: [{ f: 'poll', reads }] })
  }

  #send(client: Client, { key, values }: Open): void {
    const base = { timeNs: this.#now(), process: client.process, f: 'send' } as const
    const die = this.below(40)
    const type = die === 0 ? 'info' : die === 1 ? 'fail' : 'ok'
    const isWritten = type === 'ok' || (type === 'info' && this.below(2) === 0)
    const first = isWritten ? this.#append(key, values) : null
    this.events.push({ ...base, type, actions: sendsOf(key, values, type === 'ok' ? first : null) })
    if (type !== 'info') return
    this.events.push({ type: 'info', f: 'crash', timeNs: this.#now(), process: client.process })
    client.process = this.#process++
  }

  #append(key: Key, values: readonly number[]): number {
    const log = this.#logs.get(key)!
    // A hole now and then, as marks of transactions and compaction leave them.
    const first = (log.at(-1)?.[0] ?? -1) + 1 + (this.below(16) === 0 ? 1 : 0)
    for (const [index, value] of values.entries()) log.push([first + index, value])
    return first
  }

  #poll(client: Client, { key }: Open): Action[] {
    const from = client.positions.get(key)!
    const reads = this.#logs.get(key)!.slice(from, from + this.below(readsMax))
    client.positions.set(key, from + reads.length)
    return reads.length === 0 ? [] : [{ f: 'poll', reads: { [key]: reads } }]
  }

  #now(): number {
    return this.events.length * 1_000
  }
}
