// This broker's place in the cluster: its session, its registration, what it knows of the others (the image), and the
// office of controller when it has it. When the session ends under it (a pause longer than the lease) it leads nothing
// until it has registered anew. A watch is only a hint: what is written is guarded by what was read.
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import { ClusterImage } from './controller/cluster-image.ts'
import { encodeValue, keys, type Topic } from './controller/cluster-state.ts'
import { Controller } from './controller/controller.ts'
import type { TopicRules } from './controller/decide.ts'
import {
  ControllerFencedError,
  type DirectoryLives,
  type Identity,
  type Registration,
  register,
} from './controller/registration.ts'
import { refresh, transactionTimeoutMs } from './controller/store-writes.ts'
import type { Guard, MetadataStore, Session } from './metadata/store.ts'

const sessionTtlMsDefault = 2_000
const retryMs = 200
/** Of the lease: this much before its end we act as if it were over, for whoever ends it has another clock. */
const marginShare = 0.1
/** Of a stop: work at a store that does not answer is not waited for. */
const closeTimeoutMs = 300
/** How often leadership goes back to the replicas it was planned for, so that load is spread again. */
const preferredEveryMs = 30_000
/** A last look at everything: hints can be lost. */
const reconcileEveryMs = 5_000

export interface MembershipOptions {
  readonly openStore: () => Promise<MetadataStore>
  readonly identity: Identity
  /** Of the lease that is asked for; by default what brokers on one machine need. */
  readonly sessionTtlMs?: number
  readonly log: Log
  readonly rulesOf: (topic: Topic) => TopicRules
  readonly isDurable: (topic: Topic) => boolean
  readonly lives?: DirectoryLives
}

export interface MembershipListener {
  /** Something in the image is new. */
  onChange(): void
  /** The session is over: nothing may be promised under what it granted. */
  onLost(reason: string): void
  /** This place will not be had again: the process must end. */
  onRefused?(error: Error): void
}

export class Membership {
  readonly image = new ClusterImage()
  readonly #options: MembershipOptions
  #store: MetadataStore
  #session: Session | null = null
  #registration: Registration | null = null
  #latestBrokerEpoch: number | null = null
  #controller: Controller | null = null
  #listener: MembershipListener | null = null
  #unwatch: () => void = () => {}
  #timers: NodeJS.Timeout[] = []
  #work: Promise<void> = Promise.resolve()
  #looking: Promise<void> | null = null
  #isWorkQueued = false
  #isGoverning = false
  #isGovernDue = false
  #isStale = false
  #isClosed = false

  /** `store` for the first life; each later one opens its own, for a store handle has one session. */
  constructor(store: MetadataStore, options: MembershipOptions) {
    this.#store = store
    this.#options = options
  }

  get brokerId(): number {
    return this.#options.identity.brokerId
  }

  /** As it registers, whether it is registered or not. */
  get self(): Identity {
    return this.#options.identity
  }

  /** Of this life; -1 between two lives. */
  get brokerEpoch(): number {
    return this.#registration?.brokerEpoch ?? -1
  }

  /** The office, while this broker has it. */
  get controller(): Controller | null {
    return this.#controller
  }

  get store(): MetadataStore {
    return this.#store
  }

  rulesOf(topic: Topic): TopicRules {
    return this.#options.rulesOf(topic)
  }

  /** Holds while this life is registered; of a life that is over it never does. */
  get registered(): Guard {
    if (!this.#registration) throw new ControllerFencedError('This broker is not registered')
    return this.#registration.guard
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** The lease: surely alive now, by our own clock. */
  isHeld(): boolean {
    return this.#session !== null && this.#session.validFor() > this.#session.ttlMs * marginShare
  }

  /** Registers, knows the cluster, and decides for it if nobody else does. */
  async join(): Promise<void> {
    const { sessionTtlMs = sessionTtlMsDefault, log, isDurable, lives } = this.#options
    const session = await this.#store.openSession(sessionTtlMs)
    // A life that ends with its session while this process goes on has lost nothing.
    const previousBrokerEpoch = this.#latestBrokerEpoch ?? this.self.previousBrokerEpoch
    const identity = { ...this.self, previousBrokerEpoch }
    const places = { store: this.#store, session, image: this.image, identity }
    const registering = { ...places, log, isDurable, ...(lives ? { lives } : {}) }
    const lapse = session.ended.then(reason => Promise.reject(new ControllerFencedError(`session ${reason}`)))
    this.#registration = await Promise.race([register(registering), lapse])
    this.#latestBrokerEpoch = this.#registration.brokerEpoch
    this.#session = session
    await this.#campaign()
    await this.#controller?.settle()
    this.#watch()
  }

  /** From now on follows what happens, rejoining whenever the session is lost, until close(). */
  keep(listener: MembershipListener): void {
    this.#listener = listener
    this.#timers.push(setInterval(() => this.#hint(), reconcileEveryMs).unref())
    this.#timers.push(setInterval(() => this.#prefer(), preferredEveryMs).unref())
    void this.#guardSession()
    this.#hint()
  }

  /** As controller only: decides and writes, after whatever else is being written. */
  async settle(preferred = false): Promise<void> {
    const turn = this.#work.then(async () => {
      const controller = this.#controller
      if (!controller) return
      const changes = await controller.settle(preferred).catch(error => this.#resign(error))
      if (!changes || changes.length === 0) return
      for (const { topic, index, next, isUnclean } of changes) {
        if (!isUnclean) continue
        const fields = { topic: topic.meta.value.name, partition: index, leader: next.leader }
        this.#options.log.error('unclean election: acknowledged records may be lost', fields)
      }
      this.#listener?.onChange()
    })
    this.#work = turn.catch(() => {})
    await turn
  }

  /** Says that this broker is about to stop, and waits until nobody else could lead what it leads. */
  async leave(timeoutMs: number): Promise<void> {
    const others = [...this.image.brokers.values()].some(({ brokerId }) => brokerId !== this.brokerId)
    if (!others || !this.#session || !this.isHeld()) return
    const deadlineMs = performance.now() + timeoutMs
    await this.stepBack(true, timeoutMs)
    while (performance.now() < deadlineMs && this.#leadsWhatOthersCould()) {
      await this.settle()
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  /** Whether this broker has others lead and be in sync in its place, as far as there are enough of them. */
  get isSteppingBack(): boolean {
    return this.image.brokers.get(this.brokerId)?.isLeaving === true
  }

  /** Says so to all, until it is taken back or the session ends. */
  async stepBack(isSteppingBack: boolean, timeoutMs: number): Promise<void> {
    const session = this.#session
    if (!session) return
    const key = keys.leavingBroker(this.brokerId)
    const value = encodeValue({ brokerEpoch: this.brokerEpoch })
    const left = await this.#store.get(key)
    const removals = left ? [{ remove: key, version: left.version }] : []
    const creations = isSteppingBack ? [{ create: key, value, session }] : []
    const operations = [...removals, ...creations]
    if (operations.length > 0) {
      await this.#store.transact([this.registered], operations, Math.min(timeoutMs, transactionTimeoutMs))
    }
    await this.#catchUp()
  }

  /** Somebody says that what is known may be old. Reads everything, at most once at a time. */
  async lookAgain(): Promise<void> {
    this.#looking ??= this.#catchUp()
      .catch(error => this.#options.log.warn('the store could not be read', { error }))
      .finally(() => {
        this.#looking = null
      })
    await this.#looking
  }

  /** Unlike a look that is under way already, one that includes every write before this call. */
  async catchUp(): Promise<void> {
    await this.#looking
    await this.lookAgain()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#unwatch()
    for (const timer of this.#timers) clearInterval(timer)
    const patience = new Promise<void>(resolve => setTimeout(resolve, closeTimeoutMs).unref())
    await Promise.race([this.#work, patience])
    await this.#store.close()
  }

  /** The store itself is asked: what is read after this includes every write before it. */
  async #catchUp(): Promise<void> {
    await refresh(this.#store, this.image)
    this.#listener?.onChange()
  }

  #leadsWhatOthersCould(): boolean {
    for (const { meta, partitions } of this.image.topics.values()) {
      if (meta.value.deleting) continue
      for (const { value } of partitions) {
        if (value.leader !== this.brokerId) continue
        if (value.isr.some(id => id !== this.brokerId && this.image.brokers.get(id)?.isLeaving === false))
          return true
      }
    }
    return false
  }

  async #campaign(): Promise<void> {
    const { identity, log, rulesOf } = this.#options
    const { brokerId, directoryId } = identity
    const session = this.#session
    const registration = this.#registration
    if (!session || !registration || this.#controller) return
    const { incarnation, guard: registered } = registration
    const candidate = { store: this.#store, session, image: this.image, brokerId, directoryId }
    this.#controller = await Controller.elect({ ...candidate, incarnation, registered, log, rulesOf })
    if (this.#controller) log.info('this broker is the controller', { epoch: this.#controller.epoch })
  }

  #resign(error: unknown): null {
    this.#options.log.warn('no longer the controller', { error })
    this.#controller = null
    this.#hint()
    return null
  }

  #watch(): void {
    this.#unwatch()
    this.#unwatch = this.#store.watch('', {
      snapshot: (entries, at) => {
        this.#isFresh()
        this.image.replaceAll(entries, at)
        this.#hint()
      },
      changed: (key, entry, at) => {
        this.#isFresh()
        this.image.apply(key, entry, at)
        this.#hint()
      },
      stale: reason => this.#isAway(reason),
    })
  }

  /** Said once: it may last. */
  #isAway(reason: string): void {
    if (this.#isStale || this.#isClosed) return
    this.#isStale = true
    const message =
      'the metadata store does not answer: records are taken on where replicas are in sync, ' +
      'elections and changes wait for it'
    this.#options.log.warn(message, { reason, store: this.#store.status().endpoint })
  }

  #isFresh(): void {
    if (!this.#isStale) return
    this.#isStale = false
    this.#options.log.info('the metadata store answers again', { store: this.#store.status().endpoint })
  }

  /** Once for all that arrives in one turn of the event loop. */
  #hint(): void {
    if (this.#isWorkQueued || this.#isClosed) return
    this.#isWorkQueued = true
    setImmediate(() => {
      this.#isWorkQueued = false
      if (this.#isClosed || !this.#session) return
      this.#listener?.onChange()
      void this.#govern()
    })
  }

  /** One at a time: while the store is away each takes its time to fail, and hints go on coming. */
  async #govern(): Promise<void> {
    this.#isGovernDue = true
    if (this.#isGoverning) return
    this.#isGoverning = true
    try {
      while (this.#isGovernDue && !this.#isClosed) {
        this.#isGovernDue = false
        await this.#governOnce()
      }
    } finally {
      this.#isGoverning = false
    }
  }

  async #governOnce(): Promise<void> {
    const { image } = this
    // Ours in the store and not here: given up when the store could not be read. Nobody else would take it.
    const isVacant =
      image.controller === null || image.controller.incarnation === this.#registration?.incarnation
    const isReplaced =
      image.controller !== null && image.controller.incarnation !== this.#registration?.incarnation
    if (this.#controller && isReplaced) this.#resign('another controller was elected')
    if (!this.#controller && isVacant) {
      const turn = this.#work.then(() => this.#campaign())
      this.#work = turn.catch(error => {
        if (!this.#isStale) this.#options.log.warn('no controller could be elected', { error })
      })
      await this.#work
    }
    if (this.#controller) await this.settle()
  }

  #prefer(): void {
    if (this.#controller && this.isHeld()) void this.settle(true)
  }

  async #guardSession(): Promise<void> {
    while (!this.#isClosed && this.#session) {
      const reason = await this.#session.ended
      if (this.#isClosed) return
      this.#options.log.warn('lost the place in the cluster, registering anew', { reason })
      this.#session = null
      this.#registration = null
      this.#controller = null
      this.#listener?.onLost(reason)
      await this.#rejoin()
    }
  }

  async #rejoin(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#unwatch()
        await this.#store.close()
        this.#store = await this.#options.openStore()
        await this.join()
        this.#hint()
        return
      } catch (error) {
        if (error instanceof ExitError && error.exitCode === exitCodes.config) {
          this.#listener?.onRefused?.(error)
          return
        }
        this.#options.log.warn('could not register, trying again', { retryMs, error })
        await new Promise(resolve => setTimeout(resolve, retryMs))
      }
    }
  }
}
