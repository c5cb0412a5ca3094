// The ingest thread's counters as Prometheus metrics of the process.
import type { Metrics } from '../../runtime/metrics.ts'
import type { IngestCounters } from './ingest-counters.ts'

const help: Readonly<Record<keyof IngestCounters, readonly [name: string, help: string]>> = {
  commits: ['tailrace_ingest_commits_total', 'Transactions that committed folded records.'],
  fenced: [
    'tailrace_ingest_fenced_total',
    'Transactions refused because another process had committed first.',
  ],
  failures: ['tailrace_ingest_failures_total', 'Transactions that failed and were tried again.'],
  records: ['tailrace_ingest_records_total', 'Records folded.'],
  duplicates: ['tailrace_ingest_duplicates_total', 'Records dropped because their line was counted before.'],
  late: ['tailrace_ingest_late_total', 'Lines a minute or more behind the watermark; counted all the same.'],
  clamped: ['tailrace_ingest_clamped_total', 'Lines whose time lay too far ahead of their reading.'],
  unparsed: [
    'tailrace_ingest_unparsed_total',
    'Lines that are not what their format says; see the loss ledger.',
  ],
}

/** Call the result with every report of the thread: totals since its start. */
export function ingestMetrics(metrics: Metrics): (counters: IngestCounters) => void {
  const names = Object.keys(help) as (keyof IngestCounters)[]
  const counters = names.map(name => metrics.counter(...help[name]))
  return report => {
    for (const [index, name] of names.entries()) counters[index]!.add(report[name] - counters[index]!.value)
  }
}
