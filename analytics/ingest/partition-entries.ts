// What the loss ledger says where the fold itself does not: of partitions, ranges and records that broke it. Pure.
import type { FoldState, PartitionFold } from '../fold/fold-state.ts'
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
      'what was counted is not in the log any more: the broker has lost its end, and this partition is not read on',
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

/** A record that the fold does not survive costs itself alone. What of it was counted before stays counted. */
export function poison(
  state: FoldState,
  partition: PartitionFold,
  offset: number,
  timestampMs: number,
  cause: unknown,
): void {
  partition.next = Math.max(partition.next, offset + 1)
  state.pending.lose({
    reason: 'poison',
    topic: partition.topic,
    partition: partition.partition,
    dayMs: state.days.startOf(timestampMs > 0 && timestampMs < 8e15 ? timestampMs : 0),
    fromOffset: offset,
    toOffset: offset,
    lines: 1,
    detail: `counting this record failed: ${cause instanceof Error ? cause.message : String(cause)}`,
  })
}

export function valueBytes(buffer: Buffer, start: number, end: number): Buffer | null {
  return start < 0 ? null : buffer.subarray(start, end)
}
