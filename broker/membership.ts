// This broker's place in the cluster: its session, its registration, its controller, the topics it leads. When
// the session ends under it (a pause longer than the lease), it leads nothing until it has registered anew.
import type { Log } from '../runtime/log.ts'
import type { Topic } from './controller/cluster-state.ts'
import { Controller } from './controller/controller.ts'
import type { MetadataStore, Session } from './metadata/store.ts'

/** Long enough for a busy machine's pauses, short enough for a quick failover. */
export const sessionTtlMs = 2_000
const retryMs = 200

export interface Identity {
  readonly brokerId: number
  readonly directoryId: string
  readonly host: string
  readonly port: number
}

export interface Led {
  readonly controller: Controller
  /** Every topic of the cluster, its partitions one leader epoch further. */
  readonly topics: ReadonlyMap<string, Topic>
}

export class Membership {
  readonly #openStore: () => Promise<MetadataStore>
  readonly #identity: Identity
  readonly #log: Log
  #store: MetadataStore
  #session: Session | null = null
  #closed = false

  /** `store` for the first life; each later one opens its own, for a store handle has one session. */
  constructor(store: MetadataStore, openStore: () => Promise<MetadataStore>, identity: Identity, log: Log) {
    this.#store = store
    this.#openStore = openStore
    this.#identity = identity
    this.#log = log
  }

  /** Registers, becomes the controller, and raises the epoch of every partition. */
  async join(): Promise<Led> {
    const session = await this.#store.openSession(sessionTtlMs)
    this.#session = session
    const controller = await Controller.open({
      store: this.#store,
      session,
      log: this.#log,
      ...this.#identity,
    })
    const topics = await controller.topics()
    await controller.electAll(topics.values())
    return { controller, topics }
  }

  /** Calls `onLost` when the session ends, rejoins until that works, and calls `onJoined`. Until close(). */
  async keep(onLost: (reason: string) => void, onJoined: (led: Led) => void): Promise<void> {
    while (!this.#closed && this.#session) {
      const reason = await this.#session.ended
      if (this.#closed) return
      this.#log.warn('lost the place in the cluster, registering anew', { reason })
      onLost(reason)
      const led = await this.#rejoin()
      if (led) onJoined(led)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#store.close()
  }

  async #rejoin(): Promise<Led | null> {
    while (!this.#closed) {
      try {
        await this.#store.close()
        this.#store = await this.#openStore()
        return await this.join()
      } catch (error) {
        this.#log.warn('could not register, trying again', { retryMs, error })
        await new Promise(resolve => setTimeout(resolve, retryMs))
      }
    }
    return null
  }
}
