// The state that folding changes, and the little it may ask the store for. No I/O of its own.
import { emptyCombinedLine } from '../../agent/formats/combined.ts'
import { emptyJsonEvent } from '../../agent/formats/json-event.ts'
import { emptyMetricLine } from '../../agent/formats/metric-line.ts'
import type { VisitNoter } from '../visits/noter.ts'
import { otherValue, sketchesPerDayMax, valueBytesMax, valuesPerDayMax } from '../windows/catalogue.ts'
import type { ZoneDays } from '../windows/zone-days.ts'
import { ClientCache, type ClientOptions } from './client-cache.ts'
import type { CustomStatistics } from './custom.ts'
import type { LastSample } from './increase.ts'
import { ByteInterner } from './interner.ts'
import { LateValues } from './late-values.ts'
import { Cell, dimensionSets, Pending, type PendingBucket, setChannel, setSite } from './pending.ts'
import { emptyRecordSource } from './record-source.ts'

/** What committed state says. Synchronous: asked once per value and kept. */
export interface CommittedState {
  /** Last position folded of a src in a partition, -1 before the first. */
  lastPosition(partitionId: number, src: string): number
  /** The values a dimension set already has on a day, of one metric or of any. */
  valuesOfDay(dimensionSet: string, dayMs: number, metric?: string): readonly string[]
  /** The last sample folded of a counter in a partition. */
  lastSample?(partitionId: number, series: string): LastSample | null
}

/** Days of which the values of a dimension are held; a backlog of years brings many. */
const daysRemembered = 4

/** Agents' own have at most 32 bytes; what is longer names nothing, for a cut name could be two. */
export const srcBytesMax = 256

/** Sets and days of which late values are watched at once. */
const lateSetsMax = 100

/** One partition as the fold sees it. */
export interface PartitionFold {
  /** Row of the partition in the store. */
  readonly id: number
  readonly topic: string
  readonly topicValue: number
  readonly partition: number
  /** Where what is pending began: the committed next offset. */
  start: number
  /** The offset to fold next. */
  next: number
  highWatermark: number
  /** Newest event time folded, clamped. */
  watermarkMs: number
  /** Last position by interned src; asked from the store at the first sight of a src. */
  readonly positions: Map<number, number>
  /** Srcs whose position changed since the last commit. */
  readonly movedSrcs: Set<number>
  /** Last sample by interned series, of counters; and whose changed since the last commit. */
  readonly samples: Map<number, LastSample>
  readonly movedSamples: Set<number>
  /** Offsets dropped as seen since the last commit, in ranges: first, last, first, last. */
  readonly dropped: number[]
  /** Before this offset the log holds nothing any more, as far as we have heard. */
  logStart: number
}

/** Counts of what happened, for /metrics; not part of the statistics. */
export interface FoldCounters {
  folded: number
  duplicates: number
  late: number
  clamped: number
  unparsed: number
}

/** What an operator may set. */
export interface FoldOptions extends ClientOptions {
  /** Up to this a request satisfies, up to four times this it is tolerated. */
  readonly apdexMs?: number | undefined
  /** Hosts of one's own: whoever comes from there was here already. */
  readonly ownHosts?: readonly string[] | undefined
  /** What the operator wants counted beside the fixed statistics. */
  readonly statistics?: CustomStatistics | undefined
}

export class FoldState {
  readonly committed: CommittedState
  readonly days: ZoneDays
  /** Records that are passed over: what another count dropped, whose decisions this one follows. */
  skips: ((partition: PartitionFold, offset: number) => boolean) | null = null
  readonly values = new ByteInterner(valueBytesMax)
  readonly srcs = new ByteInterner(srcBytesMax, 'latin1')
  readonly counters: FoldCounters = { folded: 0, duplicates: 0, late: 0, clamped: 0, unparsed: 0 }
  /** Lines older than this are older than everything that is kept. */
  oldestMs = Number.NEGATIVE_INFINITY
  pending = new Pending()
  /** Takes notes of visitors; null where nobody asks for visits. */
  noter: VisitNoter | null = null
  readonly otherId: number
  /** The service its record names, -1 for none. */
  serviceNow = -1
  /** The user agent of an event that says one; a request says its own. */
  agentNow = ''
  /** The partition whose record is being folded. */
  partitionNow: PartitionFold | null = null
  readonly clients: ClientCache
  readonly apdexMs: number
  readonly statistics: CustomStatistics | null
  /** Site and channel by the id of a referring host; null for hosts of one's own. */
  readonly sources = new Map<number, { readonly site: number; readonly channel: number } | null>()
  /** By the id of a path: 1 for what is served as it lies there, 0 for what is not. */
  readonly contents: number[] = []
  /** By the id of a series of samples: is it a counter, by its name? */
  readonly counterSeries: boolean[] = []
  readonly #ownHosts: ReadonlySet<string>
  readonly #late = new Map<string, LateValues>()
  readonly #daysSeen = new Map<string, Map<number, Set<number>>>()

  /** Reused results of the parsers. */
  readonly source = emptyRecordSource()
  readonly combined = emptyCombinedLine()
  readonly event = emptyJsonEvent()
  readonly metric = emptyMetricLine()

  constructor(committed: CommittedState, days: ZoneDays, options: FoldOptions = {}) {
    this.committed = committed
    this.days = days
    this.clients = new ClientCache(this.values, options)
    this.apdexMs = options.apdexMs ?? 500
    this.statistics = options.statistics ?? null
    this.#ownHosts = new Set(options.ownHosts?.map(host => host.toLowerCase()))
    this.otherId = this.values.idOfText(otherValue)
  }

  /** Ids grow with every value seen, even those beyond the limits: past this a fresh state is due. */
  get isCrowded(): boolean {
    return this.values.size > 200_000 || this.srcs.size > 200_000
  }

  /** After a commit: what the store knows of days gone by needs not be kept in memory too. */
  settle(pending: Pending): void {
    this.pending = pending
    for (const ofSet of this.#daysSeen.values()) {
      for (const day of ofSet.keys()) {
        if (ofSet.size <= daysRemembered) break
        ofSet.delete(day)
      }
    }
  }

  isOwnHost(host: string): boolean {
    return this.#ownHosts.size > 0 && this.#ownHosts.has(host.toLowerCase())
  }

  partition(id: number, topic: string, partition: number, next: number, watermarkMs: number): PartitionFold {
    return {
      id,
      topic,
      topicValue: this.values.idOfText(topic),
      partition,
      start: next,
      next,
      highWatermark: next,
      watermarkMs,
      positions: new Map(),
      movedSrcs: new Set(),
      samples: new Map(),
      movedSamples: new Set(),
      dropped: [],
      logStart: 0,
    }
  }

  /** The cell a value counts in: its own, or the shared one once its day has too many values. */
  cell(bucket: PendingBucket, set: number, value: number): Cell {
    const cells = bucket.values[set]!
    const found = cells.get(value)
    if (found) return found
    const dims = dimensionSets[set]!
    const isAdmitted = this.#admit(dims, value, bucket.startMs) || this.#admitLate(set, value, bucket.startMs)
    const admitted = isAdmitted ? value : this.otherId
    let cell = cells.get(admitted)
    if (!cell) {
      cell = new Cell()
      cells.set(admitted, cell)
    }
    return cell
  }

  /** The same limit for statistics that do not come from single lines: does a value get a series of its own? */
  readonly admits = (dims: string, value: string, timeMs: number, metric?: string): boolean =>
    this.#admit(dims, this.values.idOfText(value), timeMs, metric)

  /**
   * A value that turns frequent late in a day must not stay hidden among the others. Not of sites and channels: what a
   * campaign takes from them must be taken where the flush will add it.
   */
  #admitLate(set: number, value: number, timeMs: number): boolean {
    if (set === setSite || set === setChannel || value === this.otherId) return false
    const dayMs = this.days.startOf(timeMs)
    const dims = dimensionSets[set]!
    const seen = this.#daysSeen.get(dims)!.get(dayMs)!
    const key = `${dims} ${dayMs}`
    let late = this.#late.get(key)
    if (!late) {
      // A few days at a time, whatever a log's lines claim.
      if (this.#late.size >= lateSetsMax) this.#late.clear()
      late = new LateValues()
      this.#late.set(key, late)
    }
    if (!late.admits(value, seen.size - valuesPerDayMax)) return false
    seen.add(value)
    return true
  }

  /** Sketches of a metric named have a limit of their own, lower than that of counts. */
  #admit(dims: string, value: number, timeMs: number, metric?: string): boolean {
    const dayMs = this.days.startOf(timeMs)
    const key = metric === undefined ? dims : `${metric} ${dims}`
    let ofSet = this.#daysSeen.get(key)
    if (!ofSet) {
      ofSet = new Map()
      this.#daysSeen.set(key, ofSet)
    }
    let seen = ofSet.get(dayMs)
    if (!seen) {
      seen = new Set()
      for (const text of this.committed.valuesOfDay(dims, dayMs, metric)) seen.add(this.values.idOfText(text))
      seen.delete(this.otherId)
      ofSet.set(dayMs, seen)
    }
    if (seen.has(value)) return true
    if (seen.size >= (metric === undefined ? valuesPerDayMax : sketchesPerDayMax)) return false
    seen.add(value)
    return true
  }
}
