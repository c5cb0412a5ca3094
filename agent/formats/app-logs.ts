// Lines of applications and of what carries them: logfmt, syslog (RFC 3164 and 5424), CRI and docker's json-file.
// Each becomes a time, a level and a message; what a container wrote is looked at again, so that nginx in a pod gives
// requests. Pure; a line is walked by indexOf, never by a pattern that could go back.
import { emptyCombinedLine, parseCombined } from './combined.ts'
import { parseIsoTime, parseMonthDayTime } from './event-time.ts'
import { jsonObject, ownText, structuredLog } from './json-shapes.ts'
import {
  type LineContext,
  type LineParser,
  levelOf,
  newLine,
  type ParsedLine,
  textOf,
  timeOfText,
} from './parsed-line.ts'

/** Two pairs are the least that tells logfmt from a sentence with an equals sign in it. */
const pairsMin = 2

export const parseLogfmt: LineParser = (bytes, start, end, context) => {
  const text = textOf(bytes, start, end)
  const line = newLine('log')
  let pairs = 0
  for (let at = 0; at < text.length; ) {
    if (text.charCodeAt(at) === 0x20) {
      at++
      continue
    }
    const nameEnd = wordEnd(text, at)
    if (text[nameEnd] !== '=') {
      // A word without a value is allowed, but not as the first: that is a sentence.
      if (pairs === 0) return null
      at = nameEnd + 1
      continue
    }
    if (nameEnd === at) return null
    const close = text[nameEnd + 1] === '"' ? closingQuote(text, nameEnd + 2) : -1
    const valueEnd = close >= 0 ? close + 1 : spaceFrom(text, nameEnd + 1)
    takePair(line, text.slice(at, nameEnd), unquoted(text, nameEnd + 1, valueEnd), context)
    pairs++
    at = valueEnd
  }
  return pairs >= pairsMin ? line : null
}

function wordEnd(text: string, from: number): number {
  let at = from
  while (at < text.length) {
    const byte = text.charCodeAt(at)
    if (byte === 0x20 || byte === 0x3d || byte === 0x22) break
    at++
  }
  return at
}

function spaceFrom(text: string, from: number): number {
  const at = text.indexOf(' ', from)
  return at < 0 ? text.length : at
}

function closingQuote(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const byte = text.charCodeAt(at)
    if (byte === 0x22) return at
    if (byte === 0x5c) at++
  }
  return -1
}

function unquoted(text: string, start: number, end: number): string {
  if (text[start] !== '"') return text.slice(start, end)
  return text.slice(start + 1, end - 1).replaceAll('\\"', '"')
}

function takePair(line: ParsedLine, name: string, value: string, context: LineContext): void {
  switch (name) {
    case 'ts':
    case 't':
    case 'time':
    case 'timestamp':
      line.timeMs = timeOfText(value, context)
      return
    case 'level':
    case 'lvl':
    case 'severity':
      line.level ||= levelOf(value)
      return
    case 'msg':
    case 'message':
      line.message ||= value
      return
    default:
  }
}

const severities = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug'] as const

/** `<165>` → 165, or -1; the rest begins after it. */
function priority(text: string): number {
  const close = text.indexOf('>')
  if (text[0] !== '<' || close < 2 || close > 4) return -1
  const value = Number(text.slice(1, close))
  return Number.isInteger(value) && value >= 0 && value <= 191 ? value : -1
}

/** `<165>1 2026-11-24T08:00:00Z host app procid msgid [data] message`. */
export const parseSyslog5424: LineParser = (bytes, start, end, context) => {
  const text = textOf(bytes, start, end)
  const value = priority(text)
  const versionAt = text.indexOf('>') + 1
  if (value < 0 || text.slice(versionAt, versionAt + 2) !== '1 ') return null
  const line = newLine('log')
  line.level = severities[value & 7]!
  let at = versionAt + 2
  for (let field = 0; field < 5; field++) {
    const close = text.indexOf(' ', at)
    if (close < 0) return null
    if (field === 0 && text.slice(at, close) !== '-') {
      line.timeMs = timeOfText(text.slice(at, close), context)
      if (Number.isNaN(line.timeMs)) return null
    }
    at = close + 1
  }
  const dataEnd = structuredDataEnd(text, at)
  if (dataEnd < 0) return null
  const message = text.slice(dataEnd + 1)
  line.message = message.charCodeAt(0) === 0xfeff ? message.slice(1) : message
  return line
}

/** `-`, or any number of `[id name="value"]`, in whose values a bracket stands for itself. */
function structuredDataEnd(text: string, from: number): number {
  if (text[from] === '-') return from + 1
  let at = from
  while (text[at] === '[') {
    let isQuoted = false
    for (at++; at < text.length; at++) {
      const byte = text.charCodeAt(at)
      if (byte === 0x5c && isQuoted) at++
      else if (byte === 0x22) isQuoted = !isQuoted
      else if (byte === 0x5d && !isQuoted) break
    }
    if (at >= text.length) return -1
    at++
  }
  return at === from ? -1 : at
}

/** `<34>Nov 24 08:00:00 host app[1]: message`, as files have it: mostly without the number, often with an ISO time. */
export const parseSyslog3164: LineParser = (bytes, start, end, context) => {
  const text = textOf(bytes, start, end)
  const value = priority(text)
  const timeAt = value < 0 ? 0 : text.indexOf('>') + 1
  const timeEnd = text.charCodeAt(timeAt) >= 0x41 ? timeAt + 15 : text.indexOf(' ', timeAt)
  if (timeEnd < timeAt + 15 || text[timeEnd] !== ' ') return null
  const stamp = Buffer.from(text.slice(timeAt, timeEnd), 'latin1')
  const { recordMs, zonelessOffsetMs } = context
  let timeMs = parseMonthDayTime(stamp, 0, stamp.length, recordMs, zonelessOffsetMs)
  if (Number.isNaN(timeMs)) timeMs = parseIsoTime(stamp, 0, stamp.length, zonelessOffsetMs)
  if (Number.isNaN(timeMs)) return null
  const hostEnd = text.indexOf(' ', timeEnd + 1)
  if (hostEnd < 0) return null
  // The tag ends with a colon; what has none (a mark of the kernel's, say) is all message.
  const tagEnd = text.indexOf(': ', hostEnd + 1)
  const isTag = tagEnd > 0 && tagEnd - hostEnd <= 64 && !text.slice(hostEnd + 1, tagEnd).includes(' ')
  if (value < 0 && !isTag) return null
  const line = newLine('log')
  line.timeMs = timeMs
  if (value >= 0) line.level = severities[value & 7]!
  line.message = text.slice(isTag ? tagEnd + 2 : hostEnd + 1)
  return line
}

/** Either of them: files of one machine hold both. */
export const parseSyslog: LineParser = (bytes, start, end, context) =>
  parseSyslog5424(bytes, start, end, context) ?? parseSyslog3164(bytes, start, end, context)

/** `2026-11-24T08:00:00.123456789Z stdout F message`. */
export const parseCri: LineParser = (bytes, start, end, context) => {
  const timeEnd = bytes.indexOf(0x20, start)
  if (timeEnd < 0 || timeEnd - start < 20 || timeEnd >= end) return null
  const timeMs = parseIsoTime(bytes, start, timeEnd, context.zonelessOffsetMs)
  if (Number.isNaN(timeMs)) return null
  const stream = bytes.toString('latin1', timeEnd + 1, timeEnd + 10)
  const isStream = stream.startsWith('stdout ') || stream.startsWith('stderr ')
  const isWhole = stream[7] === 'F'
  if (!isStream || !(isWhole || stream[7] === 'P')) return null
  const from = Math.min(timeEnd + 10, end)
  return contained(bytes, from, end, timeMs, isWhole, context)
}

/** `{"log":"message\n","stream":"stdout","time":"…"}`. */
export const parseDocker: LineParser = (bytes, start, end, context) => {
  const value = jsonObject(bytes, start, end)
  if (value === null || typeof value['log'] !== 'string' || !Object.hasOwn(value, 'log')) return null
  const stream = ownText(value, 'stream')
  const timeMs = timeOfText(ownText(value, 'time'), context)
  if ((stream !== 'stdout' && stream !== 'stderr') || Number.isNaN(timeMs)) return null
  const inner = Buffer.from(value['log'])
  const isWhole = inner.at(-1) === 0x0a
  return contained(inner, 0, isWhole ? inner.length - 1 : inner.length, timeMs, isWhole, context)
}

const access = emptyCombinedLine()

/** What the container itself wrote. Its own time wins over the runtime's where it has one. */
function contained(
  bytes: Buffer,
  start: number,
  end: number,
  timeMs: number,
  isWhole: boolean,
  context: LineContext,
): ParsedLine {
  const line = isWhole ? readContained(bytes, start, end, context) : plain(bytes, start, end)
  if (Number.isNaN(line.timeMs)) line.timeMs = timeMs
  return line
}

function readContained(bytes: Buffer, start: number, end: number, context: LineContext): ParsedLine {
  if (parseCombined(bytes, start, end, access)) return accessLine(bytes)
  const value = jsonObject(bytes, start, end)
  if (value !== null) return structuredLog(value, context)
  return parseLogfmt(bytes, start, end, context) ?? plain(bytes, start, end)
}

function plain(bytes: Buffer, start: number, end: number): ParsedLine {
  const line = newLine('log')
  line.message = textOf(bytes, start, end)
  return line
}

function accessLine(bytes: Buffer): ParsedLine {
  const line = newLine('access')
  const text = (from: number, to: number) => bytes.toString('utf8', from, to)
  line.timeMs = access.timeMs
  line.client = text(access.clientStart, access.clientEnd)
  line.method = text(access.methodStart, access.methodEnd)
  line.path = text(access.pathStart, access.pathEnd)
  if (bytes[access.pathEnd] === 0x3f) {
    const space = bytes.indexOf(0x20, access.pathEnd)
    if (space > 0) line.query = text(access.pathEnd + 1, space)
  }
  line.status = access.status
  line.bytes = access.bytes
  line.referrer = text(access.referrerStart, access.referrerEnd)
  line.agent = text(access.agentStart, access.agentEnd)
  line.requestTimeMs = access.requestTimeMs
  return line
}
