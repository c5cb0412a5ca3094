// A ZooKeeper session as brokers see it: how long it certainly lasts, and when it is known to be over. Its beats are
// the client's. A member that dies right after it passed a beat on may have told the leader only of the one before:
// the servers can then end the session one beat (a sixth of its ttl) before validFor() says so, unless another
// member is reached in between. Whoever depends on the last second subtracts that.
import type { Session } from '../store.ts'
import type { ZookeeperClient } from './client.ts'

export class ZookeeperSession implements Session {
  readonly ended: Promise<string>
  readonly client: ZookeeperClient
  readonly #opened = Promise.withResolvers<boolean>()
  readonly #resolveEnded: (reason: string) => void
  isOpen = false

  constructor(client: ZookeeperClient) {
    this.client = client
    const { promise, resolve } = Promise.withResolvers<string>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  get id(): string {
    return BigInt.asUintN(64, this.client.sessionId).toString(16)
  }

  get ttlMs(): number {
    return this.client.ttlMs
  }

  /** False when no server granted it in time. */
  async open(timeoutMs: number): Promise<boolean> {
    const timer = setTimeout(() => this.#opened.resolve(false), timeoutMs)
    const opened = await this.#opened.promise
    clearTimeout(timer)
    return opened
  }

  validFor(): number {
    return this.client.validFor()
  }

  async close(): Promise<void> {
    await this.client.close()
  }

  established(): void {
    this.isOpen = true
    this.#opened.resolve(true)
  }

  end(reason: string): void {
    this.isOpen = false
    this.#opened.resolve(false)
    this.#resolveEnded(reason)
  }
}
