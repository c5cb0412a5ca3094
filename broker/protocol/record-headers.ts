// The headers of a record: built once per file and copied per record, found again without decoding the rest.
// Pure functions on bytes.
import { Reader } from './bytes.ts'
import { varintSize, writeVarint } from './varint.ts'

export type HeaderPair = readonly [name: string, value: string | Uint8Array | null]

/** Headers as they lie in a record, their count first: what BatchBuilder.append takes. */
export function encodeHeaders(pairs: readonly HeaderPair[]): Buffer {
  return Buffer.concat([varintBytes(pairs.length), ...pairs.map(encodePair)])
}

/** A record without headers. */
export const noHeaders: Buffer = encodeHeaders([])

/**
 * Headers of which one is a number that grows from record to record, such as the byte position of a line: all but
 * its digits is prepared once.
 */
export class PositionHeaders {
  readonly #before: Buffer
  readonly #after: Buffer
  #digits = 0
  #bytes: Buffer = Buffer.alloc(0)

  constructor(before: readonly HeaderPair[], name: string, after: readonly HeaderPair[]) {
    const count = before.length + 1 + after.length
    const nameBytes = Buffer.from(name, 'utf8')
    this.#before = Buffer.concat([
      varintBytes(count),
      ...before.map(encodePair),
      varintBytes(nameBytes.length),
      nameBytes,
    ])
    this.#after = Buffer.concat(after.map(encodePair))
  }

  /** The headers for this position. The same memory each time: copied by append, void after the next call. */
  at(position: number): Buffer {
    const digits = decimalDigits(position)
    if (digits !== this.#digits) this.#layOut(digits)
    const first = this.#before.length + 1
    let rest = position
    for (let i = first + digits - 1; i >= first; i--) {
      this.#bytes[i] = 0x30 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
    return this.#bytes
  }

  #layOut(digits: number): void {
    this.#bytes = Buffer.concat([this.#before, varintBytes(digits), Buffer.alloc(digits), this.#after])
    this.#digits = digits
  }
}

/** Where a header's value lies; -1 and -1 when the header is there with a null value. */
export interface HeaderValue {
  start: number
  end: number
}

const shared: HeaderValue = { start: 0, end: 0 }

/**
 * Finds a header by the bytes of its name. The answer is one object reused by the next call, unless the caller
 * brings its own. Headers that run beyond the buffer are a ProtocolError.
 */
export function findHeader(
  buffer: Buffer,
  headersStart: number,
  headerCount: number,
  name: Buffer,
  into: HeaderValue = shared,
): HeaderValue | null {
  const reader = new Reader(buffer, headersStart)
  for (let i = 0; i < headerCount; i++) {
    const nameLength = reader.varint()
    const nameStart = reader.take(nameLength)
    const valueLength = reader.varint()
    const valueStart = valueLength < 0 ? -1 : reader.take(valueLength)
    if (nameLength !== name.length || !sameBytes(buffer, nameStart, name)) continue
    into.start = valueStart
    into.end = valueLength < 0 ? -1 : valueStart + valueLength
    return into
  }
  return null
}

/** All headers of a record, for tools and tests; the hot path uses findHeader. */
export function decodeHeaders(
  buffer: Buffer,
  headersStart: number,
  headerCount: number,
): [string, Buffer | null][] {
  const reader = new Reader(buffer, headersStart)
  reader.takeElements(headerCount, 2, true)
  const pairs: [string, Buffer | null][] = []
  for (let i = 0; i < headerCount; i++) {
    const name = reader.string(reader.varint())
    const length = reader.varint()
    pairs.push([name, length < 0 ? null : reader.bytes(length)])
  }
  return pairs
}

function encodePair([name, value]: HeaderPair): Buffer {
  const nameBytes = Buffer.from(name, 'utf8')
  if (value === null) return Buffer.concat([varintBytes(nameBytes.length), nameBytes, varintBytes(-1)])
  const valueBytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
  return Buffer.concat([varintBytes(nameBytes.length), nameBytes, varintBytes(valueBytes.length), valueBytes])
}

function varintBytes(value: number): Buffer {
  const bytes = Buffer.alloc(varintSize(value))
  writeVarint(bytes, 0, value)
  return bytes
}

function decimalDigits(value: number): number {
  let digits = 1
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++
  return digits
}

function sameBytes(buffer: Buffer, start: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) if (buffer[start + i] !== name[i]) return false
  return true
}
