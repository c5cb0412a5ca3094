// What /metrics says of the logs: how durable each topic is, and what compaction has done. Reads only.
import type { Metrics } from '../runtime/metrics.ts'
import type { Broker } from './broker.ts'

export function observeLogs(metrics: Metrics, broker: Broker): void {
  const { logs } = broker.parts
  const single = (read: () => number) => () => [[{}, read()] as const]
  metrics.observed(
    'tailrace_broker_flushed',
    '1 where an acknowledged record is on disk (flush.messages=1), 0 where it is in the page cache.',
    () =>
      [...broker.topics.partitions()].map(
        ({ topic, index, replica }) =>
          [{ topic, partition: String(index) }, replica.countsFlushedBytes ? 1 : 0] as const,
      ),
  )
  const { capacity } = logs
  metrics.observed(
    'tailrace_broker_data_bytes',
    'What the logs of this broker take.',
    single(() => capacity.usedBytes),
  )
  metrics.observed(
    'tailrace_broker_data_bytes_max',
    'What they may take: as configured, or what the disk has less a twentieth.',
    single(() => capacity.capBytes),
  )
  metrics.observed(
    'tailrace_broker_capped_bytes',
    'Bytes of segments that were deleted because the data directory was at its cap.',
    single(() => capacity.totals.bytes),
  )
  const { totals } = logs.cleaner
  metrics.observed(
    'tailrace_broker_cleanings',
    'Compactions of a partition since the start.',
    single(() => totals.cleanings),
  )
  metrics.observed('tailrace_broker_cleaned_bytes', 'Bytes that compactions have read and written.', () => [
    [{ way: 'read' }, totals.bytesRead] as const,
    [{ way: 'written' }, totals.bytesWritten] as const,
  ])
  metrics.observed(
    'tailrace_broker_uncleanable_partitions',
    'Compacted partitions that could not be read through: not compacted until the next start.',
    single(() => [...logs.logs()].filter(log => logs.cleaner.faultOf(log) !== null).length),
  )
}
