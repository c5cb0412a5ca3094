// One client connection: frames in, calls out, answers in the order of the requests. One request is served at a
// time, except that up to five Produce requests overlap. Bytes that make no sense end this connection alone.
import type { Socket } from 'node:net'
import type { Log } from '../runtime/log.ts'
import { adoptSocket } from './adopted-socket.ts'
import { Call, type CallOwner, parked, silent } from './call.ts'
import { versionRangeOf } from './handler-row.ts'
import { accepts, apis } from './protocol/apis.ts'
import { type ExternalBytes, Writer } from './protocol/bytes.ts'
import { errorCodes } from './protocol/errors.ts'
import {
  decodeRequest,
  decodeRequestHeader,
  encodeResponse,
  FrameSplitter,
  framePieces,
  type RequestHeader,
} from './protocol/frame.ts'
import { ProtocolError } from './protocol/protocol-error.ts'
import { ResponseSender } from './response-sender.ts'
import type { AuthenticatedSession } from './security/authentication.ts'
import type { Entrance, ServerContext } from './server.ts'

/** Kafka's clients keep at most this many Produce requests in flight. */
const overlappingProducesMax = 5
/** More than this waiting to be served, and the socket is not read until there is less. */
const waitingFramesMax = 16
/** A frame may take its time, but not less than this much of it in a second. */
const frameBytesPerMsMin = 16
/** Answers the client has not taken; above it nothing more is served to it. */
const unsentBytesMax = 1 << 20

/** Answers that go out together, apart from what the last of them carries from files. */
const answersTogetherBytesMax = 64 * 1024

export class Connection implements CallOwner {
  readonly clientHost: string
  readonly listener: string | null
  readonly session: AuthenticatedSession
  /** When bytes last came, on the monotonic clock. */
  lastReadMs: number
  readonly openedMs: number
  readonly #socket: Socket
  readonly #context: ServerContext
  readonly #log: Log
  readonly #splitter: FrameSplitter
  readonly #sender: ResponseSender
  #writer = new Writer()
  /** Frames that have arrived and are not served yet. */
  #frames: Buffer[] = []
  #waitingBytes = 0
  /** Calls being served or answered out of turn, in the order of their requests. */
  readonly #calls: Call[] = []
  #pumping = false
  #flushing = false
  /** Produce requests are answered many at a time: what is to be sent is looked at when all of them have been. */
  #flushIsDue = false
  readonly #flushLater = (): void => {
    this.#flushIsDue = false
    if (!this.#closed) this.#flush()
  }
  #closed = false
  #pausedFor = 0
  /** When the first byte came of the frame that is arriving. */
  #frameSinceMs = 0

  constructor(accepted: Socket, context: ServerContext, entrance: Entrance) {
    const { isEncrypted, listener } = entrance.door
    this.listener = listener
    const onBytes = (chunk: Buffer) => this.#onData(chunk)
    const socket = isEncrypted
      ? accepted.on('data', onBytes)
      : adoptSocket(accepted, context.readBuffer, onBytes)
    this.#socket = socket
    this.#context = context
    this.#log = context.log
    this.clientHost = `/${socket.remoteAddress ?? 'unknown'}`
    this.openedMs = context.clock.monotonicMs()
    this.lastReadMs = this.openedMs
    this.session = context.newSession(entrance.door, this.clientHost, entrance.certified)
    this.#splitter = new FrameSplitter(this.#frameBytesMax, context.memory)
    this.#sender = new ResponseSender(
      socket,
      isEncrypted ? noSendfile : context.findSendfile,
      context.counters.send,
      () => this.#onSenderIdle(),
      reason => this.close(reason),
    )
    socket.setNoDelay(true)
    socket.on('drain', () => this.#pump())
    socket.on('error', error => this.#log.debug('connection failed', { client: this.clientHost, error }))
    socket.on('close', () => this.#onClosed())
    socket.resume()
  }

  /** Bytes held for requests that have not been served: what the budget of all connections counts. */
  get heldBytes(): number {
    return this.#closed ? 0 : this.#splitter.heldBytes + this.#waitingBytes
  }

  /** A frame has begun and not ended. */
  get isAssembling(): boolean {
    return this.#splitter.heldBytes > 0
  }

  /** A frame that stopped arriving, or arrives so slowly that it only holds memory. */
  isStalled(nowMs: number): boolean {
    if (!this.isAssembling || this.isPaused) return false
    const { frameStallMs } = this.#context.limits
    const allowedMs = frameStallMs + this.#splitter.heldBytes / frameBytesPerMsMin
    return nowMs - this.lastReadMs > frameStallMs || nowMs - this.#frameSinceMs > allowedMs
  }

  get isPaused(): boolean {
    return this.#pausedFor !== 0
  }

  /** It is not we who are to act: nothing is asked of us, or the client does not take its answer. */
  get waitsForClient(): boolean {
    return this.#sender.isBusy || (this.#calls.length === 0 && this.#frames.length === 0)
  }

  /** Strangers are given little memory. */
  get #frameBytesMax(): number {
    const { frameBytesMax, strangerFrameBytesMax } = this.#context.limits
    return this.session.isOpen ? frameBytesMax : strangerFrameBytesMax
  }

  /** Stops reading for a reason; the socket is read again when every reason has gone. */
  pause(reason: PauseReason): void {
    if (this.#pausedFor === 0) this.#socket.pause()
    this.#pausedFor |= reason
  }

  resume(reason: PauseReason): void {
    if ((this.#pausedFor & reason) === 0) return
    this.#pausedFor &= ~reason
    if (this.#pausedFor !== 0 || this.#closed) return
    this.#frameSinceMs = this.#context.clock.monotonicMs()
    this.#socket.resume()
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#context.counters.refusedConnections.add()
    const { clientHost: client } = this
    this.#context.refusals.refused('connection closed', { client, port: this.#socket.remotePort, reason })
    this.#socket.destroy()
    this.#onClosed()
  }

  /** For a broker that stops: no reason to log. */
  end(): void {
    this.#socket.destroy()
  }

  onAnswered(call: Call): void {
    this.#context.counters.answered(call, this.#context.clock.monotonicMs())
    if (this.#closed) return
    if (call.api.key === apis.saslAuthenticate.key) this.#splitter.frameBytesMax = this.#frameBytesMax
    if (this.#calls[0] !== call) return
    if (call.api.key !== apis.produce.key || call.body === null) this.#flush()
    else if (!this.#flushIsDue) {
      this.#flushIsDue = true
      process.nextTick(this.#flushLater)
    }
  }

  /** `chunk` is memory that all connections are read into: nothing of it may be kept. */
  #onData(chunk: Buffer): void {
    if (this.#closed) return
    const { clock, counters, budget } = this.#context
    this.lastReadMs = clock.monotonicMs()
    counters.receivedBytes.add(chunk.length)
    if (!this.isAssembling) this.#frameSinceMs = this.lastReadMs
    try {
      this.#splitter.push(chunk)
      for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) {
        if (this.#frames.length === 0 && this.#mayServe(frame)) this.#serve(frame)
        else this.#keep(frame, chunk)
        if (this.#closed) return
        this.#frameSinceMs = this.lastReadMs
      }
    } catch (error) {
      this.#refuse(error, null)
      return
    }
    if (this.#frames.length >= waitingFramesMax) this.pause(pauseReasons.waitingFrames)
    budget.update(this)
  }

  /** A frame that came while another is served waits, in memory of its own. */
  #keep(frame: Buffer, chunk: Buffer): void {
    this.#frames.push(frame.buffer === chunk.buffer ? Buffer.from(frame) : frame)
    this.#waitingBytes += frame.length
  }

  /** Serves what has waited and may be served now. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    let served = 0
    while (served < this.#frames.length && !this.#closed && this.#mayServe(this.#frames[served]!)) {
      const frame = this.#frames[served++]!
      this.#waitingBytes -= frame.length
      this.#serve(frame)
    }
    this.#pumping = false
    if (served === 0) return
    this.#frames = this.#frames.slice(served)
    if (this.#frames.length < waitingFramesMax) this.resume(pauseReasons.waitingFrames)
    this.#context.budget.update(this)
  }

  #mayServe(frame: Buffer): boolean {
    if (this.#sender.isBusy || this.#socket.writableLength > unsentBytesMax) return false
    if (this.#calls.length === 0) return true
    const isProduce = frame.length >= 2 && frame.readInt16BE(0) === apis.produce.key
    return isProduce && this.#calls.length < overlappingProducesMax && this.#calls.every(isProduceCall)
  }

  #serve(frame: Buffer): void {
    let header: RequestHeader | null = null
    try {
      header = decodeRequestHeader(frame)
      const call = this.#begin(header)
      if (call === null) return
      const row = this.#context.handlers.get(header.apiKey)!
      const answer = row.handle(decodeRequest(frame, header, row.api), call)
      // What was to be appended has been: its memory is free for the next request.
      if (header.apiKey === apis.produce.key) this.#context.memory.give(frame)
      if (answer === parked) return
      if (answer === silent) call.answer(null)
      else if (answer instanceof Promise) this.#answerLater(call, answer)
      else call.answer(answer)
    } catch (error) {
      this.#refuse(error, header)
    }
  }

  /** The call, or null when the request was refused or answered here. */
  #begin(header: RequestHeader): Call | null {
    const { apiKey, apiVersion, correlationId } = header
    const row = this.#context.handlers.get(apiKey)
    if (row === undefined) throw new ProtocolError(`API key ${apiKey} is not served here`, 0)
    const nowMs = this.#context.clock.monotonicMs()
    if (!this.session.mayAsk(apiKey, nowMs)) {
      throw new ProtocolError(`${row.api.name} was asked for before authentication`, 0)
    }
    const call = new Call(this, row.api, apiVersion, correlationId, header.clientId ?? '', nowMs)
    if (accepts(row.api, apiVersion)) {
      this.#calls.push(call)
      this.#context.onRequest(this, call)
      return call
    }
    if (apiKey !== apis.apiVersions.key) {
      throw new ProtocolError(`${row.api.name} version ${apiVersion} is not served here`, 2)
    }
    // A client newer than we are: version 0 is what every client understands (KIP-511).
    const oldest = new Call(this, row.api, 0, correlationId, header.clientId ?? '', nowMs)
    this.#calls.push(oldest)
    oldest.answer({ errorCode: errorCodes.unsupportedVersion, apiKeys: [versionRangeOf(row.api)] })
    return null
  }

  #answerLater(call: Call, answer: Promise<unknown>): void {
    answer.then(
      body => {
        if (!call.answered) call.answer(body)
      },
      (error: unknown) => this.#refuse(error, call),
    )
  }

  #refuse(error: unknown, at: RequestHeader | Call | null): void {
    if (error instanceof ProtocolError) {
      this.close(error.reason)
      return
    }
    const apiKey = at instanceof Call ? at.api.key : at?.apiKey
    this.#log.error('a request failed', {
      client: this.clientHost,
      apiKey,
      apiVersion: at?.apiVersion,
      error,
    })
    this.close('the request could not be served')
  }

  /** Sends the answers whose turn it is. */
  #flush(): void {
    if (this.#flushing) return
    this.#flushing = true
    while (this.#calls[0]?.answered && !this.#sender.isBusy && !this.#closed) this.#send()
    this.#flushing = false
    this.#pump()
  }

  /** Every answer that is there in one write: a commit answers all produce requests that waited for it. */
  #send(): void {
    const writer = this.#writer
    writer.reset()
    let isLast = false
    while (this.#calls[0]?.answered && !isLast && writer.position < answersTogetherBytesMax) {
      const call = this.#calls.shift()!
      isLast = call.isLast
      if (call.body === null) continue
      encodeResponse(writer, call.api, call.apiVersion, call.correlationId, call.body)
    }
    if (writer.position === 0) return
    const pieces: (Buffer | ExternalBytes)[] =
      writer.externals.length > 0 ? framePieces(writer) : [writer.buffer.subarray(0, writer.position)]
    this.#sender.send(pieces)
    if (isLast) this.#endAfterAnswer()
  }

  /** What was handed to the socket still goes out. */
  #endAfterAnswer(): void {
    this.#socket.end()
    this.#onClosed()
  }

  #onSenderIdle(): void {
    if (!this.#closed) this.#flush()
  }

  #onClosed(): void {
    if (this.#closed) return
    this.#closed = true
    this.#frames = []
    this.#waitingBytes = 0
    this.#sender.abandon()
    for (const call of this.#calls) call.onGone?.()
    this.#calls.length = 0
    this.#context.onClosed(this)
  }
}

export const pauseReasons = { waitingFrames: 1, budget: 2 } as const
export type PauseReason = (typeof pauseReasons)[keyof typeof pauseReasons]

function noSendfile(): null {
  return null
}

function isProduceCall(call: Call): boolean {
  return call.api.key === apis.produce.key
}
