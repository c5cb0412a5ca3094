// What the SQLite store and its worker thread say to each other. Types only; plain data, cloned on the way.
import type { Guard } from './store.ts'

export interface StoredEntry {
  readonly key: string
  readonly value: Uint8Array
  readonly seq: number
}

export type WireOperation =
  | { readonly create: string; readonly value: Uint8Array; readonly session?: string }
  | { readonly update: string; readonly value: Uint8Array; readonly version: string }
  | { readonly remove: string; readonly version: string }

export type WireResult =
  | { readonly outcome: 'applied'; readonly position: number; readonly versions: readonly (number | null)[] }
  | { readonly outcome: 'conflict' }

/** Every kind of request with what it carries and what it is answered with. */
export interface Requests {
  get: { readonly ask: { readonly key: string }; readonly answer: StoredEntry | null }
  list: {
    readonly ask: { readonly prefix: string }
    readonly answer: { readonly entries: readonly StoredEntry[]; readonly at: number }
  }
  transact: {
    readonly ask: {
      readonly guards: readonly Guard[]
      readonly operations: readonly WireOperation[]
      readonly timeoutMs: number
    }
    readonly answer: WireResult
  }
  openSession: {
    readonly ask: { readonly session: string; readonly ttlMs: number }
    readonly answer: boolean
  }
  beat: { readonly ask: { readonly session: string }; readonly answer: 'alive' | 'ended' | 'busy' }
  closeSession: { readonly ask: { readonly session: string }; readonly answer: boolean }
  watch: { readonly ask: Record<never, never>; readonly answer: null }
  close: { readonly ask: Record<never, never>; readonly answer: null }
}

export type RequestKind = keyof Requests
export type Ask<Kind extends RequestKind> = Requests[Kind]['ask']
export type Answer<Kind extends RequestKind> = Requests[Kind]['answer']

export type ToWorker = {
  [Kind in RequestKind]: { readonly id: number; readonly kind: Kind; readonly ask: Ask<Kind> }
}[RequestKind]

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: Error }
  /** The latest state of every key that changed up to `at`; null: too many to tell, take snapshots. */
  | {
      readonly type: 'changes'
      readonly changed: readonly { readonly key: string; readonly entry: StoredEntry | null }[] | null
      readonly at: number
    }
  | { readonly type: 'stale'; readonly reason: string }
