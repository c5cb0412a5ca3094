// Bytes to records for inputs that say more about their lines than a format: encodings, records of several lines, a
// limit of their own, filters, sampling and redaction. The raw path does not come here. Pure: bytes in, records and
// losses out. Where records end follows from the bytes and the rules alone, but for one case: at the end of what
// may be read, `isFinal` says that what waits there ends now. Whoever says so keeps the place with the mark (rule 9).

import type { Emitter } from './emit.ts'
import { breakBytes, findBreak, type LineBreak, lineBreakOf, toUtf8 } from './encodings.ts'
import type { LineRules } from './line-rules.ts'
import { characterEdge, type LineVisitor, lineBytesMax } from './lines.ts'
import { Multiline } from './multiline.ts'
import { Processing } from './processing.ts'
import type { Loss } from './tracker.ts'

/** A secret that a cut would halve is no secret any more to whoever looks for it: so much more is cut off. */
const halvedBytesMax = 128

export class RuledLines {
  readonly lineBreak: LineBreak
  readonly multiline: Multiline | null
  readonly #encoding: string | null
  readonly #limit: number
  readonly #drops: boolean
  readonly #processing: Processing
  readonly #src: string
  readonly #emit: Emitter | null
  #leftOut = 0

  constructor(
    rules: LineRules,
    encoding: string | null,
    src: string,
    secret: string,
    emit: Emitter | null = null,
  ) {
    this.#encoding = encoding
    this.lineBreak = lineBreakOf(encoding)
    this.multiline = rules.multiline ? new Multiline(rules.multiline) : null
    this.#limit = Math.min(rules.maxLineBytes ?? lineBytesMax, lineBytesMax)
    this.#drops = rules.onLongLine === 'drop'
    this.#processing = new Processing(rules, src, secret)
    this.#src = src
    this.#emit = emit
  }

  /** Records that filters or sampling left out since this was asked last. */
  takeLeftOut(): number {
    const count = this.#leftOut
    this.#leftOut = 0
    return count
  }

  /**
   * Hands on every record of `bytes[start, end)`, whose first byte lies at `position`; returns how many bytes they
   * took. What follows the last newline waits, and so does a record that more lines may belong to.
   */
  cut(
    bytes: Buffer,
    start: number,
    end: number,
    position: number,
    isFinal: boolean,
    visit: LineVisitor,
    lose: (loss: Loss) => void,
  ): number {
    const step = breakBytes(this.lineBreak)
    const { multiline } = this
    let recordStart = start
    let recordEnd = start
    let lines = 0
    let at = start
    while (at < end) {
      const close = findBreak(bytes, at, end, position + (at - start), this.lineBreak)
      if (close < 0) break
      const next = close + step
      if (multiline === null) this.#record(bytes, at, close, position + (at - start), visit, lose)
      else {
        const isFull = lines >= multiline.maxLines || next - recordStart > multiline.maxBytes
        if (lines > 0 && (isFull || !this.#continues(bytes, at, close))) {
          this.#record(bytes, recordStart, recordEnd, position + (recordStart - start), visit, lose)
          recordStart = at
          lines = 0
        }
        lines++
        recordEnd = close
      }
      at = next
    }
    if (multiline === null) return at - start
    // The line that is still being written makes it too large in any case.
    const isFull = lines >= multiline.maxLines || end - recordStart > multiline.maxBytes
    if (lines === 0 || !(isFinal || isFull)) return recordStart - start
    this.#record(bytes, recordStart, recordEnd, position + (recordStart - start), visit, lose)
    return at - start
  }

  /** A line of which only the beginning was read; `length` is all of it. */
  long(
    bytes: Buffer,
    end: number,
    length: number,
    position: number,
    visit: LineVisitor,
    lose: (loss: Loss) => void,
  ): void {
    this.#record(bytes, 0, end, position, visit, lose, length)
  }

  #continues(bytes: Buffer, start: number, close: number): boolean {
    if (this.lineBreak !== 'byte') {
      const line = toUtf8(bytes, start, Math.min(close, start + 1024), this.#encoding!)
      return this.multiline!.continues(line, 0, trimmedEnd(line, 0, line.length))
    }
    return this.multiline!.continues(bytes, start, trimmedEnd(bytes, start, close))
  }

  #record(
    source: Buffer,
    sourceStart: number,
    sourceEnd: number,
    position: number,
    visit: LineVisitor,
    lose: (loss: Loss) => void,
    length = sourceEnd - sourceStart,
  ): void {
    let bytes = source
    let start = sourceStart
    let end = sourceEnd
    const encoding = this.#encoding
    if (encoding !== null && encoding !== 'utf-8') {
      bytes = toUtf8(source, start, end, encoding)
      start = 0
      end = bytes.length
    } else if (position === 0 && bytes[start] === 0xef && bytes[start + 1] === 0xbb) start += 3
    // Before the record, NULs that a truncation left; behind it, blank lines that a trace ends with.
    while (start < end && bytes[start] === 0) start++
    end = trimmedEnd(bytes, start, end)
    if (start >= end) return
    if (!this.#processing.wants(bytes, start, end, position)) {
      this.#leftOut++
      return
    }
    const isRead = length === sourceEnd - sourceStart
    if (!isRead || end - start > this.#limit) {
      const kept = this.#drops ? 0 : this.#cutOff(bytes, start, end, position, visit)
      lose(this.#lossOf(position, length, kept))
      return
    }
    const redacted = this.#processing.redact(bytes, start, end)
    if (redacted === null) this.#hand(bytes, start, end, position, visit)
    else if (redacted.length <= lineBytesMax) this.#hand(redacted, 0, redacted.length, position, visit)
    else {
      // What stands for its secrets is longer than they were.
      this.#hand(redacted, 0, characterEdge(redacted, 0, lineBytesMax), position, visit)
      lose(this.#lossOf(position, length, 0))
    }
  }

  /** Hands on the beginning; returns how much of it that is. */
  #cutOff(bytes: Buffer, start: number, end: number, position: number, visit: LineVisitor): number {
    let stop = characterEdge(bytes, start, Math.min(start + this.#limit, end))
    if (this.#processing.redacts) stop = wordEdge(bytes, start, stop)
    const redacted = this.#processing.redact(bytes, start, stop)
    const length = Math.min(redacted?.length ?? 0, lineBytesMax)
    if (redacted !== null) this.#hand(redacted, 0, length, position, visit)
    else if (stop > start) this.#hand(bytes, start, stop, position, visit)
    return stop - start
  }

  /** As a line, or as what its input makes of one. */
  #hand(bytes: Buffer, start: number, end: number, position: number, visit: LineVisitor): void {
    const record = this.#emit?.(bytes, start, end) ?? null
    if (record === null) visit(bytes, start, end, position)
    else visit(record, 0, record.length, position)
  }

  /** Of a decoded line nobody can say behind which byte of its file the rest is missing. */
  #lossOf(position: number, length: number, kept: number): Loss {
    const isBytes = this.#encoding === null || this.#encoding === 'utf-8'
    const what = `a line of ${length} bytes`
    return {
      source: this.#src,
      from: position + (isBytes ? kept : 0),
      to: position + length,
      reason: this.#drops ? 'line-dropped' : 'line-cut',
      lines: this.#drops ? 1 : 0,
      detail: this.#drops
        ? `${what} was not kept, as its input wants it`
        : `${what} was counted and kept without its end`,
    }
  }
}

function trimmedEnd(bytes: Buffer, start: number, end: number): number {
  let at = end
  while (at > start && (bytes[at - 1] === 0x0d || bytes[at - 1] === 0x0a)) at--
  return at
}

/** Back over what could be the beginning of a number, a token or an address. */
function wordEdge(bytes: Buffer, start: number, stop: number): number {
  let at = stop
  const least = Math.max(start, stop - halvedBytesMax)
  while (at > least && /[0-9A-Za-z@._%+:-]/.test(String.fromCharCode(bytes[at - 1]!))) at--
  return characterEdge(bytes, start, at)
}
