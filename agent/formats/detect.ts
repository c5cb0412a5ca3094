// What a file's lines are, decided from its first ones. Pure: the caller reads the file and keeps the answer.
import { emptyCombinedLine, parseCombined } from './combined.ts'
import { emptyJsonEvent, eventFields, parseJsonEvent } from './json-event.ts'
import { fieldKinds } from './json-scan.ts'
import { emptyMetricLine, parseMetricLine } from './metric-line.ts'
import type { LineContext, LineParser } from './parsed-line.ts'
import { type LineFormat, type ParsedFormat, parserOf } from './registry.ts'
import { compileCsv, w3cColumns } from './tables.ts'

export type { LineFormat } from './registry.ts'

const combined = emptyCombinedLine()
const event = emptyJsonEvent()
const metric = emptyMetricLine()
const noContext: LineContext = { recordMs: 0, zonelessOffsetMs: 0 }

/** From the most particular to the most forgiving. Objects are tried first by those who know their fields. */
const jsonOrder: readonly ParsedFormat[] = ['docker', 'caddy', 'traefik', 'bunyan', 'pino', 'posthog']
const textOrder: readonly ParsedFormat[] = [
  'vhost_combined',
  'cri',
  'syslog',
  'statsd',
  'influx',
  'prometheus',
  'logfmt',
]

const jsonFormats: ReadonlySet<string> = new Set(['json', 'segment', ...jsonOrder])

/** The format most lines have, if more than half agree; otherwise, and for no lines at all, raw. */
export function detectFormat(lines: readonly Buffer[]): LineFormat {
  const table = tableFormat(lines)
  if (table !== null) return table
  const votes = new Map<LineFormat, number>()
  let voters = 0
  for (const line of lines) {
    if (isBlank(line) || isComment(line)) continue
    const format = formatOfLine(line)
    votes.set(format, (votes.get(format) ?? 0) + 1)
    voters++
  }
  for (const [format, count] of votes) if (count * 2 > voters) return format
  // Objects of several makers in one file are read by the fields they share.
  const objects = [...votes].filter(([format]) => jsonFormats.has(format))
  return objects.reduce((sum, [, count]) => sum + count, 0) * 2 > voters ? 'json' : 'raw'
}

/** Where the columns stand in the file itself: a `#Fields:` line, or a first line of names above rows that fit it. */
export function tableFormat(lines: readonly Buffer[]): LineFormat | null {
  for (const line of lines) {
    if (line[0] !== 0x23) break
    const columns = w3cColumns(line, 0, line.length)
    if (columns !== null) return `w3c:${columns}`
  }
  const header = csvHeader(lines[0])
  const parser = header === null ? null : compileCsv(header)
  const rows = lines.slice(1).filter(line => !isBlank(line))
  if (parser === null || rows.length === 0) return null
  const fitting = rows.filter(line => parser(line, 0, line.length, noContext) !== null).length
  return fitting * 2 > rows.length ? `csv:${header}` : null
}

const headerBytesMax = 4096

/** A file's first line as the columns of its rows. */
export function csvHeader(line: Buffer | undefined): string | null {
  if (line === undefined || line.length > headerBytesMax) return null
  const header = line
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimEnd()
  return compileCsv(header) === null ? null : header
}

function formatOfLine(line: Buffer): LineFormat {
  if (parseCombined(line, 0, line.length, combined)) return isVhost(line) ? 'vhost_combined' : 'combined'
  if (line[0] === 0x7b || line[0] === 0x20) {
    if (parseMetricLine(line, 0, line.length, metric)) return 'metrics'
    if (parseJsonEvent(line, 0, line.length, event)) return jsonFormat(line)
  }
  return textOrder.find(format => takes(format, line)) ?? 'raw'
}

/** `host:port address`: a combined line would have the name of a user, mostly a dash, for its second word. */
function isVhost(line: Buffer): boolean {
  const isMarked = /^[^ ]{1,253}:\d{1,5} [0-9a-fA-F.:]{2,45} /.test(line.toString('latin1', 0, 320))
  return isMarked && takes('vhost_combined', line)
}

/** Segment's nested fields need their own parser; a line that has its path on top is read faster as it is. */
function jsonFormat(line: Buffer): LineFormat {
  const shape = jsonOrder.find(format => takes(format, line))
  if (shape !== undefined) return shape
  const hasPath = event.spans.kinds[eventFields.path] !== fieldKinds.absent
  return !hasPath && takes('segment', line) ? 'segment' : 'json'
}

function takes(format: ParsedFormat, line: Buffer): boolean {
  // "done 5" would be a sample, too.
  if (format === 'prometheus' && !line.includes('_') && !line.includes('{')) return false
  const parser: LineParser = parserOf(format)!
  return parser(line, 0, line.length, noContext) !== null
}

/** `# TYPE` of Prometheus and its like say nothing about the lines between. */
function isComment(line: Buffer): boolean {
  return line[0] === 0x23
}

function isBlank(line: Buffer): boolean {
  return line.every(byte => byte === 0x20 || byte === 0x0d || byte === 0x09)
}
