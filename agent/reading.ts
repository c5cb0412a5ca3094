// One turn of reading one file: the guard is asked in the same read that brings the lines, lines are cut and handed
// to the sink, the tracker moves on. Reads the file; everything else goes through the sink.
import { emitterOf } from './emit.ts'
import { breakBytes, findBreak, type LineBreak, lineBreakOf, sniffEncoding } from './encodings.ts'
import { csvHeader, detectFormat, type LineFormat, tableFormat } from './formats/detect.ts'
import { familyOf } from './formats/registry.ts'
import { w3cColumns } from './formats/tables.ts'
import { guardLength, guardOf, headOf } from './guard.ts'
import { fileIdOf, mintGeneration, srcOf } from './identity.ts'
import { characterEdge, cutLines, findNewline, type LineVisitor, lineBytesMax } from './lines.ts'
import { type Routing, sameRouting } from './routing.ts'
import { RuledLines } from './ruled-lines.ts'
import {
  firstLineOf,
  headHolds,
  holds,
  leaveMark,
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
  cutByClock,
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
  /** The format an input's lines are said to have: one of `inputFormats`, or a format string. */
  formatOf(input: number): string
  /** The encoding an input's lines are said to have. */
  encodingOf?(input: number): string | undefined
  /** How lines of this format and encoding (null for UTF-8) are routed now; null while that is not known. */
  routingOf(input: number, format: LineFormat, encoding: string | null): Routing | null
  /** What `auto` made of a file. */
  decided?(path: string, format: LineFormat): void
  /** Whether lines can still go where this routing sends them; null while that is not known. */
  isRoutable(routing: Routing): boolean | null
  /** The bytes are the sink's until it returns. */
  append(span: Span, bytes: Buffer, start: number, end: number, position: number): void
  lose(loss: Loss): void
  /** So many records were left out, by filters or sampling. */
  leftOut?(records: number): void
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
  #isDue = false

  constructor(sink: LineSink, moveToCopy: MoveToCopy) {
    this.#sink = sink
    this.#moveToCopy = moveToCopy
    this.#visit = (bytes, start, end, position) => sink.append(this.#span!, bytes, start, end, position)
  }

  /** The file's descriptor is open. */
  turn(file: TailedFile): TurnResult {
    const { tracked } = file
    // Whatever this turn finds, it says anew whether lines wait for more of their record.
    this.#isDue = file.heldIsDue
    file.heldIsDue = false
    file.heldMs = 0
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
    // Where a clock ended a record it ends again.
    const boundary = rereading ? (range!.cuts.find(cut => cut > position) ?? range!.mark) : 0
    const wanted = rereading ? Math.min(turnBytes, boundary - position) : turnBytes
    const before = guardLength(position)
    const got = readAt(file, this.#chunk, 0, before + wanted, position - before)
    if (got < before || guardOf(this.#chunk, before, position) !== guard) return this.#rewritten(file)
    // Asked after the read: a truncation in between must not pass for what was sent before.
    if (!headHolds(file)) return this.#rewritten(file)
    if (rereading && !holds(file, range!.mark, range!.markGuard)) return this.#rewritten(file)
    leaveMark(file, position, guard)
    const available = got - before
    if (available < wanted) file.endSeen = position + available
    if (findNewline(this.#chunk, before, got) < 0) {
      return available < wanted ? 'done' : this.#scanLongLine(file, range, position)
    }
    range ??= this.#begin(file, this.#chunk.subarray(before, got))
    if (!range) return this.#unroutable(file)
    let end = got
    if (range.open && range.routing.format.startsWith('w3c:')) {
      const renamed = this.#renameColumns(file, range, before, got)
      if (!renamed) return this.#unroutable(file)
      range = renamed
      end = columnsFrom(this.#chunk, before, got)
    }
    const ruled = ruledOf(range)
    if (ruled !== null) {
      const atEnd = end === got && available < wanted
      return this.#turnRuled(file, range, ruled, before, end, wanted, atEnd)
    }
    const span = beginSpan(range)
    this.#span = span
    const taken = cutLines(this.#chunk, before, end, position, this.#visit)
    endSpan(span, position + taken, guardOf(this.#chunk, before + taken, position + taken))
    file.scanned = 0
    return available === wanted || end < got ? 'more' : 'done'
  }

  /** The same for inputs with rules about their lines. `atEnd`: there is nothing more to read at the moment. */
  #turnRuled(
    file: TailedFile,
    range: Range,
    ruled: RuledLines,
    before: number,
    end: number,
    wanted: number,
    atEnd: boolean,
  ): TurnResult {
    const position = range.read
    const { lineBreak, multiline } = ruled
    if (findBreak(this.#chunk, before, end, position, lineBreak) < 0) {
      return atEnd ? 'done' : this.#scanLongLine(file, range, position)
    }
    const isOver = !range.open && end === before + wanted && wanted < turnBytes
    const isFinal = isOver || (range.open && atEnd && this.#isDue)
    const span = beginSpan(range)
    this.#span = span
    const lose = (loss: Loss) => this.#loseOf(file, loss)
    const taken = ruled.cut(this.#chunk, before, end, position, isFinal, this.#visit, lose)
    this.#sink.leftOut?.(ruled.takeLeftOut())
    if (isFinal && range.open && multiline !== null) cutByClock(range, position + taken)
    endSpan(span, position + taken, guardOf(this.#chunk, before + taken, position + taken))
    file.scanned = 0
    const rest = before + taken
    const holds = multiline !== null && findBreak(this.#chunk, rest, end, position + taken, lineBreak) >= 0
    if (atEnd && range.open && holds) file.heldMs = multiline.idleMs
    return !atEnd && taken > 0 ? 'more' : 'done'
  }

  /** Before a line that names other columns the range ends: from there on the format is another one. */
  #renameColumns(file: TailedFile, range: Range, before: number, got: number): Range | null {
    const close = findNewline(this.#chunk, before, got)
    const columns = close < 0 ? null : w3cColumns(this.#chunk, before, close)
    if (columns === null || range.routing.format === `w3c:${columns}`) return range
    file.tracked.layout = columns
    closeRange(range)
    return this.#begin(file, this.#chunk.subarray(before, got))
  }

  /** A src has one routing for life: with another one, another src begins. */
  #isRerouted(file: TailedFile, range: Range): boolean {
    if (file.input < 0) return false
    const { format, encoding } = range.routing
    if (!isFormatStill(this.#sink.formatOf(file.input), format)) return true
    const wanted = this.#sink.routingOf(file.input, format, encoding ?? null)
    return wanted !== null && !sameRouting(wanted, range.routing)
  }

  /** `bytes` were just read from the range's first byte on: of a new file the head is what was read, not what is. */
  #begin(file: TailedFile, bytes: Buffer): Range | null {
    if (file.input < 0) return null
    const { tracked } = file
    const firstLine = tracked.end === 0 ? firstLineOf(bytes) : readFirstLine(file)
    if (!firstLine) return null
    const encoding = this.#encodingOf(file)
    const format = this.#formatOf(file, encoding)
    const routing = this.#sink.routingOf(file.input, format, encoding)
    if (!routing) return null
    tracked.head ??= headOf(firstLine)
    tracked.firstLineEnd = firstLine.length + 1
    if (format.startsWith('w3c:')) tracked.layout = format.slice(4)
    if (this.#sink.formatOf(file.input) === 'auto') this.#sink.decided?.(tracked.path, format)
    const fileId = fileIdOf(this.#sink.agentId, tracked.inode, firstLine)
    return beginRange(tracked, srcOf(this.#sink.agentId, fileId, mintGeneration()), routing)
  }

  /** Nobody wants these lines any more, or nobody knows yet where they go. */
  #unroutable(file: TailedFile): TurnResult {
    if (file.input >= 0) return 'waiting'
    file.endSeen = file.tracked.size
    return 'done'
  }

  #formatOf(file: TailedFile, encoding: string | null): LineFormat {
    const configured = this.#sink.formatOf(file.input)
    const { layout } = file.tracked
    if (layout !== '' && file.tracked.end > 0 && (configured === 'auto' || configured === 'w3c')) {
      return `w3c:${layout}`
    }
    if (configured === 'common') return 'combined'
    if (configured !== 'auto' && configured !== 'w3c' && configured !== 'csv') return configured as LineFormat
    const lines = this.#firstLines(file, encoding)
    if (configured === 'auto') return detectFormat(lines)
    if (configured === 'w3c') return tableFormat(lines) ?? 'raw'
    const header = csvHeader(lines[0])
    return header === null ? 'raw' : `csv:${header}`
  }

  #firstLines(file: TailedFile, encoding: string | null): Buffer[] {
    const bytes = Buffer.alloc(detectBytes)
    const length = readAt(file, bytes, 0, detectBytes, 0)
    const lines: Buffer[] = []
    const take: LineVisitor = (from, start, end) => {
      if (lines.length < detectLinesMax) lines.push(from.subarray(start, end))
    }
    if (encoding === null) cutLines(bytes, 0, length, 0, take)
    else new RuledLines({}, encoding, '', '').cut(bytes, 0, length, 0, true, take, () => {})
    return lines
  }

  /** What the input says, else what a byte order mark says; null for UTF-8. */
  #encodingOf(file: TailedFile): string | null {
    const configured = file.input < 0 ? undefined : this.#sink.encodingOf?.(file.input)
    if (configured !== undefined) return configured === 'utf-8' ? null : configured
    const first = Buffer.alloc(2)
    return readAt(file, first, 0, 2, 0) < 2 ? null : sniffEncoding(first)
  }

  /** A line longer than a turn: look for its end without keeping it. */
  #scanLongLine(file: TailedFile, range: Range | null, position: number): TurnResult {
    const lineBreak = lineBreakOf(range ? (range.routing.encoding ?? null) : this.#encodingOf(file))
    let at = Math.max(file.scanned, position + turnBytes)
    for (const limit = at + scanBytesMax; at < limit; ) {
      const read = readAt(file, this.#chunk, 0, turnBytes, at)
      const got = lineBreak === 'byte' ? read : read - (read % 2)
      const close = findBreak(this.#chunk, 0, got, at, lineBreak)
      if (close >= 0) return this.#takeLongLine(file, range, position, at + close, lineBreak)
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

  #takeLongLine(
    file: TailedFile,
    open: Range | null,
    position: number,
    close: number,
    lineBreak: LineBreak,
  ): TurnResult {
    // Many turns may lie between the guard that was asked first and now.
    if (!holds(file, position, open ? open.readGuard : file.tracked.endGuard)) return this.#rewritten(file)
    const start = lineBreak === 'byte' ? skipNuls(file, this.#chunk, position, close) : position
    const bytes = Buffer.alloc(Math.min(close - start, lineBytesMax + 4))
    readAt(file, bytes, 0, bytes.length, start)
    // The line may begin far behind what tells files apart: NULs that a truncation left.
    const range = open ?? this.#begin(file, position === 0 ? (readFirstLine(file) ?? bytes) : bytes)
    if (!range) return this.#unroutable(file)
    const next = close + breakBytes(lineBreak)
    const ruled = ruledOf(range)
    if (ruled !== null) {
      const ruledSpan = beginSpan(range)
      this.#span = ruledSpan
      ruled.long(bytes, bytes.length, close - start, start, this.#visit, loss => this.#loseOf(file, loss))
      this.#sink.leftOut?.(ruled.takeLeftOut())
      endSpan(ruledSpan, next, readGuard(file, next))
      file.scanned = 0
      return 'more'
    }
    let end = bytes.length
    const isCut = close - start > lineBytesMax
    if (isCut) end = characterEdge(bytes, 0, lineBytesMax)
    else if (end > 0 && bytes[end - 1] === 0x0d) end--
    const span = beginSpan(range)
    if (end > 0) this.#sink.append(span, bytes, 0, end, start)
    if (isCut) {
      this.#loseOf(file, {
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

  #loseOf({ tracked }: TailedFile, loss: Loss): void {
    this.#sink.lose({ ...loss, detail: `${tracked.path}: ${loss.detail}` })
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
    file.trail = []
    for (const loss of losses) this.#sink.lose(loss)
    return 'more'
  }
}

/** How the bytes of a range become records; null where every line is one as it stands. */
function ruledOf(range: Range): RuledLines | null {
  if (range.ruled === undefined) {
    const { rules, encoding, hashKey } = range.routing
    const isPlain = rules === undefined && encoding === undefined
    range.ruled = isPlain
      ? null
      : new RuledLines(rules ?? {}, encoding ?? null, range.src, hashKey, emitterOf(range.routing))
  }
  return range.ruled as RuledLines | null
}

/** Whether lines of this format are still what the input says they are. */
function isFormatStill(configured: string, format: LineFormat): boolean {
  if (configured === 'auto' || configured === format) return true
  if (configured === 'common') return format === 'combined'
  const isTable = configured === 'w3c' || configured === 'csv'
  return isTable && (format === 'raw' || familyOf(format) === configured)
}

const columnsMark = Buffer.from('\n#Fields:')

/** Where, behind its first line, a chunk names columns: what comes before is read first. */
function columnsFrom(chunk: Buffer, before: number, got: number): number {
  const at = chunk.indexOf(columnsMark, before)
  return at < 0 || at >= got ? got : at + 1
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
