// Lines that are rows of a table whose columns stand elsewhere: W3C extended logs (IIS, CloudFront: the columns come
// in a `#Fields:` line and may change in the middle of a file) and CSV (its first line). The columns travel in the
// format's name, `w3c:date time c-ip …`, so that each row can be read alone. Pure; one pass over a line.
import {
  addressOf,
  countOf,
  type LineContext,
  type LineParser,
  levelOf,
  newLine,
  numberOf,
  type ParsedLine,
  takeTarget,
  textOf,
  timeOfText,
  unlessDash,
} from './parsed-line.ts'

const columnsMax = 256
const fieldsMark = '#Fields:'

/** The columns a `#Fields:` line names, each by one space from the next; null for any other line. */
export function w3cColumns(bytes: Buffer, start: number, end: number): string | null {
  if (bytes[start] !== 0x23 || end - start > 4096) return null
  const text = textOf(bytes, start, end)
  if (!text.startsWith(fieldsMark)) return null
  const columns = text.slice(fieldsMark.length).trim().split(/\s+/)
  return columns.length > columnsMax || columns[0] === '' ? null : columns.join(' ')
}

/** The `n`-th value of a row, '' where there is none. */
type Column = (values: readonly string[]) => string

function columnsOf(names: readonly string[]): (...wanted: readonly string[]) => Column {
  const places = new Map(names.map((name, index) => [name.trim().toLowerCase(), index]))
  return (...wanted) => {
    const found = wanted.map(name => places.get(name)).find(place => place !== undefined)
    return values => (found === undefined ? '' : (values[found] ?? ''))
  }
}

export function compileW3c(columns: string): LineParser {
  const names = columns.split(' ').slice(0, columnsMax)
  const column = columnsOf(names)
  const date = column('date')
  const time = column('time')
  const client = column('c-ip')
  const method = column('cs-method')
  const path = column('cs-uri-stem', 'cs-uri')
  const query = column('cs-uri-query')
  const status = column('sc-status')
  const bytes = column('sc-bytes')
  const referrer = column('cs(referer)')
  const agent = column('cs(user-agent)')
  const taken = column('time-taken')
  // IIS writes milliseconds; CloudFront, which is known by its edge's name, seconds.
  const perUnitMs = names.includes('x-edge-location') ? 1000 : 1
  return (buffer, start, end) => {
    if (buffer[start] === 0x23) return newLine('directive')
    const text = textOf(buffer, start, end)
    const values = text.includes('\t') ? text.split('\t', columnsMax) : splitQuoted(text, ' ')
    const code = numberOf(status(values))
    if (values.length !== names.length || !(code >= 100 && code < 1000)) return null
    const line = newLine('access')
    // The standard says UTC.
    line.timeMs = timeOfText(`${date(values)}T${time(values)}Z`, { recordMs: 0, zonelessOffsetMs: 0 })
    line.client = unlessDash(addressOf(client(values)))
    line.method = unlessDash(method(values))
    takeTarget(line, unlessDash(path(values)))
    line.query ||= unlessDash(query(values))
    line.status = Math.floor(code)
    line.bytes = countOf(bytes(values))
    line.referrer = unlessDash(referrer(values))
    // IIS writes plus signs for spaces.
    line.agent = unlessDash(agent(values)).replaceAll('+', ' ')
    const ms = numberOf(taken(values)) * perUnitMs
    if (ms >= 0) line.requestTimeMs = Math.round(ms * 1000) / 1000
    return line
  }
}

/** Values between separators; one that begins with a quote ends with a quote, and two quotes in it are one. */
export function splitQuoted(text: string, separator: ',' | ';' | '\t' | ' '): string[] {
  const values: string[] = []
  let at = 0
  while (at <= text.length && values.length < columnsMax) {
    if (text[at] !== '"') {
      const end = text.indexOf(separator, at)
      values.push(text.slice(at, end < 0 ? undefined : end))
      if (end < 0) break
      at = end + 1
      continue
    }
    let close = text.indexOf('"', at + 1)
    while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2)
    if (close < 0) close = text.length
    values.push(text.slice(at + 1, close).replaceAll('""', '"'))
    at = close + 1
    if (at >= text.length) break
    // Whatever stands between the quote and the separator is no part of the value.
    const next = text.indexOf(separator, at)
    if (next < 0) break
    at = next + 1
  }
  return values
}

/** The separator that a header line uses, or null: a header is three or more words, none of them a number. */
export function csvSeparator(header: string): ',' | ';' | '\t' | null {
  for (const separator of [',', ';', '\t'] as const) {
    const names = splitQuoted(header, separator)
    const isHeader = names.every(name => /^[A-Za-z_@][\w .@()/-]{0,63}$/.test(name.trim()))
    if (names.length >= 3 && isHeader) return separator
  }
  return null
}

/** `csv:` and the header line as it stands in the file. */
export function compileCsv(header: string): LineParser | null {
  const separator = csvSeparator(header)
  if (separator === null) return null
  const names = splitQuoted(header, separator)
  const column = columnsOf(names)
  const time = column('timestamp', '@timestamp', 'time', 'datetime', 'date', 'ts')
  const row: RowReader = {
    status: column('status', 'status_code', 'code'),
    path: column('path', 'uri', 'url', 'request_uri'),
    method: column('method', 'verb'),
    client: column('client', 'client_ip', 'ip', 'remote_addr', 'c_ip'),
    bytes: column('bytes', 'size', 'body_bytes_sent'),
    agent: column('user_agent', 'agent'),
    referrer: column('referrer', 'referer'),
    name: column('name', 'metric'),
    value: column('value'),
    host: column('host', 'hostname'),
    level: column('level', 'severity'),
    message: column('message', 'msg'),
  }
  return (buffer, start, end, context) => {
    const text = textOf(buffer, start, end)
    if (text === header) return newLine('directive')
    const values = splitQuoted(text, separator)
    if (values.length !== names.length) return null
    return readRow(row, values, timeOfText(time(values), context), context)
  }
}

type RowReader = Readonly<
  Record<
    | 'status'
    | 'path'
    | 'method'
    | 'client'
    | 'bytes'
    | 'agent'
    | 'referrer'
    | 'name'
    | 'value'
    | 'host'
    | 'level'
    | 'message',
    Column
  >
>

/** A row with a status and a path is a request, one with a name and a number a metric, any other one a log line. */
function readRow(
  row: RowReader,
  values: readonly string[],
  timeMs: number,
  _context: LineContext,
): ParsedLine {
  const status = numberOf(row.status(values))
  const value = numberOf(row.value(values))
  if (status >= 100 && status < 1000 && row.path(values) !== '') {
    const line = newLine('access')
    line.timeMs = timeMs
    line.client = addressOf(row.client(values))
    line.method = row.method(values)
    takeTarget(line, row.path(values))
    line.status = Math.floor(status)
    line.bytes = countOf(row.bytes(values))
    line.agent = row.agent(values)
    line.referrer = row.referrer(values)
    return line
  }
  if (row.name(values) !== '' && !Number.isNaN(value)) {
    const line = newLine('metrics')
    line.timeMs = timeMs
    line.samples.push({ name: row.name(values), host: row.host(values), value, timeMs })
    return line
  }
  const line = newLine('log')
  line.timeMs = timeMs
  line.level = levelOf(row.level(values))
  line.message = row.message(values)
  return line
}
