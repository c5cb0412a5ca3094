// Producers with sequences and acks=all that go on until everything is acknowledged, and consumers that read below
// the watermark. They believe whatever leader they last heard of. Pure but for scheduler and network.
import type { ErrorName } from '../../broker/protocol/errors.ts'
import type { Checker } from './checker.ts'
import type { LogEntry } from './memory-log.ts'
import type { Network } from './network.ts'
import type { Scheduler } from './scheduler.ts'

export interface ServingBroker {
  readonly id: number
  readonly isRunning: boolean
  /** `values` have sequences from `sequence` on; told once, of all of them. */
  produce(
    index: number,
    producerId: number,
    sequence: number,
    values: readonly number[],
    told: (error: ErrorName) => void,
  ): void
  read(index: number, offset: number, told: (entries: readonly LogEntry[] | null) => void): void
  /** By its own view, which may be old. */
  leaderOf(index: number): KnownLeader
}

export interface KnownLeader {
  readonly leader: number
  readonly leaderEpoch: number
}

/** Where a client believes the leader to be. As in real clients, an older epoch is never believed after a newer one. */
export class Belief {
  leader = 1
  #leaderEpoch = -1
  readonly #world: ClientWorld
  readonly #clientId: number
  readonly #index: number

  constructor(clientId: number, index: number, world: ClientWorld) {
    this.#clientId = clientId
    this.#index = index
    this.#world = world
  }

  hear({ leader, leaderEpoch }: KnownLeader): void {
    if (leader < 0 || leaderEpoch < this.#leaderEpoch) return
    this.leader = leader
    this.#leaderEpoch = leaderEpoch
  }

  /** Asks somebody; what is answered counts for the next attempt. */
  ask(): void {
    const { network, brokers, scheduler } = this.#world
    const broker = scheduler.random.pick(brokers)
    network.send(this.#clientId, broker.id, 'metadata', () => {
      if (!broker.isRunning) return
      const known = broker.leaderOf(this.#index)
      network.send(broker.id, this.#clientId, 'metadata', () => this.hear(known))
    })
  }
}

export interface ClientWorld {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly brokers: readonly ServingBroker[]
  readonly checker: Checker
}

const answerTimeoutMs = 900
const retryMs = 60
const nobody: KnownLeader = { leader: -1, leaderEpoch: -1 }

export class SimProducer {
  readonly id: number
  readonly index: number
  acknowledged = 0
  readonly #world: ClientWorld
  readonly #thinkMs: () => number
  readonly #values: number
  readonly #belief: Belief
  readonly #batchMax: number
  /** The same until it is acknowledged. */
  #batch: readonly number[] = []
  #attempt = 0

  constructor(
    id: number,
    index: number,
    { valuesEach, batchMax }: { readonly valuesEach: number; readonly batchMax: number },
    world: ClientWorld,
    thinkMs: () => number,
  ) {
    this.id = id
    this.index = index
    this.#values = valuesEach
    this.#batchMax = batchMax
    this.#world = world
    this.#thinkMs = thinkMs
    this.#belief = new Belief(id, index, world)
  }

  get isDone(): boolean {
    return this.acknowledged === this.#values
  }

  next(delayMs: number): void {
    const attempt = ++this.#attempt
    if (!this.isDone)
      this.#world.scheduler.after(delayMs, `producer ${this.id} sends`, () => this.#send(attempt))
  }

  #send(attempt: number): void {
    const { network, brokers, scheduler } = this.#world
    if (attempt !== this.#attempt) return
    const broker = brokers[this.#belief.leader - 1]!
    const sequence = this.acknowledged
    if (this.#batch.length === 0) {
      const many = Math.min(1 + scheduler.random.below(this.#batchMax), this.#values - sequence)
      this.#batch = Array.from({ length: many }, (_, at) => this.id * 1_000 + sequence + at)
    }
    const values = this.#batch
    network.send(this.id, broker.id, `produce ${values}`, () => {
      broker.produce(this.index, this.id, sequence, values, error => {
        const leader = broker.leaderOf(this.index)
        network.send(broker.id, this.id, `produced ${values} ${error}`, () =>
          this.#answered(attempt, error, leader),
        )
      })
    })
    scheduler.after(answerTimeoutMs, `produce ${values} timed out`, () =>
      this.#answered(attempt, 'requestTimedOut', nobody),
    )
  }

  #answered(attempt: number, error: ErrorName, known: KnownLeader): void {
    if (attempt !== this.#attempt) return
    if (error === 'none') {
      this.acknowledged += this.#batch.length
      this.#batch = []
      this.next(this.#thinkMs())
      return
    }
    if (error === 'outOfOrderSequenceNumber') {
      this.#world.checker.fail(
        'E1',
        `producer ${this.id} is told that sequence ${this.acknowledged} is out of order`,
      )
    }
    this.#belief.hear(known)
    this.#belief.ask()
    this.next(retryMs)
  }
}

export class SimConsumer {
  readonly id: number
  readonly index: number
  position = 0
  readonly #world: ClientWorld
  readonly #belief: Belief
  #attempt = 0

  constructor(id: number, index: number, world: ClientWorld) {
    this.id = id
    this.index = index
    this.#world = world
    this.#belief = new Belief(id, index, world)
  }

  next(delayMs: number): void {
    const attempt = ++this.#attempt
    this.#world.scheduler.after(delayMs, `consumer ${this.id} reads`, () => this.#read(attempt))
  }

  #read(attempt: number): void {
    const { network, brokers, scheduler } = this.#world
    if (attempt !== this.#attempt) return
    const broker = brokers[this.#belief.leader - 1]!
    const from = this.position
    network.send(this.id, broker.id, `read ${this.index} ${from}`, () => {
      broker.read(this.index, from, entries => {
        const leader = broker.leaderOf(this.index)
        network.send(broker.id, this.id, 'records', () => this.#answered(attempt, broker.id, entries, leader))
      })
    })
    scheduler.after(answerTimeoutMs, 'read timed out', () => this.#answered(attempt, broker.id, null, nobody))
  }

  #answered(
    attempt: number,
    brokerId: number,
    entries: readonly LogEntry[] | null,
    known: KnownLeader,
  ): void {
    const { checker } = this.#world
    if (attempt !== this.#attempt) return
    if (entries) {
      checker.read(this.index, brokerId, this.position, entries)
      this.position += entries.length
    } else {
      this.#belief.hear(known)
      this.#belief.ask()
    }
    this.next(100)
  }
}
