// Reading and writing Kafka's primitive values. A Reader never looks beyond its end: a length that lies is a
// ProtocolError at its position. A Writer grows and is reused. No I/O.
import { ProtocolError } from './protocol-error.ts'
import { uvarintSize, writeUvarint, writeVarint, writeVarlong } from './varint.ts'

const twoTo32 = 0x1_0000_0000

/** 16 zero bytes as Kafka prints them: "no id". */
export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'
export const noBytes: Buffer = Buffer.alloc(0)

/** Structs and strings in one message's arrays, together: small elements must not become a heap full of objects. */
const elementsMax = 1_048_576

/**
 * A cursor over part of a buffer. What `bytes()` returns is a view: it lives as long as the buffer it was cut from,
 * and whoever keeps it beyond the request copies it.
 */
export class Reader {
  readonly buffer: Buffer
  position: number
  end: number
  #elementsLeft = elementsMax

  constructor(buffer: Buffer, position = 0, end = buffer.length) {
    this.buffer = buffer
    this.position = position
    this.end = end
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Steps over `length` bytes and returns where they start. Every other method goes through here. */
  take(length: number): number {
    const start = this.position
    if (length > this.end - start || length < 0) {
      throw new ProtocolError(`${length} bytes wanted, ${this.end - start} left`, start)
    }
    this.position = start + length
    return start
  }

  /** Refuses an array whose elements could not fit in what is left, before anything is allocated for it. */
  takeElements(count: number, elementSizeMin: number, countsAsObjects: boolean): void {
    if (count * elementSizeMin > this.end - this.position) {
      throw new ProtocolError(
        `${count} elements of at least ${elementSizeMin} bytes, ${this.remaining} left`,
        this.position,
      )
    }
    if (!countsAsObjects) return
    this.#elementsLeft -= count
    if (this.#elementsLeft < 0)
      throw new ProtocolError(`more than ${elementsMax} elements in one message`, this.position)
  }

  int8(): number {
    return this.buffer.readInt8(this.take(1))
  }

  uint8(): number {
    return this.buffer[this.take(1)]!
  }

  bool(): boolean {
    return this.buffer[this.take(1)] !== 0
  }

  int16(): number {
    return this.buffer.readInt16BE(this.take(2))
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4))
  }

  /** As a number, by two 32-bit reads; what a number cannot hold exactly is refused. */
  int64(): number {
    const at = this.take(8)
    const value = this.buffer.readInt32BE(at) * twoTo32 + this.buffer.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value)) throw new ProtocolError(`int64 ${value} is beyond 2^53`, at)
    return value
  }

  exactInt64(): bigint {
    return this.buffer.readBigInt64BE(this.take(8))
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8))
  }

  uvarint(): number {
    const start = this.position
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.take(1)]!
      if (shift === 28 && byte > 0x0f) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new ProtocolError('varint longer than 32 bits', start)
  }

  varint(): number {
    const raw = this.uvarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** A zigzag 64-bit value; refused beyond 2^52, which no timestamp delta reaches. */
  varlong(): number {
    const start = this.position
    let raw = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.buffer[this.take(1)]!
      raw += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (raw > Number.MAX_SAFE_INTEGER) break
        return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
      }
      scale *= 0x80
    }
    throw new ProtocolError('varlong beyond 2^52', start)
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const at = this.take(length)
    return this.buffer.subarray(at, at + length)
  }

  string(length: number): string {
    const at = this.take(length)
    return this.buffer.toString('utf8', at, at + length)
  }

  /** 16 bytes as 22 characters of base64url, as Kafka's tools print topic ids. */
  uuid(): string {
    const at = this.take(16)
    return this.buffer.toString('base64url', at, at + 16)
  }
}

/**
 * Bytes that belong in a frame but do not pass through the writer: a range of a segment file that sendfile will
 * send, or a batch that is already in memory and would be copied for nothing. Only the length is written.
 */
export interface ExternalBytes {
  readonly sizeInBytes: number
}

/** Where in the written bytes an external piece goes: before `position`. */
export interface ExternalPiece {
  readonly position: number
  readonly bytes: ExternalBytes
}

/** After a frame larger than this a reused writer lets its memory go. */
const keptBytesMax = 1 << 20

export class Writer {
  buffer: Buffer
  position = 0
  /** Pieces to be sent between written bytes, in order of position. */
  externals: ExternalPiece[] = []
  externalBytes = 0
  readonly #initialBytes: number

  constructor(initialBytes = 1024) {
    this.#initialBytes = initialBytes
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** Starts over in the same memory: earlier views of it are void. */
  reset(): void {
    if (this.buffer.length > keptBytesMax) this.buffer = Buffer.allocUnsafeSlow(this.#initialBytes)
    this.position = 0
    this.externalBytes = 0
    if (this.externals.length > 0) this.externals = []
  }

  /** What was written, as a view that is void after the next write or reset. */
  view(start = 0): Buffer {
    if (this.externals.length > 0)
      throw new TypeError('Cannot view a frame with external pieces in one buffer')
    return this.buffer.subarray(start, this.position)
  }

  /**
   * Steps over `length` bytes and returns where they start. It may move everything to a larger buffer, so call it
   * before touching `this.buffer`, never inside the same expression.
   */
  reserve(length: number): number {
    const start = this.position
    const end = start + length
    if (end > this.buffer.length) this.#grow(end)
    this.position = end
    return start
  }

  int8(value: number): void {
    const at = this.reserve(1)
    this.buffer.writeInt8(value, at)
  }

  bool(value: boolean): void {
    const at = this.reserve(1)
    this.buffer[at] = value ? 1 : 0
  }

  int16(value: number): void {
    const at = this.reserve(2)
    this.buffer.writeInt16BE(value, at)
  }

  uint16(value: number): void {
    const at = this.reserve(2)
    this.buffer.writeUInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.reserve(4)
    this.buffer.writeInt32BE(value, at)
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`int64 ${value} is not a safe integer`)
    const at = this.reserve(8)
    writeInt64(this.buffer, at, value)
  }

  exactInt64(value: bigint): void {
    const at = this.reserve(8)
    this.buffer.writeBigInt64BE(value, at)
  }

  float64(value: number): void {
    const at = this.reserve(8)
    this.buffer.writeDoubleBE(value, at)
  }

  uvarint(value: number): void {
    this.reserve(5)
    this.position = writeUvarint(this.buffer, this.position - 5, value)
  }

  varint(value: number): void {
    this.reserve(5)
    this.position = writeVarint(this.buffer, this.position - 5, value)
  }

  varlong(value: number): void {
    this.reserve(10)
    this.position = writeVarlong(this.buffer, this.position - 10, value)
  }

  bytes(value: Uint8Array): void {
    const at = this.reserve(value.length)
    this.buffer.set(value, at)
  }

  /** Writes the text's UTF-8 after a length that `writeLength` puts in front of it. */
  utf8(value: string, byteLength: number): void {
    const at = this.reserve(byteLength)
    this.buffer.write(value, at, byteLength, 'utf8')
  }

  uuid(value: string): void {
    const at = this.reserve(16)
    if (value.length !== 22 || this.buffer.write(value, at, 16, 'base64url') !== 16) {
      throw new RangeError(`uuid "${value}" is not 16 bytes of base64url`)
    }
  }

  external(bytes: ExternalBytes): void {
    this.externals.push({ position: this.position, bytes })
    this.externalBytes += bytes.sizeInBytes
  }

  /** Overwrites four bytes written before, such as a length that is known only now. */
  patchInt32(at: number, value: number): void {
    this.buffer.writeInt32BE(value, at)
  }

  /** Puts the length of what was written since `start` in front of it, as an unsigned varint. */
  prefixLengthSince(start: number): void {
    const length = this.position - start
    const prefix = uvarintSize(length)
    this.reserve(prefix)
    this.buffer.copyWithin(start + prefix, start, start + length)
    writeUvarint(this.buffer, start, length)
  }

  #grow(end: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(end, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.position)
    this.buffer = grown
  }
}

/** Big-endian int64 from a safe integer, by two 32-bit writes. */
export function writeInt64(buffer: Buffer, at: number, value: number): void {
  const high = Math.floor(value / twoTo32)
  buffer.writeInt32BE(high, at)
  buffer.writeUInt32BE(value - high * twoTo32, at + 4)
}

/** Big-endian int64 as a number; NaN where a number cannot hold it exactly. */
export function readInt64(buffer: Buffer, at: number): number {
  const value = buffer.readInt32BE(at) * twoTo32 + buffer.readUInt32BE(at + 4)
  return Number.isSafeInteger(value) ? value : Number.NaN
}
