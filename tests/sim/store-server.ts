// The metadata store as one linearizable machine: guarded transactions, sessions that lapse, everything it ever held.
// Pure: time is handed in.
import type {
  Entry,
  Guard,
  Operation,
  Position,
  TransactionResult,
  Version,
} from '../../broker/metadata/store.ts'

interface Held extends Entry {
  readonly sessionId: string | null
}

export type CommitListener = (key: string, entry: Entry | null, at: Position) => void

export class StoreServer {
  readonly #entries = new Map<string, Held>()
  readonly #sessions = new Map<string, { readonly ttlMs: number; beatenMs: number }>()
  readonly #listeners: CommitListener[] = []
  #position = 0n
  #sessionCount = 0

  onCommit(listener: CommitListener): void {
    this.#listeners.push(listener)
  }

  get(key: string): Entry | null {
    return this.#entries.get(key) ?? null
  }

  list(prefix: string): { entries: Entry[]; at: Position } {
    const entries = [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix))
    return { entries: entries.sort((one, other) => (one.key < other.key ? -1 : 1)), at: this.#position }
  }

  transact(guards: readonly Guard[], operations: readonly Operation[]): TransactionResult {
    for (const { key, version } of guards) if (this.#entries.get(key)?.version !== version) return conflict
    const staged = new Map<string, Held | null>()
    const held = (key: string) => (staged.has(key) ? staged.get(key) : this.#entries.get(key)) ?? null
    const position = this.#position + 1n
    const versions: (Version | null)[] = []
    for (const [index, operation] of operations.entries()) {
      const version = `${position}.${index}` as Version
      if ('create' in operation) {
        const { create: key, value, session } = operation
        if (held(key) || (session && !this.#sessions.has(session.id))) return conflict
        staged.set(key, { key, value, version, position, sessionId: session?.id ?? null })
      } else if ('update' in operation) {
        const before = held(operation.update)
        if (before?.version !== operation.version) return conflict
        staged.set(operation.update, { ...before, value: operation.value, version, position })
      } else {
        if (held(operation.remove)?.version !== operation.version) return conflict
        staged.set(operation.remove, null)
      }
      versions.push('remove' in operation ? null : version)
    }
    this.#commit(staged, position)
    return { outcome: 'applied', position, versions }
  }

  openSession(ttlMs: number, nowMs: number): string {
    const id = `s${++this.#sessionCount}`
    this.#sessions.set(id, { ttlMs, beatenMs: nowMs })
    return id
  }

  /** False when the session is over. */
  beat(id: string, nowMs: number): boolean {
    const session = this.#sessions.get(id)
    if (session) session.beatenMs = nowMs
    return session !== undefined
  }

  isOpen(id: string): boolean {
    return this.#sessions.has(id)
  }

  expire(nowMs: number): void {
    for (const [id, { ttlMs, beatenMs }] of this.#sessions) if (nowMs - beatenMs > ttlMs) this.end(id)
  }

  end(id: string): void {
    this.#sessions.delete(id)
    const gone = [...this.#entries.values()].filter(({ sessionId }) => sessionId === id)
    if (gone.length > 0) this.#commit(new Map(gone.map(({ key }) => [key, null])), this.#position + 1n)
  }

  #commit(staged: ReadonlyMap<string, Held | null>, position: Position): void {
    this.#position = position
    for (const [key, entry] of staged) {
      if (entry) this.#entries.set(key, entry)
      else this.#entries.delete(key)
    }
    for (const [key, entry] of staged) for (const listener of this.#listeners) listener(key, entry, position)
  }
}

const conflict: TransactionResult = { outcome: 'conflict' }
