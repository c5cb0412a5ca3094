// The metadata store as the brokers see it: a small ordered key-value store with guarded transactions,
// sessions and watches. Types only: SQLite on one machine (sqlite-store.ts); other services can follow.
// A watch is a hint to re-read; correctness comes from the guards of a transaction alone.

/** One write of one key. Opaque: compare for equality only. */
export type Version = string & { readonly __brand: 'Version' }

/** The order of committed writes. Compare, never calculate. The broker epoch is the position of its registration. */
export type Position = bigint

export interface Entry {
  readonly key: string
  readonly value: Uint8Array
  readonly version: Version
  readonly position: Position
}

/** Holds while the key still is exactly this write. */
export interface Guard {
  readonly key: string
  readonly version: Version
}

/**
 * `create` fails if the key is present; with a session the entry is ephemeral and goes when the session does.
 * `update` and `remove` fail unless the key still has the version named.
 */
export type Operation =
  | { readonly create: string; readonly value: Uint8Array; readonly session?: Session }
  | { readonly update: string; readonly value: Uint8Array; readonly version: Version }
  | { readonly remove: string; readonly version: Version }

export type TransactionResult =
  /** Durable. `versions[i]` is what `operations[i]` wrote, null for a removal. */
  | {
      readonly outcome: 'applied'
      readonly position: Position
      readonly versions: readonly (Version | null)[]
    }
  /** A guard or an operation did not hold; nothing changed. */
  | { readonly outcome: 'conflict' }
  /**
   * It may have happened or not: the answer was lost, or the deadline passed. Re-read, and compare the nonce the
   * writer put into its value.
   */
  | { readonly outcome: 'unknown'; readonly cause: Error }

/** A lease that this process keeps alive by beats from its main loop. Its ephemeral entries end with it. */
export interface Session {
  readonly id: string
  /** Granted; may differ from what was asked. */
  readonly ttlMs: number
  /** Milliseconds left, on the monotonic clock, counted from the sending of the last acknowledged beat. */
  validFor(): number
  /** Resolves with the reason once the session is known to be over. Act on `validFor() <= 0`, which is never later. */
  readonly ended: Promise<string>
  close(): Promise<void>
}

export interface WatchSink {
  /** First, and again whenever continuity cannot be shown. */
  snapshot(entries: readonly Entry[], at: Position): void
  /** The latest state of one key; null when removed. Values in between may be skipped. */
  changed(key: string, entry: Entry | null, at: Position): void
  /** What was delivered may be old until the next snapshot or change. */
  stale(reason: string): void
}

export interface StoreStatus {
  readonly connected: boolean
  /** Since when, on the monotonic clock in milliseconds. */
  readonly since: number
  readonly endpoint: string
}

export interface MetadataStore {
  readonly limits: { readonly transactionOperations: number; readonly transactionBytes: number }
  /** A committed entry; possibly behind, never backwards on one store handle. */
  get(key: string): Promise<Entry | null>
  /** All entries whose key starts with `prefix`, in key order. Not promised to be one instant. */
  list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly at: Position }>
  /** Later reads see every write that was finished before this call. */
  barrier(): Promise<void>
  /**
   * All operations, in order, or none; durable when it answers `applied`. A busy store is tried again for
   * `timeoutMs`. Never rejects.
   */
  transact(
    guards: readonly Guard[],
    operations: readonly Operation[],
    timeoutMs: number,
  ): Promise<TransactionResult>
  /** One live session a store handle. */
  openSession(ttlMs: number): Promise<Session>
  /** Converges on the latest state; per key, positions never go back. Returns the way to stop it. */
  watch(prefix: string, sink: WatchSink): () => void
  status(): StoreStatus
  close(): Promise<void>
}
