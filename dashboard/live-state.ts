// What the live protocol's client knows, hears and causes, and what can be read from its state: when time matters
// next, and whether the page shows the present. `live.ts` is the step over it. Pure.
import type { ClientMessage, LiveData, LiveTopic, ServerMessage } from '../analytics/http/contract.ts'

/** The server's heartbeat comes every 5 s: two missed ones make the page stale, four make us hang up. */
export const staleAfterMs = 10_500
export const hangUpAfterMs = 20_500
/** A session check, a handshake and a welcome each get this long. */
export const answerWithinMs = 10_000
/** Full jitter: a delay is drawn between nothing and a ceiling that doubles from the first to the second. */
export const firstCeilingMs = 250
export const lastCeilingMs = 15_000
export type Phase =
  /** Nothing asked for yet. */
  | 'idle'
  /** Asking over HTTP whether there is a session: a refused WebSocket handshake does not say why. */
  | 'checking'
  | 'opening'
  /** The socket is open, hello is sent, welcome is awaited. */
  | 'greeting'
  | 'open'
  /** Waiting for `retryAt`. */
  | 'waiting'
  /** Not signed in. Ends when the page is shown again or a sign-in succeeds. */
  | 'signedOut'
  /** The server speaks another version of the protocol: only a reload helps. */
  | 'outdated'

export interface Subscription {
  readonly key: string
  readonly id: number
  readonly topic: LiveTopic
  readonly args: Readonly<Record<string, string>>
  epoch: string | null
  seq: number | null
  /** False until this connection has answered, or the server is known to continue where we were. */
  settled: boolean
}

export interface LiveState {
  phase: Phase
  /** When this phase began. */
  phaseAt: number
  retryAt: number
  failures: number
  lastHeardAt: number
  stale: boolean
  hidden: boolean
  welcomed: boolean
  epoch: string | null
  build: string
  /** The server speaks for a newer build of this page than the one that runs. */
  newerBuild: boolean
  /** The server's clock minus ours, as of its last word. Ours may be monotonic: the sum is the server's time. */
  serverOffsetMs: number
  readonly subscriptions: Map<string, Subscription>
  nextId: number
  random: number
  readonly counters: LiveCounters
}

export interface LiveCounters {
  received: number
  reconnects: number
  resubscribes: number
  duplicates: number
  ignored: number
}

export type LiveEvent =
  | { readonly type: 'start' }
  | {
      readonly type: 'session'
      readonly answer: 'ok' | 'signedOut' | 'unreachable'
      readonly build?: string
    }
  | { readonly type: 'opened' }
  | { readonly type: 'message'; readonly message: ServerMessage }
  | { readonly type: 'closed'; readonly code: number }
  | { readonly type: 'tick' }
  | { readonly type: 'retry' }
  | { readonly type: 'visibility'; readonly hidden: boolean }
  | {
      readonly type: 'subscribe'
      readonly key: string
      readonly topic: LiveTopic
      readonly args: Readonly<Record<string, string>>
    }
  | { readonly type: 'unsubscribe'; readonly key: string }

export type LiveEffect =
  | { readonly type: 'checkSession' }
  | { readonly type: 'openSocket' }
  | { readonly type: 'closeSocket' }
  | { readonly type: 'send'; readonly message: ClientMessage }
  | { readonly type: 'data'; readonly key: string; readonly data: LiveData; readonly snapshot: boolean }
  | { readonly type: 'refused'; readonly key: string; readonly detail: string }

/** `serverOffsetMs` is the best guess before the server has spoken: the wall clock minus the clock of `now`. */
export function initialLive(seed: number, serverOffsetMs = 0): LiveState {
  return {
    phase: 'idle',
    phaseAt: 0,
    retryAt: 0,
    failures: 0,
    lastHeardAt: 0,
    stale: false,
    hidden: false,
    welcomed: false,
    epoch: null,
    build: '',
    newerBuild: false,
    serverOffsetMs,
    subscriptions: new Map(),
    nextId: 1,
    random: seed >>> 0 || 1,
    counters: { received: 0, reconnects: 0, resubscribes: 0, duplicates: 0, ignored: 0 },
  }
}

/** When the next tick is due, or null while nothing waits for time. */
export function nextDeadline(state: LiveState): number | null {
  switch (state.phase) {
    case 'checking':
    case 'opening':
    case 'greeting':
      return state.phaseAt + answerWithinMs
    case 'open':
      return state.lastHeardAt + (state.stale ? hangUpAfterMs : staleAfterMs)
    case 'waiting':
      return state.retryAt
    case 'idle':
    case 'signedOut':
    case 'outdated':
      return null
  }
}

/** Connected, but some of what is on screen is still from before. */
export function isCatchingUp(state: LiveState): boolean {
  if (state.phase === 'greeting') return true
  if (state.phase !== 'open') return false
  for (const subscription of state.subscriptions.values()) if (!subscription.settled) return true
  return false
}
