// Builds record batches straight from bytes: each record is written once into a buffer that is reused from batch
// to batch, then compressed as a whole. No object per record, no I/O.
import { writeInt64 } from './bytes.ts'
import { compress } from './compression.ts'
import { batchHeaderBytes, type CodecName, codecs, sealCrc } from './record-batch.ts'
import { noHeaders } from './record-headers.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

export interface BatchOptions {
  readonly codec: CodecName
  /** Of an idempotent producer; -1 (the default) for none. */
  readonly producerId?: number
  readonly epoch?: number
  /** The producer's sequence number of the first record. */
  readonly sequence?: number
}

/** Where a builder's bytes lie. What it has taken it gives back, but for the memory of a batch that it hands out. */
export interface BatchMemory {
  /** At least that much, not cleared. */
  take(bytes: number): Buffer
  give(memory: Buffer): void
}

/** Length, attributes, timestamp delta, offset delta, key and value lengths, at their longest. */
const recordOverheadMax = 5 + 1 + 10 + 5 + 5 + 5
const nothing = Buffer.alloc(0)

export class BatchBuilder {
  #buffer: Buffer
  #position = batchHeaderBytes
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0
  readonly #memory: BatchMemory | null

  /** With memory of somebody else's it holds none while it is empty; without it keeps what it once needed. */
  constructor(memory: number | BatchMemory = 64 * 1024) {
    this.#memory = typeof memory === 'number' ? null : memory
    this.#buffer =
      typeof memory === 'number'
        ? Buffer.allocUnsafeSlow(Math.max(memory, batchHeaderBytes + recordOverheadMax))
        : nothing
  }

  get recordCount(): number {
    return this.#count
  }

  /** Bytes so far, header included, before compression. */
  get sizeInBytes(): number {
    return this.#position
  }

  /** Bytes of memory that it keeps from others. */
  get heldBytes(): number {
    return this.#buffer.length
  }

  /**
   * Adds a record. The value is `value[valueStart, valueEnd)`, so that a line goes in from the chunk it was read
   * in; null is a tombstone. `headers` come from encodeHeaders or PositionHeaders. All bytes are copied here.
   */
  append(
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: Uint8Array = noHeaders,
    timestamp = 0,
    valueStart = 0,
    valueEnd = value === null ? 0 : value.length,
  ): void {
    if (this.#count === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const keyLength = key === null ? -1 : key.length
    const valueLength = value === null ? -1 : valueEnd - valueStart
    const timestampDelta = timestamp - this.#baseTimestamp
    const bodyLength =
      1 +
      varlongSize(timestampDelta) +
      varintSize(this.#count) +
      varintSize(keyLength) +
      Math.max(keyLength, 0) +
      varintSize(valueLength) +
      Math.max(valueLength, 0) +
      headers.length
    this.#reserve(bodyLength + 5)
    const buffer = this.#buffer
    let at = writeVarint(buffer, this.#position, bodyLength)
    buffer[at++] = 0
    at = writeVarlong(buffer, at, timestampDelta)
    at = writeVarint(buffer, at, this.#count)
    at = writeVarint(buffer, at, keyLength)
    if (key !== null) at = put(buffer, at, key, 0, keyLength)
    at = writeVarint(buffer, at, valueLength)
    if (value !== null) at = put(buffer, at, value, valueStart, valueEnd)
    this.#position = put(buffer, at, headers, 0, headers.length)
    this.#count++
  }

  /** The batch, in memory of its own, or taken from where the builder takes it; the builder is empty again. */
  build(options: BatchOptions): Buffer {
    if (this.#count === 0) throw new TypeError('Cannot build a batch: it has no records')
    const batch = this.#compressed(options.codec)
    this.#writeHeader(batch, options)
    this.clear()
    return batch
  }

  #compressed(codec: CodecName): Buffer {
    const records = this.#buffer.subarray(batchHeaderBytes, this.#position)
    const memory = this.#memory
    if (memory === null) return compress(codec, records, batchHeaderBytes)
    const whole = this.#buffer
    this.#buffer = nothing
    // Where it was written it may stay.
    if (codec === 'none') return whole.subarray(0, this.#position)
    const batch = compress(codec, records, batchHeaderBytes, bytes => memory.take(bytes).subarray(0, bytes))
    memory.give(whole)
    return batch
  }

  /** Drops what was appended. */
  clear(): void {
    if (this.#memory !== null && this.#buffer !== nothing) {
      this.#memory.give(this.#buffer)
      this.#buffer = nothing
    }
    this.#position = batchHeaderBytes
    this.#count = 0
  }

  #writeHeader(batch: Buffer, options: BatchOptions): void {
    writeInt64(batch, 0, 0)
    batch.writeInt32BE(batch.length - 12, 8)
    batch.writeInt32BE(-1, 12)
    batch.writeInt8(2, 16)
    batch.writeInt16BE(codecs.indexOf(options.codec), 21)
    batch.writeInt32BE(this.#count - 1, 23)
    writeInt64(batch, 27, this.#baseTimestamp)
    writeInt64(batch, 35, this.#maxTimestamp)
    writeInt64(batch, 43, options.producerId ?? -1)
    batch.writeInt16BE(options.epoch ?? -1, 51)
    batch.writeInt32BE(options.sequence ?? -1, 53)
    batch.writeInt32BE(this.#count, 57)
    sealCrc(batch, 0)
  }

  #reserve(length: number): void {
    const end = this.#position + length
    if (end <= this.#buffer.length) return
    const memory = this.#memory
    const grown = memory ? memory.take(end) : Buffer.allocUnsafeSlow(Math.max(end, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#position)
    if (memory !== null && this.#buffer !== nothing) memory.give(this.#buffer)
    this.#buffer = grown
  }
}

/** Stamps sequence and producer on a batch that was built before they were known, and seals it again. */
export function stampProducer(batch: Buffer, producerId: number, epoch: number, sequence: number): void {
  writeInt64(batch, 43, producerId)
  batch.writeInt16BE(epoch, 51)
  batch.writeInt32BE(sequence, 53)
  sealCrc(batch, 0)
}

/** Below this a loop beats the call into native copy. */
const loopBytesMax = 24

function put(target: Buffer, at: number, source: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length <= loopBytesMax) for (let i = 0; i < length; i++) target[at + i] = source[start + i]!
  else if (source instanceof Buffer) source.copy(target, at, start, end)
  else target.set(source.subarray(start, end), at)
  return at + length
}
