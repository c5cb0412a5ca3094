// What a parser makes of one line, whatever its format: when, what kind, and the few fields that statistics ask for.
// Plain data and the readings of untrusted text that all parsers share. Pure; never throws for what a line holds.
import {
  accessTimeBytes,
  epochTimeMs,
  parseAccessTime,
  parseIsoTime,
  parseMonthDayTime,
} from './event-time.ts'

/** `directive`: a line about other lines, such as `#Fields:` or `# TYPE`; it counts as a line and nothing else. */
export type LineKind = 'access' | 'event' | 'metrics' | 'log' | 'directive'

export interface MetricSample {
  readonly name: string
  readonly host: string
  readonly value: number
  /** NaN where the sample has no time of its own. */
  readonly timeMs: number
}

export interface ParsedLine {
  readonly kind: LineKind
  /** Milliseconds since the epoch, NaN where the line has no time that can be read. */
  timeMs: number
  client: string
  /** The host that was asked, where the format has it. */
  virtualHost?: string
  method: string
  /** Without its query string. */
  path: string
  /** What stands behind the question mark, without it. */
  query: string
  status: number
  bytes: number
  referrer: string
  agent: string
  /** NaN where the line does not say. */
  requestTimeMs: number
  type: string
  event: string
  visitor: string
  /** One of `levels`, or '' where the line does not say. */
  level: string
  message: string
  samples: MetricSample[]
}

/** What a line cannot say itself. */
export interface LineContext {
  /** When the line was read: gives a missing year. */
  readonly recordMs: number
  /** How far a time that names no zone is ahead of UTC. */
  readonly zonelessOffsetMs: number
}

/** Null: the line is not of this format. */
export type LineParser = (
  bytes: Buffer,
  start: number,
  end: number,
  context: LineContext,
) => ParsedLine | null

export function newLine(kind: LineKind): ParsedLine {
  return {
    kind,
    timeMs: Number.NaN,
    client: '',
    method: '',
    path: '',
    query: '',
    status: 0,
    bytes: 0,
    referrer: '',
    agent: '',
    requestTimeMs: Number.NaN,
    type: '',
    event: '',
    visitor: '',
    level: '',
    message: '',
    samples: [],
  }
}

/** Lines as text; bytes that are not UTF-8 read as U+FFFD. */
export function textOf(bytes: Buffer, start: number, end: number): string {
  const last = end > start && bytes[end - 1] === 0x0d ? end - 1 : end
  return bytes.toString('utf8', start, last)
}

const levelNames: ReadonlyMap<string, string> = new Map([
  ...['trace', 'verbose', 'silly', 'finest', 'finer', 'vrb'].map(name => [name, 'trace'] as const),
  ...['debug', 'debug1', 'fine', 'config', 'dbg', 'dbug'].map(name => [name, 'debug'] as const),
  ...['info', 'information', 'informational', 'inf', 'log', 'notice'].map(name => [name, 'info'] as const),
  ...['warn', 'warning', 'wrn'].map(name => [name, 'warn'] as const),
  ...['error', 'err', 'eror', 'severe'].map(name => [name, 'error'] as const),
  ...['fatal', 'crit', 'critical', 'alert', 'emerg', 'emergency', 'panic', 'dpanic', 'ftl'].map(
    name => [name, 'fatal'] as const,
  ),
])

/** Whatever a logger calls it, one of trace, debug, info, warn, error, fatal; '' for what is none. */
export function levelOf(text: string): string {
  return text.length > 16 ? '' : (levelNames.get(text.toLowerCase()) ?? '')
}

/** pino and bunyan write 10 for trace to 60 for fatal; levels of one's own lie between. */
export function levelOfNumber(level: number): string {
  if (!(level >= 0)) return ''
  return ['trace', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'][Math.min(Math.floor(level / 10), 6)]!
}

/** ISO, `24/Nov/2026:08:00:00 +0000`, `Nov 24 08:00:00`, or a number since the epoch. */
export function timeOfText(text: string, context: LineContext): number {
  if (text.length < 3 || text.length > 64) return Number.NaN
  const bytes = Buffer.from(text, 'latin1')
  const iso = parseIsoTime(bytes, 0, bytes.length, context.zonelessOffsetMs)
  if (!Number.isNaN(iso)) return iso
  if (bytes.length === accessTimeBytes) return parseAccessTime(bytes, 0)
  const number = numberOf(text)
  if (!Number.isNaN(number)) return epochTimeMs(number)
  return parseMonthDayTime(bytes, 0, bytes.length, context.recordMs, context.zonelessOffsetMs)
}

/** A decimal number as people write it, within what a double holds; NaN for anything else. */
export function numberOf(text: string): number {
  if (text.length === 0 || text.length > 64) return Number.NaN
  const first = text.charCodeAt(0)
  const isNumeric = (first >= 0x30 && first <= 0x39) || first === 0x2d || first === 0x2b || first === 0x2e
  if (!isNumeric || text.charCodeAt(1) === 0x78) return Number.NaN
  const value = Number(text)
  return Number.isFinite(value) ? value : Number.NaN
}

/** A count of bytes: whole, not negative, and small enough to be added up. */
export function countOf(text: string): number {
  const value = numberOf(text)
  return value >= 0 && value < 2 ** 50 ? Math.floor(value) : 0
}

/** `GET /a?b HTTP/1.1` into method and path; what is no request line leaves both empty. */
export function takeRequest(line: ParsedLine, request: string): void {
  const space = request.indexOf(' ')
  if (space <= 0 || space > 32) return
  for (let at = 0; at < space; at++) {
    const byte = request.charCodeAt(at) | 0x20
    if (!((byte >= 0x61 && byte <= 0x7a) || byte === 0x2d || byte === 0x7f)) return
  }
  const rest = request.indexOf(' ', space + 1)
  line.method = request.slice(0, space)
  takeTarget(line, request.slice(space + 1, rest < 0 ? undefined : rest))
}

/** Path and query of a request target or an address. */
export function takeTarget(line: ParsedLine, target: string): void {
  line.path = pathOf(target)
  takeQuery(line, target)
}

/** The query alone, where the path is said elsewhere. */
export function takeQuery(line: ParsedLine, target: string): void {
  const question = target.indexOf('?')
  if (question < 0) return
  const hash = target.indexOf('#')
  if (hash < 0) line.query = target.slice(question + 1)
  else if (hash > question) line.query = target.slice(question + 1, hash)
}

/** The path of a request target or an address, without query and fragment. */
export function pathOf(target: string): string {
  let end = target.length
  for (const mark of ['?', '#']) {
    const at = target.indexOf(mark)
    if (at >= 0 && at < end) end = at
  }
  const start = target.startsWith('/') ? -1 : target.indexOf('://')
  if (start < 0 || start >= end) return target.slice(0, end)
  const slash = target.indexOf('/', start + 3)
  return slash < 0 || slash >= end ? '/' : target.slice(slash, end)
}

/** `10.0.0.1:5123` and `[2001:db8::1]:80` without their port. */
export function addressOf(text: string): string {
  if (text.startsWith('[')) return text.slice(1, Math.max(text.indexOf(']'), 1))
  const colon = text.indexOf(':')
  return colon > 0 && text.indexOf(':', colon + 1) < 0 ? text.slice(0, colon) : text
}

/** A dash stands for nothing. */
export function unlessDash(text: string): string {
  return text === '-' ? '' : text
}
