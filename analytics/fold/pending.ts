// What has been folded and not yet committed: per 10 seconds of event time, the counts of each second and of each
// dimension value. Additive, bounded by the records of one flush. Pure.
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { VisitNotes } from '../visits/notes.ts'
import { bucketStart } from '../windows/steps.ts'
import type { Client } from './client-cache.ts'
import type { CustomNotes } from './custom.ts'

/** Dimension sets by small number; the names are those of the catalogue. */
export const dimensionSets = [
  'path',
  'status',
  'method',
  'referrer',
  'event',
  'topic',
  'host,name',
  'level',
  'status_class',
  'outcome',
  'content',
  'browser',
  'browser_version',
  'os',
  'device',
  'country',
  'client',
  'bot',
  'site',
  'channel',
  'utm_source',
  'utm_medium',
  'utm_campaign',
  'utm_content',
  'utm_term',
  'hour',
  'virtual_host',
  'service',
  'level,service',
] as const
export const setPath = 0
export const setStatus = 1
export const setMethod = 2
export const setReferrer = 3
export const setEvent = 4
export const setTopic = 5
export const setHostName = 6
export const setLevel = 7
export const setStatusClass = 8
export const setOutcome = 9
export const setContent = 10
export const setBrowser = 11
export const setBrowserVersion = 12
export const setOs = 13
export const setDevice = 14
export const setCountry = 15
export const setClient = 16
export const setBot = 17
export const setSite = 18
export const setChannel = 19
export const setUtmSource = 20
export const setUtmMedium = 21
export const setUtmCampaign = 22
export const setUtmContent = 23
export const setUtmTerm = 24
export const setHour = 25
export const setVirtualHost = 26
export const setService = 27
export const setLevelService = 28

/** Of these sets the distinct visitors of requests are kept for each value. */
export const visitorSets: ReadonlySet<number> = new Set([
  setPath,
  setStatusClass,
  setBrowser,
  setBrowserVersion,
  setOs,
  setDevice,
  setCountry,
  setSite,
  setChannel,
  setUtmSource,
  setUtmMedium,
  setUtmCampaign,
  setHour,
])

/** One shape for every dimension and for totals, so that the code that adds stays monomorphic. */
export class Cell {
  lines = 0
  unparsed = 0
  requests = 0
  errors = 0
  clientErrors = 0
  bytes = 0
  events = 0
  pageviews = 0
  staticRequests = 0
  notFound = 0
  botRequests = 0
  /** Two for a satisfied request, one for a tolerated one, of two for each that carries its time. */
  apdexPoints = 0
  apdexPointsMax = 0
  servedMs = 0
  /** Who asked, without bots. */
  clients: Set<Client> | null = null
  /** Increase of a counter; NaN-free, added only when a series has been seen before. */
  increase = 0
  /** Values for a distribution: latencies, or the samples of a host metric. */
  readonly samples: number[] = []
  /** When each sample was taken, for those whose last value is asked for. */
  readonly sampleTimes: number[] = []
}

/** What one client adds to ten seconds. */
export class ClientCell {
  readonly client: Client
  requests = 0
  errors = 0
  bytes = 0
  servedMs = 0

  constructor(client: Client) {
    this.client = client
  }
}

export interface PendingBucket {
  readonly startMs: number
  /** Totals by second. */
  readonly seconds: (Cell | undefined)[]
  /** By dimension set, by interned value. */
  readonly values: readonly Map<number, Cell>[]
  /** What each client asked for, from which its browser, system, country and so on are counted at the flush. */
  readonly clients: ClientCell[]
  eventVisitors: HyperLogLog | null
  requestVisitors: HyperLogLog | null
}

/** Lines that cannot count, gathered so that a hostile file makes one ledger entry a day and not a million. */
export interface PendingLoss {
  readonly reason: LossReason
  readonly topic: string
  readonly partition: number
  readonly dayMs: number
  fromOffset: number
  toOffset: number
  lines: number
  /** False where only the range is known, not how many lines lay in it. */
  known: boolean
  detail: string
}

export type LossReason =
  | 'unparsed'
  | 'too-old'
  | 'corrupt-batch'
  | 'poison'
  | 'unknown-codec'
  | 'retention-gap'
  | 'offset-gap'
  | 'log-truncated'
  | 'topic-recreated'

const widthMs = 10_000

export class Pending {
  readonly buckets = new Map<number, PendingBucket>()
  /** Of the statistics an operator has defined. */
  readonly custom: CustomNotes = new Map()
  readonly losses = new Map<string, PendingLoss>()
  /** Calls of `lose`, so that whoever holds the record can tell that it is lost, and why. */
  lossCount = 0
  lastLoss: LossReason = 'unparsed'
  /** Record timestamps of the lines folded, with how many each: what the lag is computed from at commit. */
  readonly readAt = new Map<number, number>()
  /** What the lines say about visitors. */
  readonly visits = new VisitNotes()
  records = 0
  /** Newest event time in here. */
  horizonMs = Number.NEGATIVE_INFINITY
  #last: PendingBucket | null = null

  bucketAt(timeMs: number): PendingBucket {
    const last = this.#last
    if (last && timeMs >= last.startMs && timeMs < last.startMs + widthMs) return last
    const startMs = bucketStart(timeMs, widthMs)
    let bucket = this.buckets.get(startMs)
    if (!bucket) {
      bucket = {
        startMs,
        seconds: new Array<Cell | undefined>(10).fill(undefined),
        values: dimensionSets.map(() => new Map<number, Cell>()),
        clients: [],
        eventVisitors: null,
        requestVisitors: null,
      }
      this.buckets.set(startMs, bucket)
    }
    this.#last = bucket
    return bucket
  }

  lose(loss: Omit<PendingLoss, 'lines' | 'known'> & { readonly lines: number | null }): void {
    this.lossCount++
    this.lastLoss = loss.reason
    const key = `${loss.topic}-${loss.partition}:${loss.reason}:${loss.dayMs}`
    const known = this.losses.get(key)
    if (!known) {
      this.losses.set(key, { ...loss, lines: loss.lines ?? 0, known: loss.lines !== null })
      return
    }
    known.lines += loss.lines ?? 0
    known.known &&= loss.lines !== null
    known.fromOffset = Math.min(known.fromOffset, loss.fromOffset)
    known.toOffset = Math.max(known.toOffset, loss.toOffset)
    known.detail = loss.detail
  }
}

export function secondCell(bucket: PendingBucket, timeMs: number): Cell {
  const index = Math.floor((timeMs - bucket.startMs) / 1000)
  return (bucket.seconds[index] ??= new Cell())
}

export function addVisitor(sketch: HyperLogLog | null, high: number, low: number): HyperLogLog {
  const target = sketch ?? new HyperLogLog()
  target.add(high, low)
  return target
}
