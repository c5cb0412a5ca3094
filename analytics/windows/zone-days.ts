// Where a day begins in the site's time zone. Offsets of all zones in use are whole quarters of an hour, so a day is
// made of whole 15-minute buckets, 92 to 100 of them. Pure but for a cache.

const quarterMs = 15 * 60_000
const dayMs = 86_400_000
/** Days kept; a replay walks them in order. */
const cacheMax = 4096

export class ZoneDays {
  readonly timeZone: string
  readonly #format: Intl.DateTimeFormat
  readonly #starts = new Map<number, number>()
  readonly #hours = new Map<number, number>()
  #lastQuarter = Number.NaN
  #lastStart = Number.NaN

  /** Throws a RangeError for a zone nobody knows. */
  constructor(timeZone: string) {
    this.timeZone = timeZone
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
  }

  /** The first instant of the day that holds `timeMs`. */
  startOf(timeMs: number): number {
    // Most sites keep the default, and a question over all time asks for every day there is.
    if (this.timeZone === 'UTC') return Math.floor(timeMs / dayMs) * dayMs
    const quarter = Math.floor(timeMs / quarterMs)
    if (quarter === this.#lastQuarter) return this.#lastStart
    let start = this.#starts.get(quarter)
    if (start === undefined) {
      start = this.#compute(quarter * quarterMs)
      if (this.#starts.size >= cacheMax) this.#starts.clear()
      this.#starts.set(quarter, start)
    }
    this.#lastQuarter = quarter
    this.#lastStart = start
    return start
  }

  /** The first instant of the day after the one that holds `timeMs`. */
  endOf(timeMs: number): number {
    // 36 hours after a day's start is always within the next day, whatever the clocks do.
    return this.startOf(this.startOf(timeMs) + dayMs * 1.5)
  }

  /** The hour on the clock of the zone, 0 to 23. */
  hourOf(timeMs: number): number {
    const quarter = Math.floor(timeMs / quarterMs)
    let hour = this.#hours.get(quarter)
    if (hour === undefined) {
      hour = Math.floor(this.#sinceMidnight(quarter * quarterMs) / 3_600_000)
      if (this.#hours.size >= cacheMax) this.#hours.clear()
      this.#hours.set(quarter, hour)
    }
    return hour
  }

  #compute(timeMs: number): number {
    // Midnight local as if no clock had changed since; then once more from there, because one may have.
    const first = timeMs - this.#sinceMidnight(timeMs)
    const correction = this.#sinceMidnight(first)
    if (correction === 0) return first
    // Either some hours into the day (go back) or late on the day before (go on).
    return correction < dayMs / 2 ? first - correction : first + (dayMs - correction)
  }

  #sinceMidnight(timeMs: number): number {
    const parts: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(timeMs)) parts[type] = Number(value)
    const seconds = (parts['hour']! * 60 + parts['minute']!) * 60 + parts['second']!
    return seconds * 1000 + (((timeMs % 1000) + 1000) % 1000)
  }
}
