// Which records of a batch have no key: a compacted topic cannot take them. Looks at the records, so it is asked for
// compacted topics only. Pure.
import { validateProducerBatch } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'

/** Their places in the batch; none for what is no sound batch, which is refused for that. Null: cannot be read. */
export function keylessRecords(batch: Buffer, produceVersion: number): number[] | null {
  const keyless: number[] = []
  if (validateProducerBatch(batch, produceVersion) !== 'none') return keyless
  try {
    let index = 0
    walkRecords(batch, (_offset, _timestamp, _buffer, keyStart) => {
      if (keyStart < 0) keyless.push(index)
      index++
    })
    return keyless
  } catch {
    return null
  }
}
