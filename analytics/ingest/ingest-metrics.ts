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

const commitBounds = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

/** Call the result with every report of the thread: totals since its start, and what each commit since then took. */
export function ingestMetrics(
  metrics: Metrics,
): (counters: IngestCounters, commitSeconds: readonly number[]) => void {
  const names = Object.keys(help) as (keyof IngestCounters)[]
  const counters = names.map(name => metrics.counter(...help[name]))
  const commits = metrics.histogram(
    'tailrace_ingest_commit_seconds',
    'What a commit took. The next one waits for at least twice as long, two seconds at most.',
    commitBounds,
  )
  return (report, commitSeconds) => {
    for (const seconds of commitSeconds) commits.observe(seconds)
    for (const [index, name] of names.entries()) counters[index]!.add(report[name] - counters[index]!.value)
  }
}
