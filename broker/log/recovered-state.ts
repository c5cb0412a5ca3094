// What a log knows beside its batches, brought back at open: leader epochs from their checkpoint, producer state
// from the newest sound snapshot and a replay of the headers after it. Falls back to the batches themselves.
import { batchView } from '../protocol/record-batch.ts'
import type { BatchCursor } from './batch-cursor.ts'
import { formatLeaderEpochs, parseLeaderEpochs, partitionFiles } from './checkpoints.ts'
import { type Disk, readFile, replaceFile, writeFully } from './disk.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { recordSequence } from './producer-batches.ts'
import { formatProducerSnapshot, parseProducerSnapshot } from './producer-snapshot.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'

/**
 * The checkpoint is written, durably, before a segment counts as settled: when it can be read it knows every epoch that
 * began in those. Of the others, which were scanned, the batches themselves tell.
 */
export function loadLeaderEpochs(
  disk: Disk,
  directory: string,
  segments: readonly Segment[],
  cursor: BatchCursor,
  logStartOffset: number,
): LeaderEpochs {
  const path = `${directory}/${partitionFiles.leaderEpochs}`
  const endOffset = segments.at(-1)!.nextOffset
  const bytes = readFile(disk, path)
  let epochs: LeaderEpochs
  let changed = false
  try {
    epochs = new LeaderEpochs(bytes ? parseLeaderEpochs(bytes, path) : [])
    changed = bytes === null && endOffset > logStartOffset
  } catch {
    epochs = new LeaderEpochs()
    changed = true
  }
  if (changed) {
    walkBatches(segments, logStartOffset, cursor, () => {
      epochs.begin(
        batchView.leaderEpoch(cursor.buffer, cursor.at),
        batchView.baseOffset(cursor.buffer, cursor.at),
      )
    })
  }
  changed = epochs.truncateFromEnd(endOffset) || changed
  for (const { epochStarts } of segments) {
    for (const { epoch, startOffset } of epochStarts) changed = epochs.begin(epoch, startOffset) || changed
  }
  changed = epochs.truncateFromStart(logStartOffset) || changed
  if (changed) writeLeaderEpochs(disk, directory, epochs)
  return epochs
}

export function writeLeaderEpochs(disk: Disk, directory: string, epochs: LeaderEpochs): void {
  replaceFile(disk, `${directory}/${partitionFiles.leaderEpochs}`, formatLeaderEpochs(epochs.entries))
}

/** Snapshots beyond the log's end describe a log that is no more; they go. */
export function loadProducers(
  disk: Disk,
  directory: string,
  segments: readonly Segment[],
  cursor: BatchCursor,
  producers: ProducerState,
  nowMs: number,
): void {
  const endOffset = segments.at(-1)!.nextOffset
  producers.clear()
  let replayFrom = segments[0]!.baseOffset
  for (const offset of snapshotOffsets(disk, directory).reverse()) {
    const path = snapshotPath(directory, offset)
    const batches = offset <= endOffset ? parseProducerSnapshot(readFile(disk, path)!) : null
    if (batches && offset >= replayFrom) {
      producers.restore(batches)
      replayFrom = offset
      break
    }
    disk.unlink(path)
  }
  walkBatches(segments, replayFrom, cursor, () => {
    // When it was appended is not in the log; counting from now errs on the side of remembering.
    recordSequence(producers, cursor.buffer, cursor.at, nowMs)
  })
}

/**
 * Written when a segment begins and at a clean end, for the log as it is up to `offset`. Not synced: it bears a
 * checksum, and an older one serves as well. Kept are those in `needed`, for truncation to start from, and this one.
 */
export function writeProducerSnapshot(
  disk: Disk,
  directory: string,
  offset: number,
  producers: ProducerState,
  needed: readonly number[],
): string {
  const path = snapshotPath(directory, offset)
  const fd = disk.open(path, 'create')
  try {
    disk.truncate(fd, 0)
    writeFully(disk, fd, formatProducerSnapshot(producers.batches()), 0)
  } finally {
    disk.close(fd)
  }
  for (const other of snapshotOffsets(disk, directory)) {
    if (other !== offset && !needed.includes(other)) disk.unlink(snapshotPath(directory, other))
  }
  return path
}

function snapshotPath(directory: string, offset: number): string {
  return `${directory}/${String(offset).padStart(20, '0')}.snapshot`
}

/** Ascending. */
function snapshotOffsets(disk: Disk, directory: string): number[] {
  return disk
    .list(directory)
    .filter(name => /^\d{20}\.snapshot$/.test(name))
    .map(name => Number(name.slice(0, 20)))
}

function walkBatches(
  segments: readonly Segment[],
  fromOffset: number,
  cursor: BatchCursor,
  visit: () => void,
): void {
  for (const segment of segments) {
    if (segment.nextOffset <= fromOffset) continue
    let position = segment.positionOf(fromOffset, cursor)
    cursor.over(segment.file.fd, segment.sizeBytes, 'scan')
    while (position >= 0 && cursor.header(position)) {
      visit()
      position = cursor.nextPosition
    }
  }
}
