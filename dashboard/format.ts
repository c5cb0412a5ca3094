// Numbers, durations and times as the page writes them: at most three significant digits, a unit that stands
// apart from its value, and always one zone. Pure; no locale is consulted, so every browser prints the same.

/** A number ready for the page: the unit is set smaller than the value, or left empty. */
export interface Quantity {
  readonly value: string
  readonly unit: string
}

export type Zone = 'local' | 'utc'

/** What stands where a number is not known yet. Never a zero. */
export const unknown: Quantity = { value: '–', unit: '' }

const siSteps = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const
const iecUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Whole things: exact below a thousand, then three digits with an SI suffix. */
export function formatCount(count: number): string {
  const rounded = Math.round(count)
  return Math.abs(rounded) < 1000 ? String(rounded) : scaled(count)
}

/** A rate per second: whole numbers as they are, else three significant digits. */
export function formatRate(perSecond: number): string {
  if (Number.isInteger(perSecond) && Math.abs(perSecond) < 1000) return String(perSecond)
  if (Math.abs(perSecond) < 0.01) return '<0.01'
  return Math.abs(perSecond) < 999.5 ? threeDigits(perSecond) : scaled(perSecond)
}

/** The word that goes with a number: `line`, `lines`; `entry`, `entries` where it is not an s. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? one : many
}

/** `1 line`, `1.2k lines`; exact where `format` is. */
export function counted(count: number, one: string, many?: string, format = formatCount): string {
  return `${format(count)} ${plural(count, one, many)}`
}

/** The exact number with thousands separated, for tooltips and copies. */
export function formatExact(count: number): string {
  const [whole = '0', fraction] = String(count).split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}

/** A share of one, as a percentage with one decimal; what is too small to print is said to be so. */
export function formatRatio(ratio: number): Quantity {
  const percent = ratio * 100
  if (percent > 0 && percent < 0.05) return { value: '<0.1', unit: '%' }
  return { value: percent >= 99.95 ? '100' : percent.toFixed(1), unit: '%' }
}

export function formatBytes(bytes: number): Quantity {
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < iecUnits.length - 1) {
    value /= 1024
    unit += 1
  }
  return { value: unit === 0 ? String(Math.round(value)) : threeDigits(value), unit: iecUnits[unit]! }
}

/** `842 ms`, `3.10 s`, `4 m 12 s`, `3 h 5 m`, `2 d 3 h`. */
export function formatDuration(milliseconds: number): Quantity {
  const ms = Math.max(0, milliseconds)
  if (ms < 999.5) return { value: ms === 0 ? '0' : threeDigits(ms), unit: 'ms' }
  if (ms < 59_950) return { value: (ms / 1000).toFixed(ms < 9_995 ? 2 : 1), unit: 's' }
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return { value: `${Math.floor(seconds / 60)} m ${seconds % 60}`, unit: 's' }
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1440) return { value: `${Math.floor(minutes / 60)} h ${minutes % 60}`, unit: 'm' }
  return { value: `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)}`, unit: 'h' }
}

/** An age in words short enough for a pill: whole seconds, whole minutes, or hours and minutes. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} m`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`
}

export function inWords({ value, unit }: Quantity): string {
  if (unit === '') return value
  return unit === '%' ? `${value}%` : `${value} ${unit}`
}

/** `6.00 ms` → `6 ms`, for axes, whose numbers are round. */
export function withoutTrailingZeros(text: string): string {
  return text.replace(/\.(\d*?)0+(?!\d)/, (_, kept: string) => (kept === '' ? '' : `.${kept}`))
}

/** `14:05:09`, with `.042` when asked for. */
export function formatTime(epochMs: number, zone: Zone, withMilliseconds = false): string {
  const date = new Date(epochMs)
  const [hours, minutes, seconds] =
    zone === 'utc'
      ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
      : [date.getHours(), date.getMinutes(), date.getSeconds()]
  const text = `${two(hours)}:${two(minutes)}:${two(seconds)}`
  return withMilliseconds ? `${text}.${String(date.getUTCMilliseconds()).padStart(3, '0')}` : text
}

/** `2026-11-24 14:05:09`, for tooltips and the loss ledger. */
export function formatDateTime(epochMs: number, zone: Zone): string {
  const date = new Date(epochMs)
  const [year, month, day] =
    zone === 'utc'
      ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
      : [date.getFullYear(), date.getMonth(), date.getDate()]
  return `${year}-${two(month + 1)}-${two(day)} ${formatTime(epochMs, zone)}`
}

/** `UTC`, or the offset in force at that moment: `UTC+01:00`. */
export function zoneName(zone: Zone, epochMs: number): string {
  const offsetMinutes = zone === 'utc' ? 0 : -new Date(epochMs).getTimezoneOffset()
  if (offsetMinutes === 0) return 'UTC'
  const sign = offsetMinutes < 0 ? '−' : '+'
  const size = Math.abs(offsetMinutes)
  return `UTC${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

/** The next "round" number at or above a value: 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 or 10 times a power of ten. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find(
    candidate => candidate * power >= value * (1 - 1e-9),
  )
  return (step ?? 10) * power
}

function scaled(value: number): string {
  for (const [size, suffix] of siSteps) {
    if (Math.abs(value) >= size * 0.9995) return `${threeDigits(value / size)}${suffix}`
  }
  return threeDigits(value)
}

function threeDigits(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
