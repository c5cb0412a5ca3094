// A behaviour event (or any JSON object) as one line: which of the fields statistics ask for it has, and where.
// Only those fields are read; the rest is validated and passed over. Never throws, allocates nothing.
import { epochTimeMs, parseIsoTime } from './event-time.ts'
import {
  type FieldSpans,
  fieldKinds,
  fieldNumber,
  fieldSpans,
  scanObject,
  unescapedText,
} from './json-scan.ts'

/** Indexes into the spans of a JsonEvent. */
export const eventFields = {
  timestamp: 0,
  type: 1,
  event: 2,
  anonymousId: 3,
  userId: 4,
  sessionId: 5,
  path: 6,
  referrer: 7,
  messageId: 8,
} as const

export interface JsonEvent {
  readonly spans: FieldSpans
  /** Milliseconds since the epoch, NaN where the line has no time that can be read. */
  timeMs: number
}

export function emptyJsonEvent(): JsonEvent {
  return { spans: fieldSpans(Object.keys(eventFields)), timeMs: Number.NaN }
}

/** True if the line is a JSON object. `zonelessOffsetMs` applies to a time that names no zone. */
export function parseJsonEvent(
  buffer: Buffer,
  start: number,
  end: number,
  into: JsonEvent,
  zonelessOffsetMs = 0,
): boolean {
  into.timeMs = Number.NaN
  if (!scanObject(buffer, start, end, into.spans)) return false
  into.timeMs = fieldTime(buffer, into.spans, eventFields.timestamp, zonelessOffsetMs)
  return true
}

/** A field as a time: ISO text, or a number since the epoch. NaN if it is neither. */
export function fieldTime(buffer: Buffer, spans: FieldSpans, field: number, zonelessOffsetMs = 0): number {
  const kind = spans.kinds[field]
  const start = spans.starts[field]!
  const end = spans.ends[field]!
  if (kind === fieldKinds.text) return parseIsoTime(buffer, start, end, zonelessOffsetMs)
  if (kind === fieldKinds.number) return epochTimeMs(fieldNumber(buffer, spans, field))
  if (kind === fieldKinds.escapedText) {
    const text = Buffer.from(unescapedText(buffer, start, end))
    return parseIsoTime(text, 0, text.length, zonelessOffsetMs)
  }
  return Number.NaN
}
