// The five codecs of record batches. Decompression is bounded before memory is spent: other people's producers send
// these bytes. zstd contexts are kept, because making one costs more than compressing a small batch. No I/O.
import { createRequire } from 'node:module'
import { gunzipSync, gzipSync } from 'node:zlib'
import { Reader } from './bytes.ts'
import { lz4FrameSizeAtMost } from './lz4-frame.ts'
import { ProtocolError } from './protocol-error.ts'
import type { CodecName } from './record-batch.ts'

const require = createRequire(import.meta.url)

/** Loaded when first used: 20 MB and 50 ms that a broker, which keeps batches as they came, hardly ever needs. */
const lz4 = lazy(() => require('lz4-napi') as typeof import('lz4-napi'))
const snappy = lazy(() => require('snappy') as typeof import('snappy'))
const zstd = lazy(() => {
  const binding = require('zstd-napi/binding.js') as typeof import('zstd-napi/binding.js')
  return { binding, compressor: new binding.CCtx(), decompressor: new binding.DCtx() }
})

function lazy<T>(load: () => T): () => T {
  let loaded: T | undefined
  return () => {
    loaded ??= load()
    return loaded
  }
}

/** On access logs level 3 gains nothing over level 1. */
const zstdLevel = 1

/**
 * The compressed bytes, in memory of their own, after `headroom` bytes left for the caller to fill: a batch is
 * compressed to where it will lie. `allocate` gives a buffer of exactly that length.
 */
export function compress(codec: CodecName, source: Buffer, headroom = 0, allocate = allocateSlow): Buffer {
  switch (codec) {
    case 'none':
      return withHeadroom(allocate, headroom, source)
    case 'gzip':
      return withHeadroom(allocate, headroom, gzipSync(source))
    case 'snappy':
      return withHeadroom(allocate, headroom, ...xerialBlocks(source))
    case 'lz4':
      return withHeadroom(allocate, headroom, lz4().compressFrameSync(source))
    case 'zstd':
      return zstdCompress(source, headroom, allocate)
  }
}

/** The original bytes. More than `limitBytes` of them, or anything the codec cannot read, is a ProtocolError. */
export function decompress(codec: CodecName, source: Buffer, limitBytes: number): Buffer {
  try {
    switch (codec) {
      case 'none':
        return bounded(source, limitBytes)
      case 'gzip':
        return gunzipSync(source, { maxOutputLength: Math.max(1, limitBytes) })
      case 'snappy':
        return snappyDecompress(source, limitBytes)
      case 'lz4':
        lz4FrameSizeAtMost(source, limitBytes)
        return bounded(lz4().decompressFrameSync(source), limitBytes)
      case 'zstd':
        return zstdDecompress(source, limitBytes)
    }
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    throw new ProtocolError(`${codec}: ${(error as Error).message}`, 0, { cause: error })
  }
}

function allocateSlow(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes)
}

function withHeadroom(allocate: typeof allocateSlow, headroom: number, ...pieces: Buffer[]): Buffer {
  const length = pieces.reduce((sum, piece) => sum + piece.length, headroom)
  const whole = allocate(length)
  let at = headroom
  for (const piece of pieces) at += piece.copy(whole, at)
  return whole
}

function bounded(bytes: Buffer, limitBytes: number): Buffer {
  if (bytes.length > limitBytes) throw tooLarge(bytes.length, limitBytes)
  return bytes
}

function tooLarge(sizeInBytes: number, limitBytes: number): ProtocolError {
  return new ProtocolError(`decompresses to ${sizeInBytes} bytes or more, ${limitBytes} allowed`, 0)
}

// ---- zstd

let scratch = Buffer.alloc(0)

function zstdCompress(source: Buffer, headroom: number, allocate: typeof allocateSlow): Buffer {
  // Into scratch of the worst-case size, then out in exactly what it took: the result may be kept for a while.
  const { binding, compressor } = zstd()
  const worstCase = binding.compressBound(source.length)
  if (scratch.length < worstCase) scratch = Buffer.allocUnsafeSlow(worstCase)
  const length = compressor.compress(scratch, source, zstdLevel)
  return withHeadroom(allocate, headroom, scratch.subarray(0, length))
}

function zstdDecompress(source: Buffer, limitBytes: number): Buffer {
  const claimed = zstdContentSize(source)
  if (claimed === null) return zstdDecompressUnknown(source, limitBytes)
  if (claimed > limitBytes) throw tooLarge(claimed, limitBytes)
  const target = Buffer.allocUnsafeSlow(claimed)
  return target.subarray(0, zstd().decompressor.decompress(target, source))
}

/** What the frames say they hold together; null where one does not say, as with producers that stream. */
function zstdContentSize(source: Buffer): number | null {
  const { binding } = zstd()
  let total = 0
  for (let rest = source; rest.length > 0; ) {
    const size = binding.getFrameContentSize(rest)
    if (size === null) return null
    total += size
    rest = rest.subarray(binding.findFrameCompressedSize(rest))
  }
  return total
}

function zstdDecompressUnknown(source: Buffer, limitBytes: number): Buffer {
  // One byte more than allowed, so that a bomb is seen by what it produced.
  const { binding, decompressor } = zstd()
  const mostBytes = limitBytes + 1
  let target = Buffer.allocUnsafeSlow(Math.min(mostBytes, Math.max(64 * 1024, source.length * 4)))
  let produced = 0
  let consumed = 0
  try {
    for (;;) {
      const [hint, wrote, read] = decompressor.decompressStream(
        target.subarray(produced),
        source.subarray(consumed),
      )
      produced += wrote
      consumed += read
      if (produced > limitBytes) throw tooLarge(produced, limitBytes)
      if (consumed === source.length && hint === 0) return target.subarray(0, produced)
      if (produced === target.length) {
        const grown = Buffer.allocUnsafeSlow(Math.min(mostBytes, target.length * 2))
        target.copy(grown)
        target = grown
      } else if (consumed === source.length) throw new ProtocolError('zstd frame is cut off', source.length)
    }
  } finally {
    decompressor.reset(binding.ResetDirective.sessionOnly)
  }
}

// ---- snappy

/** Java frames snappy: this header, then blocks of a 4-byte length and raw snappy. Others may send raw snappy. */
const xerialHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const xerialMagic = xerialHeader.subarray(0, 8)
const xerialBlockBytes = 32 * 1024

function xerialBlocks(source: Buffer): Buffer[] {
  const pieces: Buffer[] = [xerialHeader]
  for (let at = 0; at < source.length; at += xerialBlockBytes) {
    const block = snappy().compressSync(source.subarray(at, at + xerialBlockBytes))
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    pieces.push(length, block)
  }
  return pieces
}

function snappyDecompress(source: Buffer, limitBytes: number): Buffer {
  if (!source.subarray(0, xerialMagic.length).equals(xerialMagic)) return snappyBlock(source, limitBytes)
  const reader = new Reader(source, Math.min(xerialHeader.length, source.length))
  const pieces: Buffer[] = []
  let total = 0
  while (reader.remaining > 0) {
    const piece = snappyBlock(reader.bytes(reader.int32()), limitBytes - total)
    total += piece.length
    pieces.push(piece)
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

/** A raw block begins with its uncompressed length, which is checked before the library allocates it. */
function snappyBlock(block: Buffer, limitBytes: number): Buffer {
  const claimed = new Reader(block).uvarint()
  if (claimed > limitBytes) throw tooLarge(claimed, limitBytes)
  return snappy().uncompressSync(block, { asBuffer: true }) as Buffer
}
