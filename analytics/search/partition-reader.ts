// Reads one partition straight from the broker, batch by batch, from an offset on: its own Fetch, its own walk. The
// reader that asks decides when, so nothing runs ahead; one fetch is bounded in bytes.
import type { Cluster } from '../../broker/client/cluster.ts'
import { offsetAt } from '../../broker/client/fetcher.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { listOffsetsTimestamps } from '../../broker/protocol/messages/02-list-offsets.ts'
import { batchEnd, batchView, validateBatch } from '../../broker/protocol/record-batch.ts'
import { type RecordVisitor, walkRecords } from '../../broker/protocol/record-walk.ts'
import { ProblemError, shown } from '../queries/problem.ts'

const fetchBytes = 1_048_576
const timeoutMs = 10_000
/** Leaders move; each is asked anew so often. */
const triesMax = 3

export interface Chunk {
  /** Records walked, and bytes of batches as they are stored. */
  readonly records: number
  readonly bytes: number
}

/** Partitions of a topic; throws a ProblemError where there is none of this name. */
export async function partitionsOf(cluster: Cluster, topic: string): Promise<number[]> {
  await cluster.refresh([topic])
  const partitions = cluster.topic(topic)?.partitions ?? []
  if (partitions.length > 0) return partitions.map(({ index }) => index)
  throw new ProblemError(404, 'unknown-topic', 'Unknown topic', `There is no topic "${shown(topic)}".`)
}

/** The first offset whose record is not before a time; the end where there is none. */
export async function offsetAtTime(
  cluster: Cluster,
  topic: string,
  partition: number,
  timeMs: number,
): Promise<number> {
  const found = await offsetAt(cluster, topic, partition, Math.max(0, Math.floor(timeMs)))
  return found >= 0 ? found : offsetAt(cluster, topic, partition, listOffsetsTimestamps.latest)
}

export class PartitionReader {
  readonly #cluster: Cluster
  readonly topic: string
  readonly partition: number
  /** Where it goes on. */
  offset: number
  highWatermark = Number.POSITIVE_INFINITY
  logStartOffset = 0

  constructor(cluster: Cluster, topic: string, partition: number, offset: number) {
    this.#cluster = cluster
    this.topic = topic
    this.partition = partition
    this.offset = offset
  }

  get isAtEnd(): boolean {
    return this.offset >= this.highWatermark
  }

  /** Walks the next batches. The visitor may return false: the offset then is where that record is. */
  async next(visit: RecordVisitor, maxBytes = fetchBytes): Promise<Chunk> {
    const batches = await this.#fetch(maxBytes)
    let records = 0
    if (batches.length === 0 && !this.isAtEnd) this.offset = this.highWatermark
    for (let start = 0, end = batchEnd(batches, 0, batches.length); end > 0; ) {
      const batch = batches.subarray(start, end)
      const next = batchView.baseOffset(batch, 0) + batchView.lastOffsetDelta(batch, 0) + 1
      const stoppedAt = this.#walk(batch, visit)
      records += batchView.recordCount(batch, 0)
      if (stoppedAt !== null) {
        this.offset = stoppedAt
        break
      }
      this.offset = Math.max(this.offset, next)
      start = end
      end = batchEnd(batches, start, batches.length)
    }
    return { records, bytes: batches.length }
  }

  /** Where the visitor stopped, null when it did not. What cannot be read is passed over: the count ledgers it. */
  #walk(batch: Buffer, visit: RecordVisitor): number | null {
    if (validateBatch(batch, 0, batch.length) !== 'none' || batchView.isControl(batch, 0)) return null
    const from = this.offset
    let stoppedAt: number | null = null
    try {
      walkRecords(batch, (offset, ...parts) => {
        if (offset < from) return true
        if (visit(offset, ...parts) !== false) return true
        stoppedAt = offset
        return false
      })
    } catch {
      return null
    }
    return stoppedAt
  }

  async #fetch(maxBytes: number): Promise<Buffer> {
    const { topic, partition, offset: fetchOffset } = this
    let trouble = 'leaderNotAvailable'
    for (let tries = 0; tries < triesMax; tries++) {
      if (tries > 0) await this.#cluster.refresh([topic])
      const leader = this.#cluster.leaderOf(topic, partition)
      if (leader < 0) continue
      const connection = await this.#cluster.connectionTo(leader)
      const partitions = [{ partition, fetchOffset, partitionMaxBytes: maxBytes }]
      const topics = [{ topic, topicId: this.#cluster.topic(topic)!.id, partitions }]
      const answer = await connection.request(
        apis.fetch,
        { maxWaitMs: 0, minBytes: 0, maxBytes, topics },
        { timeoutMs },
      )
      const found = answer.responses[0]?.partitions[0]
      trouble = errorName(found?.errorCode ?? answer.errorCode)
      if (found && trouble === 'none') {
        this.highWatermark = found.highWatermark
        this.logStartOffset = found.logStartOffset
        return found.records ?? Buffer.alloc(0)
      }
      if (trouble === 'offsetOutOfRange') {
        const earliest = await offsetAt(this.#cluster, topic, partition, listOffsetsTimestamps.earliest)
        const latest = await offsetAt(this.#cluster, topic, partition, listOffsetsTimestamps.latest)
        this.offset = Math.min(Math.max(fetchOffset, earliest), latest)
        if (this.offset !== fetchOffset) return this.#fetch(maxBytes)
      }
    }
    throw new ProblemError(503, 'unreadable', 'Cannot read the log', `${topic}-${partition}: ${trouble}.`)
  }
}
