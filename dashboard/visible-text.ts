// A log line is hostile until shown otherwise: this cuts it into pieces that can be set as plain text nodes, with
// everything that would hide, reorder or overwrite its neighbours spelled out. Pure; no markup is made here.

export interface Piece {
  /** `hidden` stands for a character that cannot be seen, `match` for what the filter found. */
  readonly kind: 'text' | 'hidden' | 'match'
  readonly text: string
  /** Of a match: which of the terms. */
  readonly term?: number
}

/**
 * Controls (but the tab), soft hyphen, bidi marks and overrides, zero-width and invisible characters, line and
 * paragraph separators, the byte order mark, interlinear anchors, tags, variation selectors' supplement, and halves
 * of surrogate pairs.
 */
const hiddenPattern = new RegExp(
  [
    '[\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b-\\u200f',
    '\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb\\u{e0000}-\\u{e01ef}\\p{Surrogate}]',
  ].join(''),
  'gu',
)

/** The line's pieces in order. Only the first `lengthMax` characters; the caller says what was left out. */
export function piecesOf(line: string, filter: string, lengthMax: number): Piece[] {
  const pieces: Piece[] = []
  const cut = cutAt(line, lengthMax)
  const matches = matchesOf(cut, filter)
  let from = 0
  for (const match of matches) {
    pushText(pieces, cut.slice(from, match), 'text')
    pushText(pieces, cut.slice(match, match + filter.length), 'match')
    from = match + filter.length
  }
  pushText(pieces, cut.slice(from), 'text')
  return pieces
}

/** As piecesOf, with every term marked by its place; where two meet the earlier one wins. */
export function markedPieces(line: string, terms: readonly string[], lengthMax: number): Piece[] {
  const cut = cutAt(line, lengthMax)
  const found = terms
    .flatMap((term, place) => matchesOf(cut, term).map(at => ({ at, end: at + term.length, place })))
    .sort((a, b) => a.at - b.at || a.place - b.place)
  const pieces: Piece[] = []
  let from = 0
  for (const { at, end, place } of found) {
    if (at < from) continue
    pushText(pieces, cut.slice(from, at), 'text')
    const before = pieces.length
    pushText(pieces, cut.slice(at, end), 'match')
    for (let index = before; index < pieces.length; index += 1)
      if (pieces[index]!.kind === 'match') pieces[index] = { ...pieces[index]!, term: place }
    from = end
  }
  pushText(pieces, cut.slice(from), 'text')
  return pieces
}

const controlNames = (
  'NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI ' +
  'DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'
).split(' ')

/** `ESC` for controls, by their names (few fonts have their pictures); `U+202E` for the rest. */
function spellOut(character: string): string {
  const code = character.codePointAt(0)!
  if (code < 0x20) return controlNames[code]!
  if (code === 0x7f) return 'DEL'
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

/** As one string, for what can only be one: a tooltip, a label that is read out, a refusal's words. */
export function visibleText(text: string, lengthMax = Number.POSITIVE_INFINITY): string {
  return cutAt(text, lengthMax).replace(hiddenPattern, character => `‹${spellOut(character)}›`)
}

/** Never between the halves of a surrogate pair. */
export function cutAt(line: string, lengthMax: number): string {
  if (line.length <= lengthMax) return line
  const last = line.charCodeAt(lengthMax - 1)
  return line.slice(0, last >= 0xd800 && last <= 0xdbff ? lengthMax - 1 : lengthMax)
}

function pushText(pieces: Piece[], text: string, kind: 'text' | 'match'): void {
  let from = 0
  for (const found of text.matchAll(hiddenPattern)) {
    if (found.index > from) pieces.push({ kind, text: text.slice(from, found.index) })
    pieces.push({ kind: 'hidden', text: spellOut(found[0]) })
    from = found.index + found[0].length
  }
  if (from < text.length) pieces.push({ kind, text: text.slice(from) })
}

/** Where the filter occurs, without regard to case where folding keeps the length. */
function matchesOf(line: string, filter: string): number[] {
  if (filter === '') return []
  const folded = line.toLowerCase()
  const keepsLength = folded.length === line.length && filter.toLowerCase().length === filter.length
  const [hay, needle] = keepsLength ? [folded, filter.toLowerCase()] : ([line, filter] as const)
  const found: number[] = []
  for (let at = hay.indexOf(needle); at >= 0; at = hay.indexOf(needle, at + needle.length)) found.push(at)
  return found
}
