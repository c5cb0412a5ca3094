// The offset of a record's `tz` header: IANA names or `+02:00`, cached by name and quarter of an hour. Unknown names
// count as UTC: a wrong label must not cost a line.
import type { RecordSource } from './record-source.ts'

const quarterMs = 15 * 60_000
const cacheMax = 1024
const offsets = new Map<string, number>()
const formats = new Map<string, Intl.DateTimeFormat | null>()

/** Milliseconds that the zone's clock is ahead of UTC around `timeMs`. */
export function zoneOffsetMs(buffer: Buffer, source: RecordSource, timeMs: number): number {
  const name = buffer.toString('latin1', source.zoneStart, Math.min(source.zoneEnd, source.zoneStart + 64))
  const quarter = Math.floor(Math.max(timeMs, 0) / quarterMs)
  const key = `${name}@${quarter}`
  let offset = offsets.get(key)
  if (offset === undefined) {
    offset = computeOffset(name, quarter * quarterMs)
    if (offsets.size >= cacheMax) offsets.clear()
    offsets.set(key, offset)
  }
  return offset
}

function computeOffset(name: string, timeMs: number): number {
  const format = formatOf(name)
  if (!format) return 0
  const parts: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(timeMs)) parts[type] = Number(value)
  const local = Date.UTC(
    parts['year']!,
    parts['month']! - 1,
    parts['day']!,
    parts['hour']!,
    parts['minute']!,
    parts['second']!,
  )
  return local - timeMs
}

function formatOf(name: string): Intl.DateTimeFormat | null {
  let format = formats.get(name)
  if (format !== undefined) return format
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    format = null
  }
  if (formats.size >= cacheMax) formats.clear()
  formats.set(name, format)
  return format
}
