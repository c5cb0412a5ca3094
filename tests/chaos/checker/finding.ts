// What a rule of the checker has found: which rule, where, and whether it breaks the promise. Pure data.
import type { Key } from './history.ts'

export type RuleName =
  | 'lost-write'
  | 'aborted-read'
  | 'inconsistent-offsets'
  | 'duplicate'
  | 'nonmonotonic-poll'
  | 'poll-skip'
  | 'int-nonmonotonic-poll'
  | 'int-poll-skip'
  | 'nonmonotonic-send'
  | 'int-nonmonotonic-send'
  | 'int-send-skip'
  | 'unseen'
  | 'precommitted-read'
  | 'consumed-again'
  | 'group-skip'
  | CycleName

/** Cycles of writes alone (G0) or of writes and reads (G1c), and which order among clients it takes to close them. */
export type CycleName = `${'G0' | 'G1c'}${'' | '-process' | '-realtime'}`

export interface Finding {
  readonly rule: RuleName
  readonly key: Key
  /** Those concerned. */
  readonly values: readonly number[]
  readonly offsets: readonly number[]
  /** Where in the history to look: positions of completions. */
  readonly at: readonly number[]
  /** False: it is counted, and no promise is broken. */
  readonly isError: boolean
}

export interface Promises {
  /** Producers are idempotent: nothing may be in the log twice. */
  readonly idempotent: boolean
  /** One send operation to one key is one batch: nothing may come between its values. */
  readonly sendsAreBatches: boolean
  /** Operations are transactions: their writes interleave, so that cycles of writes prove nothing. */
  readonly transactional: boolean
  /** Whoever consumes compares offsets when it commits: nothing may be consumed twice by one process. */
  readonly consumesOnce: boolean
}

export const defaultPromises: Promises = {
  idempotent: true,
  sendsAreBatches: false,
  transactional: false,
  consumesOnce: false,
}
