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
import { type LineFilter, lineFilter } from '../search/line-filter.ts'
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
/** A filter may take so much of the time between two flushes; what it does not get to is skipped, and said to be. */
const filterBudgetMs = 60

interface Listener {
  readonly topic: string
  readonly filter: LineFilter | null
  readonly window: TailWindow
  kept: TailRow[]
  /** Time that the filter has taken since the last flush. */
  filteredMs: number
}

export interface TailFeedOptions {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Log
  readonly topics: readonly string[]
  /** Topics there are besides. */
  otherTopics?(): readonly string[]
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

  /** Args: topic, and optionally what a shown line must be: see filterIn. */
  source(args: Args): LiveSource {
    const topic = args['topic'] ?? ''
    const topics = [...new Set([...this.#options.topics, ...(this.#options.otherTopics?.() ?? [])])]
    if (!topics.includes(topic)) throw unknownName('topic', topic, topics)
    const listener: Listener = {
      topic,
      filter: filterIn(args),
      window: new TailWindow(rowsPerFlush),
      kept: [],
      filteredMs: 0,
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
      for (const listener of listeners) this.#showTo(listener, topic, partition, batch)
    } catch (error) {
      // The count puts it in the ledger; here there is simply nothing to show.
      this.#options.log.debug('a batch cannot be shown', { topic, partition, error })
    }
  }

  #showTo(listener: Listener, topic: string, partition: number, batch: Buffer): void {
    const { filter, window } = listener
    const { clock } = this.#options
    if (filter && listener.filteredMs >= filterBudgetMs) {
      const first = batchView.baseOffset(batch, 0)
      window.skip(partition, first, first + batchView.lastOffsetDelta(batch, 0))
      return
    }
    const startMs = filter ? clock.monotonicMs() : 0
    walkRecords(batch, (offset, timestampMs, buffer, _keyStart, _keyEnd, start, end) => {
      if (start < 0 || (filter && !filter(buffer, start, end))) return
      window.push({ topic, partition, offset, timestampMs, buffer, start, end })
    })
    if (filter) listener.filteredMs += clock.monotonicMs() - startMs
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

const levels = ['info', 'warn', 'error'] as const

/** filter: a text a line contains; re: a pattern; field: name:value, one a line; level: at least; invert: yes. */
function filterIn(args: Args): LineFilter | null {
  const { filter: text, re: pattern, level, invert } = args
  const fields = (args['field'] ?? '').split('\n').filter(field => field !== '')
  const tooLong = [text, pattern, ...fields].some(one => (one?.length ?? 0) > 200) || fields.length > 10
  if (tooLong) {
    const detail = 'A filter has at most 200 characters, and at most 10 fields.'
    throw new ProblemError(400, 'bad-field', 'Cannot use this filter', detail)
  }
  if (!text && !pattern && !level && fields.length === 0) return null
  const known = levels.find(name => name === level)
  if (level && !known) throw unknownName('level', level, levels)
  return lineFilter({ text, pattern, fields, level: known, isInverted: invert === 'yes' })
}

function takeRows(listener: Listener): LiveData | null {
  listener.filteredMs = 0
  const { rows, gap } = listener.window.take()
  if (rows.length === 0 && !gap) return null
  rows.sort((a, b) => a.at - b.at)
  listener.kept = [...listener.kept, ...rows].slice(-rowsKept)
  return gap ? { kind: 'tail', rows, gap } : { kind: 'tail', rows }
}
