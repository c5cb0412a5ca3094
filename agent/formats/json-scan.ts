// One pass over a JSON object's bytes that validates it as JSON.parse would and notes where the wanted top-level
// fields lie. Allocates nothing, never throws. Bytes that are not UTF-8 are passed over: they read as U+FFFD later.

/** What a field holds. `absent` must be 0: results are cleared by fill(0). */
export const fieldKinds = {
  absent: 0,
  text: 1,
  /** A string with backslash escapes in it. */
  escapedText: 2,
  number: 3,
  true: 4,
  false: 5,
  null: 6,
  object: 7,
  array: 8,
} as const

/** Where the wanted fields lie; index = position in the list of wanted names. Reused for every line. */
export interface FieldSpans {
  readonly names: readonly Uint8Array[]
  readonly kinds: Uint8Array
  /** For strings without their quotes. */
  readonly starts: Int32Array
  readonly ends: Int32Array
}

export function fieldSpans(names: readonly string[]): FieldSpans {
  return {
    names: names.map(name => Buffer.from(name)),
    kinds: new Uint8Array(names.length),
    starts: new Int32Array(names.length),
    ends: new Int32Array(names.length),
  }
}

/** Deeper nesting than this is not somebody's log line. */
const depthMax = 64

/** The kind of the value last scanned by scanValue: a second return value without an object. */
let scannedKind = 0

/** True if the bytes are exactly one JSON object, white space around it allowed. */
export function scanObject(buffer: Uint8Array, start: number, end: number, into: FieldSpans): boolean {
  into.kinds.fill(0)
  let at = skipSpace(buffer, start, end)
  if (at >= end || buffer[at] !== 0x7b) return false
  at = skipSpace(buffer, at + 1, end)
  if (at < end && buffer[at] === 0x7d) return skipSpace(buffer, at + 1, end) === end
  for (;;) {
    if (at >= end || buffer[at] !== 0x22) return false
    const nameEnd = scanString(buffer, at + 1, end)
    if (nameEnd < 0) return false
    const field = wantedField(buffer, at + 1, nameEnd, into.names)
    at = skipSpace(buffer, nameEnd + 1, end)
    if (at >= end || buffer[at] !== 0x3a) return false
    at = skipSpace(buffer, at + 1, end)
    const valueEnd = scanValue(buffer, at, end, 1)
    if (valueEnd < 0) return false
    if (field >= 0) noteField(into, field, at, valueEnd)
    at = skipSpace(buffer, valueEnd, end)
    if (at >= end) return false
    if (buffer[at] === 0x7d) return skipSpace(buffer, at + 1, end) === end
    if (buffer[at] !== 0x2c) return false
    at = skipSpace(buffer, at + 1, end)
  }
}

/** The text of a string field, or '' if it is not one. */
export function fieldText(buffer: Buffer, spans: FieldSpans, field: number): string {
  const kind = spans.kinds[field]
  if (kind === fieldKinds.text) return buffer.toString('utf8', spans.starts[field]!, spans.ends[field]!)
  if (kind !== fieldKinds.escapedText) return ''
  return unescapedText(buffer, spans.starts[field]!, spans.ends[field]!)
}

/** The text between two quotes that scanString accepted. */
export function unescapedText(buffer: Buffer, start: number, end: number): string {
  return JSON.parse(`"${buffer.toString('utf8', start, end)}"`) as string
}

/** The value of a number field, NaN if it is not one. */
export function fieldNumber(buffer: Buffer, spans: FieldSpans, field: number): number {
  if (spans.kinds[field] !== fieldKinds.number) return Number.NaN
  const start = spans.starts[field]!
  const end = spans.ends[field]!
  let whole = 0
  let at = start
  for (; at < end; at++) {
    const digit = buffer[at]! - 0x30
    if (digit < 0 || digit > 9) break
    whole = whole * 10 + digit
  }
  // Short whole numbers need no string; fractions do, because only Number() rounds them as everybody else does.
  if (at === end && end - start <= 15) return whole
  return Number(buffer.toString('latin1', start, end))
}

function noteField(into: FieldSpans, field: number, start: number, end: number): void {
  const isText = scannedKind === fieldKinds.text || scannedKind === fieldKinds.escapedText
  into.kinds[field] = scannedKind
  into.starts[field] = isText ? start + 1 : start
  into.ends[field] = isText ? end - 1 : end
}

function wantedField(buffer: Uint8Array, start: number, end: number, names: readonly Uint8Array[]): number {
  const length = end - start
  for (let field = 0; field < names.length; field++) {
    const name = names[field]!
    if (name.length !== length) continue
    let at = 0
    while (at < length && buffer[start + at] === name[at]) at++
    if (at === length) return field
  }
  return -1
}

function skipSpace(buffer: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const byte = buffer[at]!
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== 0x0a) return at
    at++
  }
  return at
}

/** From after the opening quote to the closing one, or -1. Sets scannedKind. */
function scanString(buffer: Uint8Array, from: number, end: number): number {
  scannedKind = fieldKinds.text
  for (let at = from; at < end; at++) {
    const byte = buffer[at]!
    if (byte === 0x22) return at
    if (byte < 0x20) return -1
    if (byte !== 0x5c) continue
    scannedKind = fieldKinds.escapedText
    at++
    if (at >= end) return -1
    if (buffer[at] === 0x75) {
      if (at + 4 >= end || !isHex4(buffer, at + 1)) return -1
      at += 4
    } else if (!isEscape(buffer[at]!)) return -1
  }
  return -1
}

function isEscape(byte: number): boolean {
  switch (byte) {
    case 0x22:
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return true
    default:
      return false
  }
}

function isHex4(buffer: Uint8Array, from: number): boolean {
  for (let at = from; at < from + 4; at++) {
    const byte = buffer[at]!
    const lower = byte | 0x20
    if (!((byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66))) return false
  }
  return true
}

/** The end of the value that starts at `at`, or -1. Sets scannedKind. */
function scanValue(buffer: Uint8Array, at: number, end: number, depth: number): number {
  if (at >= end || depth > depthMax) return -1
  switch (buffer[at]) {
    case 0x22: {
      const close = scanString(buffer, at + 1, end)
      return close < 0 ? -1 : close + 1
    }
    case 0x7b:
      return scanMembers(buffer, at + 1, end, depth, true)
    case 0x5b:
      return scanMembers(buffer, at + 1, end, depth, false)
    case 0x74:
      return scanWord(buffer, at, end, 'true', fieldKinds.true)
    case 0x66:
      return scanWord(buffer, at, end, 'false', fieldKinds.false)
    case 0x6e:
      return scanWord(buffer, at, end, 'null', fieldKinds.null)
    default:
      return scanNumber(buffer, at, end)
  }
}

/** The inside of an object or an array, to after its closing bracket. */
function scanMembers(buffer: Uint8Array, from: number, end: number, depth: number, named: boolean): number {
  const close = named ? 0x7d : 0x5d
  let at = skipSpace(buffer, from, end)
  let first = true
  for (;;) {
    if (at >= end) return -1
    if (first && buffer[at] === close) break
    first = false
    if (named) {
      if (buffer[at] !== 0x22) return -1
      const nameEnd = scanString(buffer, at + 1, end)
      if (nameEnd < 0) return -1
      at = skipSpace(buffer, nameEnd + 1, end)
      if (at >= end || buffer[at] !== 0x3a) return -1
      at = skipSpace(buffer, at + 1, end)
    }
    at = scanValue(buffer, at, end, depth + 1)
    if (at < 0) return -1
    at = skipSpace(buffer, at, end)
    if (at >= end) return -1
    if (buffer[at] === close) break
    if (buffer[at] !== 0x2c) return -1
    at = skipSpace(buffer, at + 1, end)
  }
  scannedKind = named ? fieldKinds.object : fieldKinds.array
  return at + 1
}

function scanWord(buffer: Uint8Array, at: number, end: number, word: string, kind: number): number {
  if (at + word.length > end) return -1
  for (let index = 0; index < word.length; index++) {
    if (buffer[at + index] !== word.charCodeAt(index)) return -1
  }
  scannedKind = kind
  return at + word.length
}

function scanNumber(buffer: Uint8Array, from: number, end: number): number {
  let at = from
  if (buffer[at] === 0x2d) at++
  const whole = at
  at = skipDigits(buffer, at, end)
  if (at === whole || (buffer[whole] === 0x30 && at - whole > 1)) return -1
  if (at < end && buffer[at] === 0x2e) {
    const fraction = at + 1
    at = skipDigits(buffer, fraction, end)
    if (at === fraction) return -1
  }
  if (at < end && (buffer[at]! | 0x20) === 0x65) {
    at++
    if (at < end && (buffer[at] === 0x2b || buffer[at] === 0x2d)) at++
    const exponent = at
    at = skipDigits(buffer, at, end)
    if (at === exponent) return -1
  }
  scannedKind = fieldKinds.number
  return at
}

function skipDigits(buffer: Uint8Array, at: number, end: number): number {
  while (at < end && buffer[at]! >= 0x30 && buffer[at]! <= 0x39) at++
  return at
}
