// One page's end of the live socket: its subscriptions, where each stands, and how much it can take. A page that does
// not keep up misses ticks and gets a snapshot afterwards; one that never does is let go.
import type { Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Identity } from '../http/sessions.ts'
import { ProblemError } from '../queries/problem.ts'
import { type CheckedMessage, clientMessage } from './client-message.ts'
import type { LiveGroup } from './group.ts'
import { tailRowsPerSecond } from './tail-feed.ts'

/** Reconnecting may help below 4500 (and after 4408), never after 4401 and 4426. */
export const closeCodes = {
  notSignedIn: 4401,
  silent: 4408,
  slow: 4008,
  restarting: 4409,
  wrongVersion: 4426,
  tooMany: 4429,
} as const

export const liveLimits = {
  subscriptions: 32,
  socketsPerSession: 8,
  sockets: 200,
  messagesPerSecond: 50,
  payloadBytes: 65_536,
  /** With more than this left over from before nothing is sent: it would be old when it arrives. */
  bufferedBytesPause: 32_768,
  /** Who has not caught up by then has stopped reading, or is gone. */
  bufferedTooLongMs: 60_000,
  helloWithinMs: 10_000,
} as const

/** At one every 20 s, half a minute without reading costs nobody the connection. */
const pingsMissedMost = 2
const asText = { binary: false } as const

/** What a client needs of the server it belongs to. */
export interface LiveHub {
  readonly epoch: string
  readonly build: string
  readonly hz: number
  nowMs(): number
  /** The group of a topic, made if need be; throws a ProblemError that says what is wrong with it. */
  join(topic: string, args: Readonly<Record<string, string>>): LiveGroup
  leave(group: LiveGroup): void
  /** Whether the session is still good. */
  isSignedIn(identity: Identity): boolean
  /** The role a topic takes that this one has not; null if it may be watched. */
  roleNeeded(topic: string, identity: Identity): string | null
}

interface Subscription {
  readonly id: number
  readonly group: LiveGroup
  readonly isTail: boolean
  /** Ticks were missed: a snapshot must come before the next delta. */
  isBehind: boolean
}

export class LiveClient {
  readonly identity: Identity
  readonly #socket: WebSocket
  /** What the socket writes to: corked during a tick, so that all of it is one system call. */
  readonly #wire: Writable
  readonly #hub: LiveHub
  readonly #session: string
  readonly #subscriptions = new Map<number, Subscription>()
  readonly #connectedAtMs: number
  #greeted = false
  #hidden = false
  #ticks = 0
  #slowSinceMs: number | null = null
  /** What was left over when the tick began; null between ticks. */
  #leftOver: number | null = null
  #messages = 0
  #messagesSinceMs = 0
  /** Pings in a row without an answer. */
  #unanswered = 0

  constructor(socket: WebSocket, wire: Writable, hub: LiveHub, identity: Identity, session: string) {
    this.#socket = socket
    this.#wire = wire
    this.#hub = hub
    this.identity = identity
    this.#session = session
    this.#connectedAtMs = hub.nowMs()
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  receive(data: string): void {
    if (this.#isFlooding()) {
      this.close(closeCodes.tooMany, 'too many messages')
      return
    }
    const message = clientMessage(data)
    if (!message) {
      this.close(1008, 'not a message of this protocol')
      return
    }
    if (message.type === 'hello') this.#greet(message)
    else if (!this.#greeted) this.close(1008, 'say hello first')
    else if (message.type === 'sub') this.#subscribe(message)
    else if (message.type === 'unsub') this.#unsubscribe(message.id)
    else this.#show(message.hidden)
  }

  /** Holds back what is sent until `settle`. */
  beginTick(): void {
    this.#leftOver = this.bufferedBytes
    this.#wire.cork()
  }

  /** Hands on what a group has just told, in bytes that are made once for all clients. */
  deliver(group: LiveGroup): void {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.group !== group) continue
      if (this.#isBusy() || this.#hidden) subscription.isBehind = true
      else if (!subscription.isBehind) this.#send(group.deltaMessage(subscription.id))
    }
  }

  /** After the deltas of a tick: brings up who is behind, watches the buffer, lets the tick go. */
  settle(): void {
    this.#ticks++
    this.#bringUp(this.#hub.nowMs())
    this.#leftOver = null
    this.#wire.uncork()
  }

  #bringUp(now: number): void {
    if (!this.#greeted && now - this.#connectedAtMs > liveLimits.helloWithinMs)
      this.close(closeCodes.silent, 'no hello')
    if (this.#isBusy()) {
      this.#slowSinceMs ??= now
      if (now - this.#slowSinceMs > liveLimits.bufferedTooLongMs) this.close(closeCodes.slow, 'slow')
      return
    }
    this.#slowSinceMs = null
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.isBehind && this.#isDue(subscription)) this.#snapshot(subscription)
    }
  }

  heartbeat(): void {
    if (this.#greeted) this.#send(JSON.stringify({ type: 'heartbeat', serverTime: this.#hub.nowMs() }))
  }

  /**
   * Asks whether it is still there, and lets it go when it did not answer twice. Not while something waits to be read:
   * the question would lie behind that, and whoever never reads is let go as slow.
   */
  ping(): void {
    if (this.bufferedBytes > 0) return
    if (this.#unanswered >= pingsMissedMost) this.terminate()
    else {
      this.#unanswered++
      this.#socket.ping()
    }
  }

  answered(): void {
    this.#unanswered = 0
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
    this.end()
  }

  terminate(): void {
    this.#socket.terminate()
    this.end()
  }

  /** Leaves every group; the socket is gone or going. */
  end(): void {
    for (const { group } of this.#subscriptions.values()) this.#hub.leave(group)
    this.#subscriptions.clear()
  }

  #greet(hello: Extract<CheckedMessage, { type: 'hello' }>): void {
    if (hello.version !== 1) {
      this.close(closeCodes.wrongVersion, 'this server speaks version 1')
      return
    }
    this.#greeted = true
    const { epoch, build, hz } = this.#hub
    const serverTime = this.#hub.nowMs()
    const { subscriptions, messagesPerSecond, payloadBytes } = liveLimits
    const limits = { subscriptions, messagesPerSecond, payloadBytes, tailRowsPerSecond }
    const welcome = { type: 'welcome', session: this.#session, epoch, serverTime, build, hz, limits }
    this.#send(JSON.stringify(welcome))
  }

  #subscribe(message: Extract<CheckedMessage, { type: 'sub' }>): void {
    if (!this.#hub.isSignedIn(this.identity)) {
      this.close(closeCodes.notSignedIn, 'the session has ended')
      return
    }
    this.#unsubscribe(message.id)
    if (this.#subscriptions.size >= liveLimits.subscriptions) {
      this.#refuse(message.id, `at most ${liveLimits.subscriptions} subscriptions on one socket`)
      return
    }
    const needed = this.#hub.roleNeeded(message.topic, this.identity)
    if (needed !== null) {
      this.#refuse(message.id, `This takes the role ${needed}.`)
      return
    }
    let group: LiveGroup
    try {
      group = this.#hub.join(message.topic, message.args ?? {})
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      this.#refuse(message.id, error.message)
      return
    }
    const subscription = { id: message.id, group, isTail: message.topic === 'tail', isBehind: false }
    this.#subscriptions.set(message.id, subscription)
    const missed = message.from?.epoch === this.#hub.epoch ? group.since(message.from.seq) : null
    if (this.#isBusy()) subscription.isBehind = true
    else if (missed === null) this.#snapshot(subscription)
    else
      for (const { seq, json } of missed)
        this.#send(`{"type":"delta","id":${message.id},"seq":${seq},"data":${json}}`)
  }

  #unsubscribe(id: number): void {
    const subscription = this.#subscriptions.get(id)
    if (!subscription) return
    this.#subscriptions.delete(id)
    this.#hub.leave(subscription.group)
  }

  #show(hidden: boolean): void {
    const returns = this.#hidden && !hidden
    this.#hidden = hidden
    if (!returns) return
    for (const subscription of this.#subscriptions.values()) {
      if (this.#isBusy()) subscription.isBehind = true
      else this.#snapshot(subscription)
    }
  }

  /** True while what was sent before has not left yet. What this tick holds back does not count: it never tried to. */
  #isBusy(): boolean {
    return (this.#leftOver ?? this.bufferedBytes) > liveLimits.bufferedBytesPause
  }

  /** A hidden page is brought up once a second, and its tail not at all. */
  #isDue({ isTail }: Subscription): boolean {
    if (this.#isBusy()) return false
    return !this.#hidden || (!isTail && this.#ticks % this.#hub.hz === 0)
  }

  #snapshot(subscription: Subscription): void {
    const { id, group } = subscription
    subscription.isBehind = false
    const json = group.snapshotJson()
    this.#send(`{"type":"snap","id":${id},"epoch":"${this.#hub.epoch}","seq":${group.seq},"data":${json}}`)
  }

  #refuse(id: number, detail: string): void {
    this.#send(JSON.stringify({ type: 'refused', id, detail }))
  }

  #send(text: string | Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#socket.send(text, asText)
    // A tick that has much to tell goes in parts: so it shows at once if nobody takes them.
    if (this.#leftOver === null || this.bufferedBytes <= liveLimits.bufferedBytesPause) return
    this.#wire.uncork()
    this.#leftOver = this.bufferedBytes
    this.#wire.cork()
  }

  #isFlooding(): boolean {
    const now = this.#hub.nowMs()
    if (now - this.#messagesSinceMs >= 1000) {
      this.#messagesSinceMs = now
      this.#messages = 0
    }
    return ++this.#messages > liveLimits.messagesPerSecond
  }
}
