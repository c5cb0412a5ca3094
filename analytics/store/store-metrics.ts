// What the file of the statistics says of itself at each scrape: its bytes, and how far back each step reaches.
import type { Metrics } from '../../runtime/metrics.ts'
import { bytesInUse, edgeSeconds } from './housekeeping.ts'
import { stepNames } from './retention.ts'
import type { Connection } from './schema.ts'
import { walBytes } from './upkeep.ts'

export function observeStore(metrics: Metrics, connection: Connection): void {
  metrics.observed('tailrace_statistics_bytes', 'What the rows of the statistics take.', () => [
    [{}, bytesInUse(connection)],
  ])
  metrics.observed('tailrace_statistics_wal_bytes', 'The write-ahead log of the statistics.', () => [
    [{}, walBytes(connection.name)],
  ])
  metrics.observed(
    'tailrace_statistics_edge_seconds',
    'Before this time, in seconds since the epoch, no rows of a step are kept.',
    () => [...edgeSeconds(connection)].map(([step, edge]) => [{ step: stepNames[step] }, edge] as const),
  )
}
