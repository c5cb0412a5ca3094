// A log held in memory for tests of this room: batches as a broker would store them, and a fetch loop that hands them
// out when told to. No sockets, no clock.
import type { FetchHandler } from '../../broker/client/fetcher.ts'
import { BatchBuilder } from '../../broker/protocol/batch-builder.ts'
import { type CodecName, setBaseOffset } from '../../broker/protocol/record-batch.ts'
import { encodeHeaders } from '../../broker/protocol/record-headers.ts'
import type { FetchControl } from './fetch-control.ts'

export interface TestRecord {
  readonly line: string | Buffer
  readonly timestampMs: number
  /** Absent for producers that say nothing. */
  readonly src?: string
  readonly pos?: number
  readonly format?: string
  readonly key?: string
  readonly extra?: readonly (readonly [string, string])[]
}

interface Batch {
  readonly base: number
  readonly last: number
  readonly bytes: Buffer
}

export class MemoryLog {
  readonly #batches = new Map<string, Batch[]>()
  readonly #ends = new Map<string, number>()
  readonly #starts = new Map<string, number>()

  produce(topic: string, partition: number, records: readonly TestRecord[], codec: CodecName = 'none'): void {
    const builder = new BatchBuilder()
    for (const record of records) {
      const pairs: [string, string][] = []
      if (record.src !== undefined) pairs.push(['src', record.src])
      if (record.pos !== undefined) pairs.push(['pos', String(record.pos)])
      if (record.format !== undefined) pairs.push(['format', record.format])
      for (const [name, value] of record.extra ?? []) pairs.push([name, value])
      const key = Buffer.from(record.key ?? '0123456789abcdef')
      builder.append(key, Buffer.from(record.line), encodeHeaders(pairs), record.timestampMs)
    }
    this.append(topic, partition, builder.build({ codec }), records.length)
  }

  /** A batch as it is, sound or not, taking `count` offsets. */
  append(topic: string, partition: number, bytes: Buffer, count: number): void {
    const name = `${topic}/${partition}`
    const base = this.end(topic, partition)
    setBaseOffset(bytes, 0, base)
    const batches = this.#batches.get(name) ?? []
    batches.push({ base, last: base + count - 1, bytes })
    this.#batches.set(name, batches)
    this.#ends.set(name, base + count)
  }

  /** Offsets that nothing lies at, as a compacted log has. */
  skip(topic: string, partition: number, count: number): void {
    this.#ends.set(`${topic}/${partition}`, this.end(topic, partition) + count)
  }

  /** What retention does. */
  dropBefore(topic: string, partition: number, offset: number): void {
    const name = `${topic}/${partition}`
    this.#batches.set(
      name,
      this.#batches.get(name)!.filter(batch => batch.last >= offset),
    )
    this.#starts.set(name, offset)
  }

  start(topic: string, partition: number): number {
    return this.#starts.get(`${topic}/${partition}`) ?? 0
  }

  end(topic: string, partition: number): number {
    return this.#ends.get(`${topic}/${partition}`) ?? 0
  }

  from(topic: string, partition: number, offset: number, batchesMax: number): Buffer {
    const batches = (this.#batches.get(`${topic}/${partition}`) ?? []).filter(batch => batch.last >= offset)
    return Buffer.concat(batches.slice(0, batchesMax).map(batch => batch.bytes))
  }

  /** The last offset of what `from` returns. */
  lastOf(topic: string, partition: number, offset: number, batchesMax: number): number {
    const batches = (this.#batches.get(`${topic}/${partition}`) ?? []).filter(batch => batch.last >= offset)
    return batches.slice(0, batchesMax).at(-1)?.last ?? offset - 1
  }
}

/** Positions and a pump: `turn` hands over one answer per partition, as a fetch would. */
export class MemoryLoop implements FetchControl {
  readonly #log: MemoryLog
  readonly #ingest: FetchHandler
  readonly #positions = new Map<
    string,
    { topic: string; partition: number; offset: number; parked: boolean }
  >()
  paused = false

  constructor(log: MemoryLog, ingest: FetchHandler) {
    this.#log = log
    this.#ingest = ingest
  }

  seek(topic: string, partition: number, offset: number): void {
    this.#positions.set(`${topic}/${partition}`, { topic, partition, offset, parked: false })
  }

  remove(topic: string, partition: number): void {
    this.#positions.delete(`${topic}/${partition}`)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  isReading(topic: string, partition: number): boolean {
    return this.#positions.has(`${topic}/${partition}`)
  }

  /** False when there was nothing to hand over. */
  turn(batchesMax = 3): boolean {
    let progress = false
    for (const position of [...this.#positions.values()]) {
      const { topic, partition, offset } = position
      if (position.parked || this.#positions.get(`${topic}/${partition}`) !== position) continue
      const start = this.#log.start(topic, partition)
      const end = this.#log.end(topic, partition)
      if (offset < start || offset > end) {
        position.parked = true
        progress = true
        this.#ingest.onOffsetOutOfRange(topic, partition, offset, start, end)
        continue
      }
      const bytes = this.#log.from(topic, partition, offset, batchesMax)
      if (bytes.length === 0) continue
      progress = true
      position.offset = this.#log.lastOf(topic, partition, offset, batchesMax) + 1
      const from = { highWatermark: end, logStartOffset: start, nextOffset: position.offset }
      this.#ingest.onBatches(topic, partition, bytes, from)
    }
    return progress
  }
}
