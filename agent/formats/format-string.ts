// Access logs written by a format string: nginx's log_format (`$remote_addr … "$request"`) and Apache's LogFormat
// (`%h %l %u %t "%r" %>s %b`) are compiled into a parser that walks a line once, from one literal to the next.
// No backtracking: a line costs time in proportion to its length, whatever it and the string hold. Pure.
import {
  addressOf,
  countOf,
  type LineContext,
  type LineParser,
  newLine,
  numberOf,
  type ParsedLine,
  takeRequest,
  takeTarget,
  textOf,
  timeOfText,
  unlessDash,
} from './parsed-line.ts'

type Meaning = (line: ParsedLine, text: string, context: LineContext) => void

interface Piece {
  readonly meaning: Meaning | null
  /** What follows the value; '' when it reaches to the end of the line. */
  readonly until: string
  readonly isTime: boolean
}

const ignored: Meaning = () => {}
const client: Meaning = (line, text) => {
  line.client = addressOf(unlessDash(text))
}
const virtualHost: Meaning = (line, text) => {
  const host = addressOf(unlessDash(text))
  if (host !== '') line.virtualHost = host
}
const request: Meaning = (line, text) => takeRequest(line, text)
const method: Meaning = (line, text) => {
  line.method = unlessDash(text)
}
const path: Meaning = (line, text) => {
  takeTarget(line, unlessDash(text))
}
const status: Meaning = (line, text) => {
  const value = numberOf(text)
  if (value >= 100 && value < 1000) line.status = Math.floor(value)
}
const bytes: Meaning = (line, text) => {
  line.bytes = countOf(text)
}
const referrer: Meaning = (line, text) => {
  line.referrer = unlessDash(text)
}
const agent: Meaning = (line, text) => {
  line.agent = unlessDash(text)
}
const time: Meaning = (line, text, context) => {
  const timeMs = timeOfText(text.startsWith('[') ? text.slice(1, -1) : text, context)
  if (!Number.isNaN(timeMs)) line.timeMs = timeMs
}
const takes =
  (perUnitMs: number): Meaning =>
  (line, text) => {
    const value = numberOf(text)
    if (value >= 0) line.requestTimeMs = roundTime(value * perUnitMs)
  }

/** Sums of latencies must not depend on how a fraction was written. */
function roundTime(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

const nginxMeanings: Readonly<Record<string, Meaning>> = {
  remote_addr: client,
  host: virtualHost,
  http_host: virtualHost,
  server_name: virtualHost,
  realip_remote_addr: ignored,
  request,
  request_method: method,
  request_uri: path,
  uri: path,
  document_uri: path,
  status,
  body_bytes_sent: bytes,
  bytes_sent: bytes,
  http_referer: referrer,
  http_user_agent: agent,
  time_local: time,
  time_iso8601: time,
  msec: time,
  request_time: takes(1000),
}

const apacheMeanings: Readonly<Record<string, Meaning>> = {
  h: client,
  v: virtualHost,
  V: virtualHost,
  a: client,
  r: request,
  m: method,
  U: path,
  s: status,
  b: bytes,
  B: bytes,
  O: bytes,
  t: time,
  D: takes(0.001),
  T: takes(1000),
  '{ms}T': takes(1),
  '{us}T': takes(0.001),
  '{s}T': takes(1000),
  '{referer}i': referrer,
  '{user-agent}i': agent,
}

/** Null for a string without a variable, or with two variables and nothing between them to tell them apart. */
export function compileNginxFormat(format: string): LineParser | null {
  return compile(format, /\$(?:\{([a-z0-9_]{1,64})\}|([a-z0-9_]{1,64}))/g, match => {
    const name = match[1] ?? match[2]!
    return Object.hasOwn(nginxMeanings, name) ? nginxMeanings[name]! : ignored
  })
}

export function compileApacheFormat(format: string): LineParser | null {
  const variable = /%[<>!,0-9]{0,16}(\{[^}]{1,64}\})?\^?([a-zA-Z])/g
  return compile(format.replaceAll('\\"', '"'), variable, match => {
    const argument = (match[1] ?? '').toLowerCase()
    const letter = match[2]!
    // %{%Y-%m-%d}t would be a time in words of its own: it is passed over.
    const name = letter === 't' && argument !== '' ? '' : argument + letter
    return Object.hasOwn(apacheMeanings, name) ? apacheMeanings[name]! : ignored
  })
}

function compile(
  format: string,
  variable: RegExp,
  meaningOf: (match: RegExpExecArray) => Meaning,
): LineParser | null {
  if (format.length > 2048) return null
  const pieces: Piece[] = []
  const matches = [...format.matchAll(variable)]
  if (matches.length === 0) return null
  const prefix = format.slice(0, matches[0]!.index)
  for (const [index, match] of matches.entries()) {
    const until = format.slice(match.index + match[0].length, matches[index + 1]?.index)
    if (until === '' && index < matches.length - 1) return null
    const meaning = meaningOf(match)
    pieces.push({ meaning: meaning === ignored ? null : meaning, until, isTime: meaning === time })
  }
  const hasStatus = pieces.some(piece => piece.meaning === status)
  return (buffer, start, end, context) => {
    const line = readPieces(textOf(buffer, start, end), prefix, pieces, context)
    return line === null || (hasStatus && line.status === 0) ? null : line
  }
}

function readPieces(
  text: string,
  prefix: string,
  pieces: readonly Piece[],
  context: LineContext,
): ParsedLine | null {
  if (!text.startsWith(prefix)) return null
  const line = newLine('access')
  let at = prefix.length
  for (const { meaning, until, isTime } of pieces) {
    // Apache writes its time with the brackets around it, and a space inside.
    const from = isTime && text[at] === '[' ? text.indexOf(']', at) : at
    const end = from < 0 ? -1 : valueEnd(text, from, until)
    if (end < 0) return null
    if (meaning !== null) meaning(line, text.slice(at, end), context)
    at = end + until.length
  }
  return line
}

/** Where the value before `until` ends; inside quotes an escaped quote does not end it. */
function valueEnd(text: string, from: number, until: string): number {
  if (until === '') return text.length
  let end = text.indexOf(until, from)
  if (until.charCodeAt(0) !== 0x22) return end < 0 && until.trim() === '' ? text.length : end
  while (end > from && isEscaped(text, end, from)) end = text.indexOf(until, end + 1)
  return end
}

function isEscaped(text: string, at: number, from: number): boolean {
  let slashes = 0
  while (at - slashes > from && text.charCodeAt(at - slashes - 1) === 0x5c && slashes < 64) slashes++
  return slashes % 2 === 1
}

/** What Debian's Apache writes for several hosts. */
export const parseVhostCombined: LineParser = compileApacheFormat(
  '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
)!
