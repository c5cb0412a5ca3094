// What the count will read from a record, in words: for whoever tries a configuration, since a format that does not fit
// its lines is seen nowhere else before the first entry in the ledger. Pure.
import { emptyJsonEvent, eventFields, parseJsonEvent } from './formats/json-event.ts'
import { fieldText } from './formats/json-scan.ts'
import { emptyMetricLine, metricFields, parseMetricLine } from './formats/metric-line.ts'
import { parseCombinedAsOthers } from './formats/otel.ts'
import type { ParsedLine } from './formats/parsed-line.ts'
import { parserOf } from './formats/registry.ts'

/** Names and values of what was found; null where the line is not of its format. */
export type ReadFields = Readonly<Record<string, string | number>> | null

/** `format` as in the record's header. */
export function readBack(format: string, line: string, nowMs: number): ReadFields {
  const bytes = Buffer.from(line, 'utf8')
  if (format === 'raw') return {}
  if (format === 'json') return eventOf(bytes)
  if (format === 'metrics') return metricOf(bytes)
  const parse = format === 'combined' ? parseCombinedAsOthers : parserOf(format)
  const parsed = parse?.(bytes, 0, bytes.length, { recordMs: nowMs, zonelessOffsetMs: 0 }) ?? null
  return parsed && fieldsOf(parsed)
}

function eventOf(bytes: Buffer): ReadFields {
  const event = emptyJsonEvent()
  if (!parseJsonEvent(bytes, 0, bytes.length, event)) return null
  const { timestamp: _, ...fields } = eventFields
  const texts = Object.entries(fields).map(([name, field]) => [name, fieldText(bytes, event.spans, field)])
  return found({ time: timeText(event.timeMs), ...Object.fromEntries(texts) })
}

function metricOf(bytes: Buffer): ReadFields {
  const metric = emptyMetricLine()
  if (!parseMetricLine(bytes, 0, bytes.length, metric)) return null
  const text = (field: number) => fieldText(bytes, metric.spans, field)
  const { host, name } = metricFields
  return found({
    time: timeText(metric.timeMs),
    host: text(host),
    name: text(name),
    value: metric.value,
  })
}

function fieldsOf(line: ParsedLine): ReadFields {
  const { kind, timeMs, samples, client, method, path, referrer, agent, type, event, visitor, level } = line
  if (kind === 'directive') return { directive: 'no record, but says how to read those behind it' }
  const isAccess = kind === 'access'
  const values = samples.slice(0, 4).map(({ name, value }) => [name, value])
  return found({
    time: timeText(timeMs),
    client,
    method,
    path,
    ...(isAccess && { status: line.status, bytes: line.bytes, milliseconds: line.requestTimeMs }),
    ...{ referrer, agent, type, event, visitor, level },
    ...Object.fromEntries(values),
  })
}

function timeText(ms: number): string {
  return Number.isNaN(ms) ? 'none: that of reading' : new Date(ms).toISOString()
}

function found(fields: Readonly<Record<string, unknown>>): ReadFields {
  const isSaid = (value: unknown) => value !== '' && value !== null && !Number.isNaN(value)
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isSaid(value))) as ReadFields
}
