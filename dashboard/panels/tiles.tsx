// The row of numbers one looks at first: is data flowing, what are users doing, is anything wrong. A tile keeps its
// last value while the page is cut off, dimmed and with its age; it is never blank and never a zero it does not know.
import type { Overview } from '../../analytics/http/contract.ts'
import {
  formatCount,
  formatDuration,
  formatExact,
  formatRate,
  formatRatio,
  inWords,
  type Quantity,
  unknown,
} from '../format.ts'
import { Shape, type ShapeName } from '../icons.tsx'
import { useLive } from '../page-context.ts'
import type { SeriesRing } from '../series-ring.ts'
import { ageOf, type Tone } from '../words.ts'
import { Sparkline, type SparkSource } from './sparkline.tsx'

interface Note {
  readonly text: string
  readonly tone?: Tone
  readonly shape?: ShapeName
}

interface TileSpec {
  readonly id: string
  readonly title: string
  readonly value: (overview: Overview) => Quantity
  readonly note: (overview: Overview) => Note
  /** The exact number, for the tooltip. */
  readonly exact?: (overview: Overview) => string | null
  readonly spark?: SparkSource
}

/** The shares of requests that fail at which the tile speaks up. */
const raisedErrorRatio = 0.01
const highErrorRatio = 0.05

const tiles: readonly TileSpec[] = [
  {
    id: 'lines',
    title: 'Lines',
    value: overview => rate(overview.linesPerSecond),
    note: overview => ({ text: `${formatCount(overview.linesTotal)} counted` }),
    exact: overview => `${formatExact(overview.linesTotal)} lines counted`,
    spark: perSecond('lines'),
  },
  {
    id: 'requests',
    title: 'Requests',
    value: overview => rate(overview.requestsPerSecond),
    note: () => ({ text: 'last 10 seconds' }),
    spark: perSecond('requests'),
  },
  {
    id: 'errors',
    title: 'Errors',
    value: overview => (overview.errorRatio === null ? unknown : formatRatio(overview.errorRatio)),
    note: overview => errorNote(overview.errorRatio),
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
    value: overview => duration(overview.latencyP95Ms),
    note: () => ({ text: 'last minute' }),
    spark: { ring: model => model.ring('latency'), value: (ring, timeMs) => ring.at('p95', timeMs) },
  },
  {
    id: 'users',
    title: 'Active users',
    value: overview => count(overview.activeUsers5m),
    note: () => ({ text: 'last 5 minutes' }),
    exact: overview =>
      overview.activeUsers5m === null
        ? null
        : `${formatExact(Math.round(overview.activeUsers5m))} active users`,
    spark: { ring: model => model.history, value: (ring, timeMs) => ring.at('activeUsers', timeMs) },
  },
  {
    id: 'lag',
    title: 'Line to count',
    value: overview => duration(overview.lagP50Ms),
    note: overview => ({
      text: overview.lagP95Ms === null ? 'last minute' : `p95 ${inWords(formatDuration(overview.lagP95Ms))}`,
    }),
    spark: { ring: model => model.ring('lag'), value: (ring, timeMs) => ring.at('p50', timeMs) },
  },
  {
    id: 'agents',
    title: 'Agents',
    value: ({ agents }) => ({
      value: String(agents.live),
      unit: agents.seen === 0 ? '' : `of ${agents.seen}`,
    }),
    note: ({ agents }) => agentNote(agents.live, agents.seen),
  },
  {
    id: 'lost',
    title: 'Lost lines',
    value: overview => count(overview.lossesTotal),
    note: ({ lossesTotal }) =>
      lossesTotal === 0
        ? { text: 'nothing lost', tone: 'ok', shape: 'dot' }
        : { text: 'see the ledger', tone: 'critical', shape: 'cross' },
    exact: overview => `${formatExact(overview.lossesTotal)} lines lost`,
  },
]

export function Tiles() {
  return (
    <section id="overview" className="tiles" aria-label="Now">
      {tiles.map(tile => (
        <Tile key={tile.id} tile={tile} />
      ))}
    </section>
  )
}

function Tile({ tile }: { readonly tile: TileSpec }) {
  const overview = useLive(state => state.overview)
  const seq = useLive(state => state.seqs['overview'])
  const age = useLive(ageOf)
  const quantity = overview ? tile.value(overview) : unknown
  const note = overview ? tile.note(overview) : { text: '' }
  return (
    <article
      className="tile"
      id={`tile-${tile.id}`}
      data-state={overview === null ? 'loading' : age === null ? 'live' : 'stale'}
      data-seq={seq}
    >
      <h2 className="tile-title">{tile.title}</h2>
      <p className="tile-value" title={(overview && tile.exact?.(overview)) ?? undefined}>
        <span className="tile-number">{quantity.value}</span>{' '}
        {quantity.unit !== '' && <span className="tile-unit">{quantity.unit}</span>}
      </p>
      <p className="tile-note" data-tone={age === null ? note.tone : undefined}>
        {age === null && note.shape && <Shape name={note.shape} />}
        {age === null ? note.text : `${age} old`}
      </p>
      {tile.spark && <Sparkline source={tile.spark} />}
    </article>
  )
}

function perSecond(metric: 'lines' | 'requests'): SparkSource {
  return {
    ring: model => model.ring(metric),
    value: zeroWhereKnown,
  }
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

function errorNote(ratio: number | null): Note {
  if (ratio === null) return { text: '5xx, last minute' }
  if (ratio >= highErrorRatio) return { text: 'high, last minute', tone: 'critical', shape: 'cross' }
  if (ratio >= raisedErrorRatio) return { text: 'raised, last minute', tone: 'warn', shape: 'triangle' }
  return { text: '5xx, last minute' }
}

function agentNote(live: number, seen: number): Note {
  if (seen === 0) return { text: 'none yet' }
  if (live === seen) return { text: 'all reporting', tone: 'ok', shape: 'dot' }
  return { text: `${seen - live} silent`, tone: 'warn', shape: 'triangle' }
}
