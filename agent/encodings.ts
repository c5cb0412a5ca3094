// How bytes of a file become UTF-8: which encodings may be declared, which a byte order mark gives away, and where a
// line ends in each. Positions stay bytes of the source. Pure.

/** What ends a line: one byte, or two at an even place of the file. */
export type LineBreak = 'byte' | 'utf-16le' | 'utf-16be'

/** In all of these a newline is one byte that is part of no other character. */
const byteEncodings: readonly string[] = [
  'latin1',
  'iso-8859-1',
  'iso-8859-2',
  'iso-8859-5',
  'iso-8859-7',
  'iso-8859-15',
  'windows-1250',
  'windows-1251',
  'windows-1252',
  'windows-1253',
  'windows-1254',
  'koi8-r',
  'koi8-u',
  'shift_jis',
  'euc-jp',
  'euc-kr',
  'gbk',
  'gb18030',
  'big5',
]

/** `utf-8` is read as it is. */
export const encodings: readonly string[] = ['utf-8', 'utf-16le', 'utf-16be', ...byteEncodings]

export function lineBreakOf(encoding: string | null): LineBreak {
  return encoding === 'utf-16le' || encoding === 'utf-16be' ? encoding : 'byte'
}

/** By the byte order mark at the very start of a file; null for UTF-8 and for everything without one. */
export function sniffEncoding(first: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  if (first[0] === 0xff && first[1] === 0xfe) return 'utf-16le'
  return first[0] === 0xfe && first[1] === 0xff ? 'utf-16be' : null
}

/** Where the newline from `from` on begins, or -1; `position` is where `from` lies in the file. */
export function findBreak(
  bytes: Buffer,
  from: number,
  end: number,
  position: number,
  lineBreak: LineBreak,
): number {
  const pad = lineBreak === 'utf-16be' ? 1 : 0
  for (let at = bytes.indexOf(0x0a, from); at >= 0 && at < end; at = bytes.indexOf(0x0a, at + 1)) {
    if (lineBreak === 'byte') return at
    const first = at - pad
    const isAligned = first >= from && (position + first - from) % 2 === 0
    if (isAligned && first + 2 <= end && bytes[first + 1 - pad] === 0) return first
  }
  return -1
}

export function breakBytes(lineBreak: LineBreak): number {
  return lineBreak === 'byte' ? 1 : 2
}

const decoders = new Map<string, TextDecoder>()

/** The bytes as UTF-8, without a byte order mark; what is no character becomes U+FFFD. */
export function toUtf8(bytes: Buffer, start: number, end: number, encoding: string): Buffer {
  let decoder = decoders.get(encoding)
  if (!decoder) {
    // The mark is taken off at the start of every record: elsewhere it is a character without a width.
    decoder = new TextDecoder(encoding)
    decoders.set(encoding, decoder)
  }
  return Buffer.from(decoder.decode(bytes.subarray(start, end)), 'utf8')
}
