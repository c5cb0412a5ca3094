// JSON lines whose makers are known by their fields: Caddy and Traefik access logs, Segment and PostHog events, pino
// and bunyan. Each parser takes only its own shape. Read by JSON.parse and own properties alone, so that `__proto__`
// in a line is a name like any other. Pure; never throws.
import { epochTimeMs } from './event-time.ts'
import {
  addressOf,
  type LineContext,
  type LineParser,
  levelOf,
  levelOfNumber,
  newLine,
  type ParsedLine,
  pathOf,
  takeQuery,
  takeTarget,
  textOf,
  timeOfText,
} from './parsed-line.ts'

type Json = Readonly<Record<string, unknown>>

/** The object a line is, or null. */
export function jsonObject(bytes: Buffer, start: number, end: number): Json | null {
  if (bytes[start] !== 0x7b) return null
  try {
    const value: unknown = JSON.parse(textOf(bytes, start, end))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null
  } catch {
    return null
  }
}

/** What lies under these names, or undefined; only what the line itself says. */
function own(value: unknown, ...names: readonly string[]): unknown {
  let found = value
  for (const name of names) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Json)[name]
  }
  return found
}

export function ownText(value: unknown, ...names: readonly string[]): string {
  const found = own(value, ...names)
  return typeof found === 'string' ? found : ''
}

function ownNumber(value: unknown, ...names: readonly string[]): number {
  const found = own(value, ...names)
  return typeof found === 'number' && Number.isFinite(found) ? found : Number.NaN
}

/** A field as a time: text, or a number since the epoch. */
function ownTime(value: unknown, name: string, context: LineContext): number {
  const found = own(value, name)
  if (typeof found === 'number') return epochTimeMs(found)
  return typeof found === 'string' ? timeOfText(found, context) : Number.NaN
}

/** The first value of a header, which Caddy writes as a list. */
function firstText(value: unknown): string {
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : ''
}

function sizeOf(value: number): number {
  return value >= 0 && value < 2 ** 50 ? Math.floor(value) : 0
}

function isStatus(value: number): boolean {
  return value >= 100 && value < 1000
}

export const parseCaddy: LineParser = (bytes, start, end, context) => {
  const value = jsonObject(bytes, start, end)
  const status = ownNumber(value, 'status')
  const request = own(value, 'request')
  if (!isStatus(status) || ownText(request, 'method') === '' || ownText(request, 'uri') === '') return null
  const line = newLine('access')
  line.timeMs = ownTime(value, 'ts', context)
  line.client = addressOf(
    ownText(request, 'client_ip') || ownText(request, 'remote_ip') || ownText(request, 'remote_addr'),
  )
  line.method = ownText(request, 'method')
  line.virtualHost = addressOf(ownText(request, 'host'))
  takeTarget(line, ownText(request, 'uri'))
  line.status = Math.floor(status)
  line.bytes = sizeOf(ownNumber(value, 'size'))
  line.referrer = firstText(own(request, 'headers', 'Referer'))
  line.agent = firstText(own(request, 'headers', 'User-Agent'))
  line.requestTimeMs = durationMs(ownNumber(value, 'duration'), 1000)
  return line
}

export const parseTraefik: LineParser = (bytes, start, end, context) => {
  const value = jsonObject(bytes, start, end)
  const status = ownNumber(value, 'DownstreamStatus')
  if (!isStatus(status) || ownText(value, 'RequestMethod') === '') return null
  const line = newLine('access')
  line.timeMs = ownTime(value, 'StartUTC', context)
  if (Number.isNaN(line.timeMs)) line.timeMs = ownTime(value, 'time', context)
  line.client = addressOf(ownText(value, 'ClientHost') || ownText(value, 'ClientAddr'))
  line.method = ownText(value, 'RequestMethod')
  line.virtualHost = addressOf(ownText(value, 'RequestHost'))
  takeTarget(line, ownText(value, 'RequestPath'))
  line.status = Math.floor(status)
  line.bytes = sizeOf(ownNumber(value, 'DownstreamContentSize'))
  line.referrer = ownText(value, 'request_Referer')
  line.agent = ownText(value, 'request_User-Agent')
  // Nanoseconds.
  line.requestTimeMs = durationMs(ownNumber(value, 'Duration'), 1e-6)
  return line
}

function durationMs(value: number, perUnitMs: number): number {
  return value >= 0 ? Math.round(value * perUnitMs * 1000) / 1000 : Number.NaN
}

const segmentTypes: ReadonlySet<string> = new Set(['track', 'page', 'screen', 'identify', 'group', 'alias'])

/** Segment's and RudderStack's own: what is on the page lies under `context.page` or `properties`. */
export const parseSegment: LineParser = (bytes, start, end, context) => {
  const value = jsonObject(bytes, start, end)
  const type = ownText(value, 'type')
  if (!segmentTypes.has(type) || (own(value, 'context') ?? own(value, 'properties')) === undefined)
    return null
  const line = newLine('event')
  line.timeMs = segmentTime(value, context)
  line.type = type
  line.event = ownText(value, 'event') || ownText(value, 'name')
  line.visitor = ownText(value, 'anonymousId') || ownText(value, 'userId')
  line.path = pathOf(
    ownText(value, 'path') ||
      ownText(value, 'properties', 'path') ||
      ownText(value, 'context', 'page', 'path') ||
      ownText(value, 'context', 'page', 'url'),
  )
  const search = ownText(value, 'properties', 'search') || ownText(value, 'context', 'page', 'search')
  takeQuery(line, search || ownText(value, 'context', 'page', 'url') || ownText(value, 'properties', 'url'))
  line.agent = ownText(value, 'context', 'userAgent')
  line.referrer =
    ownText(value, 'referrer') ||
    ownText(value, 'properties', 'referrer') ||
    ownText(value, 'context', 'page', 'referrer')
  return line
}

/** The visitor's clock is set right by what it said on sending, as Segment's own servers do. */
function segmentTime(value: unknown, context: LineContext): number {
  const timeMs = ownTime(value, 'timestamp', context)
  if (!Number.isNaN(timeMs)) return timeMs
  const original = ownTime(value, 'originalTimestamp', context)
  const skew = ownTime(value, 'receivedAt', context) - ownTime(value, 'sentAt', context)
  return Number.isNaN(skew) ? original : original + skew
}

export const parsePosthog: LineParser = (bytes, start, end, context) => {
  const value = jsonObject(bytes, start, end)
  const event = ownText(value, 'event')
  const visitor = ownText(value, 'distinct_id') || ownText(value, 'properties', 'distinct_id')
  if (event === '' || visitor === '') return null
  const line = newLine('event')
  line.timeMs = ownTime(value, 'timestamp', context)
  line.type = event === '$pageview' ? 'page' : 'track'
  line.event = event
  line.visitor = visitor
  line.path = pathOf(
    ownText(value, 'properties', '$pathname') || ownText(value, 'properties', '$current_url'),
  )
  takeQuery(line, ownText(value, 'properties', '$current_url'))
  line.agent = ownText(value, 'properties', '$raw_user_agent')
  const referrer = ownText(value, 'properties', '$referrer')
  line.referrer = referrer === '$direct' ? '' : referrer
  return line
}

/** Also of other loggers that write a numeric `level`, a `time` and a `msg`. */
export const parsePino: LineParser = (bytes, start, end, context) => {
  const value = jsonObject(bytes, start, end)
  return isBunyan(value) ? null : numericLog(value, context)
}

export const parseBunyan: LineParser = (bytes, start, end, context) => {
  const value = jsonObject(bytes, start, end)
  return isBunyan(value) ? numericLog(value, context) : null
}

function isBunyan(value: Json | null): boolean {
  return own(value, 'v') === 0 && ownText(value, 'name') !== '' && ownText(value, 'hostname') !== ''
}

function numericLog(value: Json | null, context: LineContext): ParsedLine | null {
  const level = ownNumber(value, 'level')
  const timeMs = ownTime(value, 'time', context)
  if (Number.isNaN(level) || Number.isNaN(timeMs)) return null
  const line = newLine('log')
  line.timeMs = timeMs
  line.level = levelOfNumber(level)
  line.message = ownText(value, 'msg')
  return line
}

const timeNames = ['timestamp', '@timestamp', 'time', 'ts', '@t', 'date'] as const
const levelNames = ['level', 'severity', 'lvl', 'log.level', 'levelname', '@l'] as const
const messageNames = ['message', 'msg', '@m', '@mt', 'event'] as const

/** A structured log line of any other maker: a level in words, or nothing to go by but a time and a message. */
export function structuredLog(value: Json, context: LineContext): ParsedLine {
  const line = newLine('log')
  for (const name of timeNames) {
    line.timeMs = ownTime(value, name, context)
    if (!Number.isNaN(line.timeMs)) break
  }
  for (const name of levelNames) line.level ||= levelOf(ownText(value, name))
  line.level ||= levelOfNumber(ownNumber(value, 'level'))
  for (const name of messageNames) line.message ||= ownText(value, name)
  return line
}
