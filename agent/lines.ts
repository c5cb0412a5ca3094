// Bytes to lines, without a string: a visitor is told where each complete line starts and ends. Pure.
// A line ends at a newline; a carriage return before it and NULs that a truncation left before it are not part of
// it; an empty line is no record. What follows the last newline waits, unread, in the file.

/** A longer line is cut here (at a character's edge) and the rest goes to the loss ledger: it must fit a batch. */
export const lineBytesMax = 1_048_576 - 16_384

const newline = 0x0a
const carriageReturn = 0x0d

/** `position` is where the line starts in its file. */
export type LineVisitor = (bytes: Buffer, start: number, end: number, position: number) => void

/**
 * Visits every complete line of `bytes[start, end)`, whose first byte lies at `position` in the file.
 * Returns how many bytes they took, newlines included: 0 when no line is complete.
 */
export function cutLines(
  bytes: Buffer,
  start: number,
  end: number,
  position: number,
  visit: LineVisitor,
): number {
  // A byte order mark is no part of the first line.
  let markBytes = position === 0 && isMarked(bytes, start, end) ? 3 : 0
  let at = start
  while (at < end) {
    const close = bytes.indexOf(newline, at)
    // indexOf looks beyond `end`: a reused buffer still holds an earlier read there.
    if (close < 0 || close >= end) break
    let from = at + markBytes
    markBytes = 0
    let to = close
    if (to > from && bytes[to - 1] === carriageReturn) to--
    while (from < to && bytes[from] === 0) from++
    if (to > from) visit(bytes, from, to, position + (from - start))
    at = close + 1
  }
  return at - start
}

function isMarked(bytes: Buffer, start: number, end: number): boolean {
  return end - start > 3 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf
}

/** Where the newline after `from` lies, or -1. */
export function findNewline(bytes: Buffer, from: number, end: number): number {
  const at = bytes.indexOf(newline, from)
  return at < 0 || at >= end ? -1 : at
}

/** The last place at or before `limit` where UTF-8 may be cut without splitting a character. */
export function characterEdge(bytes: Buffer, start: number, limit: number): number {
  let at = limit
  // A continuation byte is 10xxxxxx; a character has at most three of them.
  for (let steps = 0; steps < 4 && at > start && (bytes[at]! & 0xc0) === 0x80; steps++) at--
  return (bytes[at]! & 0xc0) === 0x80 ? limit : at
}
