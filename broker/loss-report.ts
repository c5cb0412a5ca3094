// Acknowledged records that the disk no longer gives back go to the loss ledger, once: a line each in
// `__tailrace_losses`, durable before the log is told that the loss is on record.
import type { Broker } from './broker.ts'
import type { Corruption } from './log/log-results.ts'
import type { PartitionLog } from './log/partition-log.ts'
import { BatchBuilder } from './protocol/batch-builder.ts'

export const lossesTopic = '__tailrace_losses'
const reason = 'broker-disk-corrupt'
const acksAll = -1

export function reportCorruptions(broker: Broker): void {
  for (const { log, corruption } of broker.parts.logs.corruptions) {
    broker.parts.log.error('acknowledged records can no longer be read', {
      topic: log.topic,
      partition: log.partition,
      ...corruption,
    })
    reportOne(broker, log, corruption)
  }
}

function reportOne(broker: Broker, log: PartitionLog, corruption: Corruption): void {
  const ledger = broker.topics.byName(lossesTopic)?.partitions[0]
  if (!ledger) return
  const nowMs = broker.clock.wallMs()
  const { fromOffset, toOffset, path } = corruption
  const source = `broker-${broker.parts.config.brokerId}/${log.topic}-${log.partition}`
  const entry = {
    at: nowMs,
    reason,
    source,
    from: `${fromOffset}`,
    to: `${toOffset}`,
    lines: toOffset - fromOffset,
    detail: `What the disk gave back instead is kept in ${path}`,
  }
  const builder = new BatchBuilder(1_024)
  const key = Buffer.from(`${source}:${fromOffset}:${toOffset}:${reason}`)
  builder.append(key, Buffer.from(JSON.stringify(entry)), undefined, nowMs)
  const settled = (error: string) => {
    if (error === 'none') log.reported(corruption)
    else
      broker.parts.log.warn('a loss could not be put on record; the next start tries again', {
        source,
        error,
      })
  }
  const appended = ledger.append(builder.build({ codec: 'none' }), acksAll, { settled }, nowMs)
  if (!appended.ok) settled(appended.error)
}
