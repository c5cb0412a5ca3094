// The list of formats: each name that a configuration, a checkpoint and a record's `format` header may use, its parser,
// and where its lines go by default. A format with an argument carries it behind a colon: `nginx:$remote_addr …`,
// `w3c:date time …`, `csv:time,level,…`. Pure.
import { parseCri, parseDocker, parseLogfmt, parseSyslog } from './app-logs.ts'
import { compileApacheFormat, compileNginxFormat, parseVhostCombined } from './format-string.ts'
import {
  parseBunyan,
  parseCaddy,
  parsePino,
  parsePosthog,
  parseSegment,
  parseTraefik,
} from './json-shapes.ts'
import { parseInflux, parsePrometheus, parseStatsd } from './metric-texts.ts'
import { parseOtel } from './otel.ts'
import type { LineParser } from './parsed-line.ts'
import { compileCsv, compileW3c } from './tables.ts'

/** Formats with parsers of their own, which the count reads without making a string. */
export type NativeFormat = 'combined' | 'json' | 'metrics' | 'raw'

const parsers = {
  vhost_combined: parseVhostCombined,
  caddy: parseCaddy,
  traefik: parseTraefik,
  segment: parseSegment,
  posthog: parsePosthog,
  pino: parsePino,
  bunyan: parseBunyan,
  docker: parseDocker,
  cri: parseCri,
  syslog: parseSyslog,
  logfmt: parseLogfmt,
  otel: parseOtel,
  prometheus: parsePrometheus,
  statsd: parseStatsd,
  influx: parseInflux,
} as const satisfies Record<string, LineParser>

export type ParsedFormat = keyof typeof parsers

const compilers = {
  nginx: compileNginxFormat,
  apache: compileApacheFormat,
  w3c: compileW3c,
  csv: compileCsv,
} as const satisfies Record<string, (argument: string) => LineParser | null>

export type CompiledFormat = `${keyof typeof compilers}:${string}`

/** The value of a record's `format` header. `raw` is text: counted and shown, with no fields. */
export type LineFormat = NativeFormat | ParsedFormat | CompiledFormat

/** What an input may be said to have: `common` is read as combined; of w3c and csv the file says the columns. */
export const inputFormats: readonly string[] = [
  'auto',
  'combined',
  'common',
  'json',
  'metrics',
  'raw',
  ...Object.keys(parsers),
  'w3c',
  'csv',
]

const natives: readonly string[] = ['combined', 'json', 'metrics', 'raw']

/** Why an input cannot have this format, or null. */
export function formatFault(text: string): string | null {
  if (inputFormats.includes(text)) return null
  const family = familyOf(text)
  if (family !== 'nginx' && family !== 'apache') {
    return `write one of ${inputFormats.join(', ')}, or nginx: or apache: and a format string`
  }
  return parserOf(text) === null
    ? `this ${family} format has no variables, or two of them with nothing between to tell them apart`
    : null
}

/** `nginx:$remote_addr …` → `nginx`. */
export function familyOf(format: string): string {
  const colon = format.indexOf(':')
  return colon < 0 ? format : format.slice(0, colon)
}

const compiledMax = 256
const compiled = new Map<string, LineParser | null>()

/** The parser of a format that is not native; null for native formats and for names nobody knows. */
export function parserOf(format: string): LineParser | null {
  if (Object.hasOwn(parsers, format)) return parsers[format as ParsedFormat]
  let parser = compiled.get(format)
  if (parser !== undefined) return parser
  const family = familyOf(format)
  const argument = format.slice(family.length + 1)
  parser =
    Object.hasOwn(compilers, family) && argument !== ''
      ? compilers[family as keyof typeof compilers](argument)
      : null
  if (compiled.size >= compiledMax) compiled.clear()
  compiled.set(format, parser)
  return parser
}

export function isLineFormat(text: string): text is LineFormat {
  return natives.includes(text) || parserOf(text) !== null
}

const topics: Readonly<Record<string, string>> = {
  json: 'behavior',
  segment: 'behavior',
  posthog: 'behavior',
  metrics: 'metrics',
  prometheus: 'metrics',
  statsd: 'metrics',
  influx: 'metrics',
}

export function topicOfFormat(format: string): string {
  const family = familyOf(format)
  return Object.hasOwn(topics, family) ? topics[family]! : 'logs'
}

/** The field that is the visitor, where a format has one. */
export function visitorFieldOf(format: string): string | null {
  if (format === 'json' || format === 'segment') return 'anonymousId'
  return format === 'posthog' ? 'distinct_id' : null
}
