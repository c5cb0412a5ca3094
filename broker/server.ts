// The doors: accepts connections within limits, plain ones on loopback only, and keeps what they hold in memory within
// one budget. What a request means is the handlers' business.
import { createServer, type Server as NetServer, type Socket } from 'node:net'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { Admission, type AdmissionLimits } from './admission.ts'
import type { BrokerCounters } from './broker-metrics.ts'
import type { Call } from './call.ts'
import type { TlsListenerConfig } from './config.ts'
import { Connection, pauseReasons } from './connection.ts'
import { descriptorLimit, descriptorsForClients } from './descriptors.ts'
import { FrameMemory, readBufferBytes } from './frame-memory.ts'
import type { HandlerTable } from './handler-row.ts'
import { bindTo, refuseOpenAddress } from './listen-address.ts'
import { RefusalLog } from './refusal-log.ts'
import type { AuthenticatedSession } from './security/authentication.ts'
import type { Certified } from './security/certified.ts'
import { type Door, loopbackDoor } from './security/security.ts'
import type { findSendfile } from './sendfile.ts'
import { TlsDoor } from './tls-door.ts'

export interface ServerLimits extends AdmissionLimits {
  readonly frameBytesMax: number
  /** As long as nobody knows who sends it. */
  readonly strangerFrameBytesMax: number
  /** From the first byte to having said who one is. */
  readonly authenticationMs: number
  /** Of requests that have arrived, whole or in part, and are not served yet, over all connections. */
  readonly heldBytesMax: number
  /** A frame that stops arriving for this long, or then still trickles, ends its connection. */
  readonly frameStallMs: number
  /** Kafka's connections.max.idle.ms. */
  readonly idleMs: number
}

/** How often those of a storm that wait are looked at. */
const drainEveryMs = 20

export const defaultLimits: ServerLimits = {
  frameBytesMax: 100 * 1024 * 1024,
  strangerFrameBytesMax: 16 * 1024,
  authenticationMs: 10_000,
  connectionsMax: 4_000,
  connectionsPerAddressMax: 100,
  connectionsPerLoopbackMax: 4_000,
  admissionsPerSecond: 1_000,
  heldBytesMax: 64 * 1024 * 1024,
  frameStallMs: 30_000,
  idleMs: 600_000,
}

const revokedAnswerMs = 500

/** What a connection needs of the house around it. */
export interface ServerContext {
  readonly clock: Clock
  readonly log: Log
  readonly limits: ServerLimits
  readonly findSendfile: typeof findSendfile
  readonly counters: BrokerCounters
  readonly budget: HeldBytesBudget
  readonly memory: FrameMemory
  readonly refusals: RefusalLog
  /** Every socket is read into it. */
  readonly readBuffer: Buffer
  readonly handlers: HandlerTable
  newSession(door: Door, clientHost: string, certified: Certified | null): AuthenticatedSession
  /** Before a request is served. */
  onRequest(connection: Connection, call: Call): void
  onClosed(connection: Connection): void
}

/**
 * Bounds the memory of requests in arrival. Over the limit every connection that holds bytes stops being read,
 * but one: if all stopped, none could ever finish its frame.
 */
export class HeldBytesBudget {
  readonly #limit: number
  readonly #held = new Map<Connection, number>()
  readonly #paused = new Set<Connection>()
  #total = 0
  #privileged: Connection | null = null

  constructor(limitBytes: number) {
    this.#limit = limitBytes
  }

  get totalBytes(): number {
    return this.#total
  }

  update(connection: Connection): void {
    const before = this.#held.get(connection) ?? 0
    const now = connection.heldBytes
    if (before === now) return
    this.#total += now - before
    if (now === 0) this.#held.delete(connection)
    else this.#held.set(connection, now)
    if (now === 0 && this.#privileged === connection) this.#privileged = null
    if (this.#total <= this.#limit) this.#resumeAll()
    else if (this.#privileged === null && now > 0) this.#privilege(connection)
    else if (this.#privileged === null) this.#privilege(this.#paused.values().next().value ?? null)
    else if (this.#privileged !== connection) this.#pause(connection)
  }

  forget(connection: Connection): void {
    this.#paused.delete(connection)
    this.update(connection)
  }

  #pause(connection: Connection): void {
    this.#paused.add(connection)
    connection.pause(pauseReasons.budget)
  }

  #privilege(connection: Connection | null): void {
    this.#privileged = connection
    if (connection && this.#paused.delete(connection)) connection.resume(pauseReasons.budget)
  }

  #resumeAll(): void {
    this.#privileged = null
    for (const connection of this.#paused) {
      this.#paused.delete(connection)
      connection.resume(pauseReasons.budget)
    }
  }
}

/** What the house hands over once it is open. */
export type House = Pick<ServerContext, 'handlers' | 'newSession' | 'onRequest' | 'onClosed'>

/** By which door a connection came, and who its certificate says it is. */
export interface Entrance {
  readonly door: Door
  readonly certified: Certified | null
}

interface Waiting {
  readonly entrance: Entrance
  readonly address: string
}

const plainEntrance: Entrance = { door: loopbackDoor, certified: null }

export type ServerBase = Pick<ServerContext, 'clock' | 'log' | 'limits' | 'findSendfile' | 'counters'>

export class Server {
  readonly #base: Omit<ServerContext, keyof House>
  readonly #server: NetServer
  readonly #connections = new Set<Connection>()
  /** Accepted before the broker was open, or in a storm: unread until it is their turn. */
  readonly #early = new Map<Socket, Waiting>()
  readonly #doors: TlsDoor[] = []
  #context: ServerContext | null = null
  readonly #admission: Admission
  readonly #addresses = new WeakMap<Connection, string>()
  #draining: NodeJS.Timeout | null = null
  readonly #descriptorLimit = descriptorLimit()

  constructor(base: ServerBase) {
    this.#admission = new Admission(base.limits, base.clock.monotonicMs())
    this.#base = {
      ...base,
      budget: new HeldBytesBudget(base.limits.heldBytesMax),
      memory: new FrameMemory(),
      refusals: new RefusalLog(base.log),
      readBuffer: Buffer.allocUnsafeSlow(readBufferBytes),
    }
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, socket => {
      this.#onSocket(socket, plainEntrance)
    })
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  get heldBytes(): number {
    return this.#base.budget.totalBytes
  }

  /** For this machine. Resolves with the port. Clients wait until serve(). */
  listen(host: string, port: number): Promise<number> {
    refuseOpenAddress(host)
    return bindTo(this.#server, host, port, '--kafka-port')
  }

  /** For others. Resolves with the port. */
  listenTls(config: TlsListenerConfig): Promise<number> {
    const { log, limits, refusals } = this.#base
    const door = new TlsDoor(config, {
      log,
      handshakeMs: limits.authenticationMs,
      mayEnter: socket => this.#hasRoom(socket),
      left: address => this.#admission.left(address),
      onSocket: (socket, through, certified) => this.#onSocket(socket, { door: through, certified }),
      refused: (client, reason) => refusals.refused('connection refused', { client, reason }),
    })
    this.#doors.push(door)
    return door.listen()
  }

  /** From now on requests are answered. */
  serve(house: House): void {
    this.#context = {
      ...this.#base,
      ...house,
      onClosed: connection => {
        this.#connections.delete(connection)
        this.#base.budget.forget(connection)
        this.#admission.left(this.#addresses.get(connection) ?? '')
        house.onClosed(connection)
      },
    }
    this.#admission.descriptorsLeft = descriptorsForClients(this.#descriptorLimit)
    this.#drainEarly(this.#context)
  }

  /** Ends connections that stalled in the middle of a frame, or did not stir for very long. */
  tick(): void {
    this.#base.refusals.tick()
    this.#admission.descriptorsLeft = descriptorsForClients(this.#descriptorLimit)
    for (const door of this.#doors) door.reload()
    const nowMs = this.#base.clock.monotonicMs()
    const { frameStallMs, idleMs, authenticationMs } = this.#base.limits
    for (const connection of this.#connections) {
      const silentMs = nowMs - connection.lastReadMs
      if (connection.isStalled(nowMs)) {
        connection.close(`a frame was not there within ${frameStallMs} ms, nor came fast enough for more`)
      } else if (!connection.session.isOpen && nowMs - connection.openedMs > authenticationMs) {
        connection.close(`not authenticated within ${authenticationMs} ms`)
      } else if (silentMs > idleMs && connection.waitsForClient) connection.end()
    }
  }

  /** Who logged in as this user is a stranger from now on; answers under way have a moment to leave. */
  endSessionsOf(user: string): void {
    for (const connection of this.#connections) {
      if (connection.session.user !== user) continue
      connection.session.revoke()
      if (connection.waitsForClient) connection.end()
      else setTimeout(() => connection.end(), revokedAnswerMs).unref()
    }
  }

  /** No new connections, and the open ones end. */
  close(): void {
    this.#server.close()
    if (this.#draining) clearTimeout(this.#draining)
    for (const door of this.#doors) door.close()
    for (const socket of this.#early.keys()) socket.destroy()
    for (const connection of this.#connections) connection.end()
  }

  /** The handshakes of an address count as its connections. */
  #hasRoom(socket: Socket): boolean {
    const client = socket.remoteAddress ?? ''
    const reason = this.#admission.enter(client)
    if (reason === null) return true
    this.#base.counters.refusedConnections.add()
    this.#base.refusals.refused('connection refused', { client, reason })
    socket.destroy()
    return false
  }

  /** At once, or when a storm has been served that far. */
  #onSocket(socket: Socket, entrance: Entrance): void {
    if (!this.#hasRoom(socket)) return
    const waiting = { entrance, address: socket.remoteAddress ?? '' }
    const isFree = this.#context !== null && this.#early.size === 0
    if (isFree && this.#admission.mayServe(this.#base.clock.monotonicMs())) {
      this.#admit(socket, waiting, this.#context!)
      return
    }
    socket.on('error', () => {})
    this.#early.set(socket, waiting)
    if (this.#context) this.#drainEarly(this.#context)
  }

  #drainEarly(context: ServerContext): void {
    for (const [socket, waiting] of this.#early) {
      if (!this.#admission.mayServe(this.#base.clock.monotonicMs())) break
      this.#early.delete(socket)
      if (socket.destroyed) this.#admission.left(waiting.address)
      else this.#admit(socket, waiting, context)
    }
    if (this.#early.size === 0 || this.#draining) return
    this.#draining = setTimeout(() => {
      this.#draining = null
      this.#drainEarly(context)
    }, drainEveryMs).unref()
  }

  #admit(socket: Socket, { entrance, address }: Waiting, context: ServerContext): void {
    const connection = new Connection(socket, context, entrance)
    this.#addresses.set(connection, address)
    this.#connections.add(connection)
  }
}
