// Everything the server has said, folded as it arrives: rings for charts, the tail, the newest of the rest. Once a
// frame `view` turns it into what the page shows, which stands still while the reader has paused. No I/O, no clock.
import type { ClusterState, LiveData, LossesAnswer, Overview, TopAnswer } from '../analytics/http/contract.ts'
import { isCatchingUp, type LiveState } from './live-state.ts'
import { SeriesRing } from './series-ring.ts'
import { type Range, ranges } from './settings.ts'
import type { Connection, PageState } from './store.ts'
import { TailBuffer } from './tail-buffer.ts'
import { visibleText } from './visible-text.ts'

export const seriesMetrics = ['lines', 'requests', 'errors', 'latency', 'events', 'pageviews', 'lag'] as const
export type SeriesMetric = (typeof seriesMetrics)[number]

/** Fewer unfolded lines than this, or than three seconds' worth, is the ordinary delay of a live page. */
const behindMin = 2_000
const behindSeconds = 3
/** A tile without a series of its own remembers five minutes of what the page has seen. */
const historyPoints = 300
/** Rings hold twice the window, so that a zoom or a pause keeps what it shows for a while. */
const spareWindows = 2

export class Model {
  readonly tail = new TailBuffer()
  readonly history = new SeriesRing(1000, historyPoints)
  range: Range = ranges['5m']
  overview: Overview | null = null
  readonly counters = { conflated: 0, dropped: 0 }
  #rings = ringsFor(this.range)
  #top: TopAnswer | null = null
  #losses: LossesAnswer | null = null
  #cluster: ClusterState | null = null
  #others: Readonly<Record<string, LiveData>> = {}
  #refusals: Readonly<Record<string, string>> = {}
  #overviewPublished = true
  #pausedAt: number | null = null
  #linesAtPause = 0
  #filtered = false

  ring(metric: SeriesMetric): SeriesRing {
    return this.#rings[metric]
  }

  setRange(range: Range): void {
    this.range = range
    this.#rings = ringsFor(range)
  }

  /** The first bucket that holds anything, over all that is drawn: charts share their window. */
  get firstMs(): number {
    return Math.min(...seriesMetrics.map(metric => this.#rings[metric].firstMs))
  }

  /** A new topic or filter: what is shown belongs to the old one. */
  restartTail(filtered: boolean): void {
    this.#filtered = filtered
    this.tail.clear()
    this.#refusals = without(this.#refusals, 'tail')
  }

  take(key: string, data: LiveData, snapshot: boolean, now: number): void {
    if (key in this.#refusals) this.#refusals = without(this.#refusals, key)
    if (key.includes('?')) {
      this.#others = { ...this.#others, [key]: data }
      return
    }
    switch (data.kind) {
      case 'overview':
        this.#takeOverview(data.overview)
        return
      case 'series': {
        const ring = this.#rings[data.series.metric as SeriesMetric]
        if (!ring || data.series.stepSeconds * 1000 !== ring.stepMs) return
        if (snapshot) ring.clear()
        ring.upsert(data.series.times, data.series.values)
        return
      }
      case 'top':
        this.#top = data.top
        return
      case 'losses':
        this.#losses = data.losses
        return
      case 'cluster':
        this.#cluster = data.cluster
        return
      case 'tail':
        this.counters.dropped += data.gap?.dropped ?? 0
        if (snapshot) this.tail.resume(data.rows, this.#filtered, now)
        else this.tail.append(data.rows, data.gap, this.#filtered, now)
        return
    }
  }

  /** Nobody looks at it any more. */
  drop(key: string): void {
    const { [key]: _, ...rest } = this.#others
    this.#others = rest
    this.#refusals = without(this.#refusals, key)
  }

  refuse(key: string, detail: string): void {
    this.#refusals = { ...this.#refusals, [key]: visibleText(detail) }
  }

  get pausedAt(): number | null {
    return this.#pausedAt
  }

  pause(serverNow: number): void {
    this.#pausedAt = serverNow
    this.#linesAtPause = this.overview?.linesTotal ?? 0
    this.tail.hold('pause')
  }

  resume(): void {
    this.#pausedAt = null
    this.tail.release('pause')
  }

  /** The time up to which every line is counted, so that silence means zero. */
  foldedUntilMs(serverNow: number): number {
    const { overview } = this
    if (!overview) return Number.NEGATIVE_INFINITY
    const { freshness } = overview
    // Not beyond the server's last word: since then there may have been lines this page knows nothing of.
    if (freshness.lagRecords === 0) return Math.min(serverNow, overview.at)
    return freshness.watermark ?? Number.NEGATIVE_INFINITY
  }

  /** The part of the page's state that follows from what was received. `serverNow` is the server's clock. */
  view(live: LiveState, now: number): Partial<PageState> {
    const serverNow = now + live.serverOffsetMs
    const shared = {
      connection: connectionOf(live, this.overview, now),
      clockMs: Math.floor(serverNow / 1000) * 1000,
      pausedAt: this.#pausedAt,
      seenAt: this.overview?.at ?? null,
      broker: this.overview?.broker ?? null,
      cluster: this.#cluster,
      tailVersion: this.tail.version,
      tailHeld: this.tail.held,
      tailWaiting: this.tail.waitingLines,
      refusals: this.#refusals,
      newerBuild: live.newerBuild,
    }
    if (this.#pausedAt !== null) {
      return { ...shared, newLines: Math.max(0, (this.overview?.linesTotal ?? 0) - this.#linesAtPause) }
    }
    this.#overviewPublished = true
    return {
      ...shared,
      newLines: 0,
      overview: this.overview,
      top: this.#top,
      losses: this.#losses,
      others: this.#others,
      seqs: seqsOf(live),
    }
  }

  #takeOverview(overview: Overview): void {
    if (!this.#overviewPublished) this.counters.conflated += 1
    this.#overviewPublished = false
    this.overview = overview
    this.history.upsert([Math.floor(overview.at / 1000) * 1000], {
      activeUsers: [overview.activeUsers5m],
    })
  }
}

/** What the pill says about the connection; whether the reader paused is another matter. */
export function connectionOf(live: LiveState, overview: Overview | null, now: number): Connection {
  switch (live.phase) {
    case 'signedOut':
      return { kind: 'signedOut' }
    case 'outdated':
      return { kind: 'outdated' }
    case 'open':
      break
    case 'waiting':
      return { kind: 'reconnecting', seconds: Math.max(0, Math.ceil((live.retryAt - now) / 1000)) }
    default:
      if (!live.welcomed && live.failures === 0) return { kind: 'connecting' }
      return { kind: 'reconnecting', seconds: null }
  }
  if (live.stale) return { kind: 'stale', seconds: Math.floor((now - live.lastHeardAt) / 1000) }
  const lagRecords = overview?.freshness.lagRecords ?? 0
  const ordinary = Math.max(behindMin, behindSeconds * (overview?.linesPerSecond ?? 0))
  if (lagRecords > ordinary) return { kind: 'catchingUp', linesBehind: lagRecords }
  return isCatchingUp(live) ? { kind: 'catchingUp', linesBehind: 0 } : { kind: 'live' }
}

function ringsFor(range: Range): Readonly<Record<SeriesMetric, SeriesRing>> {
  const ring = () => new SeriesRing(Number(range.step) * 1000, range.points * spareWindows)
  return Object.fromEntries(seriesMetrics.map(metric => [metric, ring()])) as Record<SeriesMetric, SeriesRing>
}

function seqsOf(live: LiveState): Readonly<Record<string, number>> {
  const seqs: Record<string, number> = {}
  for (const { key, seq } of live.subscriptions.values()) if (seq !== null) seqs[key] = seq
  return seqs
}

function without(record: Readonly<Record<string, string>>, key: string): Readonly<Record<string, string>> {
  const { [key]: _, ...rest } = record
  return rest
}
