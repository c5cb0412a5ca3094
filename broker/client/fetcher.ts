// The fetch path of aggregators: whole batches of many partitions, handed to a synchronous handler as they lie on
// the wire. One long poll in flight per broker; the next one leaves when the handler has returned, so a slow handler
// slows the network and nothing piles up. Errors that pass are waited out; those that need a decision are reported.
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { apis } from '../protocol/apis.ts'
import { zeroUuid } from '../protocol/bytes.ts'
import { type ErrorName, errorName } from '../protocol/errors.ts'
import type { FetchResponse } from '../protocol/messages/01-fetch.ts'
import { listOffsetsTimestamps } from '../protocol/messages/02-list-offsets.ts'
import { batchEnd, batchView } from '../protocol/record-batch.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import type { AskedPosition, FetchedPartition, FetchPartition, Position } from './fetch-position.ts'

export interface FetchedFrom {
  readonly highWatermark: number
  readonly logStartOffset: number
  /** Where this partition goes on: after the last whole batch of these. */
  readonly nextOffset: number
}

/** Called between network turns; none of these may wait. An exception in one ends the loop and is reported. */
export interface FetchHandler {
  /**
   * One or more whole batches, possibly empty when only the watermark is news. The first may begin before the offset
   * asked for. The memory is the handler's to keep.
   */
  onBatches(topic: string, partition: number, batches: Buffer, from: FetchedFrom): void
  /** The offset is not in the log (any more). Nothing of this partition is fetched until `seek` says where. */
  onOffsetOutOfRange(topic: string, partition: number, offset: number, earliest: number, latest: number): void
  /** The topic was deleted and made again: its old offsets mean nothing. Fetching waits for `seek`. */
  onTopicReplaced(topic: string, partition: number, topicId: string): void
  /**
   * What lay before `offset` is not what lies there now: the log was cut to `endOffset` and has grown again (KIP-320).
   * Nothing of this partition is fetched until `seek`. Whoever leaves this out reads on.
   */
  onDiverged?(topic: string, partition: number, offset: number, endOffset: number): void
}

export interface FetchOptions {
  readonly cluster: Cluster
  readonly handler: FetchHandler
  readonly clock: Clock
  readonly log: Log
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly bytesMax?: number
  readonly partitionBytesMax?: number
}

const backoffMs = 100
const backoffMaxMs = 2_000

export class FetchLoop {
  readonly #options: FetchOptions
  readonly #cluster: Cluster
  readonly #positions = new Map<string, Position>()
  /** Brokers whose answer is awaited. */
  readonly #polling = new Set<number>()
  #paused = false
  #closed = false
  #timer: NodeJS.Timeout | null = null
  #refreshing = false
  #failures = 0
  #lastError: string | null = null
  #turn = 0

  constructor(options: FetchOptions) {
    this.#options = options
    this.#cluster = options.cluster
  }

  /** What last went wrong, until something goes right again. */
  get lastError(): string | null {
    return this.#lastError
  }

  /** Starts fetching a partition, or moves it. Takes effect with the next request. */
  seek(topic: string, partition: number, offset: number): void {
    const key = `${topic}/${partition}`
    const known = this.#positions.get(key)
    if (known) {
      if (known.offset !== offset || known.parked) known.lastEpoch = -1
      known.offset = offset
      known.parked = false
      // Whoever moves it knows nothing any more: the next answer is news to him.
      known.highWatermark = -1
      known.topicId = this.#cluster.topic(topic)?.id ?? zeroUuid
    } else {
      this.#positions.set(key, {
        topic,
        partition,
        topicId: zeroUuid,
        offset,
        parked: false,
        paused: false,
        notBeforeMs: 0,
        lastEpoch: -1,
        highWatermark: -1,
      })
    }
    this.#wake(0)
  }

  remove(topic: string, partition: number): void {
    this.#positions.delete(`${topic}/${partition}`)
  }

  /** Where a partition goes on, or null when it is not fetched. */
  positionOf(topic: string, partition: number): number | null {
    return this.#positions.get(`${topic}/${partition}`)?.offset ?? null
  }

  /** No new request leaves until `resume`; an answer under way is still handed on. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#wake(0)
  }

  pausePartition(topic: string, partition: number, paused: boolean): void {
    const position = this.#positions.get(`${topic}/${partition}`)
    if (!position) return
    position.paused = paused
    if (!paused) this.#wake(0)
  }

  close(): void {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#positions.clear()
  }

  #wake(delayMs: number): void {
    if (this.#closed || (this.#timer && delayMs > 0)) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#poll()
    }, delayMs)
  }

  #poll(): void {
    if (this.#closed || this.#paused) return
    const now = this.#options.clock.monotonicMs()
    const byLeader = new Map<number, Position[]>()
    let unknown: Set<string> | null = null
    let later = Number.POSITIVE_INFINITY
    for (const position of this.#positions.values()) {
      if (position.parked || position.paused) continue
      if (position.notBeforeMs > now) {
        later = Math.min(later, position.notBeforeMs - now)
        continue
      }
      const leader = this.#cluster.leaderOf(position.topic, position.partition)
      if (leader < 0) {
        unknown ??= new Set()
        unknown.add(position.topic)
      } else if (this.#wasReplaced(position)) this.#reportReplaced(position)
      else if (!this.#polling.has(leader)) {
        const positions = byLeader.get(leader)
        if (positions) positions.push(position)
        else byLeader.set(leader, [position])
      }
    }
    if (unknown) this.#refresh([...unknown])
    for (const [leader, positions] of byLeader) this.#pollBroker(leader, positions)
    if (later < Number.POSITIVE_INFINITY) this.#wake(later)
  }

  #wasReplaced(position: Position): boolean {
    const id = this.#cluster.topic(position.topic)!.id
    if (position.topicId === zeroUuid) position.topicId = id
    return position.topicId !== id
  }

  #pollBroker(leader: number, positions: Position[]): void {
    this.#polling.add(leader)
    const connection = this.#cluster.openConnectionTo(leader)
    if (connection) {
      this.#fetch(leader, connection, positions)
      return
    }
    this.#cluster.connectionTo(leader).then(
      opened => this.#fetch(leader, opened, positions),
      error => this.#failed(leader, positions, error as Error),
    )
  }

  #fetch(leader: number, connection: Connection, positions: Position[]): void {
    const { maxWaitMs = 500, minBytes = 1, bytesMax = 16_777_216 } = this.#options
    const topics = new Map<string, { topic: string; topicId: string; partitions: FetchPartition[] }>()
    // The broker fills an answer in the order of the request: rotating it starves nobody.
    this.#turn = (this.#turn + 1) % positions.length
    for (let index = 0; index < positions.length; index++) {
      const position = positions[(index + this.#turn) % positions.length]!
      let row = topics.get(position.topic)
      if (!row) {
        row = { topic: position.topic, topicId: position.topicId, partitions: [] }
        topics.set(position.topic, row)
      }
      row.partitions.push({
        partition: position.partition,
        fetchOffset: position.offset,
        lastFetchedEpoch: this.#options.handler.onDiverged ? position.lastEpoch : -1,
        partitionMaxBytes: this.#options.partitionBytesMax ?? 2_097_152,
      })
    }
    const request = { maxWaitMs, minBytes, maxBytes: bytesMax, topics: [...topics.values()] }
    const asked = positions.map(position => ({ position, offset: position.offset }))
    connection.send(apis.fetch, request, maxWaitMs + 15_000, (error, answer) => {
      this.#polling.delete(leader)
      if (this.#closed) return
      if (error) this.#failed(leader, positions, error)
      else this.#take(answer!, asked)
    })
  }

  #take(answer: FetchResponse, asked: readonly AskedPosition[]): void {
    this.#failures = 0
    this.#lastError = null
    if (answer.errorCode !== 0) this.#lastError = errorName(answer.errorCode)
    const stale = new Set<string>()
    let waits = answer.errorCode !== 0
    for (const row of answer.responses) {
      for (const partition of row.partitions) {
        const position = this.#positionAsked(asked, row, partition.partitionIndex)
        if (!position) continue
        const name = errorName(partition.errorCode)
        if (name === 'none' && partition.divergingEpoch.endOffset >= 0)
          this.#reportDiverged(position, partition.divergingEpoch.endOffset)
        else if (name === 'none') this.#handOn(position, partition)
        else if (name === 'offsetOutOfRange') this.#reportOutOfRange(position)
        else {
          this.#lastError = `${position.topic}/${position.partition}: ${name}`
          position.notBeforeMs = this.#options.clock.monotonicMs() + backoffMs
          stale.add(position.topic)
          waits = true
        }
        if (this.#closed) return
      }
    }
    if (stale.size > 0) this.#refresh([...stale])
    this.#wake(waits ? backoffMs : 0)
  }

  /** Null when it was removed or moved by `seek` meanwhile: then the answer is to another question. */
  #positionAsked(
    asked: readonly AskedPosition[],
    row: { readonly topic: string; readonly topicId: string },
    partition: number,
  ): Position | null {
    for (const { position, offset } of asked) {
      const isTopic = row.topic === position.topic || (row.topic === '' && row.topicId === position.topicId)
      if (position.partition !== partition || !isTopic) continue
      if (position.offset !== offset) return null
      return this.#positions.get(`${position.topic}/${partition}`) === position ? position : null
    }
    return null
  }

  /** A handler that throws must not look like a broken connection: the loop ends, and the process hears of it. */
  #guarded(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#handlerFailed(error)
    }
  }

  #handlerFailed(error: unknown): void {
    this.close()
    process.nextTick(() => {
      throw error
    })
  }

  #handOn(position: Position, partition: FetchedPartition): void {
    const records = partition.records ?? Buffer.alloc(0)
    let end = 0
    let nextOffset = position.offset
    for (let next = batchEnd(records, 0, records.length); next > 0; ) {
      nextOffset = Math.max(nextOffset, batchView.lastOffset(records, end) + 1)
      position.lastEpoch = batchView.leaderEpoch(records, end)
      end = next
      next = batchEnd(records, end, records.length)
    }
    if (end === 0 && partition.highWatermark === position.highWatermark) return
    position.highWatermark = partition.highWatermark
    position.offset = nextOffset
    const { highWatermark, logStartOffset } = partition
    const from = { highWatermark, logStartOffset, nextOffset }
    try {
      this.#options.handler.onBatches(position.topic, position.partition, records.subarray(0, end), from)
    } catch (error) {
      this.#handlerFailed(error)
    }
  }

  /** Parks the partition and asks where its log begins and ends: whoever decides needs to know. */
  #reportOutOfRange(position: Position): void {
    position.parked = true
    const { topic, partition, offset } = position
    Promise.all([
      offsetAt(this.#cluster, topic, partition, listOffsetsTimestamps.earliest),
      offsetAt(this.#cluster, topic, partition, listOffsetsTimestamps.latest),
    ]).then(
      ([earliest, latest]) => {
        if (this.#closed || !position.parked) return
        this.#guarded(() =>
          this.#options.handler.onOffsetOutOfRange(topic, partition, offset, earliest, latest),
        )
      },
      (error: Error) => {
        this.#lastError = error.message
        position.parked = false
        position.notBeforeMs = this.#options.clock.monotonicMs() + backoffMaxMs
        this.#wake(backoffMaxMs)
      },
    )
  }

  #reportDiverged(position: Position, endOffset: number): void {
    position.parked = true
    const { topic, partition, offset } = position
    this.#guarded(() => this.#options.handler.onDiverged?.(topic, partition, offset, endOffset))
  }

  #reportReplaced(position: Position): void {
    position.parked = true
    const { topic, partition } = position
    this.#guarded(() =>
      this.#options.handler.onTopicReplaced(topic, partition, this.#cluster.topic(topic)!.id),
    )
  }

  #refresh(topics: readonly string[]): void {
    if (this.#refreshing) return
    this.#refreshing = true
    this.#cluster
      .refresh(topics)
      .then(
        () => this.#wake(this.#isUnled() ? backoffMaxMs / 4 : backoffMs),
        (error: Error) => this.#noteFailure(error),
      )
      .finally(() => {
        this.#refreshing = false
      })
  }

  #isUnled(): boolean {
    for (const { topic, partition } of this.#positions.values()) {
      if (this.#cluster.leaderOf(topic, partition) < 0) return true
    }
    return false
  }

  #failed(leader: number, positions: readonly Position[], error: Error): void {
    this.#polling.delete(leader)
    if (this.#closed) return
    this.#noteFailure(error)
    this.#refresh([...new Set(positions.map(position => position.topic))])
  }

  #noteFailure(error: Error): void {
    this.#failures++
    this.#lastError = error.message
    if (this.#failures === 1 || this.#failures % 20 === 0) {
      this.#options.log.warn('cannot fetch, trying again', { error: error.message, failures: this.#failures })
    }
    this.#wake(Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(this.#failures, 10)))
  }
}

/** The first offset at or after a timestamp, or at a place of `listOffsetsTimestamps`; -1 if there is none. */
export async function offsetAt(
  cluster: Cluster,
  topic: string,
  partition: number,
  timestamp: number,
): Promise<number> {
  let name: ErrorName = 'leaderNotAvailable'
  if (cluster.leaderOf(topic, partition) < 0) await cluster.refresh([topic])
  const leader = cluster.leaderOf(topic, partition)
  if (leader >= 0) {
    const connection = await cluster.connectionTo(leader)
    const answer = await connection.request(apis.listOffsets, {
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }],
    })
    const found = answer.topics[0]?.partitions[0]
    if (found?.errorCode === 0) return found.offset
    if (found) name = errorName(found.errorCode)
  }
  throw new Error(`Cannot find an offset of ${topic}/${partition}: ${name}`)
}
