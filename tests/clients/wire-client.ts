// The smallest client: one socket, requests in any API and version, answers in order. It checks nothing, so that
// tests can say and see exactly what is on the wire.
import { connect, type Socket } from 'node:net'
import type { AnyApi } from '../../broker/protocol/apis.ts'
import { Writer } from '../../broker/protocol/bytes.ts'
import type { Body, Encodable } from '../../broker/protocol/fields.ts'
import {
  decodeCorrelationId,
  decodeResponse,
  encodeRequest,
  FrameSplitter,
} from '../../broker/protocol/frame.ts'

interface Waiting {
  readonly correlationId: number
  readonly resolve: (frame: Buffer) => void
  readonly reject: (error: Error) => void
}

export class WireClient implements Disposable {
  readonly socket: Socket
  readonly closed: Promise<void>
  clientId = 'wire-client'
  readonly #splitter = new FrameSplitter(2 ** 30)
  readonly #waiting: Waiting[] = []
  #correlationId = 0

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', chunk => this.#onData(chunk))
    socket.on('error', () => {})
    this.closed = new Promise(resolve => {
      socket.once('close', () => {
        for (const { reject } of this.#waiting.splice(0)) reject(new Error('The connection was closed'))
        resolve()
      })
    })
  }

  static async connect(port: number): Promise<WireClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new WireClient(socket)
  }

  async request<A extends AnyApi>(
    api: A,
    version: number,
    body: Encodable<A['request']>,
  ): Promise<Body<A['response']>> {
    return decodeResponse(await this.requestFrame(api, version, body), api, version)
  }

  /** The answer as it came, for whoever wants to decode it as another version. */
  requestFrame<A extends AnyApi>(api: A, version: number, body: Encodable<A['request']>): Promise<Buffer> {
    if (this.socket.destroyed) return Promise.reject(new Error('The connection was closed'))
    const correlationId = this.send(api, version, body)
    return new Promise((resolve, reject) => this.#waiting.push({ correlationId, resolve, reject }))
  }

  /** Without waiting for an answer. */
  send<A extends AnyApi>(api: A, version: number, body: Encodable<A['request']>): number {
    const correlationId = ++this.#correlationId
    const writer = new Writer()
    encodeRequest(writer, api, version, correlationId, this.clientId, body)
    this.socket.write(writer.view())
    return correlationId
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  #onData(chunk: Buffer): void {
    this.#splitter.push(chunk)
    for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) {
      const waiting = this.#waiting.shift()
      if (!waiting) throw new Error('An answer came that nobody had asked for')
      if (decodeCorrelationId(frame) === waiting.correlationId) waiting.resolve(frame)
      else waiting.reject(new Error(`Answer ${decodeCorrelationId(frame)} came for ${waiting.correlationId}`))
    }
  }
}
