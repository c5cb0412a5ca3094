// What the headers of a record say about where its line came from: src, pos, format, time zone. Read in one pass,
// in place, into one reused result. Bytes that make no sense are "no header", never an error. Pure.
import { isLineFormat, type LineFormat } from '../../agent/formats/registry.ts'

export interface RecordSource {
  /** Where `src` lies; start equals end when there is none. */
  srcStart: number
  srcEnd: number
  /** The byte where the line starts in its file, -1 when missing or not a number. */
  position: number
  /** Null when the producer did not say. */
  format: LineFormat | null
  /** Where `tz` lies; start equals end when there is none. */
  zoneStart: number
  zoneEnd: number
  /** Where `host` lies, likewise. */
  hostStart: number
  hostEnd: number
  /** Where `service` lies, likewise. */
  serviceStart: number
  serviceEnd: number
}

export function emptyRecordSource(): RecordSource {
  return {
    srcStart: 0,
    srcEnd: 0,
    position: -1,
    format: null,
    zoneStart: 0,
    zoneEnd: 0,
    hostStart: 0,
    hostEnd: 0,
    serviceStart: 0,
    serviceEnd: 0,
  }
}

const headerNameBytesMax = 7

/** Reads `headerCount` headers from `headersStart`. */
export function readRecordSource(
  buffer: Buffer,
  headersStart: number,
  headerCount: number,
  into: RecordSource,
): void {
  into.srcStart = into.srcEnd = into.zoneStart = into.zoneEnd = into.hostStart = into.hostEnd = 0
  into.serviceStart = into.serviceEnd = 0
  into.position = -1
  into.format = null
  let at = headersStart
  for (let header = 0; header < headerCount; header++) {
    at = readLength(buffer, at)
    const nameStart = at
    const nameLength = lengthRead
    if (nameLength < 0) return
    at = readLength(buffer, at + nameLength)
    if (at > buffer.length || at + lengthRead > buffer.length) return
    if (lengthRead < 0) continue
    if (nameLength <= headerNameBytesMax) noteHeader(buffer, nameStart, nameLength, at, at + lengthRead, into)
    at += lengthRead
  }
}

function noteHeader(
  buffer: Buffer,
  nameStart: number,
  nameLength: number,
  start: number,
  end: number,
  into: RecordSource,
): void {
  switch (nameLength) {
    case 3:
      if (isName(buffer, nameStart, 's', 'r', 'c')) {
        into.srcStart = start
        into.srcEnd = end
      } else if (isName(buffer, nameStart, 'p', 'o', 's')) into.position = decimal(buffer, start, end)
      return
    case 6:
      if (isName(buffer, nameStart, 'f', 'o', 'r') && isName(buffer, nameStart + 3, 'm', 'a', 't')) {
        into.format = formatNamed(buffer, start, end)
      }
      return
    case 7:
      if (
        isName(buffer, nameStart, 's', 'e', 'r') &&
        isName(buffer, nameStart + 3, 'v', 'i', 'c') &&
        buffer[nameStart + 6] === 0x65
      ) {
        into.serviceStart = start
        into.serviceEnd = end
      }
      return
    case 4:
      if (isName(buffer, nameStart, 'h', 'o', 's') && buffer[nameStart + 3] === 0x74) {
        into.hostStart = start
        into.hostEnd = end
      }
      return
    case 2:
      if (buffer[nameStart] === 0x74 && buffer[nameStart + 1] === 0x7a) {
        into.zoneStart = start
        into.zoneEnd = end
      }
      return
    default:
  }
}

function isName(buffer: Buffer, at: number, a: string, b: string, c: string): boolean {
  return (
    buffer[at] === a.charCodeAt(0) && buffer[at + 1] === b.charCodeAt(0) && buffer[at + 2] === c.charCodeAt(0)
  )
}

/** The usual four are told by length and first letter: no string per record. Of the others the last is remembered. */
function formatNamed(buffer: Buffer, start: number, end: number): LineFormat | null {
  const first = buffer[start]
  switch (end - start) {
    case 3:
      if (first === 0x72) return 'raw'
      break
    case 4:
      if (first === 0x6a) return 'json'
      break
    case 7:
      if (first === 0x6d) return 'metrics'
      break
    case 8:
      if (first === 0x63 && buffer[start + 1] === 0x6f) return 'combined'
      break
    default:
  }
  if (end - start === lastName.length && buffer.compare(lastName, 0, lastName.length, start, end) === 0) {
    return lastFormat
  }
  lastName = Buffer.from(buffer.subarray(start, end))
  const text = lastName.toString('utf8')
  lastFormat = isLineFormat(text) ? text : null
  return lastFormat
}

let lastName = Buffer.alloc(0)
let lastFormat: LineFormat | null = null

/** ASCII decimal up to 2^53, else -1. */
function decimal(buffer: Buffer, start: number, end: number): number {
  if (end === start || end - start > 15) return -1
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = buffer[at]! - 0x30
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** The length last read: a second return value without an object. */
let lengthRead = 0

/** A zigzag varint of up to five bytes; beyond the buffer it reads as -1. */
function readLength(buffer: Buffer, from: number): number {
  let at = from
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = buffer[at++]
    if (byte === undefined) break
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      lengthRead = (value >>> 1) ^ -(value & 1)
      return at
    }
  }
  lengthRead = -1
  return at
}
