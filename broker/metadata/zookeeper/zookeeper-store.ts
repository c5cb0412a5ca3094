// The metadata store of brokers on several machines: ZooKeeper (3.6 or later), by our own wire client. Every write is
// one guarded multi, sent once; reads are of the member we are connected to, and barrier() is a write, for nothing
// less makes that member current. A handle has one ZooKeeper session at a time: at first one on which nothing
// depends, then the one openSession() asks for; when that one expires the handle is at its end.
import { randomBytes } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { type Clock, systemClock } from '../../../runtime/clock.ts'
import type {
  Entry,
  Guard,
  MetadataStore,
  Operation,
  Position,
  Session,
  StoreStatus,
  TransactionResult,
  WatchSink,
} from '../store.ts'
import { parseZookeeperAddress, type ZookeeperAddress } from './address.ts'
import { type ClientListener, ZookeeperClient } from './client.ts'
import { entryOf, formatText, keyOfName, keyOfPath, pathOfKey } from './nodes.ts'
import {
  type Acl,
  addWatch,
  anyVersion,
  create,
  creatorAcl,
  decodeChildren2,
  decodeGetData,
  decodeMulti,
  digestAuth,
  errorCodes,
  errorName,
  getChildren2,
  getData,
  multi,
  openAcl,
  type Request,
  requestBytesMax,
} from './protocol.ts'
import type { OnLoss, Settlement } from './session-state.ts'
import { compile, judge, type Surroundings } from './transaction.ts'
import { readsAtOnce, UnavailableError, Watches } from './watches.ts'
import { ZookeeperSession } from './zookeeper-session.ts'

export interface ZookeeperOptions {
  /** Certificates for zookeeper+tls://: ca, cert, key, as node:tls takes them. */
  readonly tls?: ConnectionOptions
  /** For the first connection, and for each session. */
  readonly connectTimeoutMs?: number
  readonly clock?: Clock
}

/** Of the session on which nothing depends. */
const idleTtlMs = 10_000
const connectTimeoutMsDefault = 15_000
/** A read waits this long for a connection and an answer. */
const readTimeoutMs = 10_000

type Reply = Extract<Settlement, { type: 'reply' }>

/** Connects, and makes the chroot where it is missing. */
export async function openZookeeperStore(
  address: string,
  options: ZookeeperOptions = {},
): Promise<MetadataStore> {
  const store = new ZookeeperStore(parseZookeeperAddress(address), options)
  try {
    await store.open()
    return store
  } catch (cause) {
    await store.close()
    throw new Error(`Cannot open the metadata store: ${(cause as Error).message}`, { cause })
  }
}

class ZookeeperStore implements MetadataStore, ClientListener {
  readonly limits = { transactionOperations: 1_000, transactionBytes: 512 * 1024 }
  readonly #address: ZookeeperAddress
  readonly #acl: Acl
  readonly #tls: ConnectionOptions | null
  readonly #connectTimeoutMs: number
  readonly #clock: Clock
  readonly #watches: Watches
  #client: ZookeeperClient
  #session: ZookeeperSession | null = null
  #isClosed = false
  #since: number

  constructor(address: ZookeeperAddress, options: ZookeeperOptions) {
    this.#address = address
    this.#acl = address.credentials ? creatorAcl : openAcl
    this.#tls = address.isEncrypted ? { ...options.tls } : null
    this.#connectTimeoutMs = options.connectTimeoutMs ?? connectTimeoutMsDefault
    this.#clock = options.clock ?? systemClock
    this.#since = this.#clock.monotonicMs()
    this.#watches = new Watches({
      addWatch: async () => void (await this.#ask(addWatch(address.chroot), 'fail')),
      list: prefix => this.#list(prefix, 'fail'),
      read: key => this.#read(key, 'fail'),
    })
    this.#client = this.#newClient(idleTtlMs, null)
  }

  async open(): Promise<void> {
    this.#client.start(0n)
    const { chroot } = this.#address
    const segments = chroot.slice(1).split('/')
    for (const [index] of segments.entries()) {
      const path = `/${segments.slice(0, index + 1).join('/')}`
      const data = Buffer.from(path === chroot ? formatText : '')
      // Creating a node that is there changes nothing, so this write may be sent again.
      const request = create(path, data, this.#acl)
      await this.#ask(request, 'resend', [errorCodes.nodeExists], this.#connectTimeoutMs)
    }
    const { body } = await this.#ask(getData(chroot), 'resend', [], this.#connectTimeoutMs)
    const format = decodeGetData(body).data.toString()
    if (format !== formatText && format !== '') {
      throw new Error(`${chroot} is of another format than ${formatText}: ${format.slice(0, 80)}`)
    }
  }

  async get(key: string): Promise<Entry | null> {
    return (await this.#read(key, 'resend')).entry
  }

  list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly at: Position }> {
    return this.#list(prefix, 'resend')
  }

  /** Changes nothing, so it may be sent again. */
  async barrier(): Promise<void> {
    const check = multi([{ type: 'check', path: this.#address.chroot, version: anyVersion }])
    await this.#ask(check, 'resend')
  }

  async transact(
    guards: readonly Guard[],
    operations: readonly Operation[],
    timeoutMs: number,
  ): Promise<TransactionResult> {
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs
    const leftovers = new Set<number>()
    const nonces = operations.map(() => randomBytes(12).toString('base64url'))
    const surroundings: Surroundings = { chroot: this.#address.chroot, acl: this.#acl, nonces, leftovers }
    for (;;) {
      // Their ephemeral entries could only be another session's.
      if (operations.some(operation => !this.#isOfThisSession(operation))) return { outcome: 'conflict' }
      const compiled = compile(guards, operations, surroundings)
      if (!compiled) return { outcome: 'conflict' }
      const request = multi(compiled.multi)
      if (request.body.length + 8 > requestBytesMax) {
        return unknown(`nothing was sent: ${request.body.length + 8} bytes, ${requestBytesMax} is the most`)
      }
      const result = await this.#send(request, 'lost', deadlineMs)
      if (result.type !== 'reply') {
        return unknown(result.type === 'lost' ? result.reason : `nothing was sent: ${result.reason}`)
      }
      if (result.error !== errorCodes.none) return unknown(`refused: ${errorName(result.error)}`)
      const verdict = judge(operations, compiled, decodeMulti(result.body), surroundings)
      switch (verdict.type) {
        case 'applied':
          return { outcome: 'applied', position: result.zxid, versions: verdict.versions }
        case 'conflict':
          return { outcome: 'conflict' }
        case 'failed':
          return unknown(`refused: ${errorName(verdict.error)}`)
        case 'look': {
          const isLeftover = await this.#isLeftover(operations[verdict.operation]!, deadlineMs)
          if (isLeftover === null || isLeftover === leftovers.has(verdict.operation)) {
            return { outcome: 'conflict' }
          }
          if (isLeftover) leftovers.add(verdict.operation)
          else leftovers.delete(verdict.operation)
        }
      }
    }
  }

  async openSession(ttlMs: number): Promise<Session> {
    if (this.#session) throw new Error('Cannot open a session: this handle has had one')
    const before = this.#client
    const client = this.#newClient(ttlMs, this.#address.chroot)
    const session = new ZookeeperSession(client)
    this.#session = session
    this.#client = client
    await before.close()
    client.start(before.lastZxid)
    const opened = await session.open(this.#connectTimeoutMs)
    if (opened) return session
    this.#session = null
    await client.close()
    throw new Error(`Cannot open a session: no server of ${this.status().endpoint} gave one in time`)
  }

  watch(prefix: string, sink: WatchSink): () => void {
    this.#current()
    return this.#watches.add(prefix, sink)
  }

  status(): StoreStatus {
    const endpoint = this.#client.endpoint ?? this.#address.endpoints[0]!
    return {
      connected: this.#client.isConnected,
      since: this.#since,
      endpoint: `${endpoint.host}:${endpoint.port}`,
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#watches.clear()
    await this.#client.close()
  }

  established(client: ZookeeperClient): void {
    if (client !== this.#client) return
    this.#since = this.#clock.monotonicMs()
    if (this.#session?.client === client) this.#session.established()
    this.#watches.established()
  }

  interrupted(client: ZookeeperClient, reason: string): void {
    if (client !== this.#client) return
    this.#since = this.#clock.monotonicMs()
    this.#watches.interrupted(reason)
  }

  event(client: ZookeeperClient, { path }: { readonly path: string }): void {
    if (client !== this.#client) return
    const key = keyOfPath(this.#address.chroot, path)
    if (key !== null) this.#watches.keyChanged(key)
  }

  ended(client: ZookeeperClient, reason: string): void {
    if (client !== this.#client) return
    this.#since = this.#clock.monotonicMs()
    this.#watches.interrupted(reason)
    if (this.#session?.client === client) this.#session.end(reason)
    if (!this.#watches.isEmpty) this.#current()
  }

  #newClient(ttlMs: number, beatPath: string | null): ZookeeperClient {
    const { endpoints, credentials } = this.#address
    const options = {
      endpoints: shuffled(endpoints),
      ttlMs,
      beatPath,
      authentication: credentials ? [digestAuth(credentials.user, credentials.password)] : [],
      lastZxid: 0n,
      tls: this.#tls,
      clock: this.#clock,
    }
    return new ZookeeperClient(options, this)
  }

  /**
   * The client to ask. One whose session was closed, or expired while nothing depended on it, is replaced; one whose
   * session expired is not: who held it must notice.
   */
  #current(): ZookeeperClient {
    const { endReason } = this.#client
    const isOfSession = this.#client === this.#session?.client
    const isReplaceable = endReason === 'closed' || (endReason === 'expired' && !isOfSession)
    if (isReplaceable && !this.#isClosed) {
      const { lastZxid } = this.#client
      this.#client = this.#newClient(idleTtlMs, null)
      this.#client.start(lastZxid)
    }
    return this.#client
  }

  /** Until the deadline, by another client if the one asked was replaced before it had sent anything. */
  async #send(request: Request, onLoss: OnLoss, deadlineMs: number): Promise<Settlement> {
    for (;;) {
      const client = this.#current()
      const result = await client.request(request, onLoss, deadlineMs - this.#clock.monotonicMs())
      const mayGoAgain = result.type === 'unsent' || (result.type === 'lost' && onLoss === 'resend')
      if (!mayGoAgain || client === this.#current()) return result
    }
  }

  /** For requests that change nothing: an answer, or an UnavailableError. */
  async #ask(
    request: Request,
    onLoss: OnLoss,
    allowed: readonly number[] = [],
    timeoutMs = readTimeoutMs,
  ): Promise<Reply> {
    const result = await this.#send(request, onLoss, this.#clock.monotonicMs() + timeoutMs)
    if (result.type !== 'reply') throw new UnavailableError(`ZooKeeper does not answer: ${result.reason}`)
    if (result.error !== errorCodes.none && !allowed.includes(result.error)) {
      throw new UnavailableError(`ZooKeeper refuses: ${errorName(result.error)}`)
    }
    return result
  }

  async #read(key: string, onLoss: OnLoss): Promise<{ readonly entry: Entry | null; readonly at: Position }> {
    const reply = await this.#ask(getData(pathOfKey(this.#address.chroot, key)), onLoss, [errorCodes.noNode])
    if (reply.error === errorCodes.noNode) return { entry: null, at: reply.zxid }
    const { data, stat } = decodeGetData(reply.body)
    return { entry: entryOf(key, data, stat), at: reply.zxid }
  }

  async #list(prefix: string, onLoss: OnLoss) {
    const reply = await this.#ask(getChildren2(this.#address.chroot), onLoss)
    const keys = decodeChildren2(reply.body)
      .children.map(keyOfName)
      .filter(key => key?.startsWith(prefix))
      .map(key => ({ key: key!, bytes: Buffer.from(key!) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    const entries: Entry[] = []
    for (let start = 0; start < keys.length; start += readsAtOnce) {
      const reads = keys.slice(start, start + readsAtOnce).map(({ key }) => this.#read(key, onLoss))
      for (const { entry } of await Promise.all(reads)) if (entry) entries.push(entry)
    }
    // Of the children, not of the reads: a key that was created in between is not among them, and not gone.
    return { entries, at: reply.zxid }
  }

  #isOfThisSession(operation: Operation): boolean {
    if (!('create' in operation) || operation.session === undefined) return true
    return operation.session === this.#session && this.#session.isOpen
  }

  /** True for the node of a session that ended, false for none; null when there is an entry, or nobody can say. */
  async #isLeftover(operation: Operation, deadlineMs: number): Promise<boolean | null> {
    const path = pathOfKey(this.#address.chroot, (operation as { readonly create: string }).create)
    const reply = await this.#send(getData(path), 'resend', deadlineMs)
    if (reply.type === 'reply' && reply.error === errorCodes.noNode) return false
    if (reply.type !== 'reply' || reply.error !== errorCodes.none) return null
    return decodeGetData(reply.body).stat.childCount === 0 ? true : null
  }
}

function unknown(reason: string): TransactionResult {
  return {
    outcome: 'unknown',
    cause: new Error(`Cannot tell whether the transaction was applied: ${reason}`),
  }
}

/** So that not all brokers crowd on the first server named. */
function shuffled<T>(items: readonly T[]): T[] {
  const keyed = items.map(item => ({ item, order: randomBytes(4).readUInt32BE() }))
  return keyed.sort((a, b) => a.order - b.order).map(({ item }) => item)
}
