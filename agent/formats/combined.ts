// The combined access log (nginx, Apache) and its relatives: common (no referrer and agent), and a trailing
// $request_time. Scans bytes once and writes positions into a result the caller keeps; never throws, allocates
// nothing. A request line that makes no sense (a TLS hello, `-`) is still a request with a status.
import { accessTimeBytes, parseAccessTime } from './event-time.ts'

/**
 * Positions in the caller's buffer. Start equals end where a field is empty, `-` or not there.
 * One object is reused for every line: copy what must outlive the next call.
 */
export interface CombinedLine {
  clientStart: number
  clientEnd: number
  /** Milliseconds since the epoch. */
  timeMs: number
  methodStart: number
  methodEnd: number
  /** The request's path without its query string; empty where the request line is garbage. */
  pathStart: number
  pathEnd: number
  status: number
  /** Body bytes sent; `-` is 0. */
  bytes: number
  referrerStart: number
  referrerEnd: number
  agentStart: number
  agentEnd: number
  /** NaN where the line does not end in a request time. */
  requestTimeMs: number
}

export function emptyCombinedLine(): CombinedLine {
  return {
    clientStart: 0,
    clientEnd: 0,
    timeMs: Number.NaN,
    methodStart: 0,
    methodEnd: 0,
    pathStart: 0,
    pathEnd: 0,
    status: 0,
    bytes: 0,
    referrerStart: 0,
    referrerEnd: 0,
    agentStart: 0,
    agentEnd: 0,
    requestTimeMs: Number.NaN,
  }
}

const space = 0x20
const quote = 0x22
const dash = 0x2d
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const methodBytesMax = 32

/** True if the line is an access line; `into` then holds its fields. False leaves `into` in no particular state. */
export function parseCombined(buffer: Uint8Array, start: number, end: number, into: CombinedLine): boolean {
  while (end > start && (buffer[end - 1] === space || buffer[end - 1] === 0x0d)) end--
  let at = start
  while (at < end && buffer[at] !== space) at++
  into.clientStart = start
  into.clientEnd = at
  if (at === start) return false

  at = findTime(buffer, at, end, into)
  if (at < 0 || at + 2 >= end || buffer[at] !== space || buffer[at + 1] !== quote) return false

  const requestStart = at + 2
  const requestEnd = requestClose(buffer, requestStart, end)
  if (requestEnd < 0) return false
  splitRequest(buffer, requestStart, requestEnd, into)

  // requestClose has seen ` ddd` after the quote.
  at = requestEnd + 2
  into.status = (buffer[at]! - 0x30) * 100 + (buffer[at + 1]! - 0x30) * 10 + (buffer[at + 2]! - 0x30)
  at += 3
  return readBytes(buffer, at, end, into)
}

/** From the client's end to the bracketed time; ident and user may hold anything, even spaces. */
function findTime(buffer: Uint8Array, from: number, end: number, into: CombinedLine): number {
  const last = end - accessTimeBytes - 1
  for (let at = from; at < last; at++) {
    const byte = buffer[at]
    if (byte === quote) return -1
    if (byte !== openBracket || buffer[at + accessTimeBytes + 1] !== closeBracket) continue
    const timeMs = parseAccessTime(buffer, at + 1)
    // biome-ignore lint/suspicious/noSelfCompare: NaN is the only value unlike itself, and this is a hot path.
    if (timeMs !== timeMs) continue
    into.timeMs = timeMs
    return at + accessTimeBytes + 2
  }
  return -1
}

/**
 * The quote that ends the request: not escaped (`\"` as Apache writes it; nginx writes \x22), and followed by a
 * status. The second condition saves lines of servers that escape nothing.
 */
function requestClose(buffer: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = buffer[at]
    if (byte === backslash) at++
    else if (byte === quote && isStatus(buffer, at + 1, end)) return at
  }
  return -1
}

function isStatus(buffer: Uint8Array, at: number, end: number): boolean {
  if (at + 4 > end || buffer[at] !== space) return false
  if (!isDigit(buffer[at + 1]!) || !isDigit(buffer[at + 2]!) || !isDigit(buffer[at + 3]!)) return false
  return at + 4 === end || buffer[at + 4] === space
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** `GET /products/42?ref=x HTTP/1.1` → method and path. Anything else leaves both empty. */
function splitRequest(buffer: Uint8Array, start: number, end: number, into: CombinedLine): void {
  into.methodStart = into.methodEnd = into.pathStart = into.pathEnd = start
  let at = start
  while (at < end && isMethodByte(buffer[at]!)) at++
  if (at === start || at === end || buffer[at] !== space || at - start > methodBytesMax) return
  const methodEnd = at
  const pathStart = ++at
  while (at < end && buffer[at] !== space && buffer[at] !== 0x3f && buffer[at] !== 0x23) at++
  if (at === pathStart) return
  into.methodEnd = methodEnd
  into.pathStart = pathStart
  into.pathEnd = at
  const scheme = schemeEnd(buffer, pathStart, at)
  if (scheme > 0) into.pathStart = scheme
}

function isMethodByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === dash || byte === 0x5f
}

/** For `http://host/path` (a proxy's request) where the path starts, else 0. */
function schemeEnd(buffer: Uint8Array, start: number, end: number): number {
  if (buffer[start] === 0x2f) return 0
  let at = start
  while (at < end && buffer[at] !== 0x3a) at++
  if (at + 2 >= end || buffer[at + 1] !== 0x2f || buffer[at + 2] !== 0x2f) return 0
  at += 3
  while (at < end && buffer[at] !== 0x2f) at++
  return at < end ? at : 0
}

/** ` 5120 "referrer" "agent" 0.042`, of which only the first is needed. */
function readBytes(buffer: Uint8Array, from: number, end: number, into: CombinedLine): boolean {
  let at = from
  into.bytes = 0
  into.referrerStart = into.referrerEnd = into.agentStart = into.agentEnd = from
  into.requestTimeMs = Number.NaN
  if (at === end) return true
  at++
  if (buffer[at] === dash) at++
  else {
    const digits = at
    while (at < end && isDigit(buffer[at]!)) into.bytes = into.bytes * 10 + (buffer[at++]! - 0x30)
    if (at === digits || at - digits > 15) return false
  }
  if (at < end && buffer[at] !== space) return false
  at = readReferrerAndAgent(buffer, at, end, into)
  readRequestTime(buffer, at, end, into)
  return true
}

function readReferrerAndAgent(buffer: Uint8Array, from: number, end: number, into: CombinedLine): number {
  if (from + 1 >= end || buffer[from + 1] !== quote) return from
  const referrerStart = from + 2
  const referrerEnd = quotedClose(buffer, referrerStart, end)
  if (referrerEnd < 0) return from
  into.referrerStart = referrerStart
  into.referrerEnd = isDash(buffer, referrerStart, referrerEnd) ? referrerStart : referrerEnd
  const next = referrerEnd + 1
  if (next + 1 >= end || buffer[next + 1] !== quote) return next
  const agentStart = next + 2
  const agentEnd = quotedClose(buffer, agentStart, end)
  if (agentEnd < 0) return next
  into.agentStart = agentStart
  into.agentEnd = isDash(buffer, agentStart, agentEnd) ? agentStart : agentEnd
  return agentEnd + 1
}

function isDash(buffer: Uint8Array, start: number, end: number): boolean {
  return end - start === 1 && buffer[start] === dash
}

/** The unescaped quote that a space or the line's end follows. */
function quotedClose(buffer: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = buffer[at]
    if (byte === backslash) at++
    else if (byte === quote && (at + 1 === end || buffer[at + 1] === space)) return at
  }
  return -1
}

/**
 * The last word, if it is a decimal fraction: nginx writes $request_time as `0.042`. A whole number is not taken
 * for one, because Apache's %D (microseconds) looks like that.
 */
function readRequestTime(buffer: Uint8Array, from: number, end: number, into: CombinedLine): void {
  let at = end
  while (at > from && buffer[at - 1] !== space) at--
  if (at <= from || end - at > 16 || end - at < 3) return
  let value = 0
  let scale = 0
  for (; at < end; at++) {
    const byte = buffer[at]!
    if (byte === 0x2e && scale === 0) scale = 1
    else if (isDigit(byte)) {
      value = value * 10 + (byte - 0x30)
      if (scale > 0) scale *= 10
    } else return
  }
  // From whole digits, so that 0.042 is exactly 42 and sums do not depend on their order.
  if (scale > 1) into.requestTimeMs = (value * 1000) / scale
}
