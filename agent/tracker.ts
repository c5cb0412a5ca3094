// What the agent knows about one file: which ranges of it were or will be sent, under which src, and how far that
// is acknowledged. Pure: no I/O, no clock, no randomness; the shell in tail.ts looks, reads and mints.
//
//      start ──── acknowledged ────▶ frontier ──── may be in the log ────▶ mark        end
//
// A range is open while it grows with its file. After a restart every range is closed: what lies before its mark
// may already be in the log and is sent again under the same src; what comes after it gets a src of its own.
import { type Guard, headOf } from './guard.ts'
import type { Routing } from './routing.ts'

/** A piece of a range that was read in one turn. It is acknowledged when nothing of it is pending. */
export interface Span {
  readonly range: Range
  end: number
  guard: Guard
  /** Records not acknowledged yet, and one more while the turn lasts. */
  pending: number
}

export interface Range {
  readonly file: TrackedFile
  readonly src: string
  readonly routing: Routing
  readonly start: number
  /** Next byte to read: always the start of a line. */
  read: number
  readGuard: Guard
  /** Nothing at or beyond it has left, or may leave before a later mark is durable. */
  mark: number
  markGuard: Guard
  open: boolean
  /** Its bytes are no longer in the file: what is in memory goes on, nothing of it can be read again. */
  orphan: boolean
  frontier: number
  frontierGuard: Guard
  /** The declaration that this src is finished is on its way. */
  declaring: boolean
  readonly spans: Span[]
  /** Where a clock ended a record, between frontier and mark: read again, it ends there too. In order. */
  cuts: number[]
  /** How its bytes become records, where there are rules; undefined until it is asked for. */
  ruled: unknown
  /** Whatever the shipper prepared for this range; null after a restart until it is needed. */
  outlet: unknown
}

export interface TrackedFile {
  inode: bigint
  device: bigint
  path: string
  /** The last path under which a glob found it: a rotated file keeps the input it was found by. */
  foundAs: string
  /** Where that path led to, when it leads elsewhere by symbolic links: the neighbours of both are looked at. */
  realAs: string
  head: Guard | null
  firstLineEnd: number
  /** Every byte before it belongs to some range. */
  end: number
  endGuard: Guard
  /** As last seen; what a checkpoint says of it may be older, hence less. */
  size: number
  ranges: Range[]
  /** No bytes of it are left anywhere; it is kept until what was read of it is acknowledged. */
  gone: boolean
  /** The columns of a table, as the last line that names them says; '' where there are none. */
  layout: string
  /** Serialized for the checkpoint, or null when something has changed since. */
  saved: string | null
  /** What the checkpoint calls it; 0 before it is in a table. */
  serial: number
  /** Where it says that it has changed. */
  changed: Set<TrackedFile> | null
}

/** The checkpoint has something new to say of it. */
export function touch(file: TrackedFile): void {
  file.saved = null
  file.changed?.add(file)
}

export type LossReason =
  | 'truncated-before-read'
  | 'deleted-before-read'
  | 'unterminated-line'
  | 'line-cut'
  | 'line-dropped'
  | 'checkpoint-lost'
  | 'checkpoint-damaged'
  | 'possibly-twice: rewritten'
  | 'record-rejected'

/** What the ledger is owed. `to` is null where nobody can know it, and so is `lines`. */
export interface Loss {
  readonly source: string
  readonly from: number
  readonly to: number | null
  readonly reason: LossReason
  readonly lines: number | null
  readonly detail: string
}

export function newTrackedFile(device: bigint, inode: bigint, path: string): TrackedFile {
  return {
    inode,
    device,
    path,
    foundAs: path,
    realAs: path,
    head: null,
    firstLineEnd: 0,
    end: 0,
    endGuard: '',
    size: 0,
    ranges: [],
    gone: false,
    layout: '',
    saved: null,
    serial: 0,
    changed: null,
  }
}

/** What is read next: first what may have to be sent again, in order, then the range that grows. */
export function rangeToRead(file: TrackedFile): Range | null {
  let open: Range | null = null
  for (const range of file.ranges) {
    if (isRereading(range)) return range
    if (range.open) open = range
  }
  return open
}

export function isRereading(range: Range): boolean {
  return !range.orphan && !range.open && range.read < range.mark
}

/** A new range from the file's end on, under a src that nothing was ever sent under. */
export function beginRange(file: TrackedFile, src: string, routing: Routing): Range {
  const range: Range = {
    file,
    src,
    routing,
    start: file.end,
    read: file.end,
    readGuard: file.endGuard,
    mark: file.end,
    markGuard: file.endGuard,
    open: true,
    orphan: false,
    frontier: file.end,
    frontierGuard: file.endGuard,
    declaring: false,
    spans: [],
    cuts: [],
    ruled: undefined,
    outlet: null,
  }
  file.ranges.push(range)
  touch(file)
  return range
}

/** Another routing needs another src: the range ends where it is. */
export function closeRange(range: Range): void {
  range.open = false
  touch(range.file)
}

export function beginSpan(range: Range): Span {
  const span: Span = { range, end: range.read, guard: range.readGuard, pending: 1 }
  range.spans.push(span)
  return span
}

/** The turn is over: everything up to `position` was cut into lines and handed on. */
export function endSpan(span: Span, position: number, guard: Guard): void {
  const range = span.range
  const file = range.file
  span.end = position
  span.guard = guard
  range.read = position
  range.readGuard = guard
  if (range.open) {
    range.mark = position
    range.markGuard = guard
    file.end = position
    file.endGuard = guard
  }
  span.pending--
  if (span.pending === 0) settle(range)
  touch(file)
}

/** A clock ended a record here. It is durable with the mark, which the end of this turn sets. */
export function cutByClock(range: Range, position: number): void {
  const { frontier } = range
  if (range.cuts.length > 64) range.cuts = range.cuts.filter(cut => cut > frontier)
  if (position > range.read) range.cuts.push(position)
  touch(range.file)
}

/** `count` records of this span are acknowledged. True when the frontier moved. */
export function acknowledge(span: Span, count: number): boolean {
  span.pending -= count
  return span.pending === 0 && settle(span.range)
}

/** Moves the frontier over every leading span that has nothing pending. */
function settle(range: Range): boolean {
  let done = 0
  while (done < range.spans.length && range.spans[done]!.pending === 0) done++
  if (done === 0) return false
  const last = range.spans[done - 1]!
  range.spans.splice(0, done)
  range.frontier = last.end
  range.frontierGuard = last.guard
  touch(range.file)
  return true
}

export function isDone(range: Range): boolean {
  return !range.open && range.spans.length === 0 && (range.orphan || range.read >= range.mark)
}

/** Everything below it is acknowledged; of an orphan, everything that ever will be. */
export function frontierOf(range: Range): number {
  return range.orphan && range.spans.length === 0 ? range.mark : range.frontier
}

/** The lowest position that is not acknowledged and whose bytes should still be in the file. */
export function baseOf(file: TrackedFile): { position: number; guard: Guard } {
  let position = file.end
  let guard = file.endGuard
  for (const range of file.ranges) {
    if (range.orphan || range.frontier >= position) continue
    position = range.frontier
    guard = range.frontierGuard
  }
  return { position, guard }
}

/** Where reading stands, for what the ledger says about a range that went unread. */
export function unreadFrom(file: TrackedFile): { position: number; source: string } {
  const range = file.ranges.find(isRereading)
  const last = range ?? file.ranges.at(-1)
  return { position: range?.read ?? file.end, source: last?.src ?? '' }
}

export interface RewriteEvidence {
  /** The first line that stands there now, or null when there is none yet. */
  readonly firstLine: Uint8Array | null
  /** The bytes before the acknowledged position are still the ones that were read. */
  readonly baseHolds: boolean
  /** How large the file was when it was last looked at. */
  readonly knownSize: number
  /** Where to say it, when no range names a source. */
  readonly fallbackSource: string
}

/**
 * The bytes before our position are not the ones we read: a truncation, another file under the same inode, or a
 * tail lost with the power. What was not read is lost; what stands there now is read under a new src.
 */
export function rewrite(file: TrackedFile, evidence: RewriteEvidence, losses: Loss[]): void {
  const unread = unreadFrom(file)
  const source = unread.source || evidence.fallbackSource
  losses.push({
    source,
    from: unread.position,
    to: evidence.knownSize > unread.position ? evidence.knownSize : null,
    reason: 'truncated-before-read',
    lines: null,
    detail: `${file.path} was truncated or replaced; what it held beyond this byte was not read`,
  })
  const base = baseOf(file)
  const sameHead =
    file.head !== null && evidence.firstLine !== null && headOf(evidence.firstLine) === file.head
  // A guard that covers no more than the first line could be the header that every file has.
  const tailOnly = sameHead && evidence.baseHolds && base.position > file.firstLineEnd
  if (sameHead) {
    losses.push({
      source,
      from: tailOnly ? base.position : 0,
      to: null,
      reason: 'possibly-twice: rewritten',
      lines: null,
      detail: `${file.path} begins as before; what is read again may have been counted already`,
    })
  }
  orphanRanges(file)
  file.end = tailOnly ? base.position : 0
  file.endGuard = tailOnly ? base.guard : ''
  if (!tailOnly) {
    file.head = null
    file.firstLineEnd = 0
  }
  touch(file)
}

/**
 * What may have been sent cannot be sent again the same way: its topic was made anew with fewer partitions. From the
 * last acknowledged byte on it goes under a new src.
 */
export function abandonRanges(file: TrackedFile): Loss {
  const unread = unreadFrom(file)
  const base = baseOf(file)
  orphanRanges(file)
  const mark = file.end
  file.end = base.position
  file.endGuard = base.guard
  touch(file)
  return {
    source: unread.source,
    from: base.position,
    to: mark,
    reason: 'possibly-twice: rewritten',
    lines: null,
    detail: `the topic of ${file.path} has fewer partitions than before; what was under way may be counted twice`,
  }
}

/** It became smaller, though not below what was read: what it held beyond went unread. */
export function lossOfShrinking(file: TrackedFile, source: string): Loss {
  const unread = unreadFrom(file)
  return {
    source: unread.source || source,
    from: file.end,
    to: file.size,
    reason: 'truncated-before-read',
    lines: null,
    detail: `${file.path} was truncated before it was read to its end`,
  }
}

/** A rotated copy was written over by the next one: it was read, but nobody knows what it held at last. */
export function lossOfOverwriting(file: TrackedFile, source: string): Loss {
  const unread = unreadFrom(file)
  return {
    source: unread.source || source,
    from: unread.position,
    to: file.size > unread.position ? file.size : null,
    reason: 'truncated-before-read',
    lines: null,
    detail: `${file.path} was replaced by a later copy; what it held beyond this byte was not read`,
  }
}

/**
 * The file goes on in a copy that was made before the last of it was read: that has left, or leaves, as it is. What
 * was written between reading and truncation is in no file any more.
 */
export function cutShort(file: TrackedFile, end: number, guard: Guard, source: string): Loss {
  const unread = unreadFrom(file)
  for (const range of file.ranges) range.open = false
  file.end = end
  file.endGuard = guard
  file.size = end
  touch(file)
  return {
    source: unread.source || source,
    from: unread.position,
    to: null,
    reason: 'truncated-before-read',
    lines: null,
    detail: `${file.path} was copied and truncated; what it held beyond this byte was not read`,
  }
}

/** A neighbour begins as this file did before it was truncated, and nothing else tells whether it is a copy of it. */
export function lossOfDoubtfulCopy(file: TrackedFile, path: string, source: string): Loss {
  return {
    source: unreadFrom(file).source || source,
    from: 0,
    to: file.end,
    reason: 'possibly-twice: rewritten',
    lines: null,
    detail: `${path} begins as ${file.path} did before it was truncated; what both hold may be counted twice`,
  }
}

/** The file is deleted: what is in memory goes on, nothing of it can be read again. */
export function forgetContent(file: TrackedFile): void {
  orphanRanges(file)
  file.gone = true
  touch(file)
}

function orphanRanges(file: TrackedFile): void {
  for (const range of file.ranges) {
    range.open = false
    range.orphan = true
  }
}
