// `emit: json`: a line as a flat object in OpenTelemetry's log data model, with the names of its semantic conventions;
// and such an object as a line again, which counts as the line it was made of. The whole line is its body, so nothing
// is lost. What a line does not say is not there: a time without a zone stays one, a missing year stays missing. Pure.
import { emptyCombinedLine, parseCombined } from './combined.ts'
import { jsonObject, ownText } from './json-shapes.ts'
import { type LineParser, levelOf, newLine, type ParsedLine, textOf, timeOfText } from './parsed-line.ts'

/** Of trace, debug, info, warn, error and fatal: the first number of each range. */
const severities: Readonly<Record<string, number>> = {
  trace: 1,
  debug: 5,
  info: 9,
  warn: 13,
  error: 17,
  fatal: 21,
}

const combined = emptyCombinedLine()

export const parseCombinedAsOthers: LineParser = (bytes, start, end) => {
  if (!parseCombined(bytes, start, end, combined)) return null
  const text = (from: number, to: number) => bytes.toString('utf8', from, to)
  const query = queryAt(bytes, combined.pathEnd, end)
  return Object.assign(newLine('access'), {
    timeMs: combined.timeMs,
    client: text(combined.clientStart, combined.clientEnd),
    method: text(combined.methodStart, combined.methodEnd),
    path: text(combined.pathStart, combined.pathEnd),
    ...(query !== '' && { query }),
    status: combined.status,
    bytes: combined.bytes,
    referrer: text(combined.referrerStart, combined.referrerEnd),
    agent: text(combined.agentStart, combined.agentEnd),
    requestTimeMs: combined.requestTimeMs,
  })
}

/** It stands behind the path, and ends where the protocol or the request does. */
function queryAt(bytes: Buffer, pathEnd: number, end: number): string {
  if (bytes[pathEnd] !== 0x3f) return ''
  let at = pathEnd + 1
  while (at < end && bytes[at] !== 0x20 && bytes[at] !== 0x22) at += bytes[at] === 0x5c ? 2 : 1
  return bytes.toString('utf8', pathEnd + 1, Math.min(at, end))
}

export const parseText: LineParser = () => newLine('log')

/** Leap years both, and the same days of the week in neither. */
const [oneYearMs, otherYearMs] = [Date.UTC(2024, 6, 1), Date.UTC(2020, 6, 1)]

/** The line as JSON; null where it is not what `parse` reads, or no line that could be told as a log record. */
export function emitted(parse: LineParser, bytes: Buffer, start: number, end: number): Buffer | null {
  const line = parse(bytes, start, end, { recordMs: oneYearMs, zonelessOffsetMs: 0 })
  if (line === null || line.kind === 'event' || line.kind === 'metrics') return null
  const timestamp = timestampOf(line, recordMs =>
    parse(bytes, start, end, { recordMs, zonelessOffsetMs: 3_600_000 }),
  )
  const attributes = line.kind === 'access' ? accessAttributes(line) : {}
  const object = {
    ...(timestamp !== '' && { timestamp }),
    ...(line.level !== '' && { severity_text: line.level, severity_number: severities[line.level] }),
    ...(line.kind === 'directive' && { event_name: 'log.directive' }),
    ...attributes,
    body: textOf(bytes, start, end),
  }
  return Buffer.from(JSON.stringify(object), 'utf8')
}

function timestampOf(line: ParsedLine, parsedIn: (recordMs: number) => ParsedLine | null): string {
  if (Number.isNaN(line.timeMs)) return ''
  const iso = new Date(line.timeMs).toISOString()
  if (parsedIn(oneYearMs)?.timeMs === line.timeMs) {
    if (parsedIn(otherYearMs)?.timeMs === line.timeMs) return iso
  }
  if (parsedIn(oneYearMs)?.timeMs === parsedIn(otherYearMs)?.timeMs) return iso.slice(0, -1)
  const [, , month, day] = /^(.*)-(\d\d)-(\d\d)T/.exec(iso)!
  const name = 'JanFebMarAprMayJunJulAugSepOctNovDec'.slice(Number(month) * 3 - 3, Number(month) * 3)
  return `${name} ${String(Number(day)).padStart(2, ' ')} ${iso.slice(11, 19)}`
}

function accessAttributes(line: ParsedLine): Record<string, string | number> {
  const found: Record<string, string | number> = { 'http.response.status_code': line.status }
  const add = (name: string, text: string | undefined) => {
    if (text) found[name] = text
  }
  add('client.address', line.client)
  add('http.request.method', line.method)
  add('url.path', line.path)
  add('url.query', (line as { query?: string }).query)
  add('http.request.header.referer', line.referrer)
  add('user_agent.original', line.agent)
  add('server.address', line.virtualHost)
  if (line.bytes > 0) found['http.response.body.size'] = line.bytes
  if (!Number.isNaN(line.requestTimeMs)) found['http.server.request.duration'] = line.requestTimeMs / 1_000
  return found
}

function ownNumber(value: Readonly<Record<string, unknown>>, name: string): number {
  const found = Object.hasOwn(value, name) ? value[name] : undefined
  return typeof found === 'number' && Number.isFinite(found) ? found : Number.NaN
}

export const parseOtel: LineParser = (bytes, start, end, context) => {
  const value = jsonObject(bytes, start, end)
  if (value === null || !Object.hasOwn(value, 'body')) return null
  const status = ownNumber(value, 'http.response.status_code')
  const isAccess = status >= 0 && status < 1_000
  const isDirective = ownText(value, 'event_name') === 'log.directive'
  const line = newLine(isAccess ? 'access' : isDirective ? 'directive' : 'log')
  line.timeMs = timeOfText(ownText(value, 'timestamp'), context)
  line.level = levelOf(ownText(value, 'severity_text'))
  line.message = ownText(value, 'body')
  if (!isAccess) return line
  const bytesSent = ownNumber(value, 'http.response.body.size')
  // As a text has it: 0.042 s are 42 ms, and not a little less.
  const durationMs = Math.round(ownNumber(value, 'http.server.request.duration') * 1e6) / 1e3
  const virtualHost = ownText(value, 'server.address')
  const query = ownText(value, 'url.query')
  return Object.assign(line, {
    status: Math.floor(status),
    client: ownText(value, 'client.address'),
    method: ownText(value, 'http.request.method'),
    path: ownText(value, 'url.path'),
    referrer: ownText(value, 'http.request.header.referer'),
    agent: ownText(value, 'user_agent.original'),
    bytes: bytesSent >= 0 && bytesSent < 2 ** 50 ? Math.floor(bytesSent) : 0,
    requestTimeMs: durationMs >= 0 ? durationMs : Number.NaN,
    ...(query !== '' && { query }),
    ...(virtualHost !== '' && { virtualHost }),
  })
}
