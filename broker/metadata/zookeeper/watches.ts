// Watches that converge: one recursive watch of the servers tells which key changed, and every change is then read.
// After each new connection all starts again with a snapshot, for what happened in between was told to nobody.
// One loop does it all, so per key nothing is ever told out of order. Touches the store through WatchSource only.
import type { Entry, Position, Version, WatchSink } from '../store.ts'

export interface WatchSource {
  /** Has the servers tell of every change from now on, on this connection. */
  addWatch(): Promise<void>
  /** Both fail rather than answer for another connection than the one that is watched. */
  list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly at: Position }>
  read(key: string): Promise<{ readonly entry: Entry | null; readonly at: Position }>
}

/** The servers cannot be read now: the watch is stale until they can. Any other error is a defect. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError'
}

interface Watch {
  readonly prefix: string
  readonly sink: WatchSink
  /** What the sink believes; null before its snapshot. */
  told: Map<string, Version> | null
}

/** Reads under way at once. More would only keep the session's beats waiting behind them. */
export const readsAtOnce = 256
const retryMs = 1_000

export class Watches {
  readonly #source: WatchSource
  readonly #watches = new Set<Watch>()
  readonly #changed = new Set<string>()
  #isConnected = false
  #isWatching = false
  #isRunning = false
  #retry: NodeJS.Timeout | null = null

  constructor(source: WatchSource) {
    this.#source = source
  }

  get isEmpty(): boolean {
    return this.#watches.size === 0
  }

  add(prefix: string, sink: WatchSink): () => void {
    const watch: Watch = { prefix, sink, told: null }
    this.#watches.add(watch)
    this.#start()
    return () => {
      this.#watches.delete(watch)
    }
  }

  clear(): void {
    this.#watches.clear()
    this.#disconnect()
  }

  established(): void {
    this.#disconnect()
    this.#isConnected = true
    this.#start()
  }

  interrupted(reason: string): void {
    this.#disconnect()
    for (const { sink } of this.#watches) sink.stale(reason)
  }

  keyChanged(key: string): void {
    for (const { prefix } of this.#watches) {
      if (!key.startsWith(prefix)) continue
      this.#changed.add(key)
      this.#start()
      return
    }
  }

  #disconnect(): void {
    this.#isConnected = false
    this.#isWatching = false
    if (this.#retry) clearTimeout(this.#retry)
    this.#retry = null
  }

  #start(): void {
    if (this.#isRunning || !this.#isConnected || this.#retry) return
    this.#isRunning = true
    void this.#run()
  }

  async #run(): Promise<void> {
    // Events come in bunches, two for each new entry: one read serves all that came in this turn.
    await Promise.resolve()
    while (this.#isConnected && this.#hasWork()) {
      try {
        await this.#turn()
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error
        if (!this.#isConnected || !this.#isWatching) continue
        this.#failed(error)
        break
      }
    }
    this.#isRunning = false
  }

  /** Connected, and still not to be read: says so, and starts anew in a while. */
  #failed(error: Error): void {
    this.#isWatching = false
    for (const { sink } of this.#watches) sink.stale(error.message)
    this.#retry = setTimeout(() => {
      this.#retry = null
      this.#start()
    }, retryMs)
  }

  #hasWork(): boolean {
    if (this.#watches.size === 0) return false
    if (!this.#isWatching || this.#changed.size > 0) return true
    for (const { told } of this.#watches) if (told === null) return true
    return false
  }

  async #turn(): Promise<void> {
    if (!this.#isWatching) {
      for (const watch of this.#watches) watch.told = null
      this.#isWatching = true
      await this.#source.addWatch()
    }
    for (const watch of this.#watches) {
      if (watch.told === null) await this.#snapshot(watch)
    }
    const keys = [...this.#changed].slice(0, readsAtOnce)
    for (const key of keys) this.#changed.delete(key)
    const states = await Promise.all(keys.map(key => this.#source.read(key)))
    for (const [index, { entry, at }] of states.entries()) this.#tell(keys[index]!, entry, at)
  }

  async #snapshot(watch: Watch): Promise<void> {
    const { entries, at } = await this.#source.list(watch.prefix)
    if (!this.#watches.has(watch) || !this.#isWatching) return
    watch.told = new Map(entries.map(({ key, version }) => [key, version]))
    watch.sink.snapshot(entries, at)
  }

  #tell(key: string, entry: Entry | null, at: Position): void {
    for (const { prefix, sink, told } of this.#watches) {
      if (told === null || !key.startsWith(prefix) || told.get(key) === entry?.version) continue
      if (entry) told.set(key, entry.version)
      else told.delete(key)
      sink.changed(key, entry, at)
    }
  }
}
