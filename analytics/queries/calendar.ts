// Dates of the site's zone: which date a moment has, when a date begins, weeks and months, and how a bucket of time is
// written. Pure but for caches.
import { dateText, LocalCalendar } from '../windows/local-calendar.ts'
import type { ZoneDays } from '../windows/zone-days.ts'

const dayMs = 86_400_000

export interface LocalDate {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
}

export class Calendar {
  readonly #days: ZoneDays
  readonly #local: LocalCalendar

  constructor(days: ZoneDays) {
    this.#days = days
    this.#local = new LocalCalendar(days)
  }

  dateOf(timeMs: number): LocalDate {
    const date = new Date(this.#local.dayOf(timeMs) * dayMs)
    return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
  }

  /** When a date begins; months and days may lie outside their range, as in `month: 0` for last December. */
  startOf({ year, month, day }: LocalDate): number {
    return this.#local.startOf(Date.UTC(year, month - 1, day) / dayMs)
  }

  /** Monday. */
  weekOf(timeMs: number): number {
    return this.#local.startOf(this.#local.firstDayOf(this.#local.weekOf(this.#local.dayOf(timeMs))))
  }

  monthOf(timeMs: number): number {
    return this.startOf({ ...this.dateOf(timeMs), day: 1 })
  }

  /** 2026-11-24, of a moment. */
  dateText(timeMs: number): string {
    return dateText(this.#local.dayOf(timeMs))
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
