// The lines of the live tail: what is shown, what waits while the view is held, and every place where lines are
// missing, as a row of its own. Bounded in both lists. Pure memory; the view renders `entries` by `version`.
import type { TailGap, TailRow } from '../analytics/http/contract.ts'

/** Ten thousand rows scroll well; what is older scrolls away for good. */
export const shownMax = 10_000
/** Held back while the reader reads. More than that becomes a gap row, with its number. */
export const waitingMax = 5_000
/** Trimming moves the whole array, so it waits until this many are too many. */
const trimSlack = 500

export type GapCause =
  /** More lines arrived than a page can show. */
  | 'fast'
  /** The connection was away, or the page was hidden. */
  | 'away'
  /** The view was held for so long that waiting lines were dropped. */
  | 'held'

export type TailEntry =
  | { readonly kind: 'row'; readonly id: number; readonly row: TailRow; readonly seenAt: number }
  /** `lines` is null where a filter makes the number unknowable. */
  | TailGapEntry

export interface TailGapEntry {
  readonly kind: 'gap'
  readonly id: number
  readonly lines: number | null
  readonly cause: GapCause
  /** Where the missing lie, as far as that is known. */
  readonly ranges: readonly OffsetRange[]
}

/** Both ends included. */
export interface OffsetRange {
  readonly partition: number
  readonly from: string
  readonly to: string
}

/** The furthest that was seen of a partition. */
interface Newest {
  offset: string
  at: number
}

export class TailBuffer {
  version = 0
  /** Every line that reached this page, skipped ones not included. */
  linesSeen = 0
  #shown: TailEntry[] = []
  #waiting: TailEntry[] = []
  #waitingLines = 0
  readonly #holds = new Set<string>()
  #nextId = 1
  readonly #newest = new Map<string, Newest>()
  /** Partitions of which nothing new has come since the subscription started anew. */
  readonly #resuming = new Set<string>()

  get entries(): readonly TailEntry[] {
    return this.#shown
  }

  get held(): boolean {
    return this.#holds.size > 0
  }

  /** Lines that came while held, those that had to be dropped included. */
  get waitingLines(): number {
    return this.#waitingLines
  }

  /** New rows of a subscription that goes on. The gap, if any, lies before them. */
  append(rows: readonly TailRow[], gap: TailGap | undefined, filtered: boolean, now: number): void {
    if (gap && gap.dropped > 0) this.#add(this.#gap(gap.dropped, 'fast', rangesOf(gap)))
    this.#addFresh(rows, filtered, now)
  }

  /**
   * The newest rows of a subscription that starts anew. Rows already here are dropped; if lines between are
   * missing, a gap row says so, with their number where offsets tell it (a filter hides which offsets match).
   * A server that has just started knows no rows yet and sends them as it reads them: append() goes on with this.
   */
  resume(rows: readonly TailRow[], filtered: boolean, now: number): void {
    for (const partition of this.#newest.keys()) this.#resuming.add(partition)
    this.#addFresh(rows, filtered, now)
  }

  /** Holds the view for a reason; it moves again when every reason is gone. */
  hold(reason: string): void {
    if (this.#holds.has(reason)) return
    this.#holds.add(reason)
    this.version += 1
  }

  release(reason: string): void {
    if (!this.#holds.delete(reason)) return
    if (this.#holds.size === 0) {
      this.#shown.push(...this.#waiting)
      this.#waiting = []
      this.#waitingLines = 0
      this.#bound()
    }
    this.version += 1
  }

  /** What a gap left out, in its place; `left` is what of it is still to be loaded. */
  fill(id: number, rows: readonly TailRow[], left: readonly OffsetRange[], now: number): void {
    const at = this.#shown.findIndex(entry => entry.id === id)
    const gap = this.#shown[at]
    if (gap?.kind !== 'gap') return
    const filled = rows.map((row): TailEntry => ({ kind: 'row', id: this.#nextId++, row, seenAt: now }))
    const lines = gap.lines === null ? null : Math.max(0, gap.lines - rows.length)
    if (left.length > 0)
      filled.push({ ...gap, id: this.#nextId++, lines: lines === 0 ? null : lines, ranges: left })
    this.#shown.splice(at, 1, ...filled)
    this.version += 1
  }

  clear(): void {
    this.#shown = []
    this.#waiting = []
    this.#waitingLines = 0
    this.#newest.clear()
    this.#resuming.clear()
    this.version += 1
  }

  #addFresh(rows: readonly TailRow[], filtered: boolean, now: number): void {
    const fresh = this.#resuming.size === 0 ? rows : rows.filter(row => !this.#isKnown(row))
    const missing = this.#missingBefore(fresh)
    if (missing.length > 0) {
      const lines = missing.reduce((sum, { from, to }) => sum + BigInt(to) - BigInt(from) + 1n, 0n)
      this.#add(this.#gap(filtered ? null : Number(lines), 'away', missing))
    }
    for (const row of fresh) this.#addRow(row, now)
    this.#bound()
  }

  /** A smaller offset that is younger than all that was seen belongs to a topic that was made anew. */
  #isKnown(row: TailRow): boolean {
    const partition = partitionOf(row)
    const newest = this.#newest.get(partition)
    if (newest === undefined || !this.#resuming.has(partition)) return false
    return compareOffsets(row.offset, newest.offset) <= 0 && row.at <= newest.at
  }

  #addRow(row: TailRow, now: number): void {
    const partition = partitionOf(row)
    const isFirst = this.#resuming.delete(partition)
    const newest = this.#newest.get(partition)
    if (newest === undefined) this.#newest.set(partition, { offset: row.offset, at: row.at })
    else {
      // Rows come by their time, which several agents' clocks need not bring into the order of offsets.
      if (isFirst || compareOffsets(row.offset, newest.offset) > 0) newest.offset = row.offset
      newest.at = Math.max(newest.at, row.at)
    }
    this.linesSeen += 1
    this.#add({ kind: 'row', id: this.#nextId++, row, seenAt: now })
  }

  #add(entry: TailEntry): void {
    if (this.held) {
      this.#waiting.push(entry)
      this.#waitingLines += entry.kind === 'row' ? 1 : (entry.lines ?? 0)
    } else this.#shown.push(entry)
    this.version += 1
  }

  #gap(lines: number | null, cause: GapCause, ranges: readonly OffsetRange[]): TailEntry {
    return { kind: 'gap', id: this.#nextId++, lines, cause, ranges }
  }

  #bound(): void {
    if (this.#shown.length > shownMax + trimSlack) this.#shown.splice(0, this.#shown.length - shownMax)
    if (this.#waiting.length > waitingMax + trimSlack) {
      const dropped = this.#waiting.splice(0, this.#waiting.length - waitingMax)
      let lines = 0
      for (const entry of dropped) lines += entry.kind === 'row' ? 1 : (entry.lines ?? 0)
      this.#waiting.unshift(this.#gap(lines, 'held', rangesOfEntries(dropped)))
    }
  }

  /** The offsets between what was seen and the first fresh row, over the partitions that resume with it. */
  #missingBefore(fresh: readonly TailRow[]): OffsetRange[] {
    const missing: OffsetRange[] = []
    if (this.#resuming.size === 0) return missing
    const visited = new Set<string>()
    for (const row of fresh) {
      const partition = partitionOf(row)
      if (visited.has(partition) || !this.#resuming.has(partition)) continue
      visited.add(partition)
      const newest = this.#newest.get(partition)
      if (newest === undefined) continue
      const [from, to] = [BigInt(newest.offset) + 1n, BigInt(row.offset) - 1n]
      if (from <= to) missing.push({ partition: row.partition, from: String(from), to: String(to) })
    }
    return missing
  }
}

function rangesOf({ partitions = [] }: TailGap): OffsetRange[] {
  return partitions.map(({ partition, fromOffset, toOffset }) => ({
    partition,
    from: fromOffset,
    to: toOffset,
  }))
}

/** From the first to the last of each partition: what lies between was not shown either. */
function rangesOfEntries(entries: readonly TailEntry[]): OffsetRange[] {
  const ranges = new Map<number, { from: string; to: string }>()
  for (const entry of entries) {
    const parts =
      entry.kind === 'gap'
        ? entry.ranges
        : [{ partition: entry.row.partition, from: entry.row.offset, to: entry.row.offset }]
    for (const { partition, from, to } of parts) {
      const known = ranges.get(partition)
      if (!known) ranges.set(partition, { from, to })
      else {
        if (compareOffsets(from, known.from) < 0) known.from = from
        if (compareOffsets(to, known.to) > 0) known.to = to
      }
    }
  }
  return [...ranges].map(([partition, range]) => ({ partition, ...range }))
}

function partitionOf(row: TailRow): string {
  return `${row.topic}/${row.partition}`
}

/** Decimal strings beyond 2^53 compare by length, then by digits. */
function compareOffsets(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)
}
