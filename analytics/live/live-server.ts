// The WebSocket at /api/v1/live: who may open one, the groups that sockets share, and the clock that drives them.
// State ticks at 4 Hz; what is sent to many is computed and written as JSON once.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { type AccessRules, identify, isOurHost, mayAct } from '../http/access.ts'
import type { LiveTopic } from '../http/contract.ts'
import { liveRules, mayDo } from '../http/role-table.ts'
import type { Identity } from '../http/sessions.ts'
import { unknownName } from '../queries/problem.ts'
import { LiveGroup, type LiveSource } from './group.ts'
import { closeCodes, LiveClient, type LiveHub, liveLimits } from './live-client.ts'
import {
  type Args,
  clusterSource,
  lossesSource,
  overviewSource,
  type StateContext,
  seriesSource,
  topSource,
} from './state-sources.ts'
import {
  agentsSource,
  alertsSource,
  groupsSource,
  type ListContext,
  statsSource,
} from './statistic-sources.ts'

const livePath = '/api/v1/live'
const subprotocol = 'tailrace.v1'
const hz = 4
const topics = Object.keys(liveRules) as readonly LiveTopic[]
const heartbeatMs = 5_000
const pingMs = 20_000
/** A group stays when the last page leaves, so that a short absence costs no snapshot. */
const groupLingersMs = 30_000

export interface LiveServerOptions {
  readonly access: AccessRules
  readonly context: StateContext
  readonly lists: ListContext
  /** The tail's source for some arguments. */
  tail(args: Args): LiveSource
  readonly clock: Clock
  readonly log: Log
  readonly build: string
}

export class LiveServer implements LiveHub {
  /** Of this run of the server: positions of another one mean nothing. */
  readonly epoch = randomBytes(9).toString('base64url')
  readonly hz = hz
  readonly build: string
  readonly #options: LiveServerOptions
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: liveLimits.payloadBytes,
    perMessageDeflate: false,
    handleProtocols: offered => (offered.has(subprotocol) ? subprotocol : false),
  })
  readonly #clients = new Set<LiveClient>()
  readonly #groups = new Map<string, { readonly group: LiveGroup; members: number }>()
  readonly #timers: NodeJS.Timeout[] = []

  constructor(options: LiveServerOptions) {
    this.#options = options
    this.build = options.build
    this.#timers.push(setInterval(() => this.#tick(), 1000 / hz))
    this.#timers.push(setInterval(() => this.#heartbeat(), heartbeatMs))
    this.#timers.push(setInterval(() => this.#ping(), pingMs))
  }

  get clients(): number {
    return this.#clients.size
  }

  /** Of the page that reads slowest. */
  get queuedBytesMost(): number {
    return Math.max(0, ...[...this.#clients].map(({ bufferedBytes }) => bufferedBytes))
  }

  nowMs(): number {
    return this.#options.clock.wallMs()
  }

  /** For the `upgrade` event of the HTTP server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { access } = this.#options
    const path = (request.url ?? '').split('?')[0]
    if (path !== livePath) refuseUpgrade(socket, '404 Not Found')
    else if (!isOurHost(request, access)) refuseUpgrade(socket, '421 Misdirected Request')
    else if (!mayAct(request, access)) refuseUpgrade(socket, '403 Forbidden')
    else if (this.#clients.size >= liveLimits.sockets) refuseUpgrade(socket, '503 Service Unavailable')
    else
      this.#sockets.handleUpgrade(request, socket, head, opened =>
        this.#opened(opened, socket, identify(request, access)),
      )
  }

  join(topic: string, args: Args): LiveGroup {
    const key = `${topic}\n${JSON.stringify(Object.entries(args).sort())}`
    let entry = this.#groups.get(key)
    if (!entry) {
      entry = { group: new LiveGroup(key, this.#source(topic, args)), members: 0 }
      this.#groups.set(key, entry)
    }
    entry.members++
    entry.group.idleSinceMs = null
    return entry.group
  }

  leave(group: LiveGroup): void {
    const entry = this.#groups.get(group.key)
    if (entry && --entry.members === 0) group.idleSinceMs = this.nowMs()
  }

  isSignedIn({ session, role }: Identity): boolean {
    return this.#options.access.sessions.roleOf(session) === role
  }

  roleNeeded(topic: string, { role }: Identity): string | null {
    const needed = Object.hasOwn(liveRules, topic) ? liveRules[topic as LiveTopic] : 'viewer'
    return mayDo(role, needed) ? null : needed
  }

  /** Somebody has signed out: what that session still shows ends. */
  endSession(session: string): void {
    for (const client of this.#clients) {
      if (client.identity.session === session) client.close(closeCodes.notSignedIn, 'signed out')
    }
  }

  /** Lets everybody go with the word that it is worth coming back. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    for (const client of this.#clients) client.close(closeCodes.restarting, 'restarting')
    for (const { group } of this.#groups.values()) group.close()
    this.#sockets.close()
  }

  #source(topic: string, args: Args): LiveSource {
    const { context, lists, tail } = this.#options
    switch (topic) {
      case 'overview':
        return overviewSource(context)
      case 'series':
        return seriesSource(context, args)
      case 'top':
        return topSource(context, args)
      case 'losses':
        return lossesSource(context)
      case 'cluster':
        return clusterSource(context)
      case 'stats':
        return statsSource(context, args)
      case 'agents':
        return agentsSource(context)
      case 'groups':
        return groupsSource(context, lists)
      case 'alerts':
        return alertsSource(lists)
      case 'tail':
        return tail(args)
      default:
        throw unknownName('topic', topic, topics)
    }
  }

  #opened(socket: WebSocket, wire: Duplex, identity: Identity | null): void {
    // Only after the handshake can a page see why: a refused upgrade tells it nothing.
    if (!identity) {
      socket.close(closeCodes.notSignedIn, 'not signed in')
      return
    }
    const ofSession = [...this.#clients].filter(client => client.identity.session === identity.session)
    if (ofSession.length >= liveLimits.socketsPerSession) {
      socket.close(closeCodes.tooMany, `at most ${liveLimits.socketsPerSession} sockets`)
      return
    }
    const client = new LiveClient(socket, wire, this, identity, randomBytes(6).toString('base64url'))
    this.#clients.add(client)
    socket.on('message', (data, isBinary) => {
      if (isBinary) client.close(1003, 'text only')
      else client.receive(String(data))
    })
    socket.on('pong', () => client.answered())
    socket.on('error', error => this.#options.log.debug('a live socket failed', { error: error.message }))
    socket.on('close', () => {
      this.#clients.delete(client)
      client.end()
    })
  }

  #tick(): void {
    const now = this.nowMs()
    for (const client of this.#clients) client.beginTick()
    // All that a tick tells is of one state of the store, which is opened once.
    if (this.#groups.size > 0) this.#options.context.reading().rows.snapshot(() => this.#tell(now))
    for (const client of this.#clients) client.settle()
  }

  #tell(now: number): void {
    for (const { group } of this.#groups.values()) {
      if (group.idleSinceMs !== null && now - group.idleSinceMs > groupLingersMs) {
        this.#groups.delete(group.key)
        group.close()
        continue
      }
      if (!group.tick()) continue
      for (const client of this.#clients) client.deliver(group)
    }
  }

  #heartbeat(): void {
    for (const client of this.#clients) {
      if (this.isSignedIn(client.identity)) client.heartbeat()
      else client.close(closeCodes.notSignedIn, 'the session has ended')
    }
  }

  #ping(): void {
    for (const client of this.#clients) client.ping()
  }
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
