// Each tile of the overview: what it shows, what it says beside it, and where it leads. Pure but for reading rings.
import type { Overview } from '../../analytics/http/contract.ts'
import type { ConsumerGroup } from '../../analytics/http/contract-groups.ts'
import { manyDays } from '../disk-forecast.ts'
import {
  counted,
  formatBytes,
  formatCount,
  formatDuration,
  formatExact,
  formatRate,
  formatRatio,
  inWords,
  type Quantity,
  unknown,
} from '../format.ts'
import type { ShapeName } from '../icons.tsx'
import type { SeriesRing } from '../series-ring.ts'
import type { Tone } from '../words.ts'
import type { SparkSource } from './sparkline.tsx'
import { leastFree, type TileFacts } from './tiles-facts.ts'

export interface TileNote {
  readonly text: string
  readonly tone?: Tone
  readonly shape?: ShapeName
}

export interface TileSpec {
  readonly id: string
  readonly title: string
  readonly href: string
  /** Null before the first answer; a dash where there is an answer that does not know. */
  readonly value: (facts: TileFacts) => Quantity | null
  readonly note: (facts: TileFacts) => TileNote
  /** The exact number, for the tooltip. */
  readonly exact?: (facts: TileFacts) => string | null
  readonly spark?: SparkSource
}

/** The shares of requests that fail at which the tile speaks up. */
const raisedErrorRatio = 0.01
const highErrorRatio = 0.05
/** A group this far behind is worth a colour. */
const farBehind = 100_000
const fewDays = 7
/** Where those who count leave a bookmark for others to see: what they count by are offsets of their own. */
const ownGroup = 'tailrace-analytics'

/** A tile of what the server's overview says. */
const seen =
  (value: (overview: Overview) => Quantity) =>
  ({ overview }: TileFacts) =>
    overview && value(overview)

const said =
  (note: (overview: Overview) => TileNote) =>
  ({ overview }: TileFacts) =>
    overview ? note(overview) : { text: '' }

const flow: readonly TileSpec[] = [
  {
    id: 'lines',
    title: 'Lines',
    href: '/explore?m=lines&r=1h&by=topic',
    value: seen(overview => rate(overview.linesPerSecond)),
    note: said(overview => ({ text: `${formatCount(overview.linesTotal)} counted` })),
    exact: ({ overview }) =>
      overview && `${counted(overview.linesTotal, 'line', undefined, formatExact)} counted`,
    spark: perSecond('lines'),
  },
  {
    id: 'lag',
    title: 'Line to count',
    href: '/explore?m=lag&r=1h',
    value: seen(overview => duration(overview.lagP50Ms)),
    note: said(overview => ({
      text: overview.lagP95Ms === null ? 'last minute' : `p95 ${inWords(formatDuration(overview.lagP95Ms))}`,
    })),
    spark: { ring: model => model.ring('lag'), value: (ring, timeMs) => ring.at('p50', timeMs) },
  },
  {
    id: 'pixel',
    title: 'Line to pixel',
    href: '/tail',
    value: ({ overview, pixel }) => overview && duration(pixel?.p50 ?? null),
    note: ({ pixel }) => ({
      text: pixel === null ? 'of lines in the tail below' : `p95 ${inWords(formatDuration(pixel.p95))}`,
    }),
  },
  {
    id: 'agents',
    title: 'Agents',
    href: '/agents',
    value: seen(({ agents }) => ({
      value: String(agents.live),
      unit: agents.seen === 0 ? '' : `of ${agents.seen}`,
    })),
    note: said(({ agents }) => agentNote(agents.live, agents.seen)),
  },
  {
    id: 'lost',
    title: 'Lost lines',
    href: '/losses',
    value: seen(overview => count(overview.lossesTotal)),
    note: said(({ lossesTotal }) =>
      lossesTotal === 0
        ? { text: 'nothing lost', tone: 'ok', shape: 'dot' }
        : { text: 'see the ledger', tone: 'critical', shape: 'cross' },
    ),
    exact: ({ overview }) =>
      overview && `${counted(overview.lossesTotal, 'line', undefined, formatExact)} lost`,
  },
]

const users: readonly TileSpec[] = [
  {
    id: 'users',
    title: 'Active users',
    href: '/users',
    value: seen(overview => count(overview.activeUsers5m)),
    note: () => ({ text: 'last 5 minutes' }),
    exact: ({ overview }) =>
      overview?.activeUsers5m == null
        ? null
        : counted(Math.round(overview.activeUsers5m), 'active user', undefined, formatExact),
    spark: { ring: model => model.history, value: (ring, timeMs) => ring.at('activeUsers', timeMs) },
  },
  {
    id: 'visits',
    title: 'Visits',
    href: '/users?r=1h',
    value: ({ visits, visitsRefusal }) =>
      visits !== null ? count(visits) : visitsRefusal === undefined ? null : unknown,
    note: ({ visitsRefusal }) => ({
      text: visitsRefusal === undefined ? 'begun in the last hour' : 'not counted: see why',
    }),
  },
  {
    id: 'requests',
    title: 'Requests',
    href: '/explore?r=24h&by=path',
    value: seen(overview => rate(overview.requestsPerSecond)),
    note: () => ({ text: 'last 10 seconds' }),
    spark: perSecond('requests'),
  },
  {
    id: 'errors',
    title: 'Errors',
    href: '/explore?m=errors&r=24h&by=path',
    value: seen(overview => (overview.errorRatio === null ? unknown : formatRatio(overview.errorRatio))),
    note: said(overview => errorNote(overview.errorRatio)),
    spark: {
      ring: model => model.ring('requests'),
      value: (ring, timeMs, model) => {
        const requests = ring.at('value', timeMs)
        const errors = model.ring('errors').at('value', timeMs)
        return requests > 0 ? (Number.isNaN(errors) ? 0 : errors) / requests : Number.NaN
      },
    },
  },
  {
    id: 'latency',
    title: 'Latency p95',
    href: '/explore?m=latency&r=1h&by=path',
    value: seen(overview => duration(overview.latencyP95Ms)),
    note: () => ({ text: 'last minute' }),
    spark: { ring: model => model.ring('latency'), value: (ring, timeMs) => ring.at('p95', timeMs) },
  },
]

const machine: readonly TileSpec[] = [
  {
    id: 'brokers',
    title: 'Brokers',
    href: '/cluster',
    value: ({ cluster }) => {
      if (cluster === null) return null
      const up = cluster.brokers.filter(({ up }) => up).length
      return { value: String(up), unit: `of ${cluster.brokers.length}` }
    },
    note: ({ cluster }) => {
      const down = (cluster?.brokers ?? []).filter(({ up }) => !up).length
      if (down > 0) return { text: `${down} down`, tone: 'critical', shape: 'cross' }
      return { text: 'all up', tone: 'ok', shape: 'dot' }
    },
  },
  {
    id: 'partitions',
    title: 'Under-replicated',
    href: '/cluster',
    value: ({ cluster }) => cluster && count(cluster.partitionCounts.underReplicated),
    note: ({ cluster }) => {
      const { total = 0, underReplicated = 0, offline = 0 } = cluster?.partitionCounts ?? {}
      if (offline > 0) return { text: `${offline} without a leader`, tone: 'critical', shape: 'cross' }
      if (underReplicated > 0)
        return { text: `of ${counted(total, 'partition')}`, tone: 'warn', shape: 'triangle' }
      return { text: `of ${counted(total, 'partition')}`, tone: 'ok', shape: 'dot' }
    },
  },
  {
    id: 'groups',
    title: 'Group lag',
    href: '/cluster',
    value: ({ groups }) =>
      groups && (mostBehind(groups.groups) ? count(mostBehind(groups.groups)!.lag) : unknown),
    note: ({ groups }) => {
      if (groups === null) return { text: '' }
      const group = mostBehind(groups.groups)
      if (group === null) return { text: 'nobody else reads' }
      const text = group.lag === null ? `${group.group}: not known yet` : `of ${group.group}`
      return (group.lag ?? 0) >= farBehind ? { text, tone: 'warn', shape: 'triangle' } : { text }
    },
  },
  {
    id: 'disk',
    title: 'Disk left',
    href: '/cluster',
    value: facts => {
      if (facts.cluster === null) return null
      const { daysLeft } = facts
      if (daysLeft !== null && daysLeft <= manyDays) return { value: formatRate(daysLeft), unit: 'days' }
      const free = leastFree(facts.cluster)
      return free === null ? unknown : formatBytes(free)
    },
    note: facts => diskNote(facts),
  },
]

export const tileGroups: readonly { readonly title: string; readonly tiles: readonly TileSpec[] }[] = [
  { title: 'Is data flowing?', tiles: flow },
  { title: 'What do users do?', tiles: users },
  { title: 'Is the machine well?', tiles: machine },
]

type Behind = Pick<ConsumerGroup, 'group' | 'lag'>

/** Null: nobody but ourselves reads. */
export function mostBehind<G extends Behind>(groups: readonly G[]): G | null {
  const others = groups.filter(({ group }) => !group.startsWith(ownGroup))
  return others.reduce<G | null>((most, one) => ((one.lag ?? -1) > (most?.lag ?? -2) ? one : most), null)
}

function diskNote({ cluster, daysLeft }: TileFacts): TileNote {
  const free = leastFree(cluster)
  if (free === null) return { text: 'not known' }
  if (daysLeft === null) return { text: 'free; measuring growth' }
  if (daysLeft > manyDays) return { text: 'free; hardly growing', tone: 'ok', shape: 'dot' }
  const text = `at this growth, ${inWords(formatBytes(free))} free`
  return daysLeft < fewDays ? { text, tone: 'warn', shape: 'triangle' } : { text }
}

function perSecond(metric: 'lines' | 'requests'): SparkSource {
  return { ring: model => model.ring(metric), value: zeroWhereKnown }
}

/** Between the first and last bucket a counter without one stood at zero. */
function zeroWhereKnown(ring: SeriesRing, timeMs: number): number {
  const value = ring.at('value', timeMs)
  if (!Number.isNaN(value)) return value
  return timeMs >= ring.firstMs && timeMs <= ring.lastMs ? 0 : Number.NaN
}

function rate(perSecond: number | null): Quantity {
  return perSecond === null ? unknown : { value: formatRate(perSecond), unit: '/s' }
}

function count(value: number | null): Quantity {
  return value === null ? unknown : { value: formatCount(value), unit: '' }
}

function duration(ms: number | null): Quantity {
  return ms === null ? unknown : formatDuration(ms)
}

function errorNote(ratio: number | null): TileNote {
  if (ratio === null) return { text: '5xx, last minute' }
  if (ratio >= highErrorRatio) return { text: 'high, last minute', tone: 'critical', shape: 'cross' }
  if (ratio >= raisedErrorRatio) return { text: 'raised, last minute', tone: 'warn', shape: 'triangle' }
  return { text: '5xx, last minute' }
}

function agentNote(live: number, seen: number): TileNote {
  if (seen === 0) return { text: 'none yet' }
  if (live === seen) return { text: 'all reporting', tone: 'ok', shape: 'dot' }
  return { text: `${seen - live} silent`, tone: 'warn', shape: 'triangle' }
}
