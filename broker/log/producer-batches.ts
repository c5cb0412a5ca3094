// Producer state and the headers of batches: the check of a new one, and the note of one that is in the log.
import { batchView } from '../protocol/record-batch.ts'
import type { ProducerState, SequenceCheck } from './producer-state.ts'

/** A batch without a producer id is always new. */
export function checkSequence(producers: ProducerState, batch: Buffer): SequenceCheck {
  const producerId = batchView.producerId(batch, 0)
  if (producerId < 0) return 'append'
  const epoch = batchView.producerEpoch(batch, 0)
  const offsetDelta = batchView.lastOffsetDelta(batch, 0)
  return producers.check(producerId, epoch, batchView.baseSequence(batch, 0), offsetDelta)
}

/** The batch bears its offset already. */
export function recordSequence(producers: ProducerState, buffer: Buffer, at: number, nowMs: number): void {
  const producerId = batchView.producerId(buffer, at)
  if (producerId < 0) return
  producers.record(
    producerId,
    batchView.producerEpoch(buffer, at),
    batchView.lastSequence(buffer, at),
    batchView.lastOffset(buffer, at),
    batchView.lastOffsetDelta(buffer, at),
    nowMs,
  )
}

export function producerOf(batch: Buffer): string {
  const sequence = batchView.baseSequence(batch, 0)
  return `producer ${batchView.producerId(batch, 0)}, epoch ${batchView.producerEpoch(batch, 0)}, sequence ${sequence}`
}
