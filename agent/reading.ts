// One turn of reading one file: the guard is asked in the same read that brings the lines, lines are cut and handed
// to the sink, the tracker moves on. Reads the file; everything else goes through the sink.
import { detectFormat, type LineFormat } from './formats/detect.ts'
import { guardLength, guardOf, headOf } from './guard.ts'
import { fileIdOf, mintGeneration, srcOf } from './identity.ts'
import { characterEdge, cutLines, findNewline, type LineVisitor, lineBytesMax } from './lines.ts'
import { type Routing, sameRouting } from './routing.ts'
import {
  firstLineOf,
  headHolds,
  holds,
  readAt,
  readFirstLine,
  readGuard,
  type TailedFile,
} from './tailed-file.ts'
import {
  abandonRanges,
  baseOf,
  beginRange,
  beginSpan,
  closeRange,
  endSpan,
  type Loss,
  type Range,
  rangeToRead,
  rewrite,
  type Span,
} from './tracker.ts'

/** Where lines and losses go. */
export interface LineSink {
  readonly agentId: string
  /** The format an input's lines are said to have. */
  formatOf(input: number): LineFormat | 'auto'
  /** How lines of this format are routed now; null while that is not known. */
  routingOf(input: number, format: LineFormat): Routing | null
  /** Whether lines can still go where this routing sends them; null while that is not known. */
  isRoutable(routing: Routing): boolean | null
  /** The bytes are the sink's until it returns. */
  append(span: Span, bytes: Buffer, start: number, end: number, position: number): void
  lose(loss: Loss): void
}

/** Moves a file whose bytes are gone to a copy of them, if there is one in reach; false when there is none. */
export type MoveToCopy = (file: TailedFile) => boolean

/** `more`: there is more to read at once. `waiting`: the sink does not know yet where lines go. */
export type TurnResult = 'more' | 'done' | 'waiting'

/** One file's share before the next one's turn. */
const turnBytes = 262_144
/** How much of a line without an end is looked through in one turn. */
const scanBytesMax = 16 * turnBytes
/** This much of a file's beginning decides its format. */
const detectBytes = 65_536
const detectLinesMax = 50

export class Reading {
  readonly #sink: LineSink
  readonly #chunk = Buffer.alloc(64 + turnBytes)
  readonly #visit: LineVisitor
  readonly #moveToCopy: MoveToCopy
  #span: Span | null = null

  constructor(sink: LineSink, moveToCopy: MoveToCopy) {
    this.#sink = sink
    this.#moveToCopy = moveToCopy
    this.#visit = (bytes, start, end, position) => sink.append(this.#span!, bytes, start, end, position)
  }

  /** The file's descriptor is open. */
  turn(file: TailedFile): TurnResult {
    const { tracked } = file
    let range = rangeToRead(tracked)
    if (range?.open && this.#isRerouted(file, range)) {
      closeRange(range)
      range = null
    }
    const position = range ? range.read : tracked.end
    const guard = range ? range.readGuard : tracked.endGuard
    const rereading = range !== null && !range.open
    if (rereading) {
      const routable = this.#sink.isRoutable(range!.routing)
      if (routable === null) return 'waiting'
      if (!routable) {
        this.#sink.lose(abandonRanges(tracked))
        return 'more'
      }
    }
    const wanted = rereading ? Math.min(turnBytes, range!.mark - position) : turnBytes
    const before = guardLength(position)
    const got = readAt(file, this.#chunk, 0, before + wanted, position - before)
    if (got < before || guardOf(this.#chunk, before, position) !== guard) return this.#rewritten(file)
    // Asked after the read: a truncation in between must not pass for what was sent before.
    if (!headHolds(file)) return this.#rewritten(file)
    if (rereading && !holds(file, range!.mark, range!.markGuard)) return this.#rewritten(file)
    const available = got - before
    if (available < wanted) file.endSeen = position + available
    if (findNewline(this.#chunk, before, got) < 0) {
      return available < wanted ? 'done' : this.#scanLongLine(file, range, position)
    }
    range ??= this.#begin(file, this.#chunk.subarray(before, got))
    if (!range) return this.#unroutable(file)
    const span = beginSpan(range)
    this.#span = span
    const taken = cutLines(this.#chunk, before, got, position, this.#visit)
    endSpan(span, position + taken, guardOf(this.#chunk, before + taken, position + taken))
    file.scanned = 0
    return available === wanted ? 'more' : 'done'
  }

  /** A src has one routing for life: with another one, another src begins. */
  #isRerouted(file: TailedFile, range: Range): boolean {
    if (file.input < 0) return false
    const wanted = this.#sink.routingOf(file.input, range.routing.format)
    return wanted !== null && !sameRouting(wanted, range.routing)
  }

  /** `bytes` were just read from the range's first byte on: of a new file the head is what was read, not what is. */
  #begin(file: TailedFile, bytes: Buffer): Range | null {
    if (file.input < 0) return null
    const { tracked } = file
    const firstLine = tracked.end === 0 ? firstLineOf(bytes) : readFirstLine(file)
    if (!firstLine) return null
    const configured = this.#sink.formatOf(file.input)
    const format = configured === 'auto' ? this.#detect(file) : configured
    const routing = this.#sink.routingOf(file.input, format)
    if (!routing) return null
    tracked.head ??= headOf(firstLine)
    tracked.firstLineEnd = firstLine.length + 1
    const fileId = fileIdOf(this.#sink.agentId, tracked.inode, firstLine)
    return beginRange(tracked, srcOf(this.#sink.agentId, fileId, mintGeneration()), routing)
  }

  /** Nobody wants these lines any more, or nobody knows yet where they go. */
  #unroutable(file: TailedFile): TurnResult {
    if (file.input >= 0) return 'waiting'
    file.endSeen = file.tracked.size
    return 'done'
  }

  #detect(file: TailedFile): LineFormat {
    const bytes = Buffer.alloc(detectBytes)
    const length = readAt(file, bytes, 0, detectBytes, 0)
    const lines: Buffer[] = []
    cutLines(bytes, 0, length, 0, (_, start, end) => {
      if (lines.length < detectLinesMax) lines.push(bytes.subarray(start, end))
    })
    return detectFormat(lines)
  }

  /** A line longer than a turn: look for its end without keeping it. */
  #scanLongLine(file: TailedFile, range: Range | null, position: number): TurnResult {
    let at = Math.max(file.scanned, position + turnBytes)
    for (const limit = at + scanBytesMax; at < limit; ) {
      const got = readAt(file, this.#chunk, 0, turnBytes, at)
      const close = findNewline(this.#chunk, 0, got)
      if (close >= 0) return this.#takeLongLine(file, range, position, at + close)
      at += got
      if (got < turnBytes) {
        file.scanned = at
        file.endSeen = at
        return 'done'
      }
    }
    file.scanned = at
    return 'more'
  }

  #takeLongLine(file: TailedFile, open: Range | null, position: number, close: number): TurnResult {
    // Many turns may lie between the guard that was asked first and now.
    if (!holds(file, position, open ? open.readGuard : file.tracked.endGuard)) return this.#rewritten(file)
    const start = skipNuls(file, this.#chunk, position, close)
    const bytes = Buffer.alloc(Math.min(close - start, lineBytesMax + 4))
    readAt(file, bytes, 0, bytes.length, start)
    // The line may begin far behind what tells files apart: NULs that a truncation left.
    const range = open ?? this.#begin(file, position === 0 ? (readFirstLine(file) ?? bytes) : bytes)
    if (!range) return this.#unroutable(file)
    let end = bytes.length
    const isCut = close - start > lineBytesMax
    if (isCut) end = characterEdge(bytes, 0, lineBytesMax)
    else if (end > 0 && bytes[end - 1] === 0x0d) end--
    const span = beginSpan(range)
    if (end > 0) this.#sink.append(span, bytes, 0, end, start)
    if (isCut) {
      this.#sink.lose({
        source: range.src,
        from: start + end,
        to: close,
        reason: 'line-cut',
        lines: 0,
        detail: `a line of ${close - start} bytes was counted and kept without its last ${close - start - end}`,
      })
    }
    endSpan(span, close + 1, readGuard(file, close + 1))
    file.scanned = 0
    return 'more'
  }

  #rewritten(file: TailedFile): TurnResult {
    file.scanned = 0
    if (this.#moveToCopy(file)) return 'more'
    const { tracked } = file
    const base = baseOf(tracked)
    const losses: Loss[] = []
    const evidence = {
      firstLine: readFirstLine(file),
      baseHolds: holds(file, base.position, base.guard),
      knownSize: file.endSeen,
      fallbackSource: this.#sink.agentId,
    }
    rewrite(tracked, evidence, losses)
    for (const loss of losses) this.#sink.lose(loss)
    return 'more'
  }
}

/** A writer that kept its position over a truncation leaves NULs, perhaps gigabytes: they are no part of a line. */
function skipNuls(file: TailedFile, chunk: Buffer, from: number, close: number): number {
  const zeros = Buffer.alloc(turnBytes)
  for (let at = from; at < close; ) {
    const got = readAt(file, chunk, 0, Math.min(turnBytes, close - at), at)
    if (chunk.compare(zeros, 0, got, 0, got) === 0) at += got
    else {
      let skipped = 0
      while (chunk[skipped] === 0) skipped++
      return at + skipped
    }
  }
  return close
}
