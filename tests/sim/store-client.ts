// One broker's handle on the store, over the network: requests and answers get lost, a transaction without an answer
// may have happened or may yet happen, hints of a watch come late, twice, in any order or not at all.
import type {
  Entry,
  Guard,
  MetadataStore,
  Operation,
  Session,
  StoreStatus,
  TransactionResult,
  WatchSink,
} from '../../broker/metadata/store.ts'
import { type Network, storeNode } from './network.ts'
import type { SimProcess } from './process.ts'
import type { Scheduler } from './scheduler.ts'
import type { StoreServer } from './store-server.ts'

export interface StoreLink {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly server: StoreServer
  readonly process: SimProcess
  readonly watchLoss: () => number
  readonly opened: (sessionId: string) => void
}

const answerTimeoutMs = 700
const snapshotEveryMs = 900

export class StoreClient implements MetadataStore {
  readonly limits = { transactionOperations: 3, transactionBytes: 1_000_000 }
  readonly #link: StoreLink
  readonly #life: number
  #session: SimSession | null = null
  #isClosed = false

  constructor(link: StoreLink) {
    this.#link = link
    this.#life = link.process.life
  }

  get(key: string): Promise<Entry | null> {
    return this.#ask(`get ${nameOf(key)}`, () => this.#link.server.get(key))
  }

  list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly at: bigint }> {
    return this.#ask('list', () => this.#link.server.list(prefix))
  }

  barrier(): Promise<void> {
    return this.#ask('barrier', () => undefined)
  }

  async transact(guards: readonly Guard[], operations: readonly Operation[]): Promise<TransactionResult> {
    try {
      return await this.#ask('transact', () => this.#link.server.transact(guards, operations))
    } catch (error) {
      return { outcome: 'unknown', cause: error as Error }
    }
  }

  async openSession(ttlMs: number): Promise<Session> {
    const { scheduler, server } = this.#link
    const askedMs = scheduler.nowMs
    const id = await this.#ask('open session', () => server.openSession(ttlMs, scheduler.nowMs))
    this.#link.opened(id)
    this.#session = new SimSession(this.#link, id, ttlMs, askedMs)
    if (this.#isClosed) this.#session.stopBeating()
    return this.#session
  }

  watch(_prefix: string, sink: WatchSink): () => void {
    const { server, scheduler, process, network, watchLoss } = this.#link
    const life = this.#life
    server.onCommit((key, entry, at) => {
      if (process.life !== life) return
      const hint = () => process.accept(life, () => sink.changed(key, entry, at))
      if (!scheduler.random.chance(watchLoss()))
        network.send(storeNode, process.id, `hint ${nameOf(key)}`, hint)
      if (scheduler.random.chance(watchLoss()))
        network.send(storeNode, process.id, `hint ${nameOf(key)} again`, hint)
    })
    const snapshot = () => {
      this.list('').then(
        ({ entries, at }) => sink.snapshot(entries, at),
        () => undefined,
      )
      process.after(snapshotEveryMs, 'snapshot', snapshot)
    }
    snapshot()
    return () => undefined
  }

  status(): StoreStatus {
    return { connected: true, since: 0, endpoint: 'sim' }
  }

  /** Its session lapses by itself. */
  close(): Promise<void> {
    this.#isClosed = true
    this.#session?.stopBeating()
    return Promise.resolve()
  }

  #ask<T>(what: string, answer: () => T): Promise<T> {
    const { network, process } = this.#link
    const { id } = process
    return new Promise<T>((resolve, reject) => {
      network.send(id, storeNode, what, () => {
        const answered = answer()
        network.send(storeNode, id, `answer ${what}`, () =>
          process.accept(this.#life, () => resolve(answered)),
        )
      })
      process.after(answerTimeoutMs, `gives up ${what}`, () => reject(new Error('the store did not answer')))
    })
  }
}

class SimSession implements Session {
  readonly id: string
  readonly ttlMs: number
  readonly ended: Promise<string>
  readonly #link: StoreLink
  #goodUntilMs: number
  #isOver = false
  #end!: (reason: string) => void

  constructor(link: StoreLink, id: string, ttlMs: number, askedMs: number) {
    this.#link = link
    this.id = id
    this.ttlMs = ttlMs
    this.#goodUntilMs = askedMs + ttlMs
    this.ended = new Promise(resolve => (this.#end = resolve))
    this.#beat()
  }

  stopBeating(): void {
    this.#isOver = true
  }

  validFor(): number {
    return this.#isOver ? 0 : this.#goodUntilMs - this.#link.scheduler.nowMs
  }

  async close(): Promise<void> {
    const { network, process, server } = this.#link
    this.#isOver = true
    network.send(process.id, storeNode, 'close session', () => server.end(this.id))
  }

  #beat(): void {
    const { network, process, server, scheduler } = this.#link
    const { life } = process
    if (this.#isOver) return
    const sentMs = scheduler.nowMs
    network.send(process.id, storeNode, 'beat', () => {
      const isOpen = server.beat(this.id, scheduler.nowMs)
      network.send(storeNode, process.id, 'beaten', () => {
        process.accept(life, () => {
          if (isOpen) this.#goodUntilMs = Math.max(this.#goodUntilMs, sentMs + this.ttlMs)
          else this.#finish()
        })
      })
    })
    process.after(this.ttlMs / 4, 'beat', () => this.#beat())
  }

  #finish(): void {
    this.#isOver = true
    this.#end('the store let it lapse')
  }
}

/** Without what is made up at random: traces of one seed are the same. */
function nameOf(key: string): string {
  return key.startsWith('topics/') ? `topic ${key.split('/').slice(2).join(' ')}` : key
}
