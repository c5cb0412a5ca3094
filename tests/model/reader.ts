// What an agent knows of one file, in memory and in its checkpoint: ranges, frontiers, marks and guards. Pure.
import type { Routing, SavedEntry, SavedRange } from './checkpoint.ts'
import { type Line, type LogFile, type Origin, originOf } from './disk.ts'
import type { Rules } from './rules.ts'

/** A range while the agent lives: what it has read, and what of that is not acknowledged. */
export interface Range {
  readonly src: string
  readonly routing: Routing
  readonly start: number
  origin: Origin
  /** Next position to read. */
  read: number
  mark: number
  /** The mark that is durable: no record at or beyond it may leave. */
  sendable: number
  /** Still grows with its file. */
  open: boolean
  orphan: boolean
  durable: boolean
  /** A durable checkpoint says that everything up to the mark is acknowledged. */
  doneDurably: boolean
  readonly unacknowledged: Set<number>
  acknowledgedMax: number
  /** Where a clock, not a byte, ended a record: reading again must end it there too. */
  readonly cuts: Set<number>
}

/** A file the agent knows, and holds open while it lives. */
export interface Entry {
  readonly inode: number
  file: LogFile | null
  origin: Origin
  head: string | null
  end: number
  minted: boolean
  ranges: Range[]
  /** What stood before each position that a guard may be asked about. */
  texts: Map<number, string>
  looked: boolean
  /** Epochs of which it has read something. Only the oracle cares. */
  readonly epochs: Set<number>
}

export function newEntry(file: LogFile): Entry {
  return {
    inode: file.inode,
    file,
    origin: originOf(file),
    head: file.lines[0]?.text ?? null,
    end: 0,
    minted: false,
    ranges: [],
    texts: new Map(),
    looked: false,
    epochs: new Set(),
  }
}

export function newRange(src: string, routing: Routing, start: number, origin: Origin): Range {
  return {
    src,
    routing,
    start,
    origin,
    read: start,
    mark: start,
    sendable: start,
    open: true,
    orphan: false,
    durable: false,
    doneDurably: false,
    unacknowledged: new Set(),
    acknowledgedMax: start - 1,
    cuts: new Set(),
  }
}

/** Where the record at the read position ends, as far as the lines up to `limit` tell. */
export function recordEnd(range: Range, lines: readonly Line[], limit: number): number {
  let end = range.read + 1
  while (end < limit && lines[end]!.continues && !range.cuts.has(end)) end += 1
  return end
}

/** Everything below it is acknowledged. */
export function frontier(range: Range, rules: Rules): number {
  if (!rules.frontierAcknowledged) return range.read
  if (!rules.frontierContiguous) return Math.max(range.acknowledgedMax + 1, range.start)
  if (range.unacknowledged.size > 0) return Math.min(...range.unacknowledged)
  return range.orphan ? range.mark : range.read
}

export function isDone(range: Range): boolean {
  return !range.open && range.unacknowledged.size === 0 && (range.orphan || range.read >= range.mark)
}

/** The lowest position that is not acknowledged and whose bytes should still be in the file. */
export function base(entry: Entry, rules: Rules): number {
  const present = entry.ranges.filter(range => !range.orphan)
  return Math.min(entry.end, ...present.map(range => frontier(range, rules)))
}

export function isRereading(range: Range): boolean {
  return !range.orphan && !range.open && range.read < range.mark
}

/** Do the bytes before `position` still stand there? Before the first byte there is nothing to ask. */
export function holds(entry: Entry, position: number, rules: Rules): boolean {
  const lines = entry.file?.lines
  if (!lines || lines.length < position) return false
  if (position === 0 || !rules.guardBytes) return true
  return lines[position - 1]!.text === entry.texts.get(position - 1)
}

export function saveEntry(entry: Entry, rules: Rules): SavedEntry {
  const { inode, head, minted, origin } = entry
  // Without the mark, a checkpoint knows only what was acknowledged, as most agents' do.
  const end = rules.markBeforeRecord ? entry.end : base(entry, rules)
  const ranges = entry.ranges.map((range): SavedRange => {
    const saved = frontier(range, rules)
    const mark = rules.markBeforeRecord ? range.mark : saved
    return {
      src: range.src,
      routing: range.routing,
      start: range.start,
      frontier: saved,
      frontierText: entry.texts.get(saved - 1),
      mark,
      markText: entry.texts.get(mark - 1),
      cuts: rules.cutsDurable ? [...range.cuts].filter(cut => cut > saved) : [],
      orphan: range.orphan,
      origin: range.origin,
    }
  })
  return { inode, head, end, endText: entry.texts.get(end - 1), minted, ranges, origin }
}

/** What a checkpoint says about a file, before anybody has looked at the file. */
export function restoreEntry(saved: SavedEntry, file: LogFile | null): Entry {
  const texts = new Map<number, string>()
  const remember = (position: number, text: string | undefined): void => {
    if (text !== undefined) texts.set(position - 1, text)
  }
  remember(saved.end, saved.endText)
  const ranges = saved.ranges.map((range): Range => {
    if (!range.orphan) {
      remember(range.frontier, range.frontierText)
      remember(range.mark, range.markText)
    }
    return {
      ...newRange(range.src, range.routing, range.start, range.origin),
      read: range.frontier,
      mark: range.mark,
      sendable: range.mark,
      open: false,
      orphan: range.orphan,
      durable: true,
      acknowledgedMax: range.frontier - 1,
      cuts: new Set(range.cuts),
    }
  })
  const { inode, origin, head, end, minted } = saved
  return { inode, file, origin, head, end, minted, ranges, texts, looked: false, epochs: new Set() }
}
