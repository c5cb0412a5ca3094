// Fetched bytes into folded records: checks each batch, decompresses, walks its records in place. A batch that cannot
// be read costs itself and an entry in the ledger, never the partition. Synchronous; no I/O.
import Database from 'better-sqlite3'
import { batchEnd, batchView, validateBatch } from '../../broker/protocol/record-batch.ts'
import { type RecordVisitor, walkRecords } from '../../broker/protocol/record-walk.ts'
import type { FoldState, PartitionFold } from '../fold/fold-state.ts'
import type { LossReason } from '../fold/pending.ts'
import type { LetterBox } from './letter-box.ts'

/**
 * Feeds whole batches to `visit`, which folds; moves `partition.next` past each batch whatever was in it. Asks after
 * each whether it may go on.
 */
export function readBatches(
  state: FoldState,
  partition: PartitionFold,
  bytes: Buffer,
  visit: RecordVisitor,
  box?: LetterBox,
  goesOn: () => boolean = () => true,
): void {
  for (let start = 0, end = batchEnd(bytes, 0, bytes.length); end > 0; ) {
    readBatch(state, partition, bytes.subarray(start, end), visit, box)
    if (!goesOn()) return
    start = end
    end = batchEnd(bytes, start, bytes.length)
  }
}

function readBatch(
  state: FoldState,
  partition: PartitionFold,
  batch: Buffer,
  visit: RecordVisitor,
  box: LetterBox | undefined,
): void {
  const losses = state.pending.lossCount
  const from = partition.next
  readSoundly(state, partition, batch, visit)
  // What lay in it nobody can tell; a record that is lost by itself has been put there by the visitor.
  const { lossCount, lastLoss } = state.pending
  if (lossCount !== losses && (lastLoss === 'corrupt-batch' || lastLoss === 'unknown-codec'))
    box?.put(partition, from, lastLoss, batchView.maxTimestamp(batch, 0), null, batch)
}

function readSoundly(state: FoldState, partition: PartitionFold, batch: Buffer, visit: RecordVisitor): void {
  const base = batchView.baseOffset(batch, 0)
  const last = batchView.lastOffset(batch, 0)
  const error = validateBatch(batch, 0, batch.length)
  if (error !== 'none') {
    // Its own numbers cannot be trusted; the fetch goes on after what they say, and so must the fold.
    const end = Number.isSafeInteger(last) ? Math.max(last, partition.next) : partition.next
    lose(
      state,
      partition,
      batch,
      'corrupt-batch',
      partition.next,
      end,
      null,
      `the batch is unsound: ${error}`,
    )
    partition.next = end + 1
    state.pending.records++
    return
  }
  if (last < partition.next) return
  // Our own topics are compacted: what they lack has been said again later.
  if (base > partition.next && partition.topic.startsWith('__')) partition.next = base
  if (base > partition.next) {
    lose(
      state,
      partition,
      batch,
      'offset-gap',
      partition.next,
      base - 1,
      null,
      'these offsets are not in the log',
    )
    partition.next = base
  }
  if (batchView.codec(batch, 0) === null) {
    const detail = `codec ${batchView.attributes(batch, 0) & 7} is not known`
    lose(
      state,
      partition,
      batch,
      'unknown-codec',
      partition.next,
      last,
      batchView.recordCount(batch, 0),
      detail,
    )
  } else if (!batchView.isControl(batch, 0)) {
    try {
      walkRecords(batch, visit)
    } catch (cause) {
      // The store's own trouble passes, and these bytes are not to blame for it.
      if (cause instanceof Database.SqliteError) throw cause
      // What came before the damage is folded; the rest of the batch is lost, and how many lines that is, is known.
      const lines = last + 1 - partition.next
      const detail = `the records cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      if (lines > 0) lose(state, partition, batch, 'corrupt-batch', partition.next, last, lines, detail)
    }
  }
  partition.next = Math.max(partition.next, last + 1)
  state.pending.records++
}

function lose(
  state: FoldState,
  partition: PartitionFold,
  batch: Buffer,
  reason: LossReason,
  fromOffset: number,
  toOffset: number,
  lines: number | null,
  detail: string,
): void {
  const timestampMs = batchView.maxTimestamp(batch, 0)
  state.pending.lose({
    reason,
    topic: partition.topic,
    partition: partition.partition,
    dayMs: state.days.startOf(timestampMs > 0 && timestampMs < 8e15 ? timestampMs : 0),
    fromOffset,
    toOffset,
    lines,
    detail,
  })
}
