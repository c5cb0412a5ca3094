// Takes a request that only the controller can serve to the controller, and its answer back. Clients differ in where
// they send such requests: old ones to the controller they read in Metadata, those written for KRaft to any broker, and
// creation by Metadata comes wherever it likes. So every broker takes them; only if the controller cannot be reached
// is the answer NOT_CONTROLLER, on which all of them read the metadata anew and try again.
import type { Call } from './call.ts'
import { Connection } from './client/connection.ts'
import type { AnyApi } from './protocol/apis.ts'
import type { Body, Encodable } from './protocol/fields.ts'
import type { PeerCredentials } from './replication/follower.ts'
import { mayCluster } from './security/access.ts'

/** Of connections that carry forwarded requests: these are not forwarded again. */
export const forwardingClientId = '__tailrace_forwarder'

/** Comes from another broker, which has asked its own client for the right to it. Anybody could claim so. */
export function isForwarded(call: Call): boolean {
  return call.clientId === forwardingClientId && mayCluster(call.access, 'clusterAction')
}

const requestTimeoutMs = 10_000

export interface ControllerAddress {
  readonly host: string
  readonly port: number
}

export class Forwarder {
  readonly #controller: () => ControllerAddress | null
  readonly #credentials: PeerCredentials
  readonly #catchUp: () => Promise<void>
  #connection: Connection | null = null
  #opening: Promise<Connection> | null = null

  constructor(
    controller: () => ControllerAddress | null,
    credentials: PeerCredentials,
    catchUp = async () => {},
  ) {
    this.#controller = controller
    this.#credentials = credentials
    this.#catchUp = catchUp
  }

  /**
   * Null when there is no controller, or it did not answer. Resolves when this broker knows of what the controller has
   * done: who creates a topic through it may use that topic through it.
   */
  async forward<A extends AnyApi>(
    api: A,
    body: Encodable<A['request']>,
  ): Promise<Body<A['response']> | null> {
    const address = this.#controller()
    if (!address) return null
    try {
      const connection = await this.#connectionTo(address)
      const answer = await connection.request(api, body, { timeoutMs: requestTimeoutMs })
      await this.#catchUp()
      return answer
    } catch {
      this.close()
      return null
    }
  }

  close(): void {
    this.#connection?.close()
    this.#connection = null
  }

  async #connectionTo({ host, port }: ControllerAddress): Promise<Connection> {
    if (
      this.#connection &&
      (!this.#connection.isOpen || this.#connection.host !== host || this.#connection.port !== port)
    )
      this.close()
    if (this.#connection) return this.#connection
    this.#opening ??= Connection.open({
      host,
      port,
      clientId: forwardingClientId,
      ...this.#credentials,
    }).finally(() => {
      this.#opening = null
    })
    this.#connection = await this.#opening
    return this.#connection
  }
}
