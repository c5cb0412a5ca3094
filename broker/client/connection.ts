// One TCP connection to a broker: requests are pipelined and answered in order, versions are negotiated once at
// the start. A timeout, a broken frame or an answer out of order ends the connection and fails whatever waits;
// connecting again is the caller's business, because only the caller knows what may be sent twice.
import type { Socket } from 'node:net'
import { type AnyApi, apis, type Versions } from '../protocol/apis.ts'
import { type ExternalBytes, Reader, Writer } from '../protocol/bytes.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { Body, Encodable } from '../protocol/fields.ts'
import {
  decodeCorrelationId,
  decodeResponse,
  encodeRequest,
  FrameSplitter,
  framePieces,
} from '../protocol/frame.ts'
import { logIn, type ScramLogin } from './login.ts'
import { type LentMemory, type OpenSocket, openSocket, type TlsOptions } from './open-socket.ts'

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly clientId: string
  readonly connectTimeoutMs?: number
  /** For requests that do not say otherwise. */
  readonly requestTimeoutMs?: number
  /** The largest answer that is accepted. */
  readonly frameBytesMax?: number
  /** Who the client is; without it whatever the broker takes a stranger for. */
  readonly login?: ScramLogin
  /** Without it what is said can be read on the way. */
  readonly tls?: TlsOptions | (() => TlsOptions)
  /** With it answers are lent: their memory is used again as soon as the callback of `send` has returned. */
  readonly lending?: LentMemory
}

/** The connection is gone, and with it every answer that was waited for: whether they were carried out is unknown. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

/** The broker and this client have no version of an API in common. */
export class VersionError extends Error {
  override readonly name = 'VersionError'
}

export type ResponseCallback<A extends AnyApi> = (
  error: Error | null,
  body: Body<A['response']> | null,
) => void

/** Bytes of a request that are not copied: they stay as they are until its callback is called. */
export interface HeldBytes extends ExternalBytes {
  readonly bytes: Buffer
}

interface PendingRequest {
  readonly correlationId: number
  readonly api: AnyApi
  readonly version: number
  readonly deadline: number
  readonly callback: ResponseCallback<AnyApi>
}

const clientSoftware = { clientSoftwareName: 'tailrace', clientSoftwareVersion: '0.1.0' }
const defaultConnectTimeoutMs = 5_000
const defaultRequestTimeoutMs = 30_000
const defaultFrameBytesMax = 104_857_600
/** How often deadlines are looked at: a timeout is late by at most this. */
const timeoutCheckMs = 250

export class Connection {
  readonly host: string
  readonly port: number
  readonly #socket: Socket
  readonly #clientId: string
  readonly #requestTimeoutMs: number
  readonly #splitter: FrameSplitter
  readonly #lending: LentMemory | null
  readonly #writer = new Writer(4_096)
  readonly #pending: PendingRequest[] = []
  readonly #versions = new Map<number, Versions>()
  readonly #timer: NodeJS.Timeout
  readonly #closed: Promise<void>
  #correlationId = 0
  #error: Error | null = null

  private constructor({ socket, reads }: OpenSocket, options: ConnectionOptions) {
    this.host = options.host
    this.port = options.port
    this.#socket = socket
    this.#clientId = options.clientId
    this.#requestTimeoutMs = options.requestTimeoutMs ?? defaultRequestTimeoutMs
    this.#lending = options.lending ?? null
    this.#splitter = new FrameSplitter(options.frameBytesMax ?? defaultFrameBytesMax, options.lending)
    socket.setNoDelay(true)
    reads.onBytes = chunk => this.#receive(chunk)
    socket.on('error', error => this.#end(error))
    this.#closed = new Promise(resolve => {
      socket.on('close', () => {
        this.#end(new Error('the broker closed the connection'))
        resolve()
      })
    })
    this.#timer = setInterval(() => this.#checkDeadlines(), timeoutCheckMs)
    this.#timer.unref()
  }

  /** Connects, negotiates versions and logs in. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const timeoutMs = options.connectTimeoutMs ?? defaultConnectTimeoutMs
    const { host, port, tls, lending = null } = options
    const reaching = { host, port, connectTimeoutMs: timeoutMs, lending, ...(tls && { tls }) }
    const reached = await openSocket(reaching).catch((error: Error) => {
      throw new ConnectionError(`Cannot connect to ${host}:${port}: ${error.message}`, { cause: error })
    })
    const connection = new Connection(reached, options)
    try {
      await connection.#negotiate(timeoutMs)
      if (options.login) await logIn(connection, options.login, timeoutMs)
    } catch (error) {
      connection.close()
      throw error
    }
    return connection
  }

  get isOpen(): boolean {
    return this.#error === null
  }

  /** Requests sent and not answered. */
  get inFlight(): number {
    return this.#pending.length
  }

  /** Resolves when the connection has ended, for whatever reason. */
  get closed(): Promise<void> {
    return this.#closed
  }

  /** The newest version that both sides speak. */
  versionOf(api: AnyApi): number {
    const theirs = this.#versions.get(api.key)
    const version = theirs ? Math.min(theirs[1], api.accepted[1]) : -1
    if (!theirs || version < theirs[0] || version < api.accepted[0]) {
      const range = theirs ? `speaks ${api.name} ${theirs[0]}-${theirs[1]}` : `does not speak ${api.name}`
      const ours = `${api.accepted[0]}-${api.accepted[1]}`
      throw new VersionError(
        `Cannot use ${api.name} ${ours} on ${this.host}:${this.port}: the broker ${range}`,
      )
    }
    return version
  }

  request<A extends AnyApi>(
    api: A,
    body: Encodable<A['request']>,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<Body<A['response']>> {
    return new Promise((resolve, reject) => {
      this.send(api, body, options.timeoutMs ?? this.#requestTimeoutMs, (error, answer) => {
        if (error) reject(error)
        else resolve(answer as Body<A['response']>)
      })
    })
  }

  /** As `request`, without a promise. The callback is never called before `send` returns. */
  send<A extends AnyApi>(
    api: A,
    body: Encodable<A['request']>,
    timeoutMs: number,
    callback: ResponseCallback<A>,
  ): void {
    if (this.#error) {
      const error = this.#error
      process.nextTick(() => callback(error, null))
      return
    }
    try {
      this.#write(api, this.versionOf(api), body, timeoutMs, callback as ResponseCallback<AnyApi>)
    } catch (error) {
      // Nothing was written: a missing version, or a body that its schema refuses.
      process.nextTick(() => callback(error as Error, null))
    }
  }

  close(): void {
    this.#end(new Error('closed by this client'))
  }

  #write<A extends AnyApi>(
    api: A,
    version: number,
    body: Encodable<A['request']>,
    timeoutMs: number,
    callback: ResponseCallback<AnyApi>,
  ): void {
    this.#correlationId = (this.#correlationId + 1) & 0x7fffffff
    const correlationId = this.#correlationId
    this.#writer.reset()
    encodeRequest(this.#writer, api, version, correlationId, this.#clientId, body)
    const deadline = performance.now() + timeoutMs
    this.#pending.push({ correlationId, api, version, deadline, callback })
    const pieces = framePieces(this.#writer)
    if (pieces.length > 1) this.#socket.cork()
    for (const piece of pieces) {
      // A copy, because the writer is used again before the socket has taken these bytes.
      this.#socket.write(piece instanceof Buffer ? Buffer.from(piece) : (piece as HeldBytes).bytes)
    }
    if (pieces.length > 1) this.#socket.uncork()
  }

  async #negotiate(timeoutMs: number): Promise<void> {
    const api = apis.apiVersions
    const ask = (version: number) =>
      new Promise<Body<typeof api.response>>((resolve, reject) => {
        this.#write(api, version, clientSoftware, timeoutMs, (error, answer) => {
          if (error) reject(error)
          else resolve(answer as Body<typeof api.response>)
        })
      })
    let answer = await ask(api.accepted[1])
    // An older broker answers in v0 and says what it knows; v0 itself is known to all.
    if (answer.errorCode === errorCodes.unsupportedVersion) {
      const range = answer.apiKeys.find(row => row.apiKey === api.key)
      answer = await ask(Math.min(range?.maxVersion ?? 0, api.accepted[1]))
    }
    if (answer.errorCode !== 0) {
      throw new ConnectionError(
        `Cannot agree on versions with ${this.host}:${this.port}: error ${answer.errorCode}`,
      )
    }
    for (const row of answer.apiKeys) this.#versions.set(row.apiKey, [row.minVersion, row.maxVersion])
  }

  #receive(chunk: Buffer): void {
    try {
      this.#splitter.push(chunk)
      for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) {
        this.#answer(frame)
        this.#lending?.give(frame)
        if (this.#error) return
      }
    } catch (error) {
      this.#end(error as Error)
    }
  }

  #answer(frame: Buffer): void {
    const pending = this.#pending[0]
    if (!pending || decodeCorrelationId(frame) !== pending.correlationId) {
      throw new ConnectionError(`${this.host}:${this.port} answered out of order`)
    }
    const version = answeredVersion(frame, pending)
    const body = decodeResponse(frame, pending.api, version)
    this.#pending.shift()
    settle(pending, null, body)
  }

  #checkDeadlines(): void {
    const now = performance.now()
    const late = this.#pending.find(pending => pending.deadline < now)
    if (late) this.#end(new Error(`no answer to ${late.api.name} in time`))
  }

  #end(cause: Error): void {
    if (this.#error) return
    const error = new ConnectionError(`Connection to ${this.host}:${this.port} ended: ${cause.message}`, {
      cause,
    })
    this.#error = error
    clearInterval(this.#timer)
    this.#socket.destroy()
    for (const pending of this.#pending.splice(0)) settle(pending, error, null)
  }
}

/** A callback that throws must not look like a broken connection: the process hears of it. */
function settle(pending: PendingRequest, error: Error | null, body: Body<AnyApi['response']> | null): void {
  try {
    pending.callback(error, body)
  } catch (thrown) {
    process.nextTick(() => {
      throw thrown
    })
  }
}

/** ApiVersions is answered in v0 when the broker does not know the version that was asked for. */
function answeredVersion(frame: Buffer, pending: PendingRequest): number {
  if (pending.api !== apis.apiVersions) return pending.version
  return new Reader(frame, 4).int16() === errorCodes.unsupportedVersion ? 0 : pending.version
}
