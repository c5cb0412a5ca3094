// One request being served, from its frame to its answer. A handler returns the answer, a promise of it, or
// `parked` and calls answer() later; `silent` means that none is due (Produce with acks=0).
import type { AnyApi } from './protocol/apis.ts'
import type { Access } from './security/access.ts'
import type { AuthenticatedSession } from './security/authentication.ts'

export const parked = Symbol('parked')
export const silent = Symbol('silent')

/** What a call needs of the connection it came by. */
export interface CallOwner {
  /** `/127.0.0.1`, as Kafka's tools print it. */
  readonly clientHost: string
  /** Through which it came, and in whose addresses it is answered; null for the plain one of this machine. */
  readonly listener: string | null
  /** Who the client is. */
  readonly session: AuthenticatedSession
  /** The answer is there: send it when its turn comes. */
  onAnswered(call: Call): void
  /** Ends the connection; the reason is logged. */
  close(reason: string): void
}

export class Call {
  readonly owner: CallOwner
  readonly api: AnyApi
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string
  readonly startedMs: number
  /** The client is the second live instance of its agent: it may read, not write. */
  isFencedAgent = false
  answered = false
  /** After the answer the connection ends. */
  isLast = false
  /** The answer, unencoded; null when none is due. */
  body: unknown = null
  /** Set by whoever parks the call: the connection has ended, nobody waits for the answer any more. */
  onGone: (() => void) | null = null

  constructor(
    owner: CallOwner,
    api: AnyApi,
    apiVersion: number,
    correlationId: number,
    clientId: string,
    startedMs: number,
  ) {
    this.owner = owner
    this.api = api
    this.apiVersion = apiVersion
    this.correlationId = correlationId
    this.clientId = clientId
    this.startedMs = startedMs
  }

  /** What the client may do. */
  get access(): Access {
    return this.owner.session.identity.access
  }

  /** To be called once. After the connection has ended it does nothing. */
  answer(body: unknown): void {
    if (this.answered) throw new Error(`${this.api.name} was answered twice`)
    this.answered = true
    this.body = body
    this.onGone = null
    this.owner.onAnswered(this)
  }
}
