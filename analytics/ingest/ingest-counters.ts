// What the ingest has done since its start, for /metrics; not part of the statistics. Plain data.
import type { FoldCounters } from '../fold/fold-state.ts'

export interface IngestCounters {
  commits: number
  fenced: number
  failures: number
  records: number
  duplicates: number
  late: number
  clamped: number
  unparsed: number
}

export function newCounters(): IngestCounters {
  return {
    commits: 0,
    fenced: 0,
    failures: 0,
    records: 0,
    duplicates: 0,
    late: 0,
    clamped: 0,
    unparsed: 0,
  }
}

/** Adds what a commit has confirmed, and begins again. */
export function takeCounters(counters: IngestCounters, of: FoldCounters): void {
  counters.records += of.folded
  counters.duplicates += of.duplicates
  counters.late += of.late
  counters.clamped += of.clamped
  counters.unparsed += of.unparsed
  Object.assign(of, { folded: 0, duplicates: 0, late: 0, clamped: 0, unparsed: 0 })
}
