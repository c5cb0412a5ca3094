// Walks the records of a batch in place: numbers into one buffer, no object per record. Decompresses first if need
// be, within a bound. Anything that does not add up is a ProtocolError. No I/O.
import { Reader } from './bytes.ts'
import { decompress } from './compression.ts'
import { ProtocolError } from './protocol-error.ts'
import { batchHeaderBytes, batchView } from './record-batch.ts'

/**
 * Called per record with where its parts lie in `buffer`. A null key or value is -1 to -1. The buffer is the batch's
 * own or, when it was compressed, the decompressed records; it is never reused, so views of it may be kept.
 * Return false to stop early.
 */
export type RecordVisitor = (
  offset: number,
  timestamp: number,
  buffer: Buffer,
  keyStart: number,
  keyEnd: number,
  valueStart: number,
  valueEnd: number,
  headersStart: number,
  headerCount: number,
) => unknown

/** A batch of Kafka's default size (1 MiB) that decompresses beyond this is a bomb, not logs. */
export const decompressedBytesMax = 256 * 1024 * 1024

/** The batch must be one whole batch (see batchEnd) and have passed validateBatch. Returns the records visited. */
export function walkRecords(
  batch: Buffer,
  visitor: RecordVisitor,
  limitBytes = decompressedBytesMax,
): number {
  const codec = batchView.codec(batch, 0)
  if (codec === null) throw new ProtocolError('unknown codec in batch attributes', 21)
  const stored = batch.subarray(batchHeaderBytes, batchView.sizeInBytes(batch, 0))
  const reader = new Reader(codec === 'none' ? stored : decompress(codec, stored, limitBytes))
  const baseOffset = batchView.baseOffset(batch, 0)
  const baseTimestamp = batchView.baseTimestamp(batch, 0)
  const count = batchView.recordCount(batch, 0)
  // Under LogAppendTime the broker's clock, kept once in the header, is every record's time.
  const appendTime = batchView.usesLogAppendTime(batch, 0) ? batchView.maxTimestamp(batch, 0) : null
  const limit = reader.end
  for (let i = 0; i < count; i++) {
    const length = reader.varint()
    const start = reader.take(length)
    const end = start + length
    // Every read below is checked against this record's own end, so a lying length cannot reach the next one.
    reader.position = start
    reader.end = end
    reader.take(1)
    const timestamp = baseTimestamp + reader.varlong()
    const offset = baseOffset + reader.varint()
    const keyLength = reader.varint()
    const keyStart = keyLength < 0 ? -1 : reader.take(keyLength)
    const valueLength = reader.varint()
    const valueStart = valueLength < 0 ? -1 : reader.take(valueLength)
    const headerCount = reader.varint()
    if (headerCount < 0 || headerCount * 2 > end - reader.position)
      throw new ProtocolError(`${headerCount} headers in ${end - reader.position} bytes`, reader.position)
    const more = visitor(
      offset,
      appendTime ?? timestamp,
      reader.buffer,
      keyStart,
      keyLength < 0 ? -1 : keyStart + keyLength,
      valueStart,
      valueLength < 0 ? -1 : valueStart + valueLength,
      reader.position,
      headerCount,
    )
    if (more === false) return i + 1
    reader.position = end
    reader.end = limit
  }
  if (reader.remaining !== 0)
    throw new ProtocolError(`${reader.remaining} bytes after the last record`, reader.position)
  return count
}
