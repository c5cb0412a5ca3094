// One sample of a host metric as a JSON line: timestamp, host, name, value, unit, type. Never throws.
import { fieldTime } from './json-event.ts'
import { type FieldSpans, fieldKinds, fieldNumber, fieldSpans, scanObject } from './json-scan.ts'

/** Indexes into the spans of a MetricLine. */
export const metricFields = { timestamp: 0, host: 1, name: 2, value: 3, unit: 4, type: 5 } as const

export interface MetricLine {
  readonly spans: FieldSpans
  /** Milliseconds since the epoch, NaN where the line has no time that can be read. */
  timeMs: number
  value: number
}

export function emptyMetricLine(): MetricLine {
  return { spans: fieldSpans(Object.keys(metricFields)), timeMs: Number.NaN, value: Number.NaN }
}

/** True if the line is a JSON object with a named, finite value. */
export function parseMetricLine(
  buffer: Buffer,
  start: number,
  end: number,
  into: MetricLine,
  zonelessOffsetMs = 0,
): boolean {
  into.timeMs = into.value = Number.NaN
  if (!scanObject(buffer, start, end, into.spans)) return false
  into.timeMs = fieldTime(buffer, into.spans, metricFields.timestamp, zonelessOffsetMs)
  into.value = fieldNumber(buffer, into.spans, metricFields.value)
  const name = into.spans.kinds[metricFields.name]
  const isNamed = name === fieldKinds.text || name === fieldKinds.escapedText
  return (
    isNamed &&
    into.spans.starts[metricFields.name] !== into.spans.ends[metricFields.name] &&
    Number.isFinite(into.value)
  )
}
