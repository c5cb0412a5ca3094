// Dates of the site's zone: which date a moment has, when a date begins, weeks and months, and how a bucket of time is
// written. Pure but for a cache inside ZoneDays.
import type { ZoneDays } from '../windows/zone-days.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

export interface LocalDate {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
}

export class Calendar {
  readonly #days: ZoneDays
  readonly #format: Intl.DateTimeFormat

  constructor(days: ZoneDays) {
    this.#days = days
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: days.timeZone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
    })
  }

  dateOf(timeMs: number): LocalDate {
    const parts: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(timeMs)) parts[type] = Number(value)
    return { year: parts['year']!, month: parts['month']!, day: parts['day']! }
  }

  /** When a date begins; months and days may lie outside their range, as in `month: 0` for last December. */
  startOf({ year, month, day }: LocalDate): number {
    const noon = Date.UTC(year, month - 1, day, 12)
    const wanted = Date.UTC(year, month - 1, day)
    // Noon in UTC is the same date nearly everywhere; else the day beside it is.
    const start = this.#days.startOf(noon)
    const { year: y, month: m, day: d } = this.dateOf(start)
    const offBy = Math.round((Date.UTC(y, m - 1, d) - wanted) / dayMs)
    if (offBy === 0) return start
    return this.#days.startOf(noon - offBy * dayMs)
  }

  /** Monday. */
  weekOf(timeMs: number): number {
    const { year, month, day } = this.dateOf(timeMs)
    const weekday = (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7
    return this.startOf({ year, month, day: day - weekday })
  }

  monthOf(timeMs: number): number {
    return this.startOf({ ...this.dateOf(timeMs), day: 1 })
  }

  /** 2026-11-24, of a moment. */
  dateText(timeMs: number): string {
    const { year, month, day } = this.dateOf(timeMs)
    const two = (value: number) => String(value).padStart(2, '0')
    return `${year}-${two(month)}-${two(day)}`
  }

  /** 2026-11-24T08:00:00+01:00: the zone's own time, and unmistakable where an hour comes twice. */
  timeText(timeMs: number): string {
    const offset = offsetMs(this.#days.timeZone, timeMs)
    const minutes = Math.abs(offset) / 60_000
    const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
    const zone = `${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
    return `${new Date(timeMs + offset).toISOString().slice(0, 19)}${zone}`
  }
}

const zoneFormats = new Map<string, Intl.DateTimeFormat>()

function offsetMs(timeZone: string, timeMs: number): number {
  let format = zoneFormats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
    zoneFormats.set(timeZone, format)
  }
  const name = format.formatToParts(timeMs).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(name)
  if (!match) return 0
  const ms = (Number(match[2]) * 60 + Number(match[3])) * 60_000
  return match[1] === '-' ? -ms : ms
}
