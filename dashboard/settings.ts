// What the reader has chosen. What belongs to the view (range, topic, filter) lives in the URL, so that a link
// shows the same; what belongs to the reader (theme, zone, wrapping) stays in this browser. Pure.
import type { Zone } from './format.ts'

export type Theme = 'system' | 'dark' | 'light'
export type Density = 'compact' | 'comfortable'
export type RangeName = '5m' | '1h' | '6h'

export interface Range {
  readonly label: string
  readonly inWords: string
  /** The base bucket the server is asked for. */
  readonly step: '1' | '10' | '60'
  readonly points: number
}

export const ranges: Readonly<Record<RangeName, Range>> = {
  '5m': { label: '5 min', inWords: 'Last 5 minutes', step: '1', points: 300 },
  '1h': { label: '1 h', inWords: 'Last hour', step: '10', points: 360 },
  '6h': { label: '6 h', inWords: 'Last 6 hours', step: '60', points: 360 },
}
/** Where the theme key leads: from the system first to the opposite, as a press that changes nothing looks broken. */
export function nextTheme(theme: Theme, systemIsDark: boolean): Theme {
  const [same, other] = systemIsDark ? (['dark', 'light'] as const) : (['light', 'dark'] as const)
  if (theme === 'system') return other
  return theme === other ? same : 'system'
}

export const rangeNames: readonly RangeName[] = ['5m', '1h', '6h']
export const tailTopics = ['logs', 'behavior', 'metrics'] as const

export interface Settings {
  readonly range: RangeName
  readonly topic: string
  readonly filter: string
  readonly theme: Theme
  readonly zone: Zone
  readonly wrap: boolean
  /** How tall the rows of tables are. */
  readonly density: Density
}

/** What `localStorage` offers and a test can stand in for. Both may throw or be denied: then nothing is kept. */
export interface Memory {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** Also read by public/theme.js, before anything is painted. */
const themeKey = 'tailrace.theme'
const zoneKey = 'tailrace.zone'
const wrapKey = 'tailrace.wrap'
const densityKey = 'tailrace.density'
const filterLengthMax = 200

/** On a narrow screen lines are wrapped until the reader says otherwise: cut, they would show their beginnings only. */
export function readSettings(search: string, memory: Memory, narrow: boolean): Settings {
  const parameters = new URLSearchParams(search)
  const range = parameters.get('r')
  const theme = recall(memory, themeKey)
  const wrap = recall(memory, wrapKey)
  return {
    range: rangeNames.find(name => name === range) ?? '5m',
    topic: parameters.get('topic') ?? tailTopics[0],
    filter: (parameters.get('q') ?? '').slice(0, filterLengthMax),
    theme: theme === 'dark' || theme === 'light' ? theme : 'system',
    zone: recall(memory, zoneKey) === 'utc' ? 'utc' : 'local',
    wrap: wrap === null ? narrow : wrap === 'yes',
    density: recall(memory, densityKey) === 'comfortable' ? 'comfortable' : 'compact',
  }
}

/** Keeps what was changed and nothing else: a default that was never chosen may still follow the screen. */
export function rememberSettings(change: Partial<Settings>, memory: Memory): void {
  try {
    if (change.theme !== undefined) memory.setItem(themeKey, change.theme)
    if (change.zone !== undefined) memory.setItem(zoneKey, change.zone)
    if (change.density !== undefined) memory.setItem(densityKey, change.density)
    if (change.wrap !== undefined) memory.setItem(wrapKey, change.wrap ? 'yes' : 'no')
  } catch {
    // Storage denied or full: the choice holds until the page closes.
  }
}

/**
 * The query of a URL that shows this view; empty for the view one starts with. `others` is what pages keep there, and
 * `ranged` a query whose range stays as it is.
 */
export function searchOf(settings: Settings, others = '', ranged: string | null = null): string {
  const parameters = new URLSearchParams(others)
  const kept = ranged === null ? null : new URLSearchParams(ranged).get('r')
  for (const name of ['r', 'topic', 'q']) parameters.delete(name)
  if (kept !== null) parameters.set('r', kept)
  else if (ranged === null && settings.range !== '5m') parameters.set('r', settings.range)
  if (settings.topic !== tailTopics[0]) parameters.set('topic', settings.topic)
  if (settings.filter !== '') parameters.set('q', settings.filter)
  const search = parameters.toString()
  return search === '' ? '' : `?${search}`
}

/** The one-time token of a sign-in link, from the link, its fragment or the bare token; null if there is none. */
export function tokenOf(text: string): string | null {
  const trimmed = text.trim()
  const fragment = /#(?:.*&)?t=([^&\s]+)/.exec(trimmed)
  if (fragment) return decoded(fragment[1]!)
  return /^[A-Za-z0-9._~-]{8,}$/.test(trimmed) ? trimmed : null
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function recall(memory: Memory, key: string): string | null {
  try {
    return memory.getItem(key)
  } catch {
    return null
  }
}
