// The live tail: reads the end of the log itself, beside the count, while somebody looks. One fetch loop for all
// topics and filters; a topic nobody looks at is not fetched. Skips what it cannot keep up with.
import type { Cluster } from '../../broker/client/cluster.ts'
import { type FetchedFrom, type FetchHandler, FetchLoop, offsetAt } from '../../broker/client/fetcher.ts'
import { listOffsetsTimestamps } from '../../broker/protocol/messages/02-list-offsets.ts'
import { batchEnd, batchView, validateBatch } from '../../broker/protocol/record-batch.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { LiveData, TailRow } from '../http/contract.ts'
import { ProblemError, unknownName } from '../queries/problem.ts'
import type { LiveSource } from './group.ts'
import type { Args } from './state-sources.ts'
import { TailWindow } from './tail-rows.ts'

/** At a flush every 250 ms: 500 rows a second. */
const rowsPerFlush = 125
export const tailRowsPerSecond = rowsPerFlush * 4
/** What a page that has just come sees at once. */
const rowsKept = 100
/** Records of each partition's end that are read for that. */
const recordsBack = 20

interface Listener {
  readonly topic: string
  readonly filter: Buffer | null
  readonly window: TailWindow
  kept: TailRow[]
}

export interface TailFeedOptions {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Log
  readonly topics: readonly string[]
}

export class TailFeed implements FetchHandler {
  readonly #options: TailFeedOptions
  readonly #loop: FetchLoop
  readonly #listeners = new Set<Listener>()
  readonly #fetched = new Set<string>()
  #closed = false

  constructor(options: TailFeedOptions) {
    this.#options = options
    const { cluster, clock, log } = options
    this.#loop = new FetchLoop({
      cluster,
      handler: this,
      clock,
      log,
      bytesMax: 4_194_304,
      partitionBytesMax: 1_048_576,
    })
  }

  /** Args: topic, and optionally filter, a text that a shown line contains. */
  source(args: Args): LiveSource {
    const topic = args['topic'] ?? ''
    if (!this.#options.topics.includes(topic)) throw unknownName('topic', topic, this.#options.topics)
    const filter = args['filter'] ?? ''
    if (filter.length > 200) {
      throw new ProblemError(
        400,
        'bad-field',
        'Cannot use this filter',
        'A filter has at most 200 characters.',
      )
    }
    const listener: Listener = {
      topic,
      filter: filter === '' ? null : Buffer.from(filter),
      window: new TailWindow(rowsPerFlush),
      kept: [],
    }
    this.#listeners.add(listener)
    void this.#open(topic)
    return {
      snapshot: (): LiveData => ({ kind: 'tail', rows: listener.kept }),
      delta: () => takeRows(listener),
      close: () => {
        this.#listeners.delete(listener)
        if (![...this.#listeners].some(other => other.topic === topic)) this.#stop(topic)
      },
    }
  }

  close(): void {
    this.#closed = true
    this.#loop.close()
  }

  onBatches(topic: string, partition: number, batches: Buffer, from: FetchedFrom): void {
    const listeners = [...this.#listeners].filter(listener => listener.topic === topic)
    if (listeners.length === 0) return
    for (let start = 0, end = batchEnd(batches, 0, batches.length); end > 0; ) {
      this.#showBatch(topic, partition, batches.subarray(start, end), listeners)
      start = end
      end = batchEnd(batches, start, batches.length)
    }
    // Behind by more than anybody would see: go on at the end.
    if (from.highWatermark - from.nextOffset > 20_000) {
      const next = from.highWatermark - recordsBack
      for (const { window } of listeners) window.skip(partition, from.nextOffset, next - 1)
      this.#loop.seek(topic, partition, next)
    }
  }

  onOffsetOutOfRange(
    topic: string,
    partition: number,
    _offset: number,
    earliest: number,
    latest: number,
  ): void {
    this.#loop.seek(topic, partition, Math.max(earliest, latest - recordsBack))
  }

  onTopicReplaced(topic: string, partition: number): void {
    this.#loop.seek(topic, partition, 0)
  }

  #showBatch(topic: string, partition: number, batch: Buffer, listeners: readonly Listener[]): void {
    if (validateBatch(batch, 0, batch.length) !== 'none' || batchView.isControl(batch, 0)) return
    try {
      walkRecords(batch, (offset, timestampMs, buffer, _keyStart, _keyEnd, start, end) => {
        if (start < 0) return
        for (const { filter, window } of listeners) {
          if (filter && !buffer.subarray(start, end).includes(filter)) continue
          window.push({ topic, partition, offset, timestampMs, buffer, start, end })
        }
      })
    } catch (error) {
      // The count puts it in the ledger; here there is simply nothing to show.
      this.#options.log.debug('a batch cannot be shown', { topic, partition, error })
    }
  }

  /** Starts at each partition's end, as soon as the brokers can be asked. */
  async #open(topic: string): Promise<void> {
    if (this.#fetched.has(topic)) return
    this.#fetched.add(topic)
    const { cluster } = this.#options
    while (!this.#closed && this.#fetched.has(topic)) {
      try {
        await cluster.refresh([topic])
        const partitions = cluster.topic(topic)?.partitions ?? []
        if (partitions.length > 0) {
          await Promise.all(partitions.map(({ index }) => this.#seekToEnd(topic, index)))
          return
        }
      } catch {
        // Down: the overview says so; the tail begins when they are back.
      }
      await new Promise(resolve => setTimeout(resolve, 1000).unref())
    }
  }

  async #seekToEnd(topic: string, partition: number): Promise<void> {
    const { cluster } = this.#options
    const [earliest, latest] = await Promise.all([
      offsetAt(cluster, topic, partition, listOffsetsTimestamps.earliest),
      offsetAt(cluster, topic, partition, listOffsetsTimestamps.latest),
    ])
    if (this.#fetched.has(topic))
      this.#loop.seek(topic, partition, Math.max(earliest, latest - recordsBack, 0))
  }

  #stop(topic: string): void {
    this.#fetched.delete(topic)
    const partitions = this.#options.cluster.topic(topic)?.partitions ?? []
    for (const { index } of partitions) this.#loop.remove(topic, index)
  }
}

function takeRows(listener: Listener): LiveData | null {
  const { rows, gap } = listener.window.take()
  if (rows.length === 0 && !gap) return null
  rows.sort((a, b) => a.at - b.at)
  listener.kept = [...listener.kept, ...rows].slice(-rowsKept)
  return gap ? { kind: 'tail', rows, gap } : { kind: 'tail', rows }
}
