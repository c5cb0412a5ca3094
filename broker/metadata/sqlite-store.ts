// The metadata store of brokers that share one machine: SQLite in a worker thread, so that no lock of another
// process ever stops this one's event loop. This side keeps the promises, the watches and the session's beats,
// which come from here, the main loop: a broker that cannot turn its loop must not look alive.
import { randomUUID } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type {
  Answer,
  Ask,
  FromWorker,
  RequestKind,
  StoredEntry,
  WireOperation,
  WireResult,
} from './sqlite-messages.ts'
import type {
  Entry,
  Guard,
  MetadataStore,
  Operation,
  Session,
  StoreStatus,
  TransactionResult,
  Version,
  WatchSink,
} from './store.ts'

const beatsPerTtl = 6

interface Waiting {
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

interface Watch {
  readonly prefix: string
  readonly sink: WatchSink
  /** Up to where the sink has been told; negative while its snapshot is under way. */
  at: number
}

/** A thread that waits for the path of its file. */
interface StoreThread {
  readonly worker: Worker
  /** Rejects if it could not even start. */
  readonly failed: Promise<never>
}

let started: StoreThread | null = null

/** Lets the thread of the store that will be opened next start: it takes as long as loading the rest of a broker. */
export function startSqliteThread(): void {
  started ??= newThread()
}

/** Opens the file, creating it if need be. */
export async function openSqliteStore(path: string): Promise<MetadataStore> {
  const { worker, failed } = started ?? newThread()
  started = null
  const ready = new Promise<void>(resolve => worker.once('message', () => resolve()))
  worker.postMessage(path)
  await Promise.race([ready, failed])
  worker.removeAllListeners('error')
  return new SqliteStore(path, worker)
}

function newThread(): StoreThread {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./sqlite-worker.${extension}`, import.meta.url))
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  failed.catch(() => {})
  return { worker, failed }
}

class SqliteStore implements MetadataStore {
  readonly limits = { transactionOperations: 10_000, transactionBytes: 64 * 1024 * 1024 }
  readonly #path: string
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #watches = new Set<Watch>()
  #nextId = 1
  #session: SqliteSession | null = null
  #ended: Error | null = null
  #since = performance.now()

  constructor(path: string, worker: Worker) {
    this.#path = path
    this.#worker = worker
    worker.on('message', (message: FromWorker) => this.#heard(message))
    worker.on('error', error => this.#end(error))
    worker.on('exit', () => this.#end(new Error('Cannot reach the metadata store: it is closed')))
  }

  async get(key: string): Promise<Entry | null> {
    const stored = await this.ask('get', { key })
    return stored && entryOf(stored)
  }

  async list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly at: bigint }> {
    const { entries, at } = await this.ask('list', { prefix })
    return { entries: entries.map(entryOf), at: BigInt(at) }
  }

  /** Reads are always of the latest commit: there is nothing to wait for. */
  async barrier(): Promise<void> {}

  async transact(
    guards: readonly Guard[],
    operations: readonly Operation[],
    timeoutMs: number,
  ): Promise<TransactionResult> {
    try {
      const ask = { guards, operations: operations.map(wireOperation), timeoutMs }
      return resultOf(await this.ask('transact', ask))
    } catch (cause) {
      return { outcome: 'unknown', cause: cause as Error }
    }
  }

  async openSession(ttlMs: number): Promise<Session> {
    if (this.#session) throw new Error('Cannot open a session: this handle has had one')
    const session = new SqliteSession(this, ttlMs)
    this.#session = session
    await session.open()
    return session
  }

  watch(prefix: string, sink: WatchSink): () => void {
    const watch = { prefix, sink, at: -1 }
    this.#watches.add(watch)
    this.ask('watch', {})
      .then(() => this.#snapshot(watch))
      .catch(error => sink.stale((error as Error).message))
    return () => this.#watches.delete(watch)
  }

  status(): StoreStatus {
    return { connected: this.#ended === null, since: this.#since, endpoint: this.#path }
  }

  async close(): Promise<void> {
    if (this.#ended) return
    await this.#session?.close()
    this.#watches.clear()
    const exited = new Promise(resolve => this.#worker.once('exit', resolve))
    await this.ask('close', {})
    await exited
  }

  ask<Kind extends RequestKind>(kind: Kind, ask: Ask<Kind>): Promise<Answer<Kind>> {
    if (this.#ended) return Promise.reject(this.#ended)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, kind, ask })
    })
  }

  #heard(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        return
      case 'answer':
        this.#waiting.get(message.id)?.resolve(message.answer as never)
        this.#waiting.delete(message.id)
        return
      case 'failed':
        this.#waiting.get(message.id)?.reject(message.error)
        this.#waiting.delete(message.id)
        return
      case 'changes':
        for (const watch of this.#watches) this.#tell(watch, message.changed, message.at)
        return
      case 'stale':
        for (const { sink } of this.#watches) sink.stale(message.reason)
        return
    }
  }

  #tell(watch: Watch, changed: Extract<FromWorker, { type: 'changes' }>['changed'], at: number): void {
    // What comes before the snapshot, or is part of it, is told by it.
    if (watch.at < 0 || at <= watch.at) return
    watch.at = at
    if (changed === null) {
      watch.at = -1
      this.#snapshot(watch).catch(error => watch.sink.stale((error as Error).message))
      return
    }
    for (const { key, entry } of changed) {
      if (key.startsWith(watch.prefix))
        watch.sink.changed(key, entry && entryOf(entry), BigInt(entry?.seq ?? at))
    }
  }

  async #snapshot(watch: Watch): Promise<void> {
    const { entries, at } = await this.ask('list', { prefix: watch.prefix })
    if (!this.#watches.has(watch)) return
    watch.at = at
    watch.sink.snapshot(entries.map(entryOf), BigInt(at))
  }

  #end(error: Error): void {
    if (this.#ended) return
    this.#ended = error
    this.#since = performance.now()
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    this.#session?.end(error.message)
    for (const { sink } of this.#watches) sink.stale(error.message)
  }
}

class SqliteSession implements Session {
  readonly id = randomUUID()
  readonly ttlMs: number
  readonly ended: Promise<string>
  readonly #store: SqliteStore
  readonly #resolveEnded: (reason: string) => void
  #timer: NodeJS.Timeout | null = null
  /** When the last beat that was acknowledged was sent. */
  #beatSentMs = Number.NEGATIVE_INFINITY

  constructor(store: SqliteStore, ttlMs: number) {
    this.#store = store
    this.ttlMs = ttlMs
    const { promise, resolve } = Promise.withResolvers<string>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  async open(): Promise<void> {
    const deadlineMs = performance.now() + this.ttlMs
    let sentMs = performance.now()
    while (!(await this.#store.ask('openSession', { session: this.id, ttlMs: this.ttlMs }))) {
      if (performance.now() > deadlineMs) throw new Error('Cannot open a session: the store is busy')
      sentMs = performance.now()
    }
    this.#beatSentMs = sentMs
    this.#timer = setInterval(() => void this.#beat(), this.ttlMs / beatsPerTtl)
    this.#timer.unref()
  }

  validFor(): number {
    return this.#beatSentMs + this.ttlMs - performance.now()
  }

  async close(): Promise<void> {
    if (!this.#timer) return
    this.end('closed')
    await this.#store.ask('closeSession', { session: this.id })
  }

  end(reason: string): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
    this.#beatSentMs = Number.NEGATIVE_INFINITY
    this.#resolveEnded(reason)
  }

  async #beat(): Promise<void> {
    const sentMs = performance.now()
    try {
      const answer = await this.#store.ask('beat', { session: this.id })
      if (!this.#timer) return
      if (answer === 'alive') this.#beatSentMs = sentMs
      if (answer === 'ended') this.end('expired')
    } catch {
      // The store says by itself when it is gone; a beat that was lost is made up for by the next.
    }
  }
}

function entryOf({ key, value, seq }: StoredEntry): Entry {
  return { key, value, version: String(seq) as Version, position: BigInt(seq) }
}

function wireOperation(operation: Operation): WireOperation {
  if (!('create' in operation)) return operation
  const { create, value, session } = operation
  return session ? { create, value, session: session.id } : { create, value }
}

function resultOf(result: WireResult): TransactionResult {
  if (result.outcome === 'conflict') return result
  const versions = result.versions.map(seq => (seq === null ? null : (String(seq) as Version)))
  return { outcome: 'applied', position: BigInt(result.position), versions }
}
