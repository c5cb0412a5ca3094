// Records of one partition as they are: key, headers, time and value without loss, as text where they are UTF-8 and as
// base64 where they are not. From an offset or a time on, or the last ones before an offset.
import { isUtf8 } from 'node:buffer'
import type { Cluster } from '../../broker/client/cluster.ts'
import { decodeHeaders } from '../../broker/protocol/record-headers.ts'
import type { BrowsedBytes, BrowsedRecord, RecordsAnswer } from '../http/contract-search.ts'
import { ProblemError } from '../queries/problem.ts'
import { offsetAtTime, PartitionReader, partitionsOf } from './partition-reader.ts'

export interface BrowseWish {
  readonly topic: string
  readonly partition: number
  readonly limit: number
  /** Exactly one of these. */
  readonly offset?: number | undefined
  readonly timeMs?: number | undefined
  readonly before?: number | undefined
}

/** Beyond this an answer stops early, and says where it goes on. */
const answerBytesMax = 8_388_608

export async function browse(cluster: Cluster, wish: BrowseWish): Promise<RecordsAnswer> {
  const { topic, partition, limit, before } = wish
  const partitions = await partitionsOf(cluster, topic)
  if (!partitions.includes(partition)) {
    const detail = `${topic} has partitions 0 to ${partitions.length - 1}.`
    throw new ProblemError(404, 'unknown-partition', 'Unknown partition', detail)
  }
  if (before !== undefined) return browseBack(cluster, wish, before)
  const offset = wish.offset ?? (await offsetAtTime(cluster, topic, partition, wish.timeMs ?? 0))
  const reader = new PartitionReader(cluster, topic, partition, offset)
  const records = await read(reader, limit, Number.POSITIVE_INFINITY)
  return answerOf(reader, records, records[0] ? Number(records[0].offset) : reader.offset)
}

/** Offsets are not dense everywhere: looks further back until there is enough. */
async function browseBack(cluster: Cluster, wish: BrowseWish, before: number): Promise<RecordsAnswer> {
  const { topic, partition, limit } = wish
  for (let back = limit; ; back *= 4) {
    const from = Math.max(0, before - back)
    const reader = new PartitionReader(cluster, topic, partition, from)
    const records = await read(reader, Number.POSITIVE_INFINITY, before)
    if (records.length < limit && from > reader.logStartOffset && back < 1_000_000) continue
    const last = records.slice(-limit)
    return answerOf(reader, last, last[0] ? Number(last[0].offset) : from)
  }
}

async function read(reader: PartitionReader, limit: number, end: number): Promise<BrowsedRecord[]> {
  const records: BrowsedRecord[] = []
  let bytes = 0
  let isFull = false
  while (!isFull && !reader.isAtEnd && reader.offset < end) {
    await reader.next(
      (offset, timestamp, buffer, keyStart, keyEnd, start, last, headersStart, headerCount) => {
        isFull = offset >= end || records.length >= limit || bytes >= answerBytesMax
        if (isFull) return false
        const part = (from: number, to: number) => (from < 0 ? null : buffer.subarray(from, to))
        const record: BrowsedRecord = {
          partition: reader.partition,
          offset: String(offset),
          timestamp,
          key: browsed(part(keyStart, keyEnd)),
          value: browsed(part(start, last)),
          headers: decodeHeaders(buffer, headersStart, headerCount).map(([name, value]) => ({
            name,
            value: browsed(value),
          })),
        }
        bytes += Math.max(0, last - start) + 200
        records.push(record)
        return true
      },
    )
  }
  return records
}

function answerOf(
  reader: PartitionReader,
  records: readonly BrowsedRecord[],
  previous: number,
): RecordsAnswer {
  const { topic, partition, logStartOffset, highWatermark } = reader
  const last = records.at(-1)
  return {
    topic,
    partition,
    records,
    logStartOffset: String(logStartOffset),
    highWatermark: String(Number.isFinite(highWatermark) ? highWatermark : reader.offset),
    next: String(last ? Number(last.offset) + 1 : reader.offset),
    previous: previous > logStartOffset ? String(previous) : null,
  }
}

function browsed(bytes: Buffer | null): BrowsedBytes | null {
  if (bytes === null) return null
  return isUtf8(bytes) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') }
}
