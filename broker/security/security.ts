// The broker's guard: who may come in by which door, what is known of users and rules, and how long a wrong password
// has to wait. One for the process; sessions of connections are made here.
import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../../runtime/clock.ts'
import { iterationsMax, type ScramKeys, type ScramMechanism, scramMechanisms } from '../protocol/scram.ts'
import { clusterIdentity, clusterUser, type Identity, loopbackIdentity } from './access.ts'
import { AuthenticatedSession, type Realm } from './authentication.ts'
import type { Certified } from './certified.ts'
import type { ClusterSecret } from './cluster-secret.ts'
import { SecurityImage } from './security-image.ts'

/** By which a connection came in. */
export interface Door {
  readonly isEncrypted: boolean
  /** Only this machine can reach it: who says nothing is anonymous, and trusted with all but the brokers' own part. */
  readonly isLoopback: boolean
  /** The name of a listener for clients from elsewhere; null for the plain one of this machine. */
  readonly listener: string | null
}

export const loopbackDoor: Door = { isEncrypted: false, isLoopback: true, listener: null }

const failureDelayMs = 100
const failureDelayMaxMs = 5_000
const failuresKeptMax = 10_000
const failuresForgottenMs = 60_000

export interface SecurityOptions {
  readonly secret: ClusterSecret
  readonly clock: Clock
  readonly superUsers?: readonly string[]
  readonly sessionLifetimeMs?: number
}

export class Security implements Realm {
  readonly image: SecurityImage
  readonly secret: ClusterSecret
  readonly sessionLifetimeMs: number
  readonly #clock: Clock
  readonly #clusterKeys: ScramKeys
  readonly #failures = new Map<string, { count: number; atMs: number }>()

  private constructor(options: SecurityOptions, clusterKeys: ScramKeys) {
    this.secret = options.secret
    this.image = new SecurityImage(options.superUsers)
    this.sessionLifetimeMs = options.sessionLifetimeMs ?? 0
    this.#clock = options.clock
    this.#clusterKeys = clusterKeys
  }

  static async open(options: SecurityOptions): Promise<Security> {
    return new Security(options, await options.secret.ready())
  }

  /** `clientHost` as Kafka prints it, `/10.0.0.1`. `certified` is who a certificate that we trust says it is. */
  newSession({ isEncrypted, isLoopback }: Door, clientHost: string, certified: Certified | null) {
    const host = clientHost.slice(1)
    const unsaid = isLoopback ? loopbackIdentity : null
    const startsAs = certified === null ? unsaid : this.#identityOf(certified, host)
    return new AuthenticatedSession({ realm: this, host, isEncrypted, startsAs })
  }

  keysOf(user: string, mechanism: ScramMechanism): ScramKeys {
    if (user === clusterUser && mechanism === 'SCRAM-SHA-256') return this.#clusterKeys
    const known = this.image.users.get(user)?.keys
    return known?.[mechanism] ?? this.#keysOfNobody(user, mechanism)
  }

  identityOf(user: string, host: string): Identity {
    return user === clusterUser ? clusterIdentity : this.#principal(user, host)
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  newNonce(): string {
    return randomBytes(18).toString('base64url')
  }

  /** How long the answer to a wrong password waits: longer each time, for this address. */
  failureDelay(clientHost: string): number {
    const nowMs = this.#clock.monotonicMs()
    const before = this.#failures.get(clientHost)
    const count = before && nowMs - before.atMs < failuresForgottenMs ? before.count + 1 : 0
    this.#failures.delete(clientHost)
    this.#failures.set(clientHost, { count, atMs: nowMs })
    if (this.#failures.size > failuresKeptMax) this.#failures.delete(this.#failures.keys().next().value!)
    return Math.min(failureDelayMs * 2 ** Math.min(count, 10), failureDelayMaxMs)
  }

  #identityOf({ name, isBroker }: Certified, host: string): Identity {
    return isBroker ? clusterIdentity : this.#principal(name, host)
  }

  #principal(user: string, host: string): Identity {
    const principal = `User:${user}`
    return { principal, access: this.image.authorizer.accessOf(principal, host) }
  }

  /** The same salt whenever the same name is tried, on every broker, as for a user that exists. */
  #keysOfNobody(user: string, mechanism: ScramMechanism): ScramKeys {
    const { hash } = scramMechanisms[mechanism]
    const salt = createHmac('sha256', this.secret.secret)
      .update(`${mechanism} ${user}`)
      .digest()
      .subarray(0, 16)
    const nothing = createHmac(hash, this.secret.secret).update(randomBytes(16)).digest()
    return { salt, iterations: iterationsMax, storedKey: nothing, serverKey: nothing }
  }
}
