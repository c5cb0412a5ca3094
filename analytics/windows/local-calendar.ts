// Days and weeks of the site's time zone as numbers that follow each other: day 0 is 1 January 1970, weeks begin on
// Monday. Pure but for a cache.
import type { ZoneDays } from './zone-days.ts'

const dayMs = 86_400_000

const cacheMax = 4096

export class LocalCalendar {
  readonly #days: ZoneDays
  readonly #format: Intl.DateTimeFormat
  readonly #numbers = new Map<number, number>()
  readonly #starts = new Map<number, number>()
  #lastStart = Number.NaN
  #lastDay = Number.NaN

  constructor(days: ZoneDays) {
    this.#days = days
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: days.timeZone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
    })
  }

  /** The local day of a moment. */
  dayOf(timeMs: number): number {
    const start = this.#days.startOf(timeMs)
    if (start === this.#lastStart) return this.#lastDay
    let day = this.#numbers.get(start)
    if (day === undefined) {
      day = this.#dateOf(start)
      if (this.#numbers.size >= cacheMax) this.#numbers.clear()
      this.#numbers.set(start, day)
    }
    this.#lastStart = start
    this.#lastDay = day
    return day
  }

  /** 0 for Monday. */
  weekdayOf(timeMs: number): number {
    const day = this.dayOf(timeMs)
    return day - this.firstDayOf(this.weekOf(day))
  }

  /** The hour on the clock of the zone, 0 to 23. */
  hourOf(timeMs: number): number {
    return this.#days.hourOf(timeMs)
  }

  weekOf(day: number): number {
    return Math.floor((day + 3) / 7)
  }

  firstDayOf(week: number): number {
    return week * 7 - 3
  }

  /** The first moment of a local day. */
  startOf(day: number): number {
    let start = this.#starts.get(day)
    if (start !== undefined) return start
    // Zones lie up to 14 hours to either side: noon of UTC is in that day or beside it.
    start = this.#days.startOf(day * dayMs + dayMs / 2)
    while (this.dayOf(start) > day) start = this.#days.startOf(start - 1)
    while (this.dayOf(start) < day) start = this.#days.endOf(start)
    if (this.#starts.size >= cacheMax) this.#starts.clear()
    this.#starts.set(day, start)
    return start
  }

  #dateOf(timeMs: number): number {
    const parts: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(timeMs)) parts[type] = Number(value)
    return Math.floor(Date.UTC(parts['year']!, parts['month']! - 1, parts['day']!) / dayMs)
  }
}

/** `2026-11-24` */
export function dateText(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}
