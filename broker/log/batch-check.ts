// Whether the disk gives back what a batch's checksum says was written. Reads the log.
import { validateBatch } from '../protocol/record-batch.ts'
import type { PartitionLog } from './partition-log.ts'

/** The batch that holds `offset`, if there is one: a log that cannot give it back is to be doubted. */
export function doubtIfDamaged(log: PartitionLog, offset: number): void {
  const batch = log.copy(log.read(offset, 0, log.logEndOffset, true))
  if (batch.length === 0 || validateBatch(batch, 0, batch.length) === 'none') return
  log.doubt(
    new Error(`Cannot read the batch at ${offset} of "${log.directory}": a follower refused it, rightly`),
  )
}
