// What compaction leaves of one batch: the same bytes, a batch of fewer records at the same offsets, an empty header,
// or nothing. Offsets, producer and sequence numbers stay as they were; a batch with tombstones gets the time at
// which they may go (attribute bit 6, in place of the base timestamp). Pure.
import { Reader, writeInt64 } from '../protocol/bytes.ts'
import { compress, decompress } from '../protocol/compression.ts'
import { ProtocolError } from '../protocol/protocol-error.ts'
import { attributeBits, batchHeaderBytes, batchView, sealCrc } from '../protocol/record-batch.ts'
import { decompressedBytesMax } from '../protocol/record-walk.ts'
import { varlongSize, writeVarint, writeVarlong } from '../protocol/varint.ts'

export interface CleaningRules {
  readonly nowMs: number
  /** How long a tombstone stays once it has been seen by a cleaning. */
  readonly deleteRetentionMs: number
  /** Whether the key occurs again, later in what is being cleaned. */
  isSuperseded(key: Buffer, offset: number): boolean
  /** The header must stay, even without records: its producer's last, or its segment's. */
  isNeeded(batch: Buffer): boolean
}

/** Where a record lies, or what is to be kept of it. */
interface KeptRecord {
  readonly start: number
  readonly end: number
  /** From after the timestamp delta to the end: copied as it is. */
  readonly restStart: number
  readonly attributes: number
  readonly timestamp: number
}

/** The batch is one whole, sound batch. Returns it, another one, or null if nothing of it is to stay. */
export function cleanBatch(batch: Buffer, rules: CleaningRules): Buffer | null {
  // Markers of transactions are not written here; whoever copied a log with some keeps them.
  if (batchView.isControl(batch, 0)) return batch
  const count = batchView.recordCount(batch, 0)
  if (count === 0) return rules.isNeeded(batch) ? batch : null
  const codec = batchView.codec(batch, 0)
  if (codec === null) throw new ProtocolError('unknown codec in batch attributes', 21)
  const stored = batch.subarray(batchHeaderBytes)
  const records = codec === 'none' ? stored : decompress(codec, stored, decompressedBytesMax)
  const horizonMs = deleteHorizonOf(batch)
  const kept: KeptRecord[] = []
  let hasTombstones = false
  walk(records, batch, (offset, isTombstone, key, record) => {
    if (key === null || rules.isSuperseded(key, offset)) return
    if (isTombstone && horizonMs >= 0 && horizonMs <= rules.nowMs) return
    hasTombstones ||= isTombstone
    kept.push(record)
  })
  if (kept.length === 0) return rules.isNeeded(batch) ? emptied(batch) : null
  const needsHorizon = hasTombstones && horizonMs < 0
  if (kept.length === count && !needsHorizon) return batch
  const newHorizonMs = needsHorizon ? rules.nowMs + rules.deleteRetentionMs : horizonMs
  return rebuilt(batch, records, kept, newHorizonMs)
}

/** -1 if the batch has none. */
export function deleteHorizonOf(batch: Buffer): number {
  return (batchView.attributes(batch, 0) & attributeBits.deleteHorizon) !== 0
    ? batchView.baseTimestamp(batch, 0)
    : -1
}

type Visit = (offset: number, isTombstone: boolean, key: Buffer | null, record: KeptRecord) => void

function walk(records: Buffer, batch: Buffer, visit: Visit): void {
  const reader = new Reader(records)
  const baseOffset = batchView.baseOffset(batch, 0)
  const baseTimestamp = batchView.baseTimestamp(batch, 0)
  for (let i = batchView.recordCount(batch, 0); i > 0; i--) {
    const start = reader.position
    const length = reader.varint()
    const bodyStart = reader.take(length)
    const end = bodyStart + length
    reader.position = bodyStart
    const attributes = records[reader.take(1)]!
    const timestamp = baseTimestamp + reader.varlong()
    const restStart = reader.position
    const offset = baseOffset + reader.varint()
    const keyLength = reader.varint()
    const keyStart = keyLength < 0 ? -1 : reader.take(keyLength)
    const isTombstone = reader.varint() < 0
    if (reader.position > end) throw new ProtocolError('record longer than its length', start)
    const key = keyStart < 0 ? null : records.subarray(keyStart, keyStart + keyLength)
    visit(offset, isTombstone, key, { start, end, restStart, attributes, timestamp })
    reader.position = end
  }
}

function rebuilt(batch: Buffer, records: Buffer, kept: readonly KeptRecord[], horizonMs: number): Buffer {
  const baseTimestamp = horizonMs >= 0 ? horizonMs : batchView.baseTimestamp(batch, 0)
  const isSameBase = baseTimestamp === batchView.baseTimestamp(batch, 0)
  const body = isSameBase
    ? Buffer.concat(kept.map(({ start, end }) => records.subarray(start, end)))
    : Buffer.concat(kept.flatMap(record => rebased(records, record, baseTimestamp)))
  const whole = compress(batchView.codec(batch, 0)!, body, batchHeaderBytes)
  copyHeader(batch, whole)
  let maxTimestamp = kept[0]!.timestamp
  for (const { timestamp } of kept) if (timestamp > maxTimestamp) maxTimestamp = timestamp
  if (horizonMs >= 0) whole.writeInt16BE(batchView.attributes(batch, 0) | attributeBits.deleteHorizon, 21)
  writeInt64(whole, 27, baseTimestamp)
  if (!batchView.usesLogAppendTime(batch, 0)) writeInt64(whole, 35, maxTimestamp)
  whole.writeInt32BE(kept.length, 57)
  sealCrc(whole, 0)
  return whole
}

/** The record with its time counted from another base. */
function rebased(records: Buffer, record: KeptRecord, baseTimestamp: number): Buffer[] {
  const delta = record.timestamp - baseTimestamp
  const rest = records.subarray(record.restStart, record.end)
  const front = Buffer.allocUnsafe(16)
  let at = writeVarint(front, 0, 1 + varlongSize(delta) + rest.length)
  front[at++] = record.attributes
  at = writeVarlong(front, at, delta)
  return [front.subarray(0, at), rest]
}

/** As Kafka writes it: no codec, no base timestamp, and the largest timestamp of what was there. */
function emptied(batch: Buffer): Buffer {
  const header = Buffer.alloc(batchHeaderBytes)
  copyHeader(batch, header)
  const keptBits = ~(attributeBits.codecMask | attributeBits.deleteHorizon)
  header.writeInt16BE(batchView.attributes(batch, 0) & keptBits, 21)
  writeInt64(header, 27, -1)
  header.writeInt32BE(0, 57)
  sealCrc(header, 0)
  return header
}

function copyHeader(from: Buffer, to: Buffer): void {
  from.copy(to, 0, 0, batchHeaderBytes)
  to.writeInt32BE(to.length - 12, 8)
}
