// Metrics as text: StatsD, Influx line protocol, Prometheus's exposition format (and OpenMetrics). A line becomes the
// samples it holds; labels other than the host's name stay in the sample's name. Pure; one pass, nothing goes back.
import { epochTimeMs } from './event-time.ts'
import { type LineParser, newLine, numberOf, textOf } from './parsed-line.ts'

const nameBytesMax = 255
const samplesMax = 256
const labelsMax = 64
const hostLabels: ReadonlySet<string> = new Set(['host', 'hostname', 'instance'])

function isName(text: string): boolean {
  if (text.length === 0 || text.length > nameBytesMax) return false
  for (let at = 0; at < text.length; at++) {
    const byte = text.charCodeAt(at)
    if (byte <= 0x20 || byte === 0x7f || byte === 0x3a || byte === 0x7c || byte === 0x40) return false
  }
  return true
}

const statsdTypes: ReadonlySet<string> = new Set(['c', 'g', 'ms', 'h', 'd', 's', 'm'])

/** `name:value|type|@rate|#tag:value,…`. A counter's value is what it was before sampling; a set's is no number. */
export const parseStatsd: LineParser = (bytes, start, end) => {
  const text = textOf(bytes, start, end)
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(colon, 0))
  if (!isName(name)) return null
  const [valueText = '', type = '', ...rest] = text.slice(colon + 1).split('|', 8)
  if (!statsdTypes.has(type)) return null
  const line = newLine('metrics')
  let rate = 1
  let host = ''
  const labels: [string, string][] = []
  for (const part of rest) {
    if (part.startsWith('@')) rate = numberOf(part.slice(1))
    else if (part.startsWith('#')) {
      for (const tag of part.slice(1).split(',', labelsMax)) {
        const at = tag.indexOf(':')
        const label = at < 0 ? tag : tag.slice(0, at)
        const value = at < 0 ? '' : tag.slice(at + 1)
        if (hostLabels.has(label)) host = value
        else if (label !== '') labels.push([label, value])
      }
    } else if (part.startsWith('T')) line.timeMs = epochTimeMs(numberOf(part.slice(1)))
  }
  const value = numberOf(valueText)
  if (type === 's') return line
  if (Number.isNaN(value) || !(rate > 0 && rate <= 1)) return null
  const whole = type === 'c' ? value / rate : value
  if (!Number.isFinite(whole)) return null
  line.samples.push({ name: labelled(name, labels), host, value: whole, timeMs: line.timeMs })
  return line
}

/** `measurement,tag=value field=1i,other="text" 1700000000000000000`; backslashes escape commas, spaces, equals. */
export const parseInflux: LineParser = (bytes, start, end) => {
  const text = textOf(bytes, start, end)
  const tagsEnd = findBare(text, 0, ' ')
  if (tagsEnd <= 0) return null
  const fieldsEnd = findBare(text, tagsEnd + 1, ' ')
  const [measurement = '', ...tags] = splitBare(text.slice(0, tagsEnd), ',')
  const line = newLine('metrics')
  if (fieldsEnd >= 0) {
    const stamp = text.slice(fieldsEnd + 1).trim()
    line.timeMs = epochTimeMs(numberOf(stamp))
    if (Number.isNaN(line.timeMs)) return null
  }
  let host = ''
  const labels: [string, string][] = []
  for (const tag of tags) {
    const at = findBare(tag, 0, '=')
    if (at <= 0) return null
    const label = unescaped(tag.slice(0, at))
    if (hostLabels.has(label)) host = unescaped(tag.slice(at + 1))
    else labels.push([label, unescaped(tag.slice(at + 1))])
  }
  const base = unescaped(measurement)
  if (base.startsWith('=') || !isName(base.replaceAll(' ', '_'))) return null
  let fields = 0
  for (const field of splitBare(text.slice(tagsEnd + 1, fieldsEnd < 0 ? undefined : fieldsEnd), ',')) {
    const at = findBare(field, 0, '=')
    if (at <= 0) return null
    fields++
    const value = influxValue(field.slice(at + 1))
    if (Number.isNaN(value)) continue
    const name = labelled(`${base}.${unescaped(field.slice(0, at))}`, labels)
    line.samples.push({ name, host, value, timeMs: line.timeMs })
  }
  return fields > 0 && line.samples.length <= samplesMax ? line : null
}

/** Text is no sample; true and false are 1 and 0. */
function influxValue(text: string): number {
  const last = text.at(-1)
  if (last === 'i' || last === 'u') return numberOf(text.slice(0, -1))
  if (text === 't' || text === 'T' || text === 'true' || text === 'True' || text === 'TRUE') return 1
  if (text === 'f' || text === 'F' || text === 'false' || text === 'False' || text === 'FALSE') return 0
  return numberOf(text)
}

/** The first `mark` that is neither escaped nor inside quotes, or -1. */
function findBare(text: string, from: number, mark: string): number {
  const wanted = mark.charCodeAt(0)
  let isQuoted = false
  for (let at = from; at < text.length; at++) {
    const byte = text.charCodeAt(at)
    if (byte === 0x5c) at++
    else if (byte === 0x22) isQuoted = !isQuoted
    else if (byte === wanted && !isQuoted) return at
  }
  return -1
}

function splitBare(text: string, mark: string): string[] {
  const parts: string[] = []
  let from = 0
  while (parts.length < samplesMax) {
    const at = findBare(text, from, mark)
    if (at < 0) break
    parts.push(text.slice(from, at))
    from = at + 1
  }
  parts.push(text.slice(from))
  return parts
}

function unescaped(text: string): string {
  return text.includes('\\')
    ? text.replaceAll('\\,', ',').replaceAll('\\ ', ' ').replaceAll('\\=', '=')
    : text
}

/** `name{label="value"} 1.5 1700000000000`, and the comments between. NaN and infinities are samples of nothing. */
export const parsePrometheus: LineParser = (bytes, start, end) => {
  if (bytes[start] === 0x23) return newLine('directive')
  const text = textOf(bytes, start, end)
  let at = 0
  while (at < text.length && isPrometheusByte(text.charCodeAt(at))) at++
  const base = text.slice(0, at)
  if (
    base === '' ||
    base.length > nameBytesMax ||
    (base.charCodeAt(0) >= 0x30 && base.charCodeAt(0) <= 0x39)
  ) {
    return null
  }
  const labels: [string, string][] = []
  let host = ''
  if (text[at] === '{') {
    at = readLabels(text, at + 1, labels)
    if (at < 0) return null
    host = labels.find(([name]) => hostLabels.has(name))?.[1] ?? ''
  }
  // What follows a `#` here is an exemplar of OpenMetrics.
  const [valueText = '', stamp] = text
    .slice(at)
    .split('#', 1)[0]!
    .trim()
    .split(/[ \t]+/, 2)
  if (text[at] !== ' ' && text[at] !== '\t') return null
  const isNothing = valueText === 'NaN' || valueText === '+Inf' || valueText === '-Inf'
  const value = numberOf(valueText)
  if (Number.isNaN(value) && !isNothing) return null
  const line = newLine('metrics')
  if (stamp !== undefined) {
    const number = numberOf(stamp)
    if (Number.isNaN(number)) return null
    line.timeMs = epochTimeMs(number)
  }
  if (isNothing) return line
  const kept = labels.filter(([name]) => !hostLabels.has(name))
  line.samples.push({ name: labelled(base, kept), host, value, timeMs: line.timeMs })
  return line
}

function isPrometheusByte(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x30 && byte <= 0x3a) ||
    byte === 0x5f
  )
}

/** From after the opening brace to after the closing one, or -1. */
function readLabels(text: string, from: number, labels: [string, string][]): number {
  let at = from
  while (labels.length <= labelsMax) {
    while (text[at] === ' ' || text[at] === ',') at++
    if (text[at] === '}') return at + 1
    const equals = text.indexOf('=', at)
    if (equals < 0 || text[equals + 1] !== '"') return -1
    const end = quoteFrom(text, equals + 2)
    if (end < 0) return -1
    labels.push([text.slice(at, equals).trim(), text.slice(equals + 2, end)])
    at = end + 1
  }
  return -1
}

function quoteFrom(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const byte = text.charCodeAt(at)
    if (byte === 0x5c) at++
    else if (byte === 0x22) return at
  }
  return -1
}

/** One name for one series: the labels in order, as Prometheus writes them. */
function labelled(name: string, labels: readonly (readonly [string, string])[]): string {
  if (labels.length === 0) return name
  const sorted = [...labels].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `${name}{${sorted.map(([label, value]) => `${label}="${value}"`).join(',')}}`
}
