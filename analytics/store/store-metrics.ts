// What the file of the statistics says of itself at each scrape: its bytes, and how far back each step reaches.
import type { Metrics } from '../../runtime/metrics.ts'
import { VisitReads } from '../visits/visit-reads.ts'
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
  observeVisitors(metrics, connection)
}

/** Lines of visitors that are in no visit, and keys that are no visitors, by topic: see docs/visits.md. */
function observeVisitors(metrics: Metrics, connection: Connection): void {
  const reads = new VisitReads(connection, null)
  for (const [name, text, count] of [
    ['untracked', 'Lines of visitors beyond the limit of visitors; they are in no visit.', 'untracked'],
    ['late', 'Lines of visitors that came too late to be put into order; they are in no visit.', 'late'],
    ['mixed', 'Lines whose key had come with another visitor before.', 'mixed'],
    ['keyless', 'Lines that name a visitor and have no key.', 'keyless'],
  ] as const) {
    metrics.observed(`tailrace_visits_${name}_lines`, text, () =>
      reads.topics().map(topic => [{ topic: topic.topic }, topic[count]] as const),
    )
  }
}
