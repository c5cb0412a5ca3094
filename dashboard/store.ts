// A store in twenty lines and the state it holds for the page: only text and structure. Numbers that move many
// times a second live in rings and buffers (model.ts) and are drawn without React. Knows neither React nor sockets.
import type { ClusterState, LiveData, LossesAnswer, Overview, TopAnswer } from '../analytics/http/contract.ts'
import type { Settings } from './settings.ts'

export interface Store<State> {
  get(): State
  set(change: Partial<State>): void
  subscribe(listener: () => void): () => void
}

export function createStore<State extends object>(initial: State): Store<State> {
  let state = initial
  const listeners = new Set<() => void>()
  return {
    get: () => state,
    set: change => {
      const keys = Object.keys(change) as (keyof State)[]
      if (keys.every(key => Object.is(state[key], change[key]))) return
      state = { ...state, ...change }
      for (const listener of listeners) listener()
    },
    subscribe: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** What the Live pill says. Seconds are whole, so that a state changes when its words do. */
export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'catchingUp'; readonly linesBehind: number }
  | { readonly kind: 'stale'; readonly seconds: number }
  /** `seconds` is null while an attempt is under way. */
  | { readonly kind: 'reconnecting'; readonly seconds: number | null }
  | { readonly kind: 'signedOut' }
  | { readonly kind: 'outdated' }

export type SignIn =
  | { readonly state: 'idle' }
  | { readonly state: 'working' }
  | { readonly state: 'failed'; readonly by: 'link' | 'password'; readonly detail: string }

export interface Zoom {
  readonly fromMs: number
  readonly toMs: number
}

export interface PageState {
  readonly connection: Connection
  /** The server's time at the last whole second: what ages are measured against. */
  readonly clockMs: number
  /** When the page was paused, or null. */
  readonly pausedAt: number | null
  /** Lines counted since the page was paused. */
  readonly newLines: number
  readonly overview: Overview | null
  /** When the newest overview was made and what it said of the broker: told even while the page is paused. */
  readonly seenAt: number | null
  readonly broker: Overview['broker'] | null
  readonly top: TopAnswer | null
  readonly losses: LossesAnswer | null
  /** Told even while the page is paused. */
  readonly cluster: ClusterState | null
  /** The newest of every subscription that a component has of its own, by its key. */
  readonly others: Readonly<Record<string, LiveData>>
  readonly tailVersion: number
  readonly tailHeld: boolean
  readonly tailWaiting: number
  /** Why the server refused a subscription, by its key. */
  readonly refusals: Readonly<Record<string, string>>
  /** The last seq of every subscription, for tests to wait on. */
  readonly seqs: Readonly<Record<string, number>>
  readonly newerBuild: boolean
  readonly signIn: SignIn
  readonly zoom: Zoom | null
  readonly settings: Settings
}

export function initialPage(settings: Settings, clockMs: number): PageState {
  return {
    connection: { kind: 'connecting' },
    clockMs,
    pausedAt: null,
    newLines: 0,
    overview: null,
    seenAt: null,
    broker: null,
    top: null,
    losses: null,
    cluster: null,
    others: {},
    tailVersion: 0,
    tailHeld: false,
    tailWaiting: 0,
    refusals: {},
    seqs: {},
    newerBuild: false,
    signIn: { state: 'idle' },
    zoom: null,
    settings,
  }
}
