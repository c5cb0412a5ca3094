// Takes secrets out of a line before anything else sees it: card numbers, e-mail addresses, the last part of network
// addresses, tokens, and what users' patterns match. Scans bytes; a line without a secret is not copied. Pure.
// A number of a JSON object becomes a string, so that the line stays what it is.
import { createHmac } from 'node:crypto'
import type { RedactRule } from './line-rules.ts'
import { compilePattern } from './patterns.ts'

type Kind = 'card' | 'email' | 'token' | 'pattern'

const digit = 1
const letter = 2
/** May stand in the local part of an address: letters, digits, and ._%+- */
const local = 4
const hexDigit = 8
const token = 16
const classes = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  const text = String.fromCharCode(byte)
  if (/[0-9]/.test(text)) classes[byte]! |= digit | local | hexDigit | token
  if (/[A-Za-z]/.test(text)) classes[byte]! |= letter | local | token
  if (/[a-fA-F]/.test(text)) classes[byte]! |= hexDigit
  if (/[._%+-]/.test(text) || byte >= 0x80) classes[byte]! |= local
  if (/[-._~+/=]/.test(text)) classes[byte]! |= token
}

function is(byte: number | undefined, wanted: number): boolean {
  return byte !== undefined && (classes[byte]! & wanted) !== 0
}

export class Redactor {
  readonly #rule: RedactRule
  readonly #patterns: readonly RegExp[]
  readonly #secret: Buffer
  #parts: Buffer[] = []
  #copied = 0

  /** `secret` keys the hashes that replace what is found. */
  constructor(rule: RedactRule, secret: string) {
    this.#rule = rule
    this.#patterns = (rule.patterns ?? []).map(compilePattern)
    this.#secret = Buffer.from(secret, 'utf8')
  }

  /** The line without its secrets; null when it has none. */
  redact(bytes: Buffer, start: number, end: number): Buffer | null {
    const scanned = this.#scan(bytes, start, end)
    if (this.#patterns.length === 0) return scanned
    const line = scanned ?? bytes.subarray(start, end)
    let text = line.toString('latin1')
    const before = text
    for (const pattern of this.#patterns) {
      text = text.replace(pattern, match =>
        match === '' ? '' : this.#stand('pattern', Buffer.from(match, 'latin1')),
      )
    }
    return text === before ? scanned : Buffer.from(text, 'latin1')
  }

  #scan(bytes: Buffer, start: number, end: number): Buffer | null {
    const { cards, emails, addresses, tokens } = this.#rule
    this.#parts = []
    this.#copied = start
    const isJson = bytes[start] === 0x7b
    let isQuoted = false
    let isWordStart = true
    // Behind the last escape: the letter of a newline belongs to no word.
    let escapeEnd = start
    let at = start
    while (at < end) {
      const byte = bytes[at]!
      const escaped = byte === 0x5c || byte === 0x25 ? escapeBytes(bytes, at, isJson) : 0
      if (escaped > 0) {
        at = Math.min(at + escaped, end)
        escapeEnd = at
        isWordStart = true
        continue
      }
      let stop = 0
      if (isWordStart && cards && is(byte, digit)) stop = cardEnd(bytes, at, end)
      if (stop > 0) this.#replace(bytes, at, stop, 'card', isJson && !isQuoted)
      else if (addresses && isWordStart && (is(byte, hexDigit) || byte === 0x3a)) {
        if (at === start || bytes[at - 1] !== 0x2e) stop = this.#address(bytes, at, end)
      }
      if (stop === 0 && tokens && isWordStart && is(byte, letter)) stop = this.#token(bytes, at, end)
      if (stop === 0 && emails && isAt(bytes, at, end)) {
        const from = localStart(bytes, at, Math.max(escapeEnd, this.#copied))
        stop = domainEnd(bytes, at, end)
        if (from < at && stop > 0) this.#replace(bytes, from, stop, 'email', false)
        else stop = 0
      }
      if (stop > 0) at = stop
      else {
        if (byte === 0x22) isQuoted = !isQuoted
        at++
        // The rest of a word begins nothing.
        if (is(byte, digit | letter)) while (at < end && is(bytes[at], digit | letter)) at++
      }
      isWordStart = !is(bytes[at - 1], digit | letter)
    }
    if (this.#parts.length === 0) return null
    this.#parts.push(bytes.subarray(this.#copied, end))
    return Buffer.concat(this.#parts)
  }

  #replace(bytes: Buffer, from: number, to: number, kind: Kind, isNumber: boolean): void {
    const stand = this.#stand(kind, bytes.subarray(from, to))
    this.#put(bytes, from, to, Buffer.from(isNumber ? `"${stand}"` : stand, 'latin1'))
  }

  #put(bytes: Buffer, from: number, to: number, stand: Buffer): void {
    this.#parts.push(bytes.subarray(this.#copied, from), stand)
    this.#copied = to
  }

  #stand(kind: Kind, secret: Buffer): string {
    const name = kind === 'pattern' ? 'redacted' : kind
    if (this.#rule.replace !== 'hash') return `[${name}]`
    const same =
      kind === 'card' ? Buffer.from(secret.toString('latin1').replaceAll(/%20|[ +-]/g, ''), 'latin1') : secret
    return `[${name}:${createHmac('sha256', this.#secret).update(same).digest('hex').slice(0, 16)}]`
  }

  #address(bytes: Buffer, at: number, end: number): number {
    const four = ipv4(bytes, at, end)
    if (four > 0) {
      let lastDot = four
      while (bytes[lastDot] !== 0x2e) lastDot--
      this.#put(bytes, lastDot + 1, four, Buffer.from('0'))
      return four
    }
    const six = ipv6(bytes, at, end)
    if (six === 0) return 0
    this.#put(bytes, at, six, Buffer.from(truncatedIpv6(bytes.toString('latin1', at, six)), 'latin1'))
    return six
  }

  /** After `Bearer ` and `Basic `, and whatever begins like the header of a JSON web token. */
  #token(bytes: Buffer, at: number, end: number): number {
    let from = 0
    if (hasWord(bytes, at, end, 'bearer')) from = at + 6
    else if (hasWord(bytes, at, end, 'basic')) from = at + 5
    if (from > 0) {
      const first = skipBlanks(bytes, from, end)
      const to = tokenEnd(bytes, first, end)
      if (first === from || to - first < 8) return 0
      this.#replace(bytes, first, to, 'token', false)
      return to
    }
    if (bytes[at] !== 0x65 || bytes[at + 1] !== 0x79 || bytes[at + 2] !== 0x4a) return 0
    const to = tokenEnd(bytes, at, end)
    if (to - at < 20) return 0
    this.#replace(bytes, at, to, 'token', false)
    return to
  }
}

/** How many bytes an escape has: of JSON two or six, in other lines only what looks like one; `%40` is for later. */
function escapeBytes(bytes: Buffer, at: number, isJson: boolean): number {
  const next = bytes[at + 1] ?? 0
  if (bytes[at] === 0x25) {
    const isAtSign = next === 0x34 && bytes[at + 2] === 0x30
    return is(next, hexDigit) && is(bytes[at + 2], hexDigit) && !isAtSign ? 3 : 0
  }
  if (next === 0x75 && is(bytes[at + 2], hexDigit)) return 6
  if (next === 0x78 && is(bytes[at + 2], hexDigit)) return 4
  const isControl = next === 0x6e || next === 0x72 || next === 0x74 || next === 0x62 || next === 0x66
  return isJson || isControl ? 2 : 1
}

const cardDigitsMax = 19
/** Where the digits of a number lie: one more than a card has, to know that it goes on. */
const digitPlaces = new Int32Array(cardDigitsMax + 1)

/** 13 to 19 digits, single blanks or dashes between them allowed, with a check digit that is right. */
function cardEnd(bytes: Buffer, from: number, end: number): number {
  let digits = 0
  for (let at = from; at < end && digits <= cardDigitsMax; ) {
    if (is(bytes[at], digit)) digitPlaces[digits++] = at++
    else {
      const next = at + separatorBytes(bytes, at)
      if (next === at || next >= end || !is(bytes[next], digit)) break
      at = next
    }
  }
  // Digits may go on with something else: of all beginnings that can be a card, the longest.
  for (let count = Math.min(digits, cardDigitsMax); count >= 13; count--) {
    const stop = digitPlaces[count - 1]! + 1
    const isEdge = stop === end || !is(bytes[stop], digit | letter)
    if (isEdge && isIssued(bytes, count) && luhn(bytes, count)) return stop
  }
  return 0
}

/** A blank, a dash, and a blank as addresses of requests have it: `+` or `%20`. */
function separatorBytes(bytes: Buffer, at: number): number {
  const byte = bytes[at]
  if (byte === 0x20 || byte === 0x2d || byte === 0x2b) return 1
  return byte === 0x25 && bytes[at + 1] === 0x32 && bytes[at + 2] === 0x30 ? 3 : 0
}

/** Payment cards begin with 3 to 6, or with 2221 to 2720. Times since the epoch, which begin with 1, are none. */
function isIssued(bytes: Buffer, count: number): boolean {
  let first = 0
  for (let index = 0; index < 4; index++) first = first * 10 + bytes[digitPlaces[index]!]! - 0x30
  if (first >= 2221 && first <= 2720) return count === 16
  return first >= (count === 13 ? 4000 : 3000) && first < 7000
}

function luhn(bytes: Buffer, count: number): boolean {
  let sum = 0
  let nonZero = 0
  for (let index = 0; index < count; index++) {
    const value = bytes[digitPlaces[index]!]! - 0x30
    nonZero |= value
    const doubled = value * 2
    const isDoubled = (count - index) % 2 === 0
    sum += isDoubled ? (doubled > 9 ? doubled - 9 : doubled) : value
  }
  return nonZero !== 0 && sum % 10 === 0
}

/** `@`, or as addresses in requests have it, `%40`. */
function isAt(bytes: Buffer, at: number, end: number): boolean {
  if (bytes[at] === 0x40) return true
  return at + 2 < end && bytes[at] === 0x25 && bytes[at + 1] === 0x34 && bytes[at + 2] === 0x30
}

function localStart(bytes: Buffer, at: number, limit: number): number {
  let from = at
  while (from > limit && at - from < 128 && is(bytes[from - 1], local)) from--
  return from
}

function domainEnd(bytes: Buffer, at: number, end: number): number {
  let to = at + (bytes[at] === 0x40 ? 1 : 3)
  const from = to
  let dots = 0
  while (
    to < end &&
    to - from < 255 &&
    (is(bytes[to], digit | letter) || bytes[to] === 0x2d || bytes[to] === 0x2e)
  ) {
    if (bytes[to] === 0x2e && to > from) dots++
    to++
  }
  while (to > from && (bytes[to - 1] === 0x2e || bytes[to - 1] === 0x2d)) {
    if (bytes[to - 1] === 0x2e) dots--
    to--
  }
  return dots > 0 && to > from ? to : 0
}

/** The end of four numbers up to 255 with dots between, or 0. */
function ipv4(bytes: Buffer, from: number, end: number): number {
  let at = from
  for (let part = 0; part < 4; part++) {
    let value = 0
    const first = at
    while (at < end && is(bytes[at], digit) && at - first < 3) value = value * 10 + bytes[at++]! - 0x30
    if (at === first || value > 255) return 0
    if (part < 3 && bytes[at++] !== 0x2e) return 0
    if (at > end) return 0
  }
  const goesOn =
    at < end && (is(bytes[at], digit | letter) || (bytes[at] === 0x2e && is(bytes[at + 1], digit)))
  return goesOn ? 0 : at
}

/** Groups of up to four digits, eight or fewer around one `::`; a time of day has too few. */
function ipv6(bytes: Buffer, from: number, end: number): number {
  let groups = 0
  let pairs = 0
  let at = from
  while (at < end && groups <= 8 && pairs <= 1) {
    const first = at
    while (at < end && is(bytes[at], hexDigit) && at - first < 5) at++
    if (at - first > 4) return 0
    if (at > first) groups++
    if (at >= end || bytes[at] !== 0x3a) break
    if (bytes[at + 1] === 0x3a && at + 1 < end) {
      pairs++
      at += 2
    } else if (is(bytes[at + 1], hexDigit) && at + 1 < end) at++
    else break
  }
  if (at < end && is(bytes[at], digit | letter)) return 0
  const isAddress = (pairs === 0 && groups === 8) || (pairs === 1 && groups <= 7 && groups > 0)
  return isAddress && hasDigit(bytes, from, at) ? at : 0
}

/** `a::b` is a name in some languages. */
function hasDigit(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (is(bytes[at], digit)) return true
  return false
}

function truncatedIpv6(text: string): string {
  const [head = ''] = text.split('::')
  const groups = head === '' ? [] : head.split(':')
  return `${groups.slice(0, 3).join(':')}::`
}

function hasWord(bytes: Buffer, at: number, end: number, word: string): boolean {
  if (at + word.length >= end) return false
  for (let index = 0; index < word.length; index++) {
    if ((bytes[at + index]! | 0x20) !== word.charCodeAt(index)) return false
  }
  return !is(bytes[at + word.length], digit | letter)
}

function skipBlanks(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x2b)) at++
  // `Bearer%20…`, as in the address of a request.
  if (at === from && bytes[at] === 0x25 && bytes[at + 1] === 0x32 && bytes[at + 2] === 0x30) return at + 3
  return at
}

function tokenEnd(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && is(bytes[at], token)) at++
  return at
}
