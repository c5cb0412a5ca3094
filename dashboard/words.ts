// What the page says about itself in words: the Live pill, and the banner when something is wrong. Pure, so that
// every state has a test and no component decides what is true.
import { brokerTrouble } from './cluster-words.ts'
import { formatAge, formatCount, formatDuration, formatTime, inWords } from './format.ts'
import type { ShapeName } from './icons.tsx'
import type { PageState } from './store.ts'

export type Tone = 'ok' | 'calm' | 'warn' | 'critical'

export interface PillWords {
  /** Also `data-state`: tests wait for it. */
  readonly state:
    | 'connecting'
    | 'live'
    | 'paused'
    | 'historic'
    | 'catching-up'
    | 'stale'
    | 'reconnecting'
    | 'outdated'
  readonly shape: ShapeName
  readonly tone: Tone
  readonly word: string
  readonly detail: string
  /** What pressing it does. */
  readonly action: 'pause' | 'resume' | 'present' | 'retry' | 'none'
}

/** Trouble comes before the reader's own pause: a paused page that has lost its server must not look merely paused. */
export function pillWords(state: PageState): PillWords {
  const { connection, pausedAt } = state
  switch (connection.kind) {
    case 'reconnecting': {
      const soon = connection.seconds === null || connection.seconds === 0
      const word = soon ? 'Reconnecting' : `Reconnecting in ${connection.seconds} s`
      return {
        state: 'reconnecting',
        shape: 'cross',
        tone: 'critical',
        word,
        detail: 'retry now',
        action: 'retry',
      }
    }
    case 'stale': {
      const detail = formatAge(connection.seconds * 1000)
      return { state: 'stale', shape: 'triangle', tone: 'warn', word: 'Stale', detail, action: 'retry' }
    }
    case 'outdated':
    case 'signedOut':
      return {
        state: 'outdated',
        shape: 'cross',
        tone: 'critical',
        word: 'Stopped',
        detail: '',
        action: 'none',
      }
    case 'connecting':
      return {
        state: 'connecting',
        shape: 'ring',
        tone: 'calm',
        word: 'Connecting',
        detail: '',
        action: 'none',
      }
    case 'live':
    case 'catchingUp':
      break
  }
  if (pausedAt !== null) {
    const detail = `${formatCount(state.newLines)} new`
    return { state: 'paused', shape: 'bars', tone: 'warn', word: 'Paused', detail, action: 'resume' }
  }
  if (state.broker?.state === 'down') {
    // Connected, but to a page that stands still: the banner says why.
    const detail = formatAge(state.clockMs - state.broker.since)
    return { state: 'stale', shape: 'triangle', tone: 'warn', word: 'Stale', detail, action: 'pause' }
  }
  if (state.zoom !== null) {
    // The charts show a range that stands still; whoever looks at it must not take it for the present.
    return {
      state: 'historic',
      shape: 'bars',
      tone: 'calm',
      word: 'Historic range',
      detail: '',
      action: 'present',
    }
  }
  if (connection.kind === 'catchingUp') {
    const detail = connection.linesBehind > 0 ? `${formatCount(connection.linesBehind)} behind` : ''
    return { state: 'catching-up', shape: 'ring', tone: 'calm', word: 'Catching up', detail, action: 'pause' }
  }
  const trouble = brokerTrouble(state.cluster, state.settings.zone)
  if (trouble) {
    // The charts go on: what is short is a copy, not the present.
    const { tone, short: detail } = trouble
    return { state: 'live', shape: 'triangle', tone, word: 'Live', detail, action: 'pause' }
  }
  const lag = state.overview?.lagP50Ms
  const detail = lag === null || lag === undefined ? '' : inWords(formatDuration(lag))
  return { state: 'live', shape: 'dot', tone: 'ok', word: 'Live', detail, action: 'pause' }
}

export interface BannerWords {
  readonly kind: 'brokerDown' | 'someBrokersDown' | 'serverDown' | 'outdated' | 'newerBuild'
  readonly tone: Tone
  readonly title: string
  readonly text: string
  readonly action: 'retry' | 'reload' | 'none'
}

/** A lost server is worth a sentence only when it stays lost. */
const patienceMs = 4_000

/** The worst thing that is wrong, in words, or null. */
export function bannerWords(state: PageState): BannerWords | null {
  const { connection, seenAt, broker, clockMs, settings } = state
  if (connection.kind === 'outdated') {
    const text = 'The server was upgraded and this page is from before. Reload it to go on.'
    return { kind: 'outdated', tone: 'critical', title: 'This page is too old', text, action: 'reload' }
  }
  const away = connection.kind === 'reconnecting' || connection.kind === 'stale'
  if (away && (seenAt === null || clockMs - seenAt >= patienceMs)) {
    const from = seenAt === null ? '' : `What you see is from ${formatTime(seenAt, settings.zone)}. `
    const text = `${from}Counting goes on where it stopped once it is back; this page tries again by itself.`
    return {
      kind: 'serverDown',
      tone: 'critical',
      title: 'The server does not answer',
      text,
      action: 'retry',
    }
  }
  if (broker?.state === 'down') {
    const since = `Since ${formatTime(broker.since, settings.zone)}`
    const detail = broker.detail === '' ? '' : ` (${broker.detail})`
    const text = `${since}${detail}. Counting waits; agents keep their place in every file, so nothing is lost.`
    return { kind: 'brokerDown', tone: 'critical', title: 'The broker is down', text, action: 'none' }
  }
  const trouble = brokerTrouble(state.cluster, settings.zone)
  if (trouble) {
    const { tone, title, text } = trouble
    return { kind: 'someBrokersDown', tone, title, text, action: 'none' }
  }
  if (state.newerBuild) {
    const text = 'The server was upgraded while this page was open.'
    return { kind: 'newerBuild', tone: 'calm', title: 'A newer page is ready', text, action: 'reload' }
  }
  return null
}

/** A blink of the connection is not worth dimming the page for. */
const ageMin = 2_000

/** How old what is on screen is, once that deserves to be said; null while it is fresh. */
export function ageOf(state: PageState): string | null {
  const { connection, seenAt, clockMs } = state
  const away =
    connection.kind === 'reconnecting' || connection.kind === 'stale' || connection.kind === 'outdated'
  if (!away || seenAt === null || clockMs - seenAt < ageMin) return null
  return formatAge(clockMs - seenAt)
}
