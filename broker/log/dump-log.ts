// What lies in the files of a log, row by row, and whether they agree with each other: our DumpLogSegments. Reads
// through the Disk and changes nothing; the log may be in use, and then its last segment may be seen half written.
import { batchView, type CodecName, validateBatch } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import { BatchCursor } from './batch-cursor.ts'
import {
  parseDurablePoint,
  parseLeaderEpochs,
  parseOffsetCheckpoint,
  parsePartitionMetadata,
} from './checkpoints.ts'
import { deleteHorizonOf } from './cleaned-batch.ts'
import { type Disk, readFile } from './disk.ts'
import { parseProducerSnapshot } from './producer-snapshot.ts'
import { isContentOf, parseSeal, SegmentSum } from './seal.ts'

export interface DumpedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  readonly baseSequence: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly leaderEpoch: number
  readonly position: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
  readonly codec: CodecName | null
  readonly crc: number
  /** When its tombstones may go; only after a compaction. */
  readonly deleteHorizonMs?: number
  readonly records?: readonly DumpedRecord[]
}

export interface DumpedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly key: string | null
  readonly value: string | null
}

export interface DumpSink {
  /** What the file holds, in its order. */
  row(row: object): void
  /** Something that is not as it should be. */
  problem(text: string): void
}

export interface DumpOptions {
  /** Look into the batches: every record is listed and must add up. */
  readonly deep: boolean
}

/** Dumps one file; false if its name says nothing to us. */
export function dumpFile(disk: Disk, path: string, options: DumpOptions, sink: DumpSink): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const segment = /^(\d{20})\.(log|index|timeindex|snapshot|seal)(\.deleted|\.cleaned|\.swap)?$/.exec(name)
  try {
    if (segment) dumpSegmentFile(disk, path, Number(segment[1]), segment[2]!, options, sink)
    else return dumpTextFile(disk, path, name, sink)
  } catch (error) {
    sink.problem((error as Error).message)
  }
  return true
}

function dumpSegmentFile(
  disk: Disk,
  path: string,
  baseOffset: number,
  kind: string,
  options: DumpOptions,
  sink: DumpSink,
): void {
  const logPath = path.replace(/\.(log|index|timeindex|snapshot|seal)/, '.log')
  if (kind === 'log') {
    eachBatch(disk, path, baseOffset, options, sink, batch => sink.row(batch))
  } else if (kind === 'snapshot') {
    const rows = parseProducerSnapshot(readFile(disk, path)!)
    if (rows) for (const row of rows) sink.row(row)
    else sink.problem('not a producer snapshot: version, checksum or length is wrong')
  } else if (!disk.status(logPath)) sink.problem(`${logPath} is missing`)
  else if (kind === 'index') dumpIndex(disk, path, logPath, baseOffset, sink)
  else if (kind === 'timeindex') dumpTimeIndex(disk, path, logPath, baseOffset, sink)
  else dumpSeal(disk, path, logPath, baseOffset, sink)
}

function dumpTextFile(disk: Disk, path: string, name: string, sink: DumpSink): boolean {
  const bytes = readFile(disk, path) ?? Buffer.alloc(0)
  if (name === 'partition.metadata') sink.row({ topicId: parsePartitionMetadata(bytes, path) })
  else if (name === 'leader-epoch-checkpoint') dumpEpochs(bytes, path, sink)
  else if (name.endsWith('-offset-checkpoint')) {
    for (const [partition, offset] of parseOffsetCheckpoint(bytes, path)) sink.row({ partition, offset })
  } else if (name === 'durable-point') {
    if (bytes.length !== 8) sink.problem(`${bytes.length} bytes, 8 expected`)
    sink.row({ durablePoint: parseDurablePoint(bytes) })
  } else return false
  return true
}

function dumpEpochs(bytes: Buffer, path: string, sink: DumpSink): void {
  let last = { epoch: -1, startOffset: -1 }
  for (const entry of parseLeaderEpochs(bytes, path)) {
    sink.row(entry)
    if (entry.epoch <= last.epoch || entry.startOffset <= last.startOffset)
      sink.problem(`epoch ${entry.epoch} at ${entry.startOffset} does not follow ${last.epoch}`)
    last = entry
  }
}

/** Every batch of a file, checked; what is unreadable ends it. */
function eachBatch(
  disk: Disk,
  path: string,
  baseOffset: number,
  { deep }: DumpOptions,
  sink: Pick<DumpSink, 'problem'>,
  visit: (batch: DumpedBatch, buffer: Buffer, at: number) => void,
): void {
  const cursor = new BatchCursor(disk)
  const fd = disk.open(path, 'read')
  try {
    const sizeBytes = disk.sizeOf(fd)
    cursor.over(fd, sizeBytes, 'scan')
    let expected = baseOffset
    for (let position = 0; position < sizeBytes; position = cursor.nextPosition) {
      if (!cursor.batch(position)) {
        sink.problem(`no whole batch at byte ${position}; the file has ${sizeBytes - position} bytes more`)
        return
      }
      const bytes = cursor.buffer.subarray(cursor.at, cursor.at + cursor.sizeInBytes)
      const fault = validateBatch(bytes, 0, bytes.length)
      if (fault !== 'none') {
        sink.problem(`the batch at byte ${position} is not sound: ${fault}`)
        return
      }
      const batch = describe(bytes, position)
      if (batch.baseOffset < expected)
        sink.problem(`the batch at byte ${position} begins at ${batch.baseOffset}, before ${expected}`)
      expected = batch.lastOffset + 1
      const records = deep ? recordsOf(bytes, batch, sink) : undefined
      visit(records ? { ...batch, records } : batch, cursor.buffer, cursor.at)
    }
  } finally {
    disk.close(fd)
  }
}

function describe(bytes: Buffer, position: number): DumpedBatch {
  const deleteHorizonMs = deleteHorizonOf(bytes)
  return {
    baseOffset: batchView.baseOffset(bytes, 0),
    lastOffset: batchView.lastOffset(bytes, 0),
    count: batchView.recordCount(bytes, 0),
    baseSequence: batchView.baseSequence(bytes, 0),
    producerId: batchView.producerId(bytes, 0),
    producerEpoch: batchView.producerEpoch(bytes, 0),
    leaderEpoch: batchView.leaderEpoch(bytes, 0),
    position,
    sizeBytes: bytes.length,
    maxTimestamp: batchView.maxTimestamp(bytes, 0),
    codec: batchView.codec(bytes, 0),
    crc: batchView.crc(bytes, 0),
    ...(deleteHorizonMs >= 0 && { deleteHorizonMs }),
  }
}

function recordsOf(bytes: Buffer, batch: DumpedBatch, sink: Pick<DumpSink, 'problem'>): DumpedRecord[] {
  const records: DumpedRecord[] = []
  if (batch.count === 0) return records
  let last = batch.baseOffset - 1
  const text = (buffer: Buffer, start: number, end: number) =>
    start < 0 ? null : buffer.toString('utf8', start, end)
  try {
    walkRecords(bytes, (offset, timestamp, buffer, keyStart, keyEnd, valueStart, valueEnd) => {
      if (offset <= last || offset > batch.lastOffset)
        sink.problem(`record ${offset} at byte ${batch.position} is out of order`)
      if (timestamp > batch.maxTimestamp)
        sink.problem(`record ${offset} is later, ${timestamp}, than its batch says`)
      last = offset
      records.push({
        offset,
        timestamp,
        keyBytes: keyEnd - keyStart,
        valueBytes: valueEnd - valueStart,
        key: text(buffer, keyStart, keyEnd),
        value: text(buffer, valueStart, valueEnd),
      })
    })
  } catch (error) {
    sink.problem(`the records at byte ${batch.position} cannot be read: ${(error as Error).message}`)
  }
  return records
}

/** The batches of a log by where they start; what is wrong with them is said when the log itself is dumped. */
function batchesAt(disk: Disk, logPath: string, baseOffset: number): Map<number, DumpedBatch> {
  const batches = new Map<number, DumpedBatch>()
  eachBatch(disk, logPath, baseOffset, { deep: false }, { problem: () => {} }, batch =>
    batches.set(batch.position, batch),
  )
  return batches
}

function dumpIndex(disk: Disk, path: string, logPath: string, baseOffset: number, sink: DumpSink): void {
  const bytes = readFile(disk, path)!
  const batches = batchesAt(disk, logPath, baseOffset)
  if (bytes.length % 8 !== 0) sink.problem(`${bytes.length} bytes are not a whole number of entries`)
  let lastOffset = -1
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const offset = baseOffset + bytes.readInt32BE(at)
    const position = bytes.readInt32BE(at + 4)
    // Kafka preallocates its indexes: zeros at the end are no entries.
    if (at > 0 && offset === baseOffset && position === 0) break
    sink.row({ offset, position })
    const batch = batches.get(position)
    if (!batch) sink.problem(`offset ${offset}: no batch starts at byte ${position}`)
    else if (batch.lastOffset !== offset)
      sink.problem(`offset ${offset}: the batch at byte ${position} ends with ${batch.lastOffset}`)
    if (offset <= lastOffset) sink.problem(`offset ${offset} does not follow ${lastOffset}`)
    lastOffset = offset
  }
}

function dumpTimeIndex(disk: Disk, path: string, logPath: string, baseOffset: number, sink: DumpSink): void {
  const bytes = readFile(disk, path)!
  const byLastOffset = new Map<number, DumpedBatch>()
  for (const batch of batchesAt(disk, logPath, baseOffset).values()) byLastOffset.set(batch.lastOffset, batch)
  if (bytes.length % 12 !== 0) sink.problem(`${bytes.length} bytes are not a whole number of entries`)
  let lastTimestamp = -1
  for (let at = 0; at + 12 <= bytes.length; at += 12) {
    const timestamp = Number(bytes.readBigInt64BE(at))
    const offset = baseOffset + bytes.readInt32BE(at + 8)
    if (at > 0 && timestamp === 0) break
    sink.row({ timestamp, offset })
    const batch = byLastOffset.get(offset)
    if (!batch) sink.problem(`timestamp ${timestamp}: no batch ends with offset ${offset}`)
    else if (batch.maxTimestamp !== timestamp)
      sink.problem(
        `offset ${offset}: its batch's largest timestamp is ${batch.maxTimestamp}, not ${timestamp}`,
      )
    if (timestamp <= lastTimestamp) sink.problem(`timestamp ${timestamp} does not follow ${lastTimestamp}`)
    lastTimestamp = timestamp
  }
}

function dumpSeal(disk: Disk, path: string, logPath: string, baseOffset: number, sink: DumpSink): void {
  const seal = parseSeal(readFile(disk, path)!)
  if (!seal) {
    sink.problem('not a whole sidecar: its checksum is wrong')
    return
  }
  sink.row(seal)
  const sum = new SegmentSum()
  eachBatch(disk, logPath, baseOffset, { deep: false }, { problem: () => {} }, (batch, buffer, at) =>
    sum.note(buffer, at, batch.sizeBytes),
  )
  if (seal.baseOffset !== baseOffset) sink.problem(`it describes the segment at ${seal.baseOffset}`)
  if (!isContentOf(seal, sum.contentOf(seal.sizeBytes))) sink.problem('it does not describe this segment')
}
