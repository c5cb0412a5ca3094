// Who is at the other end of one connection: the steps of SASL as Kafka frames them (SaslHandshake, SaslAuthenticate),
// what may be asked before they are done, and when they have to be done again (KIP-368). State of one connection; time,
// nonces and what is known of users are handed in.
import { timingSafeEqual } from 'node:crypto'
import { noBytes } from '../protocol/bytes.ts'
import type { ErrorName } from '../protocol/errors.ts'
import {
  keysOf,
  type ScramKeys,
  type ScramMechanism,
  ScramServer,
  saltPassword,
  scramMechanisms,
} from '../protocol/scram.ts'
import { clusterUser, type Identity, strangerIdentity } from './access.ts'

export type Mechanism = ScramMechanism | 'PLAIN'
const scramOnly = Object.keys(scramMechanisms) as ScramMechanism[]

/** What a conversation needs to know of users. */
export interface Realm {
  /** Of a user nobody knows too: such keys as no password fits, so that the answer does not tell who exists. */
  keysOf(user: string, mechanism: ScramMechanism): ScramKeys
  identityOf(user: string, host: string): Identity
  newNonce(): string
  /** After this long a client has to authenticate again; 0 for never. */
  readonly sessionLifetimeMs: number
}

export interface SaslStep {
  readonly error: ErrorName
  readonly message: string | null
  readonly token: Buffer
  /** Of the session that has begun; 0 while there is none or it has no end. */
  readonly sessionLifetimeMs: number
}

export interface SessionOptions {
  readonly realm: Realm
  /** As in `/10.0.0.1`, without the slash. */
  readonly host: string
  /** Passwords may be sent as they are. */
  readonly isEncrypted: boolean
  /** Who the client is before it says anything: null demands that it says who it is. */
  readonly startsAs: Identity | null
}

const apiKeys = { saslHandshake: 17, apiVersions: 18, saslAuthenticate: 36 }
const plainMessageBytesMax = 4_096

type Conversation =
  | { readonly mechanism: 'PLAIN' }
  | { readonly mechanism: ScramMechanism; readonly server: ScramServer; user: string | null }

export class AuthenticatedSession {
  identity: Identity
  /** May ask for more than to be let in. */
  isOpen: boolean
  /** On the clock that `authenticate` is told. */
  expiresAtMs = Number.POSITIVE_INFINITY
  /** A conversation failed: the connection is to end with the answer that says so. */
  hasFailed = false
  readonly #options: SessionOptions
  #conversation: Conversation | null = null
  /** Who it was let in as; another may not take over the connection. */
  #user: string | null = null

  constructor(options: SessionOptions) {
    this.#options = options
    this.identity = options.startsAs ?? strangerIdentity
    this.isOpen = options.startsAs !== null
  }

  /** Who it was let in as by a password; null for others. */
  get user(): string | null {
    return this.#user
  }

  /** What it was let in by holds no more. */
  revoke(): void {
    this.identity = strangerIdentity
    this.isOpen = false
    this.#conversation = null
  }

  get mechanisms(): readonly Mechanism[] {
    return this.#options.isEncrypted ? [...scramOnly, 'PLAIN'] : scramOnly
  }

  /** Strangers, and those whose session is over, may only ask to be let in. */
  mayAsk(apiKey: number, nowMs: number): boolean {
    if (this.isOpen && nowMs < this.expiresAtMs) return true
    const { saslHandshake, apiVersions, saslAuthenticate } = apiKeys
    return apiKey === saslHandshake || apiKey === apiVersions || apiKey === saslAuthenticate
  }

  handshake(name: string): ErrorName {
    const mechanism = this.mechanisms.find(one => one === name)
    if (mechanism === undefined) {
      this.hasFailed = true
      return 'unsupportedSaslMechanism'
    }
    if (mechanism === 'PLAIN') this.#conversation = { mechanism }
    else {
      const server = new ScramServer(scramMechanisms[mechanism].hash, this.#options.realm.newNonce())
      this.#conversation = { mechanism, server, user: null }
    }
    return 'none'
  }

  /** One message of the client. A promise only where a password has to be salted. */
  authenticate(token: Buffer, nowMs: number): SaslStep | Promise<SaslStep> {
    const conversation = this.#conversation
    if (conversation === null) {
      this.hasFailed = true
      return failed('illegalSaslState', 'SaslHandshake has to come first')
    }
    if (conversation.mechanism === 'PLAIN') return this.#checkPlain(token, nowMs)
    const { server, mechanism } = conversation
    if (conversation.user === null) {
      conversation.user = server.userOf(token)
      if (conversation.user === null) return this.#fail(mechanism)
      const keys = this.#options.realm.keysOf(conversation.user, mechanism)
      return { error: 'none', message: null, token: server.challenge(keys), sessionLifetimeMs: 0 }
    }
    const final = server.finish(token)
    return final === null ? this.#fail(mechanism) : this.#letIn(conversation.user, final, mechanism, nowMs)
  }

  async #checkPlain(token: Buffer, nowMs: number): Promise<SaslStep> {
    const [authorizeAs, user, password, ...more] = token.toString('utf8').split('\0')
    const isWhole = user !== undefined && password !== undefined && more.length === 0
    const isFit = isWhole && token.length <= plainMessageBytesMax && user !== '' && password !== ''
    if (!isFit || user === clusterUser || (authorizeAs !== '' && authorizeAs !== user)) {
      return this.#fail('PLAIN')
    }
    const keys = this.#options.realm.keysOf(user, 'SCRAM-SHA-512')
    const hash = keys.storedKey.length === scramMechanisms['SCRAM-SHA-512'].bytes ? 'sha512' : 'sha256'
    const salted = await saltPassword(hash, password, keys.salt, keys.iterations)
    const { storedKey } = keysOf(hash, salted, keys.salt, keys.iterations)
    const isRight = timingSafeEqual(storedKey, keys.storedKey)
    return isRight ? this.#letIn(user, noBytes, 'PLAIN', nowMs) : this.#fail('PLAIN')
  }

  #letIn(user: string, token: Buffer, mechanism: Mechanism, nowMs: number): SaslStep {
    if (this.#user !== null && this.#user !== user) return this.#fail(mechanism)
    const { realm, host } = this.#options
    // Brokers are not asked again: nothing changes the secret they share.
    const sessionLifetimeMs = user === clusterUser ? 0 : realm.sessionLifetimeMs
    this.#user = user
    this.#conversation = null
    this.identity = realm.identityOf(user, host)
    this.isOpen = true
    if (sessionLifetimeMs > 0) this.expiresAtMs = nowMs + sessionLifetimeMs
    return { error: 'none', message: null, token, sessionLifetimeMs }
  }

  #fail(mechanism: Mechanism): SaslStep {
    this.#conversation = null
    this.hasFailed = true
    return failed(
      'saslAuthenticationFailed',
      `Authentication failed during authentication due to invalid credentials with SASL mechanism ${mechanism}`,
    )
  }
}

function failed(error: ErrorName, message: string): SaslStep {
  return { error, message, token: noBytes, sessionLifetimeMs: 0 }
}
