// How large an LZ4 frame's content is, found without decompressing it: the library that decompresses has no bound
// of its own, and a megabyte of LZ4 can hold 255. Pure.
import { ProtocolError } from './protocol-error.ts'

const magic = 0x184d2204
const uncompressedBit = 0x80000000
const flags = { dictionaryId: 0x01, contentChecksum: 0x04, contentSize: 0x08, blockChecksum: 0x10 } as const

/** Throws a ProtocolError unless `source` is exactly one LZ4 frame of at most `limitBytes` content. */
export function lz4FrameSizeAtMost(source: Buffer, limitBytes: number): void {
  // Blocks hold at most their declared maximum: enough to clear nearly every frame without looking inside.
  if (frameSize(source, false) > limitBytes) {
    const exact = frameSize(source, true)
    if (exact > limitBytes)
      throw new ProtocolError(`decompresses to ${exact} bytes, ${limitBytes} allowed`, 0)
  }
}

function frameSize(source: Buffer, exactly: boolean): number {
  need(source, 0, 7)
  if (source.readUInt32LE(0) !== magic) throw new ProtocolError('not an LZ4 frame', 0)
  const flag = source[4]!
  if (flag >> 6 !== 1) throw new ProtocolError(`LZ4 frame version ${flag >> 6}`, 4)
  const sizeCode = (source[5]! >> 4) & 7
  if (sizeCode < 4) throw new ProtocolError(`LZ4 block size code ${sizeCode}`, 5)
  const blockBytesMax = 1 << (8 + 2 * sizeCode)
  const blockTrailer = flag & flags.blockChecksum ? 4 : 0
  let at = 7 + (flag & flags.contentSize ? 8 : 0) + (flag & flags.dictionaryId ? 4 : 0)
  let total = 0
  for (;;) {
    need(source, at, 4)
    const header = source.readUInt32LE(at)
    at += 4
    if (header === 0) break
    const length = header & ~uncompressedBit
    need(source, at, length + blockTrailer)
    if (header >>> 31 === 1) total += length
    else total += exactly ? blockSize(source, at, at + length) : blockBytesMax
    at += length + blockTrailer
  }
  if (flag & flags.contentChecksum) at += 4
  if (at !== source.length) throw new ProtocolError('LZ4 frame does not end where its bytes do', at)
  return total
}

/** Walks a block's sequences: literals and matches, lengths only. */
function blockSize(source: Buffer, start: number, end: number): number {
  let at = start
  let total = 0
  while (at < end) {
    const token = source[at++]!
    let literals = token >> 4
    if (literals === 15) {
      let more: number
      do {
        more = at < end ? source[at++]! : 0
        literals += more
      } while (more === 255)
    }
    at += literals
    total += literals
    if (at >= end) break
    at += 2
    let match = (token & 15) + 4
    if (match === 19) {
      let more: number
      do {
        more = at < end ? source[at++]! : 0
        match += more
      } while (more === 255)
    }
    total += match
  }
  return total
}

function need(source: Buffer, at: number, length: number): void {
  if (length > source.length - at) throw new ProtocolError('LZ4 frame is cut off', at)
}
