// The stretch of time a page of history shows, as the URL keeps it: `r=24h` moves with the clock, `from=`–`to=` stands
// still. How it is asked of the API, stepped through, and put in words. Pure.
import { formatDateTime, formatTime, type Zone } from './format.ts'

export type HistoryRange =
  | { readonly kind: 'last'; readonly name: string }
  | { readonly kind: 'between'; readonly fromMs: number; readonly toMs: number }

export const presets = [
  { name: '15m', words: 'Last 15 minutes' },
  { name: '1h', words: 'Last hour' },
  { name: '6h', words: 'Last 6 hours' },
  { name: '24h', words: 'Last 24 hours' },
  { name: '7d', words: 'Last 7 days' },
  { name: '28d', words: 'Last 28 days' },
  { name: '90d', words: 'Last 90 days' },
] as const

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const dayMs = unitMs.d
const longestMs = 5 * 366 * dayMs

/** What the URL says; what it says wrongly is as if it said nothing. */
export function rangeOf(search: string, otherwise: string): HistoryRange {
  const parameters = new URLSearchParams(search)
  const fromMs = momentOf(parameters.get('from'))
  const toMs = momentOf(parameters.get('to'))
  if (fromMs !== null && toMs !== null && fromMs < toMs && toMs - fromMs <= longestMs) {
    return { kind: 'between', fromMs, toMs }
  }
  const name = parameters.get('r')
  return { kind: 'last', name: name !== null && spanMs(name) !== null ? name : otherwise }
}

/** The URL's parameters for it; empty ones are taken out. */
export function rangeParameters(range: HistoryRange): Readonly<Record<'r' | 'from' | 'to', string>> {
  if (range.kind === 'last') return { r: range.name, from: '', to: '' }
  return { r: '', from: isoOf(range.fromMs), to: isoOf(range.toMs) }
}

/** The API's parameters for it. */
export function spanParameters(range: HistoryRange): Readonly<Record<string, string>> {
  if (range.kind === 'last') return { window: range.name }
  return { from: isoOf(range.fromMs), to: isoOf(range.toMs) }
}

export function lengthMs(range: HistoryRange): number {
  return range.kind === 'last' ? (spanMs(range.name) ?? dayMs) : range.toMs - range.fromMs
}

/** `15m` in milliseconds, null where it is no such text. */
export function spanMs(name: string): number | null {
  const match = /^([1-9]\d{0,4})([mhd])$/.exec(name)
  if (!match) return null
  const ms = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
  return ms <= longestMs ? ms : null
}

/**
 * The stretch of the same length before (-1) or after (+1). What would end about now is the relative range again: now
 * has moved on since one stepped away from it.
 */
export function stepped(
  range: HistoryRange,
  direction: -1 | 1,
  nowMs: number,
  returnTo: string,
): HistoryRange {
  const length = lengthMs(range)
  const toMs = (range.kind === 'last' ? nowMs : range.toMs) + direction * length
  if (toMs > nowMs - length / 10) {
    const preset = presets.find(({ name }) => spanMs(name) === length)
    return {
      kind: 'last',
      name: preset?.name ?? (spanMs(returnTo) === length ? returnTo : nearestName(length)),
    }
  }
  return { kind: 'between', fromMs: toMs - length, toMs }
}

/** The stretch dragged over, to whole seconds and never narrower than ten. */
export function dragged(fromMs: number, toMs: number): HistoryRange {
  const from = Math.floor(fromMs / 1000) * 1000
  return { kind: 'between', fromMs: from, toMs: Math.max(Math.ceil(toMs / 1000) * 1000, from + 10_000) }
}

export function rangeWords(range: HistoryRange, zone: Zone): string {
  if (range.kind === 'last') {
    return presets.find(({ name }) => name === range.name)?.words ?? `Last ${range.name}`
  }
  const from = formatDateTime(range.fromMs, zone).slice(0, 16)
  const to = formatDateTime(range.toMs, zone).slice(0, 16)
  if (range.toMs - range.fromMs < 10 * unitMs.m) {
    return `${formatDateTime(range.fromMs, zone)} – ${formatTime(range.toMs, zone)}`
  }
  return from.slice(0, 10) === to.slice(0, 10) ? `${from} – ${to.slice(11)}` : `${from} – ${to}`
}

/** How wide a bucket of a chart is; undefined leaves it to the server, which knows what is kept. */
export function stepOf(range: HistoryRange): string | undefined {
  const length = lengthMs(range)
  if (length <= 2 * dayMs) return undefined
  if (length <= 14 * dayMs) return '1h'
  return length <= 31 * dayMs ? '6h' : undefined
}

/** How often an answer about it is worth asking for again; undefined where it stands still. */
export function refreshMs(range: HistoryRange): number | undefined {
  if (range.kind === 'between') return undefined
  const length = lengthMs(range)
  return length <= unitMs.h ? 5_000 : length <= dayMs ? 15_000 : 60_000
}

/** What `<input type="datetime-local">` shows and gives. */
export function inputText(epochMs: number, zone: Zone): string {
  return formatDateTime(epochMs, zone).slice(0, 16).replace(' ', 'T')
}

export function inputMs(text: string, zone: Zone): number | null {
  const ms = Date.parse(zone === 'utc' ? `${text}Z` : text)
  return text === '' || Number.isNaN(ms) ? null : ms
}

function nearestName(length: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    if (length % unitMs[unit] === 0) return `${length / unitMs[unit]}${unit}`
  }
  return `${Math.max(1, Math.round(length / unitMs.m))}m`
}

function momentOf(text: string | null): number | null {
  if (text === null || text === '') return null
  const ms = /^\d{10,16}$/.test(text) ? Number(text) * (text.length <= 11 ? 1000 : 1) : Date.parse(text)
  return Number.isFinite(ms) ? ms : null
}

function isoOf(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('.000Z', 'Z')
}
