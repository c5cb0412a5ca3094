// Frames: a 4-byte length, a request or response header, a body. Encoding goes into a writer that is reused;
// splitting a byte stream into frames allocates only as bytes arrive. No sockets here.
import { type AnyApi, accepts, apiByKey } from './apis.ts'
import { type ExternalBytes, Reader, type Writer } from './bytes.ts'
import type { Body, Encodable } from './fields.ts'
import { ProtocolError } from './protocol-error.ts'

export const lengthPrefixBytes = 4

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  /** Where the body starts in the frame. */
  readonly bodyOffset: number
}

/**
 * Reads the header of a frame (without its length prefix). Header v2 adds a tag section after v1 from an API's
 * first flexible version on; the client id keeps its two-byte length even there. Unknown APIs read as v1.
 */
export function decodeRequestHeader(frame: Buffer): RequestHeader {
  const reader = new Reader(frame)
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const clientIdLength = reader.int16()
  if (clientIdLength < -1) throw new ProtocolError(`client id of length ${clientIdLength}`, 8)
  const clientId = clientIdLength < 0 ? null : reader.string(clientIdLength)
  const api = apiByKey(apiKey)
  if (api !== undefined && apiVersion >= api.request.flexible) skipTags(reader)
  return { apiKey, apiVersion, correlationId, clientId, bodyOffset: reader.position }
}

/** Reads the body of a request whose header said which API and version it is; a version we do not accept is refused. */
export function decodeRequest<A extends AnyApi>(
  frame: Buffer,
  header: RequestHeader,
  api: A,
): Body<A['request']> {
  if (!accepts(api, header.apiVersion))
    throw new ProtocolError(`${api.name} v${header.apiVersion} is not accepted`, 2)
  return api.request.decode(new Reader(frame, header.bodyOffset), header.apiVersion)
}

/** The correlation id alone: what a client needs to know which API and version an answer is in. */
export function decodeCorrelationId(frame: Buffer): number {
  return new Reader(frame).int32()
}

/** Reads a response frame (without its length prefix) as the answer to that API and version. */
export function decodeResponse<A extends AnyApi>(
  frame: Buffer,
  api: A,
  version: number,
): Body<A['response']> {
  const reader = new Reader(frame)
  reader.int32()
  if (hasTaggedResponseHeader(api, version)) skipTags(reader)
  return api.response.decode(reader, version)
}

/** Appends one whole request frame, length prefix included. */
export function encodeRequest<A extends AnyApi>(
  writer: Writer,
  api: A,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: Encodable<A['request']>,
): void {
  const start = beginFrame(writer)
  writer.int16(api.key)
  writer.int16(version)
  writer.int32(correlationId)
  if (clientId === null) writer.int16(-1)
  else {
    const byteLength = Buffer.byteLength(clientId, 'utf8')
    writer.int16(byteLength)
    writer.utf8(clientId, byteLength)
  }
  if (version >= api.request.flexible) writer.uvarint(0)
  api.request.encode(writer, version, body)
  endFrame(writer, start)
}

/** Appends one whole response frame. External pieces count in its length; the sender puts them in (framePieces). */
export function encodeResponse<A extends AnyApi>(
  writer: Writer,
  api: A,
  version: number,
  correlationId: number,
  body: Encodable<A['response']>,
): void {
  const start = beginFrame(writer)
  writer.int32(correlationId)
  if (hasTaggedResponseHeader(api, version)) writer.uvarint(0)
  api.response.encode(writer, version, body)
  endFrame(writer, start)
}

/** What to send, in order: views of written bytes and the external pieces between them. */
export function framePieces(writer: Writer): (Buffer | ExternalBytes)[] {
  const pieces: (Buffer | ExternalBytes)[] = []
  let at = 0
  for (const external of writer.externals) {
    if (external.position > at) pieces.push(writer.buffer.subarray(at, external.position))
    pieces.push(external.bytes)
    at = external.position
  }
  if (writer.position > at) pieces.push(writer.buffer.subarray(at, writer.position))
  return pieces
}

/**
 * ApiVersions is answered with the oldest response header in every version: the client cannot know yet what the
 * broker speaks.
 */
function hasTaggedResponseHeader(api: AnyApi, version: number): boolean {
  return api.key !== 18 && version >= api.response.flexible
}

function skipTags(reader: Reader): void {
  const count = reader.uvarint()
  for (let i = 0; i < count; i++) {
    reader.uvarint()
    reader.take(reader.uvarint())
  }
}

function beginFrame(writer: Writer): number {
  const externalBefore = writer.externalBytes
  const at = writer.reserve(lengthPrefixBytes)
  // Kept in the prefix until the length is known, so that frames can be appended one after the other.
  writer.patchInt32(at, externalBefore)
  return at
}

function endFrame(writer: Writer, start: number): void {
  const externalBefore = writer.buffer.readInt32BE(start)
  const written = writer.position - start - lengthPrefixBytes
  writer.patchInt32(start, written + writer.externalBytes - externalBefore)
}

/** A frame that spans chunks first gets this much, or what has arrived times four, never what it merely claims. */
const firstAllocationBytes = 16 * 1024
const growthFactor = 4

/** Where frames that span chunks are put together. */
export interface FrameAllocator {
  /** At least that much, not cleared. */
  take(bytes: number): Buffer
  /** No longer used by the splitter. */
  give(memory: Buffer): void
}

const plainMemory: FrameAllocator = { take: bytes => Buffer.allocUnsafeSlow(bytes), give: () => {} }

/**
 * Bytes in (`push`), complete frames out (`next`, until it gives null). A frame within one chunk is a view of it;
 * one that spans chunks is assembled in memory that grows with what has arrived, so a claimed length costs nothing.
 * A negative or too large length is a ProtocolError, after which the connection is to be closed.
 */
export class FrameSplitter {
  /** May change during a connection's life: strangers get small frames, the authenticated large ones. */
  frameBytesMax: number
  /** Bytes not yet handed out, and where in them reading goes on. */
  #chunk: Buffer | null = null
  #at = 0
  /** The frame being assembled, how much of it has arrived and how long it will be. */
  #assembly: Buffer | null = null
  #arrived = 0
  #length = 0
  /** The first bytes of a length prefix that was cut. */
  readonly #prefix = Buffer.alloc(lengthPrefixBytes)
  #prefixArrived = 0

  readonly #memory: FrameAllocator

  constructor(frameBytesMax: number, memory: FrameAllocator = plainMemory) {
    this.frameBytesMax = frameBytesMax
    this.#memory = memory
  }

  /** Memory held for a frame that has not arrived whole. */
  get heldBytes(): number {
    return this.#assembly?.length ?? 0
  }

  push(chunk: Buffer): void {
    if (this.#chunk === null) {
      this.#chunk = chunk
      this.#at = 0
      return
    }
    this.#chunk = Buffer.concat([this.#chunk.subarray(this.#at), chunk])
    this.#at = 0
  }

  /** The next complete frame without its length prefix, or null until more is pushed. */
  next(): Buffer | null {
    const chunk = this.#chunk
    if (chunk === null) return null
    if (this.#assembly !== null) return this.#assemble(chunk)
    if (!this.#readPrefix(chunk)) return null
    const end = this.#at + this.#length
    if (end <= chunk.length) {
      const frame = chunk.subarray(this.#at, end)
      this.#advance(chunk, end)
      return frame
    }
    const arriving = chunk.length - this.#at
    this.#assembly = this.#memory.take(
      Math.min(this.#length, Math.max(firstAllocationBytes, arriving * growthFactor)),
    )
    this.#arrived = 0
    return this.#assemble(chunk)
  }

  #readPrefix(chunk: Buffer): boolean {
    const available = chunk.length - this.#at
    if (this.#prefixArrived === 0 && available >= lengthPrefixBytes) {
      this.#length = chunk.readInt32BE(this.#at)
      this.#at += lengthPrefixBytes
    } else {
      const take = Math.min(available, lengthPrefixBytes - this.#prefixArrived)
      chunk.copy(this.#prefix, this.#prefixArrived, this.#at, this.#at + take)
      this.#prefixArrived += take
      this.#at += take
      if (this.#prefixArrived < lengthPrefixBytes) {
        this.#chunk = null
        return false
      }
      this.#prefixArrived = 0
      this.#length = this.#prefix.readInt32BE(0)
    }
    if (this.#length < 0) throw new ProtocolError(`frame length ${this.#length} is negative`, 0)
    if (this.#length > this.frameBytesMax)
      throw new ProtocolError(`frame length ${this.#length} exceeds ${this.frameBytesMax}`, 0)
    return true
  }

  #assemble(chunk: Buffer): Buffer | null {
    const take = Math.min(chunk.length - this.#at, this.#length - this.#arrived)
    const wanted = this.#arrived + take
    if (wanted > this.#assembly!.length) {
      const grown = this.#memory.take(Math.min(this.#length, wanted * growthFactor))
      this.#assembly!.copy(grown, 0, 0, this.#arrived)
      this.#memory.give(this.#assembly!)
      this.#assembly = grown
    }
    chunk.copy(this.#assembly!, this.#arrived, this.#at, this.#at + take)
    this.#arrived = wanted
    this.#advance(chunk, this.#at + take)
    if (this.#arrived < this.#length) return null
    const frame = this.#assembly!.subarray(0, this.#length)
    this.#assembly = null
    return frame
  }

  #advance(chunk: Buffer, at: number): void {
    this.#at = at
    if (at === chunk.length) this.#chunk = null
  }
}
