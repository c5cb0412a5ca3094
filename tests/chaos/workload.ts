// Clients that send rising numbers to random keys, read them back, move between keys and die, all at once, for as
// long as the faults go on; then the last reads, in which every one of them must find everything. What happens is
// written down for the checker. Talks to brokers through the clients it is given and to nothing else.
import type { ChaosClient, ClientOptions } from './chaos-client.ts'
import { type Completion, type Key, sendsOf } from './checker/history.ts'
import { KafkajsClient } from './kafkajs-client.ts'
import { OwnClient } from './own-client.ts'
import { PlainClient } from './plain-client.ts'
import type { Random } from './random.ts'
import { type DataOutcome, KeyLedger, Recorder } from './recorder.ts'

const makes = { own: OwnClient, plain: PlainClient, kafkajs: KafkajsClient } as const
export type Make = keyof typeof makes

export interface WorkloadOptions {
  readonly bootstrap: readonly string[]
  readonly topic: string
  readonly partitions: number
  /** One thread for each. */
  readonly threads: readonly Make[]
  readonly random: Random
  /** Rest after each operation. */
  readonly thinkMs: number
}

/** As Jepsen has it: one operation in 64 moves to other keys, a client lives about 30 s. */
const assignOneIn = 64
const lifeMs = 30_000
const batchMax = 6

export class Workload {
  readonly recorder = new Recorder()
  readonly ledger: KeyLedger
  readonly #threads: Thread[]
  readonly #stop = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: WorkloadOptions) {
    this.ledger = new KeyLedger(options.topic, options.partitions)
    this.#threads = options.threads.map(make => new Thread(make, options, this.recorder, this.ledger))
  }

  start(): void {
    this.#running = Promise.all(this.#threads.map(thread => thread.run(this.#stop.signal)))
  }

  /** After the last fault is healed: nothing more is sent, and everything is read. Returns the keys that were not. */
  async finish(timeoutMs: number): Promise<string[]> {
    this.#stop.abort()
    await this.#running
    this.recorder.finalReads()
    const deadlineMs = performance.now() + timeoutMs
    const missed = await Promise.all(this.#threads.map(thread => thread.readEverything(deadlineMs)))
    return missed.flat()
  }
}

class Thread {
  readonly #make: Make
  readonly #options: WorkloadOptions
  readonly #recorder: Recorder
  readonly #ledger: KeyLedger
  readonly #random: Random
  /** Where this thread would go on reading, whichever client it has. */
  readonly #next = new Map<Key, number>()
  #client: ChaosClient | null = null
  #process = -1
  #diesAtMs = 0

  constructor(make: Make, options: WorkloadOptions, recorder: Recorder, ledger: KeyLedger) {
    this.#make = make
    this.#options = options
    this.#recorder = recorder
    this.#ledger = ledger
    this.#random = options.random.fork()
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const client = this.#client ?? this.#begin(this.#someKeys())
      const outcome = await this.#oneOperation(client)
      // What is unknown ends the process: whoever comes next begins with nothing in doubt.
      if (outcome === 'info' || performance.now() > this.#diesAtMs) await this.#crash()
      await new Promise(resolve => setTimeout(resolve, this.#options.thinkMs))
    }
    await this.#crash()
  }

  async readEverything(deadlineMs: number): Promise<string[]> {
    // A group shares keys, so none of its members need see them all.
    if (this.#make === 'kafkajs') return []
    this.#next.clear()
    const client = this.#begin(this.#ledger.keys)
    const missing = () =>
      this.#ledger.keys.filter(key => (this.#next.get(key) ?? 0) <= this.#ledger.highest(key))
    while (missing().length > 0 && performance.now() < deadlineMs) await this.#poll(client)
    const missed = missing().map(
      key => `${key}: ${this.#make} came to ${this.#next.get(key) ?? 0} of ${this.#ledger.highest(key) + 1}`,
    )
    await this.#crash()
    return missed
  }

  #begin(keys: readonly Key[]): ChaosClient {
    const { bootstrap, topic } = this.#options
    const onAnomaly = (what: string) => this.#recorder.anomalies.push(what)
    const options: ClientOptions = { bootstrap, topic, onAnomaly }
    const client = new makes[this.#make](options)
    this.#client = client
    this.#process = this.#recorder.newProcess()
    this.#diesAtMs = performance.now() + lifeMs * (0.5 + this.#random.fraction())
    if (client.isGrouped) this.#recorder.placed(this.#process, 'subscribe', this.#ledger.keys)
    else this.#assign(client, keys)
    return client
  }

  async #crash(): Promise<void> {
    const client = this.#client
    if (!client) return
    this.#client = null
    this.#recorder.crashed(this.#process)
    await client.close()
  }

  async #oneOperation(client: ChaosClient): Promise<Completion> {
    if (!client.isGrouped && this.#random.below(assignOneIn) === 0) {
      this.#assign(client, this.#someKeys())
      return 'ok'
    }
    return this.#random.below(2) === 0 ? this.#poll(client) : this.#send(client)
  }

  #assign(client: ChaosClient, keys: readonly Key[]): void {
    this.#recorder.placed(this.#process, 'assign', keys)
    client.assign(new Map(keys.map(key => [key, this.#next.get(key) ?? 0])))
  }

  /** A few at random; a third of the time also those with something that nobody has read. */
  #someKeys(): Key[] {
    const { keys } = this.#ledger
    const some = keys.filter(() => this.#random.below(2) === 0)
    if (this.#random.below(3) === 0) some.push(...keys.filter(key => this.#ledger.hasUnpolled(key)))
    return some.length === 0 ? [...keys] : [...new Set(some)]
  }

  async #send(client: ChaosClient): Promise<Completion> {
    const key = this.#ledger.keys[this.#random.below(this.#ledger.keys.length)]!
    const values = this.#ledger.newValues(1 + this.#random.below(batchMax))
    const outcome = await this.#recorder.during(
      this.#process,
      'send',
      sendsOf(key, values, null),
      async () => {
        const { type, offset, error } = await client.send(key, values)
        return { type, actions: sendsOf(key, values, offset), error }
      },
    )
    for (const action of outcome.actions) {
      if (action.f === 'send' && action.offset !== null) this.#ledger.sent(key, action.offset)
    }
    return outcome.type
  }

  async #poll(client: ChaosClient): Promise<Completion> {
    const outcome = await this.#recorder.during(this.#process, 'poll', [], async (): Promise<DataOutcome> => {
      const { type, reads, error } = await client.poll()
      return { type, actions: Object.keys(reads).length === 0 ? [] : [{ f: 'poll', reads }], error }
    })
    for (const action of outcome.actions) {
      if (action.f !== 'poll') continue
      for (const [key, reads] of Object.entries(action.reads)) {
        this.#ledger.polled(key, reads)
        if (outcome.type === 'ok') this.#next.set(key, reads.at(-1)![0] + 1)
      }
    }
    return outcome.type
  }
}
