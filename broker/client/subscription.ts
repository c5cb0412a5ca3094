// Reading a topic as an async iterable: every partition in order, from where one says. Records wait in a queue of
// bounded bytes; when it is full no more is fetched, so a slow reader slows the network and nothing piles up.
// Partitions that are added are noticed; what retention took before it was read is told, never passed over in
// silence.
import { systemClock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { listOffsetsTimestamps } from '../protocol/messages/02-list-offsets.ts'
import { batchEnd, batchView, validateBatch } from '../protocol/record-batch.ts'
import { decodeHeaders } from '../protocol/record-headers.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import type { Cluster } from './cluster.ts'
import { type FetchedFrom, type FetchHandler, FetchLoop, offsetAt } from './fetcher.ts'

export interface ReceivedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}

/** Offsets that are not in the log any more, or a batch that cannot be read. */
export interface Lost {
  readonly topic: string
  readonly partition: number
  readonly fromOffset: number
  /** The last one. */
  readonly toOffset: number
  readonly reason: string
}

export interface SubscribeOptions {
  /** Where to begin: a place, a time, or the offsets to go on at by `topic-partition` (others from the earliest). */
  readonly from?: 'earliest' | 'latest' | Date | Readonly<Record<string, number>>
  /** Only these; all by default. */
  readonly partitions?: readonly number[]
  /** End after the records that were there when the subscription began. */
  readonly untilEnd?: boolean
  /** Of values waiting for the reader. */
  readonly bytesMax?: number
  readonly onLost?: (lost: Lost) => void
}

const searchMs = 5_000
const firstSearchMs = 200

export class Subscription implements AsyncIterable<ReceivedRecord>, FetchHandler {
  readonly #cluster: Cluster
  readonly #topics: readonly string[]
  readonly #options: SubscribeOptions
  readonly #loop: FetchLoop
  readonly #onClose: () => void
  readonly #bytesMax: number
  /** Offset to go on at, by `topic-partition`: what lies before has been queued. */
  readonly #next = new Map<string, number>()
  /** With `untilEnd`: where each partition ended at the start. */
  readonly #ends = new Map<string, number>()
  #queue: ReceivedRecord[] = []
  #taken = 0
  #bytes = 0
  #isAssigned = false
  #closed = false
  #failure: Error | null = null
  #wake: (() => void) | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(
    cluster: Cluster,
    log: Log,
    topics: readonly string[],
    options: SubscribeOptions,
    onClose: () => void,
  ) {
    this.#cluster = cluster
    this.#topics = topics
    this.#options = options
    this.#bytesMax = options.bytesMax ?? 16 * 1024 * 1024
    this.#onClose = onClose
    const partitionBytesMax = Math.min(1024 * 1024, this.#bytesMax)
    this.#loop = new FetchLoop({ cluster, handler: this, clock: systemClock, log, partitionBytesMax })
    void this.#search()
  }

  /** Where each partition would go on: give it as `from` to a later subscription. */
  get positions(): Readonly<Record<string, number>> {
    const positions = Object.fromEntries(this.#next)
    for (const { topic, partition, offset } of this.#queue.slice(this.#taken).toReversed()) {
      positions[`${topic}-${partition}`] = offset
    }
    return positions
  }

  /** Of values that were fetched and not read yet: at most `bytesMax` and one answer of the brokers. */
  get waitingBytes(): number {
    return this.#bytes
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    this.#loop.close()
    this.#onClose()
    this.#signal()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ReceivedRecord> {
    try {
      for (;;) {
        while (this.#taken < this.#queue.length) {
          const record = this.#queue[this.#taken++]!
          this.#bytes -= record.value?.length ?? 0
          yield record
          if (this.#closed) return
        }
        this.#queue = []
        this.#taken = 0
        if (this.#failure) throw this.#failure
        if (this.#closed || this.#isAtEnd()) return
        this.#loop.resume()
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    } finally {
      this.close()
    }
  }

  onBatches(topic: string, partition: number, batches: Buffer, from: FetchedFrom): void {
    for (let start = 0, end = batchEnd(batches, 0, batches.length); end > 0; ) {
      this.#takeBatch(topic, partition, batches.subarray(start, end))
      start = end
      end = batchEnd(batches, start, batches.length)
    }
    const key = `${topic}-${partition}`
    this.#next.set(key, Math.max(this.#next.get(key) ?? 0, from.nextOffset))
    if (this.#bytes > this.#bytesMax) this.#loop.pause()
    this.#signal()
  }

  onOffsetOutOfRange(
    topic: string,
    partition: number,
    offset: number,
    earliest: number,
    latest: number,
  ): void {
    const goOn = offset < earliest ? earliest : latest
    const reason =
      offset < earliest ? 'retention took them before they were read' : 'the log ends before them'
    this.#options.onLost?.({
      topic,
      partition,
      fromOffset: Math.min(offset, goOn),
      toOffset: Math.max(offset, goOn) - 1,
      reason,
    })
    this.#next.set(`${topic}-${partition}`, goOn)
    this.#loop.seek(topic, partition, goOn)
  }

  onTopicReplaced(topic: string, partition: number): void {
    this.#next.set(`${topic}-${partition}`, 0)
    this.#loop.seek(topic, partition, 0)
  }

  #takeBatch(topic: string, partition: number, batch: Buffer): void {
    const key = `${topic}-${partition}`
    const next = this.#next.get(key) ?? 0
    const lost = (reason: string) => {
      const toOffset = Math.max(batchView.lastOffset(batch, 0), next)
      this.#options.onLost?.({ topic, partition, fromOffset: next, toOffset, reason })
    }
    const error = validateBatch(batch, 0, batch.length)
    if (error !== 'none') {
      lost(`the batch is unsound: ${error}`)
      return
    }
    if (batchView.isControl(batch, 0)) return
    const end = this.#ends.get(key) ?? Number.POSITIVE_INFINITY
    try {
      walkRecords(
        batch,
        (offset, timestamp, buffer, keyStart, keyEnd, valueStart, valueEnd, headersStart, headerCount) => {
          if (offset < next || offset >= end) return
          const value = valueStart < 0 ? null : buffer.subarray(valueStart, valueEnd)
          this.#bytes += value?.length ?? 0
          this.#queue.push({
            topic,
            partition,
            offset,
            timestamp,
            key: keyStart < 0 ? null : buffer.subarray(keyStart, keyEnd),
            value,
            headers: decodeHeaders(buffer, headersStart, headerCount),
          })
        },
      )
    } catch (cause) {
      lost(`the records cannot be read: ${(cause as Error).message}`)
    }
  }

  /** Finds partitions that are not read yet, now and from time to time. */
  async #search(): Promise<void> {
    let isComplete = false
    try {
      await this.#cluster.refresh(this.#topics)
      isComplete = await this.#assign()
    } catch (error) {
      // Troubles of the cluster pass; a wrong address or password does not, and the first search tells it.
      if (!this.#isAssigned && error instanceof Error && error.name === 'LoginError') this.#failure = error
    }
    if (this.#closed) return
    if (isComplete) this.#isAssigned = true
    this.#signal()
    if (this.#failure === null) {
      this.#timer = setTimeout(() => void this.#search(), isComplete ? searchMs : firstSearchMs)
    }
  }

  async #assign(): Promise<boolean> {
    let isComplete = true
    for (const name of this.#topics) {
      const topic = this.#cluster.topic(name)
      if (topic?.error !== 'none') {
        isComplete = false
        continue
      }
      for (const { index } of topic.partitions) {
        const key = `${name}-${index}`
        if (this.#next.has(key) || this.#options.partitions?.includes(index) === false) continue
        if (this.#options.untilEnd) {
          this.#ends.set(key, await offsetAt(this.#cluster, name, index, listOffsetsTimestamps.latest))
        }
        const start = await this.#startOf(name, index)
        if (this.#closed) return false
        this.#next.set(key, start)
        this.#loop.seek(name, index, start)
      }
    }
    return isComplete
  }

  async #startOf(topic: string, partition: number): Promise<number> {
    const { from = 'earliest' } = this.#options
    const { earliest, latest } = listOffsetsTimestamps
    const at = (timestamp: number) => offsetAt(this.#cluster, topic, partition, timestamp)
    // A partition that appears later is read from its beginning: what it holds came after the start.
    if (this.#isAssigned || from === 'earliest') return at(earliest)
    if (from === 'latest') return at(latest)
    if (from instanceof Date) {
      const found = await at(from.getTime())
      return found < 0 ? at(latest) : found
    }
    return from[`${topic}-${partition}`] ?? at(earliest)
  }

  #isAtEnd(): boolean {
    if (!this.#options.untilEnd || !this.#isAssigned) return false
    for (const [key, end] of this.#ends) if ((this.#next.get(key) ?? 0) < end) return false
    return true
  }

  #signal(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }
}
