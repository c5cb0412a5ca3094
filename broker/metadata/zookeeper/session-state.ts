// The words session-core.ts is told in and answers with, the state it keeps, and the times it goes by. Data only.
import { noPassword, type Request, type WatchEvent } from './protocol.ts'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/**
 * What becomes of a request whose connection breaks: `resend` for reads; `lost` for writes, which wait for a
 * connection but are sent once; `fail` for what means something on one connection only, a watch and its snapshot.
 */
export type OnLoss = 'resend' | 'lost' | 'fail'

export interface PendingRequest {
  readonly id: number
  readonly request: Request
  readonly onLoss: OnLoss
  readonly deadlineMs: number
}

export interface SentRequest extends PendingRequest {
  readonly xid: number
  readonly sentMs: number
  /** Given up by who asked; its answer is still expected, for answers come in order. */
  isSettled: boolean
}

export type Settlement =
  | { readonly type: 'reply'; readonly error: number; readonly zxid: bigint; readonly body: Buffer }
  /** Sent, and no answer will be known: it may have happened or not. */
  | { readonly type: 'lost'; readonly reason: string }
  /** Never sent: it did not happen and will not. */
  | { readonly type: 'unsent'; readonly reason: string }

export type Input =
  | { readonly type: 'start' }
  /** The connection asked for is open (and encrypted, if it is to be). */
  | { readonly type: 'connected' }
  | { readonly type: 'frame'; readonly frame: Buffer }
  | { readonly type: 'disconnected'; readonly reason: string }
  | { readonly type: 'request'; readonly request: PendingRequest }
  /** The time that wakeAtMs() named has come. */
  | { readonly type: 'wake' }
  | { readonly type: 'close' }

export type Effect =
  | { readonly type: 'connect'; readonly endpoint: Endpoint }
  | { readonly type: 'send'; readonly frame: Buffer }
  /** Drop the connection, whatever its state; nothing more is heard of it. */
  | { readonly type: 'disconnect' }
  | { readonly type: 'settled'; readonly id: number; readonly result: Settlement }
  | { readonly type: 'event'; readonly event: WatchEvent }
  /** Connected, with a session. Watches of an earlier connection are gone, and so is continuity. */
  | {
      readonly type: 'established'
      readonly sessionId: bigint
      readonly ttlMs: number
      readonly isNew: boolean
    }
  | { readonly type: 'interrupted'; readonly reason: string }
  /** For good. */
  | { readonly type: 'ended'; readonly reason: string }

export type Phase = 'idle' | 'waiting' | 'connecting' | 'handshaking' | 'connected' | 'closing' | 'ended'

export interface SessionOptions {
  /** In the order in which they are tried. */
  readonly endpoints: readonly Endpoint[]
  readonly ttlMs: number
  /**
   * With a path, beats are `sync`s of it, which the leader answers, and count for the session's validity. A ping is
   * answered by the member we are connected to, even one that is cut off from its leader, for syncLimit ticks: with
   * 3.8.0, a lease of 6 s and syncLimit 5 s, pings made the session seem valid for 4.7 s after the leader had ended
   * it, syncs until 0.4 s before. Null for a session on which nothing depends: pings then.
   */
  readonly beatPath: string | null
  /** Sent on every connection before anything else. */
  readonly authentication: readonly Request[]
  /** Of an earlier session of the same handle, whose reads must not be taken back. */
  readonly lastZxid: bigint
}

export interface SessionState {
  readonly endpoints: readonly Endpoint[]
  readonly requestedTtlMs: number
  readonly beatPath: string | null
  readonly authentication: readonly Request[]
  phase: Phase
  /** When the phase has lasted too long; while waiting, when the next attempt is due. */
  phaseUntilMs: number
  endpoint: number
  /** Connections in a row that brought no answer to a request. */
  failures: number
  /** Why the last of them ended. */
  lastFailure: string
  sessionId: bigint
  password: Buffer
  /** Granted; before that, asked for. */
  ttlMs: number
  /** The newest write whose effect this handle may have seen. */
  lastZxid: bigint
  nextXid: number
  /** Not sent yet, in order. */
  waiting: PendingRequest[]
  /** Sent, in the order in which their answers come. */
  sent: SentRequest[]
  /** Since when an answer of any kind is due and nothing at all is heard. */
  unansweredSinceMs: number | null
  /** The beat whose answer is awaited; the connect request is the first of a connection. */
  beatSentMs: number | null
  lastBeatMs: number
  /** Pings whose answers are awaited; they come in order too. */
  pingsSentMs: number[]
  lastPingMs: number
  /** When the last beat that was answered was sent. The session is valid for its ttl from here. */
  validSinceMs: number
  endReason: string
}

export function newSession(options: SessionOptions): SessionState {
  return {
    endpoints: options.endpoints,
    requestedTtlMs: options.ttlMs,
    beatPath: options.beatPath,
    authentication: options.authentication,
    phase: 'idle',
    phaseUntilMs: Number.POSITIVE_INFINITY,
    endpoint: -1,
    failures: 0,
    lastFailure: '',
    sessionId: 0n,
    password: noPassword,
    ttlMs: options.ttlMs,
    lastZxid: options.lastZxid,
    nextXid: 1,
    waiting: [],
    sent: [],
    unansweredSinceMs: null,
    beatSentMs: null,
    lastBeatMs: Number.NEGATIVE_INFINITY,
    pingsSentMs: [],
    lastPingMs: Number.NEGATIVE_INFINITY,
    validSinceMs: Number.NEGATIVE_INFINITY,
    endReason: '',
  }
}

export const urgentPingMs = 100

/** Six beats a lease, two of which must be lost before a member is given up: three more members can be tried then. */
export function beatIntervalMs(state: SessionState): number {
  return state.ttlMs / 6
}

export function silenceMaxMs(state: SessionState): number {
  return state.ttlMs / 3
}

/** For a connection to open. Small ttls are the servers' to refuse: below a second nothing is gained. */
export function attemptTimeoutMs(state: SessionState): number {
  return Math.max(1_000, state.ttlMs / 6)
}

/**
 * A session is made or taken over by its leader's word. A member that hangs must not cost much of the lease, and a
 * busy ensemble must be waited for: so short at first, and longer when every server was tried twice.
 */
export function handshakeTimeoutMs(state: SessionState): number {
  return attemptTimeoutMs(state) * 2 ** Math.min(2, Math.max(0, roundsFailed(state) - 1))
}

/** How often every server was tried in a row, in vain. */
export function roundsFailed(state: SessionState): number {
  return Math.floor(state.failures / state.endpoints.length)
}

/** Milliseconds for which the servers cannot have let the session expire. */
export function validForMs(state: SessionState, now: number): number {
  return state.validSinceMs + state.ttlMs - now
}
