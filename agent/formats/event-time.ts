// The times that log lines carry, read straight from their bytes into milliseconds since the epoch.
// Pure and allocation-free: no Date per line, only one per day seen. NaN means "no time here"; nothing throws.

const zero = 0x30
const minuteMs = 60_000

/** The last day converted: lines come in order of time, so almost every line hits it. */
let cachedDayKey = -1
let cachedDayStartMs = Number.NaN

/** Midnight UTC of a calendar day, NaN if there is no such day (31 February). */
function dayStartMs(year: number, month: number, day: number): number {
  const key = (year * 16 + month) * 32 + day
  if (key === cachedDayKey) return cachedDayStartMs
  const start = Date.UTC(year, month - 1, day)
  const exists = month >= 1 && month <= 12 && day >= 1 && new Date(start).getUTCDate() === day && year >= 1000
  cachedDayKey = key
  cachedDayStartMs = exists ? start : Number.NaN
  return cachedDayStartMs
}

/** Two digits as a number, or a negative number if they are not digits. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - zero
  const ones = bytes[at + 1]! - zero
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -100_000
}

/** The month by its English abbreviation as access logs write it, 1 to 12, or 0. */
function monthByName(bytes: Uint8Array, at: number): number {
  const name = ((bytes[at]! | 0x20) << 16) | ((bytes[at + 1]! | 0x20) << 8) | (bytes[at + 2]! | 0x20)
  switch (name) {
    case 0x6a616e:
      return 1
    case 0x666562:
      return 2
    case 0x6d6172:
      return 3
    case 0x617072:
      return 4
    case 0x6d6179:
      return 5
    case 0x6a756e:
      return 6
    case 0x6a756c:
      return 7
    case 0x617567:
      return 8
    case 0x736570:
      return 9
    case 0x6f6374:
      return 10
    case 0x6e6f76:
      return 11
    case 0x646563:
      return 12
    default:
      return 0
  }
}

/** `24/Nov/2026:08:00:00 +0000` is this long. */
export const accessTimeBytes = 26

/** Reads `24/Nov/2026:08:00:00 +0000` at `at`. The caller has checked that the bytes exist. */
export function parseAccessTime(bytes: Uint8Array, at: number): number {
  if (
    bytes[at + 2] !== 0x2f ||
    bytes[at + 6] !== 0x2f ||
    bytes[at + 11] !== 0x3a ||
    bytes[at + 20] !== 0x20
  ) {
    return Number.NaN
  }
  const day = twoDigits(bytes, at)
  const year = twoDigits(bytes, at + 7) * 100 + twoDigits(bytes, at + 9)
  const time = timeOfDayMs(bytes, at + 12)
  return dayStartMs(year, monthByName(bytes, at + 3), day) + time - zoneOffsetMs(bytes, at + 21, at + 26)
}

/** `08:00:00` in milliseconds since midnight; a leap second is allowed. */
function timeOfDayMs(bytes: Uint8Array, at: number): number {
  if (bytes[at + 2] !== 0x3a || bytes[at + 5] !== 0x3a) return Number.NaN
  const hour = twoDigits(bytes, at)
  const minute = twoDigits(bytes, at + 3)
  const second = twoDigits(bytes, at + 6)
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return Number.NaN
  return ((hour * 60 + minute) * 60 + second) * 1000
}

/** `Z`, `+0100`, `+01:00` or `+01` as an offset in milliseconds, NaN if it is none of them. */
function zoneOffsetMs(bytes: Uint8Array, at: number, end: number): number {
  const sign = bytes[at]
  if ((sign === 0x5a || sign === 0x7a) && at + 1 === end) return 0
  if (sign !== 0x2b && sign !== 0x2d) return Number.NaN
  const length = end - at
  const hours = length >= 3 ? twoDigits(bytes, at + 1) : -1
  let minutes = -1
  if (length === 3) minutes = 0
  else if (length === 5) minutes = twoDigits(bytes, at + 3)
  else if (length === 6 && bytes[at + 3] === 0x3a) minutes = twoDigits(bytes, at + 4)
  if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return Number.NaN
  const offset = (hours * 60 + minutes) * minuteMs
  return sign === 0x2d ? -offset : offset
}

/**
 * Reads `2026-11-24T08:00:00.123Z` and its usual relatives: a space for the T, no fraction or up to nine digits,
 * `,` for the dot, a numeric zone. A time without a zone is taken to be `zonelessOffsetMs` ahead of UTC.
 */
export function parseIsoTime(bytes: Uint8Array, start: number, end: number, zonelessOffsetMs = 0): number {
  if (end - start < 19 || bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return Number.NaN
  const separator = bytes[start + 10]
  if (separator !== 0x54 && separator !== 0x20 && separator !== 0x74) return Number.NaN
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2)
  const date = dayStartMs(year, twoDigits(bytes, start + 5), twoDigits(bytes, start + 8))
  let at = start + 19
  let fractionMs = 0
  if (at < end && (bytes[at] === 0x2e || bytes[at] === 0x2c)) {
    const first = ++at
    let scale = 100
    for (; at < end && bytes[at]! >= zero && bytes[at]! <= 0x39; at++) {
      fractionMs += (bytes[at]! - zero) * scale
      scale /= 10
    }
    if (at === first || at - first > 9) return Number.NaN
  }
  if (at < end && bytes[at] === 0x20) at++
  const zone = at === end ? zonelessOffsetMs : zoneOffsetMs(bytes, at, end)
  return date + timeOfDayMs(bytes, start + 11) + Math.floor(fractionMs) - zone
}

/**
 * Reads `Nov 24 08:00:00` (also `Nov  4`, a year after the day, a fraction). Without a year it is the last such day
 * before the record was read, a day ahead allowed for clocks and zones: a line of December read in January is old.
 */
export function parseMonthDayTime(
  bytes: Uint8Array,
  start: number,
  end: number,
  recordMs: number,
  zonelessOffsetMs = 0,
): number {
  if (end - start < 15 || bytes[start + 3] !== 0x20) return Number.NaN
  const month = monthByName(bytes, start)
  const first = bytes[start + 4] === 0x20 ? zero : bytes[start + 4]!
  const day = (first - zero) * 10 + (bytes[start + 5]! - zero)
  if (month === 0 || !(day >= 1 && day <= 31) || bytes[start + 6] !== 0x20) return Number.NaN
  let at = start + 7
  let year = 0
  if (end - at >= 13 && bytes[at + 4] === 0x20) {
    year = twoDigits(bytes, at) * 100 + twoDigits(bytes, at + 2)
    at += 5
  }
  const time = timeOfDayMs(bytes, at) - zonelessOffsetMs
  if (Number.isNaN(time)) return Number.NaN
  if (year !== 0) return dayStartMs(year, month, day) + time
  const dayMs = 86_400_000
  for (let guess = new Date(recordMs + dayMs).getUTCFullYear(), tries = 0; tries < 5; tries++, guess--) {
    const timeMs = dayStartMs(guess, month, day) + time
    if (timeMs <= recordMs + dayMs) return timeMs
  }
  return Number.NaN
}

/** A number as a time: seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by size. */
export function epochTimeMs(value: number): number {
  if (!(value > 0)) return Number.NaN
  if (value < 1e11) return Math.floor(value * 1000)
  if (value < 1e14) return Math.floor(value)
  if (value < 1e17) return Math.floor(value / 1e3)
  if (value < 1e20) return Math.floor(value / 1e6)
  return Number.NaN
}
