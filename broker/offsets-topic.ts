// `__consumer_offsets` as the groups see it: appended to like any partition, and replayed at start. The log's cleaner
// keeps it short, as that of any compacted topic.
import type { AppendWaiter, OffsetsLog } from './groups/offsets.ts'
import { batchEnd, batchView } from './protocol/record-batch.ts'
import type { Partition } from './replication/partition.ts'
import type { TopicTable } from './topic-table.ts'

export const offsetsTopic = {
  name: '__consumer_offsets',
  partitions: 16,
  /** Compaction leaves the active segment alone, and a start reads it all: so segments are small. */
  configs: {
    'cleanup.policy': 'compact',
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'segment.bytes': String(16 * 1024 * 1024),
    'max.message.bytes': String(16 * 1024 * 1024),
  },
} as const

const replayBytes = 4 * 1024 * 1024
const acksAll = -1

export class OffsetsTopic implements OffsetsLog {
  readonly #topics: TopicTable
  readonly #wallMs: () => number

  constructor(topics: TopicTable, wallMs: () => number) {
    this.#topics = topics
    this.#wallMs = wallMs
  }

  get partitions(): number {
    return offsetsTopic.partitions
  }

  mayPromise(partition: number): boolean {
    return this.#find(partition)?.mayPromise ?? false
  }

  append(partition: number, batch: Buffer, waiter: AppendWaiter): void {
    const appended = this.#find(partition)?.append(batch, acksAll, waiter, this.#wallMs())
    if (!appended) waiter.settled('notLeaderOrFollower')
    else if (!appended.ok) waiter.settled(appended.error)
  }

  whenCommitted(partition: number, waiter: AppendWaiter): void {
    const found = this.#find(partition)
    if (found) found.awaitCommitted(waiter)
    else waiter.settled('notLeaderOrFollower')
  }

  replay(partition: number, onBatches: (batches: Buffer) => void): void {
    const { log } = this.#at(partition)
    let offset = log.logStartOffset
    while (offset < log.logEndOffset) {
      const range = log.read(offset, replayBytes, log.logEndOffset, true)
      if (!range.ok || range.length === 0) return
      const batches = log.copy(range)
      onBatches(batches)
      offset = lastOffsetOf(batches) + 1
    }
  }

  #at(partition: number): Partition {
    const found = this.#find(partition)
    if (!found) throw new Error(`${offsetsTopic.name}-${partition} has no replica here`)
    return found
  }

  #find(partition: number): Partition | undefined {
    return this.#topics.byName(offsetsTopic.name)?.partitions[partition]
  }
}

function lastOffsetOf(batches: Buffer): number {
  let last = -1
  for (let at = 0, end = 0; at < batches.length; at = end) {
    end = batchEnd(batches, at, batches.length)
    if (end < 0) break
    last = batchView.lastOffset(batches, at)
  }
  return last
}
