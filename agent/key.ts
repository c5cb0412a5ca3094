// The record key: 16 hex digits, a keyed 64-bit hash of what makes a visitor in this format, found by a byte scan.
// Pure and without a string per line. Where a line has no visitor, a key by file and MiB still fills partitions.
import { createHash } from 'node:crypto'
import type { LineContext } from './formats/parsed-line.ts'
import { familyOf, type LineFormat, parserOf } from './formats/registry.ts'
import { type HashKey, halfSipHash, hashed } from './half-siphash.ts'

export const keyLength = 16
/** Lines of one file within one block share a key where nothing better is known. */
const blockBytes = 1_048_576
/** More of a user agent than this makes no visitor any more distinct. */
const visitorBytesMax = 1_024

const quote = 0x22
const backslash = 0x5c
const space = 0x20
const hexDigits = Buffer.from('0123456789abcdef', 'latin1')
const visitor = Buffer.alloc(visitorBytesMax)

/** All agents of an appliance share the seed, so that one visitor is one key on every server. */
export function hashKeyOf(seed: string): HashKey {
  const digest = createHash('sha256').update(seed, 'utf8').digest()
  return { low: digest.readInt32LE(0), high: digest.readInt32LE(4) }
}

/** What decides the key of a line. Part of the routing: with another one, another src begins. */
export interface KeyRule {
  readonly format: LineFormat
  readonly hashKey: HashKey
  /** `"name"` with its quotes, or null where lines carry no such field. */
  readonly field: Buffer | null
}

export function keyRule(format: LineFormat, hashKey: HashKey, keyField: string | null): KeyRule {
  return { format, hashKey, field: keyField === null ? null : Buffer.from(JSON.stringify(keyField), 'utf8') }
}

/** Writes the key of the line `bytes[start, end)` to `output`; false when the line names no visitor. */
export function writeVisitorKey(
  rule: KeyRule,
  bytes: Buffer,
  start: number,
  end: number,
  output: Buffer,
): boolean {
  let length = 0
  if (rule.format === 'combined') length = combinedVisitor(bytes, start, end)
  else if (rule.field !== null) length = fieldVisitor(bytes, start, end, rule.field)
  else if (hasVisitor(rule.format)) length = parsedVisitor(rule.format, bytes, start, end)
  if (length === 0) return false
  halfSipHash(rule.hashKey, visitor, 0, length)
  writeHashed(output)
  return true
}

/** The key for lines without a visitor. Computed once a block, so it may cost a string. */
export function writeBlockKey(rule: KeyRule, fileId: string, position: number, output: Buffer): void {
  const length = visitor.write(`${fileId}/${Math.floor(position / blockBytes)}`, 'latin1')
  halfSipHash(rule.hashKey, visitor, 0, length)
  writeHashed(output)
}

function writeHashed(output: Buffer): void {
  let word = hashed.high
  for (let at = 0; at < 16; at += 8) {
    for (let digit = 7; digit >= 0; digit--) {
      output[at + digit] = hexDigits[word & 15]!
      word >>>= 4
    }
    word = hashed.low
  }
}

const noContext: LineContext = { recordMs: 0, zonelessOffsetMs: 0 }
/** Access logs that are not in the order of combined, and what containers write, among it access logs. */
const visitorFormats: ReadonlySet<string> = new Set([
  ...['vhost_combined', 'nginx', 'apache', 'caddy', 'traefik', 'w3c', 'csv', 'docker', 'cri', 'otel'],
])

function hasVisitor(format: LineFormat): boolean {
  return visitorFormats.has(familyOf(format))
}

/** The same bytes as of a combined line, so that a visitor is one whatever server wrote the line. */
function parsedVisitor(format: LineFormat, bytes: Buffer, start: number, end: number): number {
  const line = parserOf(format)?.(bytes, start, end, noContext)
  if (line?.kind !== 'access' || line.client === '') return 0
  const length = visitor.write(line.client, 0, 64)
  visitor[length] = 0
  return length + 1 + visitor.write(line.agent, length + 1)
}

/** Client address, a zero byte, user agent: the first word, and the third string in quotes. */
function combinedVisitor(bytes: Buffer, start: number, end: number): number {
  let at = start
  let length = 0
  while (at < end && bytes[at] !== space) {
    if (length < 64) visitor[length++] = bytes[at]!
    at++
  }
  if (at === end || length === 0) return 0
  visitor[length++] = 0
  let quotes = 0
  for (; at < end; at++) {
    const byte = bytes[at]!
    if (byte === backslash) {
      if (quotes === 5 && length < visitorBytesMax - 1) visitor[length++] = byte
      at++
      if (at === end) break
      if (quotes === 5 && length < visitorBytesMax) visitor[length++] = bytes[at]!
    } else if (byte === quote) {
      quotes++
      if (quotes === 6) return length
    } else if (quotes === 5 && length < visitorBytesMax) visitor[length++] = byte
  }
  // A common-format line has no user agent: then the address alone is the visitor.
  return quotes >= 2 ? length : 0
}

/**
 * The value of one field of the outermost object: a string's bytes between its quotes, or a number's.
 * Walks strings and depth only; what is not JSON ends the walk somewhere and gives no visitor.
 */
function fieldVisitor(bytes: Buffer, start: number, end: number, field: Buffer): number {
  let depth = 0
  let at = start
  while (at < end) {
    const byte = bytes[at]!
    if (byte === quote) {
      const close = closingQuote(bytes, at + 1, end)
      if (close < 0) return 0
      if (depth === 1 && close + 1 - at === field.length && sameBytes(bytes, at, field)) {
        const value = afterColon(bytes, close + 1, end)
        // Without a colon it was a value that happens to equal the name.
        if (value > 0) return copyValue(bytes, value, end)
      }
      at = close + 1
      continue
    }
    if (byte === 0x7b || byte === 0x5b) depth++
    else if (byte === 0x7d || byte === 0x5d) depth--
    at++
  }
  return 0
}

function closingQuote(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]
    if (byte === quote) return at
    if (byte === backslash) at++
  }
  return -1
}

function sameBytes(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let index = 0; index < wanted.length; index++) if (bytes[at + index] !== wanted[index]) return false
  return true
}

function afterColon(bytes: Buffer, from: number, end: number): number {
  let at = skipSpaces(bytes, from, end)
  if (bytes[at] !== 0x3a || at >= end) return -1
  at = skipSpaces(bytes, at + 1, end)
  return at < end ? at : -1
}

function skipSpaces(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && (bytes[at] === space || bytes[at] === 0x09)) at++
  return at
}

function copyValue(bytes: Buffer, at: number, end: number): number {
  let from = at
  let to: number
  if (bytes[at] === quote) {
    from = at + 1
    to = closingQuote(bytes, from, end)
  } else {
    to = from
    while (to < end && isNumberByte(bytes[to]!)) to++
  }
  // A literal null, an object or an empty string names nobody.
  if (to <= from) return 0
  const length = Math.min(to - from, visitorBytesMax)
  bytes.copy(visitor, 0, from, from + length)
  return length
}

function isNumberByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2e || byte === 0x2b || byte === 0x45
}
