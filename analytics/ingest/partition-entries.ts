// Entries of the loss ledger about whole partitions. Pure.
import type { PartitionFold } from '../fold/fold-state.ts'
import type { PendingLoss } from '../fold/pending.ts'
import type { LedgerRow } from '../store/side-tables.ts'
import type { SourceRow } from '../store/writer.ts'

export function recreatedEntry(source: SourceRow, topicId: string, at: number): LedgerRow {
  const name = `${source.topic}-${source.partition}`
  return {
    key: `${name}:topic-recreated:${topicId}`,
    at,
    reason: 'topic-recreated',
    source: name,
    from: String(source.next),
    to: '',
    lines: null,
    detail: 'the topic was deleted and made anew; what it held beyond this offset was never counted',
  }
}

export function truncatedEntry(source: SourceRow, latest: number, at: number): LedgerRow {
  const name = `${source.topic}-${source.partition}`
  return {
    key: `${name}:log-truncated:${source.next}`,
    at,
    reason: 'log-truncated',
    source: name,
    from: String(latest),
    to: String(source.next),
    lines: null,
    detail:
      'the log ends before what was counted: the broker has lost its end, and this partition is not read on',
  }
}

export function retentionGap(
  state: PartitionFold,
  earliest: number,
  dayMs: number,
): Omit<PendingLoss, 'known' | 'lines'> & { lines: number } {
  return {
    reason: 'retention-gap',
    topic: state.topic,
    partition: state.partition,
    dayMs,
    fromOffset: state.next,
    toOffset: earliest - 1,
    lines: earliest - state.next,
    detail: 'the log’s retention deleted these records before they were counted',
  }
}
