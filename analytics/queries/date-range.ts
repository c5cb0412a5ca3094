// The date ranges of the general query in moments: today, the last days, this month, a window, two dates or times.
import type { Calendar } from './calendar.ts'
import type { Reading } from './parts.ts'
import { ProblemError, shown } from './problem.ts'
import { moment, windowMs } from './question.ts'
import type { Moments } from './reach.ts'

export type DateRange = string | readonly [string, string]

const lastDays: Readonly<Record<string, number>> = { day: 1, '7d': 7, '28d': 28, '30d': 30, '91d': 91 }
const months: Readonly<Record<string, number>> = { month: 1, '6mo': 6, '12mo': 12 }
export const rangeNames = ['day', '24h', '7d', '28d', '30d', '91d', 'month', '6mo', '12mo', 'year', 'all']

/** Days and months begin in the site's zone and include the one that is not over. */
export function momentsOf(range: DateRange, calendar: Calendar, { rows, days, nowMs }: Reading): Moments {
  const toMs = days.endOf(nowMs)
  const today = calendar.dateOf(nowMs)
  if (typeof range !== 'string') return between(range, calendar, days.endOf.bind(days), nowMs)
  if (range in lastDays) {
    return { fromMs: calendar.startOf({ ...today, day: today.day - lastDays[range]! + 1 }), toMs }
  }
  if (range in months) {
    return { fromMs: calendar.startOf({ ...today, month: today.month - months[range]! + 1, day: 1 }), toMs }
  }
  if (range === 'year') return { fromMs: calendar.startOf({ ...today, month: 1, day: 1 }), toMs }
  if (range === 'all') return { fromMs: days.startOf(rows.firstDay() * 1000 || nowMs), toMs }
  if (/^\d+[smhd]$/.test(range)) return { fromMs: nowMs - windowMs(range), toMs: nowMs }
  const known = `${rangeNames.join(', ')}, 5m, or ["2026-11-01", "2026-11-30"]`
  const detail = `"${shown(range)}" is no date range. Known: ${known}.`
  throw new ProblemError(400, 'unknown-date-range', 'Unknown date range', detail)
}

function between(
  [first, last]: readonly [string, string],
  calendar: Calendar,
  endOf: (timeMs: number) => number,
  nowMs: number,
): Moments {
  const dateOf = (text: string) => {
    const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)
    return match && { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) }
  }
  const [from, to] = [dateOf(first), dateOf(last)]
  return {
    fromMs: from ? calendar.startOf(from) : moment('date_range', first, nowMs),
    // A date is meant whole.
    toMs: to ? endOf(calendar.startOf(to)) : moment('date_range', last, nowMs),
  }
}
