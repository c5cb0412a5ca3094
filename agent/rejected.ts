// The quarantine: records that no broker takes, as they were sent, in `<data>/rejected`: a file of record batches, so
// that nothing about them is lost and Kafka's own tools can read them. Bounded: when it is full, the ledger must do.
import { appendFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../runtime/log.ts'

const rejectedBytesMax = 67_108_864

export function keepRejected(dataDirectory: string, batch: Buffer, log: Log): void {
  const path = join(dataDirectory, 'rejected')
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size + batch.length > rejectedBytesMax) log.warn('the file of rejected records is full', { path })
    else appendFileSync(path, batch, { mode: 0o600 })
  } catch (error) {
    log.warn('cannot keep a rejected record', { path, error })
  }
}
