// The shell of session-core.ts: one socket at a time, one timer, and a promise for each request. Decides nothing.
// Its timer runs on the main loop, and so do the session's beats: a process that cannot turn its loop must not look
// alive. Touches sockets and the monotonic clock.
import { connect as connectPlain, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Clock } from '../../../runtime/clock.ts'
import { FrameSplitter } from './frame-splitter.ts'
import { JuteError } from './jute.ts'
import type { Request, WatchEvent } from './protocol.ts'
import { step, wakeAtMs } from './session-core.ts'
import {
  type Effect,
  type Endpoint,
  type Input,
  newSession,
  type OnLoss,
  type SessionOptions,
  type SessionState,
  type Settlement,
  validForMs,
} from './session-state.ts'

export interface ClientListener {
  /** A connection with a session is there; what a watch of an earlier one would have said is lost. */
  established(client: ZookeeperClient): void
  interrupted(client: ZookeeperClient, reason: string): void
  event(client: ZookeeperClient, event: WatchEvent): void
  ended(client: ZookeeperClient, reason: string): void
}

export interface ClientOptions extends SessionOptions {
  /** Null for plain TCP. */
  readonly tls: ConnectionOptions | null
  readonly clock: Clock
}

export class ZookeeperClient {
  /** Resolves with the reason when the session is over for good. */
  readonly ended: Promise<string>
  readonly #state: SessionState
  readonly #tls: ConnectionOptions | null
  readonly #clock: Clock
  readonly #listener: ClientListener
  readonly #settle = new Map<number, (result: Settlement) => void>()
  readonly #inputs: Input[] = []
  readonly #effects: Effect[] = []
  readonly #resolveEnded: (reason: string) => void
  #isStepping = false
  #nextId = 1
  #socket: Socket | null = null
  #isCorked = false
  #timer: NodeJS.Timeout | null = null
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(options: ClientOptions, listener: ClientListener) {
    this.#state = newSession(options)
    this.#tls = options.tls
    this.#clock = options.clock
    this.#listener = listener
    const { promise, resolve } = Promise.withResolvers<string>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  /** Requests made before are kept. `lastZxid` is how far an earlier session of the same handle has seen. */
  start(lastZxid: bigint): void {
    this.#state.lastZxid = lastZxid
    this.#take({ type: 'start' })
  }

  /** Always resolves. What the answer means is the caller's to know. */
  request(request: Request, onLoss: OnLoss, timeoutMs: number): Promise<Settlement> {
    const id = this.#nextId++
    return new Promise(resolve => {
      this.#settle.set(id, resolve)
      const deadlineMs = this.#clock.monotonicMs() + timeoutMs
      this.#take({ type: 'request', request: { id, request, onLoss, deadlineMs } })
    })
  }

  /** Ends the session at the servers, if they can be reached within a second. */
  async close(): Promise<void> {
    this.#take({ type: 'close' })
    await this.ended
  }

  get sessionId(): bigint {
    return this.#state.sessionId
  }

  get ttlMs(): number {
    return this.#state.ttlMs
  }

  get lastZxid(): bigint {
    return this.#state.lastZxid
  }

  get isConnected(): boolean {
    return this.#state.phase === 'connected'
  }

  /** Empty while the session goes on. */
  get endReason(): string {
    return this.#state.endReason
  }

  get endpoint(): Endpoint | undefined {
    return this.#state.endpoints[this.#state.endpoint]
  }

  validFor(): number {
    return validForMs(this.#state, this.#clock.monotonicMs())
  }

  /** One input at a time, with all its effects, so that frames leave in the order in which the core numbered them. */
  #take(input: Input): void {
    this.#inputs.push(input)
    if (this.#isStepping) return
    this.#isStepping = true
    for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) {
      step(this.#state, next, this.#clock.monotonicMs(), this.#effects)
      for (const effect of this.#effects.splice(0)) this.#perform(effect)
    }
    this.#isStepping = false
    this.#setTimer()
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'connect':
        this.#connect(effect.endpoint)
        return
      case 'send':
        this.#send(effect.frame)
        return
      case 'disconnect':
        this.#socket?.destroy()
        this.#socket = null
        return
      case 'settled':
        this.#settle.get(effect.id)?.(effect.result)
        this.#settle.delete(effect.id)
        return
      case 'event':
        this.#listener.event(this, effect.event)
        return
      case 'established':
        this.#listener.established(this)
        return
      case 'interrupted':
        this.#listener.interrupted(this, effect.reason)
        return
      case 'ended':
        this.#resolveEnded(effect.reason)
        this.#listener.ended(this, effect.reason)
        return
    }
  }

  #connect({ host, port }: Endpoint): void {
    const splitter = new FrameSplitter()
    let reason = 'the server closed the connection'
    const socket = this.#tls
      ? connectTls({ servername: /^[\d.]+$|:/.test(host) ? '' : host, ...this.#tls, host, port })
      : connectPlain({ host, port })
    this.#socket = socket
    this.#isCorked = false
    socket.setNoDelay(true)
    // Events of a socket that was given up are no longer of interest.
    const whileCurrent = (input: () => Input) => {
      if (this.#socket === socket) this.#take(input())
    }
    socket.once(this.#tls ? 'secureConnect' : 'connect', () => whileCurrent(() => ({ type: 'connected' })))
    socket.on('error', error => {
      reason = error.message
    })
    socket.on('close', () => {
      whileCurrent(() => {
        this.#socket = null
        return { type: 'disconnected', reason }
      })
    })
    socket.on('data', chunk => {
      if (this.#socket !== socket) return
      try {
        splitter.push(chunk, frame => whileCurrent(() => ({ type: 'frame', frame })))
      } catch (error) {
        if (!(error instanceof JuteError)) throw error
        whileCurrent(() => ({ type: 'disconnected', reason: error.message }))
      }
    })
  }

  /** All frames of one turn of the loop leave in one write. */
  #send(frame: Buffer): void {
    const socket = this.#socket
    if (!socket) return
    if (!this.#isCorked) {
      this.#isCorked = true
      socket.cork()
      process.nextTick(() => {
        socket.uncork()
        if (this.#socket === socket) this.#isCorked = false
      })
    }
    socket.write(frame)
  }

  /** A timer that is early costs one look; only a later need leaves it alone. */
  #setTimer(): void {
    const atMs = wakeAtMs(this.#state)
    if (atMs >= this.#timerAtMs && atMs !== Number.POSITIVE_INFINITY) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#timerAtMs = atMs
    if (atMs === Number.POSITIVE_INFINITY) return
    const delayMs = Math.max(0, Math.ceil(atMs - this.#clock.monotonicMs()))
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#timerAtMs = Number.POSITIVE_INFINITY
      this.#take({ type: 'wake' })
    }, delayMs)
  }
}
