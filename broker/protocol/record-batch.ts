// The 61-byte header of a record batch (magic 2), read and stamped in place, and the checks a batch must pass.
// Functions on (buffer, where the batch starts); nothing is copied, records are not looked at. No I/O.
//
//    0 baseOffset i64        17 crc u32 over [21, end)     35 maxTimestamp i64     53 baseSequence i32
//    8 batchLength i32       21 attributes i16             43 producerId i64       57 recordCount i32
//   12 leaderEpoch i32       23 lastOffsetDelta i32        51 producerEpoch i16    61 records …
//   16 magic i8              27 baseTimestamp i64
//
// Only baseOffset and leaderEpoch are rewritten by a broker, and both lie outside the checksum; but for topics that
// keep the time of the append, which is in the header alone, maxTimestamp and one bit of the attributes are, too.
import { readInt64, writeInt64 } from './bytes.ts'
import { crc32c } from './crc32c.ts'
import type { ErrorName } from './errors.ts'

export const batchHeaderBytes = 61
/** baseOffset and batchLength come before what batchLength counts. */
const batchPrefixBytes = 12
const crcCoveredFrom = 21

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CodecName = (typeof codecs)[number]

export const attributeBits = {
  codecMask: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
} as const

/** The header's fields. An int64 that a number cannot hold exactly reads as NaN, which no check lets pass. */
export const batchView = {
  baseOffset: (buffer: Buffer, at: number): number => readInt64(buffer, at),
  batchLength: (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 8),
  /** Of the whole batch, its first 12 bytes included. */
  sizeInBytes: (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 8) + batchPrefixBytes,
  leaderEpoch: (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 12),
  magic: (buffer: Buffer, at: number): number => buffer.readInt8(at + 16),
  crc: (buffer: Buffer, at: number): number => buffer.readUInt32BE(at + 17),
  attributes: (buffer: Buffer, at: number): number => buffer.readInt16BE(at + 21),
  lastOffsetDelta: (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 23),
  lastOffset: (buffer: Buffer, at: number): number => readInt64(buffer, at) + buffer.readInt32BE(at + 23),
  baseTimestamp: (buffer: Buffer, at: number): number => readInt64(buffer, at + 27),
  maxTimestamp: (buffer: Buffer, at: number): number => readInt64(buffer, at + 35),
  producerId: (buffer: Buffer, at: number): number => readInt64(buffer, at + 43),
  producerEpoch: (buffer: Buffer, at: number): number => buffer.readInt16BE(at + 51),
  baseSequence: (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 53),
  /** Sequences wrap from 2^31 - 1 to 0, not to a negative number. */
  lastSequence: (buffer: Buffer, at: number): number =>
    (buffer.readInt32BE(at + 53) + buffer.readInt32BE(at + 23)) & 0x7fffffff,
  recordCount: (buffer: Buffer, at: number): number => buffer.readInt32BE(at + 57),
  /** Null for a codec number nobody has defined. */
  codec: (buffer: Buffer, at: number): CodecName | null =>
    codecs[buffer.readInt16BE(at + 21) & attributeBits.codecMask] ?? null,
  isTransactional: (buffer: Buffer, at: number): boolean =>
    (buffer.readInt16BE(at + 21) & attributeBits.transactional) !== 0,
  isControl: (buffer: Buffer, at: number): boolean =>
    (buffer.readInt16BE(at + 21) & attributeBits.control) !== 0,
  usesLogAppendTime: (buffer: Buffer, at: number): boolean =>
    (buffer.readInt16BE(at + 21) & attributeBits.logAppendTime) !== 0,
} as const

export function sizeInBytes(buffer: Buffer, at: number): number {
  return batchView.sizeInBytes(buffer, at)
}

/** Outside the checksum. */
export function setBaseOffset(buffer: Buffer, at: number, offset: number): void {
  writeInt64(buffer, at, offset)
}

/** Outside the checksum. */
export function setLeaderEpoch(buffer: Buffer, at: number, epoch: number): void {
  buffer.writeInt32BE(epoch, at + 12)
}

/**
 * What a broker writes into a batch that it appends. With a `logAppendTimeMs` of its own clock, and not -1, that is the
 * time of every record: the bit says so, and it lies where the newest record's time was. What the producer said stays
 * in baseTimestamp and the records, which are not touched; the checksum is made anew.
 */
export function stampBatch(
  batch: Buffer,
  baseOffset: number,
  leaderEpoch: number,
  logAppendTimeMs = -1,
): void {
  setBaseOffset(batch, 0, baseOffset)
  setLeaderEpoch(batch, 0, leaderEpoch)
  if (logAppendTimeMs < 0) return
  batch.writeInt16BE(batchView.attributes(batch, 0) | attributeBits.logAppendTime, 21)
  writeInt64(batch, 35, logAppendTimeMs)
  sealCrc(batch, 0)
}

/** Whether the stored checksum is that of the bytes. The batch must lie within the buffer: see batchEnd. */
export function checkCrc(buffer: Buffer, at: number): boolean {
  const end = at + batchView.sizeInBytes(buffer, at)
  return crc32c(buffer, at + crcCoveredFrom, end) === batchView.crc(buffer, at)
}

/** Writes the checksum of a batch that was built or changed inside. */
export function sealCrc(buffer: Buffer, at: number): void {
  const end = at + batchView.sizeInBytes(buffer, at)
  buffer.writeUInt32BE(crc32c(buffer, at + crcCoveredFrom, end), at + 17)
}

/**
 * Where the batch that starts at `at` ends, or -1 if it is not wholly before `limit` or too short to be one.
 * How a fetched run of batches is walked: its last one may be cut off, and that is no error.
 */
export function batchEnd(buffer: Buffer, at: number, limit: number): number {
  if (limit - at < batchHeaderBytes) return -1
  const end = at + batchView.sizeInBytes(buffer, at)
  return end - at < batchHeaderBytes || end > limit ? -1 : end
}

/**
 * Whether `[start, end)` begins with one sound batch: whole, magic 2, checksum right, offsets and times in range,
 * records counted. `end` may lie beyond the batch. For what was already accepted once: recovery, followers, readers.
 */
export function validateBatch(buffer: Buffer, start: number, end: number): ErrorName {
  const batchEndsAt = batchEnd(buffer, start, end)
  if (batchEndsAt < 0) return 'corruptMessage'
  if (batchView.magic(buffer, start) !== 2) return 'corruptMessage'
  if (!checkCrc(buffer, start)) return 'corruptMessage'
  if (!(batchView.baseOffset(buffer, start) >= 0) || batchView.lastOffsetDelta(buffer, start) < 0)
    return 'corruptMessage'
  if (batchView.recordCount(buffer, start) < 0) return 'corruptMessage'
  if (!hasReadableNumbers(buffer, start)) return 'corruptMessage'
  return 'none'
}

/** zstd came with Produce v7: an older producer must not smuggle it past consumers that cannot read it. */
const produceVersionWithZstd = 7

/**
 * What a broker demands of the records of one partition in a Produce request: exactly one batch, in the newest
 * format, with dense offsets from 0, made by a client. Order as in Kafka, so that clients see the codes they know.
 */
export function validateProducerBatch(records: Buffer | null, produceVersion = 13): ErrorName {
  if (records === null || records.length === 0) return 'invalidRecord'
  if (records.length < batchHeaderBytes) return 'corruptMessage'
  if (batchView.magic(records, 0) !== 2) return 'invalidRecord'
  const size = batchView.sizeInBytes(records, 0)
  if (size < batchHeaderBytes || size > records.length) return 'corruptMessage'
  if (size !== records.length) return 'invalidRecord'
  const codec = batchView.codec(records, 0)
  if (codec === null) return 'unsupportedCompressionType'
  if (codec === 'zstd' && produceVersion < produceVersionWithZstd) return 'unsupportedCompressionType'
  if (!checkCrc(records, 0)) return 'corruptMessage'
  if (batchView.baseOffset(records, 0) !== 0) return 'invalidRecord'
  const count = batchView.recordCount(records, 0)
  if (count <= 0 || count !== batchView.lastOffsetDelta(records, 0) + 1) return 'invalidRecord'
  if (batchView.isControl(records, 0)) return 'invalidRecord'
  if (!hasReadableNumbers(records, 0)) return 'invalidRecord'
  if (batchView.producerId(records, 0) >= 0 && batchView.baseSequence(records, 0) < 0) return 'invalidRecord'
  if (batchView.usesLogAppendTime(records, 0)) return 'invalidTimestamp'
  return 'none'
}

function hasReadableNumbers(buffer: Buffer, at: number): boolean {
  return (
    Number.isSafeInteger(batchView.baseTimestamp(buffer, at)) &&
    Number.isSafeInteger(batchView.maxTimestamp(buffer, at)) &&
    Number.isSafeInteger(batchView.producerId(buffer, at))
  )
}
