// What has been folded and not yet committed: per 10 seconds of event time, the counts of each second and of each
// dimension value. Additive, bounded by the records of one flush. Pure.
import { HyperLogLog } from '../sketches/hyperloglog.ts'
import { VisitNotes } from '../visits/notes.ts'
import { bucketStart } from '../windows/steps.ts'

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
] as const
export const setPath = 0
export const setStatus = 1
export const setMethod = 2
export const setReferrer = 3
export const setEvent = 4
export const setTopic = 5
export const setHostName = 6
export const setLevel = 7

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
  /** Values for a distribution: latencies, or the samples of a host metric. */
  readonly samples: number[] = []
  /** When each sample was taken, for those whose last value is asked for. */
  readonly sampleTimes: number[] = []
}

export interface PendingBucket {
  readonly startMs: number
  /** Totals by second. */
  readonly seconds: (Cell | undefined)[]
  /** By dimension set, by interned value. */
  readonly values: readonly Map<number, Cell>[]
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
  | 'unknown-codec'
  | 'retention-gap'
  | 'offset-gap'
  | 'log-truncated'
  | 'topic-recreated'

const widthMs = 10_000

export class Pending {
  readonly buckets = new Map<number, PendingBucket>()
  readonly losses = new Map<string, PendingLoss>()
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
        eventVisitors: null,
        requestVisitors: null,
      }
      this.buckets.set(startMs, bucket)
    }
    this.#last = bucket
    return bucket
  }

  lose(loss: Omit<PendingLoss, 'lines' | 'known'> & { readonly lines: number | null }): void {
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
