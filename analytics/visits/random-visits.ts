// Seeded events of a few visitors for tests of visits: in stretches, with pauses of all kinds, some of them late.
import type { NaiveCounts, NaiveEvent } from './naive-visits.ts'

export const storyStartMs = Date.parse('2026-11-20T22:00:00Z')
const minute = 60_000
const day = 24 * 60 * minute

export function seeded(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

export function randomEvents(
  random: (below: number) => number,
  visitors: number,
  count: number,
  isSteady = random(4) === 0,
): NaiveEvent[] {
  const gaps = [
    0,
    3000,
    12_000,
    minute,
    10 * minute,
    29 * minute,
    30 * minute,
    31 * minute,
    26 * 60 * minute,
    6 * day,
  ]
  const clocks = new Map<string, number>()
  return Array.from({ length: count }, () => {
    const visitor = `v${random(visitors)}`
    const gapMs = isSteady ? 15 * minute + random(14 * minute) : gaps[random(gaps.length)]! + random(900)
    const timeMs = (clocks.get(visitor) ?? storyStartMs + random(day)) + gapMs
    clocks.set(visitor, timeMs)
    const isPage = random(3) > 0
    const isInteractive = !isPage && random(2) === 0
    return {
      ...{ visitor, timeMs, isPage, isInteractive, isAutocapture: isInteractive && random(2) === 0 },
      ...{ name: `/p${random(4)}`, channel: `channel ${random(3)}` },
    }
  })
}

/** Some come at once, some late; how late is at most a fortnight. */
export function disordered(events: NaiveEvent[], random: (below: number) => number): NaiveEvent[] {
  return events
    .map(event => ({
      event,
      at: event.timeMs + (random(3) === 0 ? random(random(2) === 0 ? day : 14 * day) : 0),
    }))
    .sort((a, b) => a.at - b.at)
    .map(({ event }) => event)
}

export function difference(found: NaiveCounts, expected: NaiveCounts): string[] {
  const keys = new Set([...found.keys(), ...expected.keys()])
  return [...keys]
    .filter(key => found.get(key) !== expected.get(key))
    .map(key => `${key.replaceAll('\0', ' ')}: ${found.get(key)} instead of ${expected.get(key)}`)
}
