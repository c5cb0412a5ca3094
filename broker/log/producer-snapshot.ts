// Kafka's .snapshot file: producer state up to the offset in its name, so that recovery need not read the whole
// log. Version int16 = 1, CRC-32C uint32 of all that follows, count int32, then 46 bytes a row.
// We write up to five rows a producer, oldest first, where Kafka writes one: whoever loads rows into a map keeps the
// newest, and we get back the full window, so that every batch in flight across a restart is still recognised.
// Pure.
import { readInt64, writeInt64 } from '../protocol/bytes.ts'
import { crc32c } from '../protocol/crc32c.ts'
import type { ProducerBatch } from './producer-state.ts'

const version = 1
const crcAt = 2
const coveredFrom = 6
const headerBytes = 10
const rowBytes = 46
const noTransaction = -1

export function formatProducerSnapshot(batches: readonly ProducerBatch[]): Buffer {
  const bytes = Buffer.alloc(headerBytes + batches.length * rowBytes)
  bytes.writeInt16BE(version, 0)
  bytes.writeInt32BE(batches.length, coveredFrom)
  batches.forEach((batch, index) => {
    const at = headerBytes + index * rowBytes
    writeInt64(bytes, at, batch.producerId)
    bytes.writeInt16BE(batch.epoch, at + 8)
    bytes.writeInt32BE(batch.lastSequence, at + 10)
    writeInt64(bytes, at + 14, batch.lastOffset)
    bytes.writeInt32BE(batch.offsetDelta, at + 22)
    writeInt64(bytes, at + 26, batch.appendMs)
    bytes.writeInt32BE(-1, at + 34) // coordinator epoch
    writeInt64(bytes, at + 38, noTransaction)
  })
  bytes.writeUInt32BE(crc32c(bytes, coveredFrom), crcAt)
  return bytes
}

/** Null when it is torn or not ours: an older snapshot and a longer replay give the same state. */
export function parseProducerSnapshot(bytes: Buffer): ProducerBatch[] | null {
  if (bytes.length < headerBytes || bytes.readInt16BE(0) !== version) return null
  if (bytes.readUInt32BE(crcAt) !== crc32c(bytes, coveredFrom)) return null
  const count = bytes.readInt32BE(coveredFrom)
  if (bytes.length !== headerBytes + count * rowBytes) return null
  return Array.from({ length: count }, (_, index) => {
    const at = headerBytes + index * rowBytes
    return {
      producerId: readInt64(bytes, at),
      epoch: bytes.readInt16BE(at + 8),
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset: readInt64(bytes, at + 14),
      offsetDelta: bytes.readInt32BE(at + 22),
      appendMs: readInt64(bytes, at + 26),
    }
  })
}
