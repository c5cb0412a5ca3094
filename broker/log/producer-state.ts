// Exact deduplication of idempotent producers: the last five batches of every producer id. Pure, no clock.
// A retry of one of the five answers with the offsets it got the first time; anything else must follow on,
// sequence by sequence. Kafka: ProducerAppendInfo.checkSequence, ProducerStateEntry.findDuplicateBatch.
import assert from 'node:assert/strict'

/** As many as a client may have in flight on one connection: more retries than these cannot be waiting. */
const batchesRetained = 5
const sequenceMax = 0x7fffffff

export type SequenceCheck = 'append' | 'duplicate' | 'outOfOrderSequenceNumber' | 'invalidProducerEpoch'

/** One row of a snapshot: a batch of a producer. Up to five a producer, oldest first, so that the last one wins. */
export interface ProducerBatch {
  readonly producerId: number
  readonly epoch: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  /** When the broker appended it: its own clock, since a producer's timestamps may be years old. */
  readonly appendMs: number
}

interface Producer {
  epoch: number
  /** Rings of five; the newest at `(count - 1) % 5`. */
  count: number
  readonly lastSequences: Int32Array
  readonly offsetDeltas: Int32Array
  readonly lastOffsets: Float64Array
  appendMs: number
}

export class ProducerState {
  #producers = new Map<number, Producer>()
  /** After a check that said `duplicate`: the last offset of the original. */
  duplicateLastOffset = -1

  get size(): number {
    return this.#producers.size
  }

  /** What to do with a batch. A producer that is not known may start anywhere: its state may have expired. */
  check(producerId: number, epoch: number, baseSequence: number, offsetDelta: number): SequenceCheck {
    const producer = this.#producers.get(producerId)
    if (!producer) return 'append'
    if (epoch < producer.epoch) return 'invalidProducerEpoch'
    if (epoch > producer.epoch) return baseSequence === 0 ? 'append' : 'outOfOrderSequenceNumber'
    const lastSequence = sequenceAfter(baseSequence, offsetDelta)
    for (let i = Math.max(0, producer.count - batchesRetained); i < producer.count; i++) {
      const at = i % batchesRetained
      if (producer.lastSequences[at] === lastSequence && producer.offsetDeltas[at] === offsetDelta) {
        this.duplicateLastOffset = producer.lastOffsets[at]!
        return 'duplicate'
      }
    }
    const newest = producer.lastSequences[(producer.count - 1) % batchesRetained]!
    return baseSequence === sequenceAfter(newest, 1) ? 'append' : 'outOfOrderSequenceNumber'
  }

  /** Notes a batch that was appended. Also the replay of what lies in the log, which is right by definition. */
  record(
    producerId: number,
    epoch: number,
    lastSequence: number,
    lastOffset: number,
    offsetDelta: number,
    appendMs: number,
  ): void {
    let producer = this.#producers.get(producerId)
    if (!producer) {
      producer = {
        epoch,
        count: 0,
        lastSequences: new Int32Array(batchesRetained),
        offsetDeltas: new Int32Array(batchesRetained),
        lastOffsets: new Float64Array(batchesRetained),
        appendMs,
      }
      this.#producers.set(producerId, producer)
    }
    if (producer.epoch !== epoch) {
      producer.epoch = epoch
      producer.count = 0
    }
    const at = producer.count % batchesRetained
    producer.lastSequences[at] = lastSequence
    producer.offsetDeltas[at] = offsetDelta
    producer.lastOffsets[at] = lastOffset
    producer.appendMs = appendMs
    producer.count++
  }

  /** Forgets producers that have not appended since. */
  expire(beforeMs: number): void {
    for (const [producerId, producer] of this.#producers) {
      if (producer.appendMs < beforeMs) this.#producers.delete(producerId)
    }
  }

  clear(): void {
    this.#producers.clear()
  }

  batches(): ProducerBatch[] {
    const batches: ProducerBatch[] = []
    for (const [producerId, producer] of this.#producers) {
      assert(producer.count > 0, 'a producer is known by a batch')
      for (let i = Math.max(0, producer.count - batchesRetained); i < producer.count; i++) {
        const at = i % batchesRetained
        batches.push({
          producerId,
          epoch: producer.epoch,
          lastSequence: producer.lastSequences[at]!,
          lastOffset: producer.lastOffsets[at]!,
          offsetDelta: producer.offsetDeltas[at]!,
          appendMs: producer.appendMs,
        })
      }
    }
    return batches
  }

  restore(batches: readonly ProducerBatch[]): void {
    this.clear()
    for (const batch of batches) {
      const { producerId, epoch, lastSequence, lastOffset, offsetDelta, appendMs } = batch
      this.record(producerId, epoch, lastSequence, lastOffset, offsetDelta, appendMs)
    }
  }
}

/** Sequences count from 0 to 2^31 - 1 and begin again. */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) & sequenceMax
}
