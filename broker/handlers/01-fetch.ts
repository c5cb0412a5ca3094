// Fetch, v4-18. Whole batches below the high watermark, as ranges of segment files that are sent without passing
// through here; waits for min_bytes by being parked on its partitions. Sessions are refused: always session 0.
import fs from 'node:fs'
import type { Broker } from '../broker.ts'
import { type Call, parked } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { ReadResult } from '../log/log-results.ts'
import type { apis } from '../protocol/apis.ts'
import { noBytes } from '../protocol/bytes.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { FetchRequest } from '../protocol/messages/01-fetch.ts'
import { batchView } from '../protocol/record-batch.ts'
import { epochError } from '../replication/fencing.ts'
import type { FetchWaiter, Partition } from '../replication/partition.ts'
import { type Timed, unscheduled } from '../replication/timer-wheel.ts'
import type { Deferred } from '../replication/turn-queue.ts'
import { FileRange } from '../response-sender.ts'
import type { ServedTopic } from '../topic-table.ts'

/** Kafka's fetch.max.bytes of the broker. */
const answerBytesMax = 55 * 1024 * 1024
/** So far behind the log's end a range may have left the page cache: it is read on the thread pool. */
const coldBytes = 64 * 1024 * 1024
/** zstd came with Fetch v10: an older consumer could not read it. */
const fetchVersionWithZstd = 10
const readCommitted = 1

type RequestPartition = FetchRequest['topics'][number]['partitions'][number]

export function fetch(request: FetchRequest, call: Call, broker: Broker): Answer<typeof apis.fetch> {
  const refusal = refusalOf(request)
  if (refusal !== 'none') return { errorCode: errorCodes[refusal] }
  const pending = new PendingFetch(request, call, broker)
  if (pending.attempt() || request.maxWaitMs <= 0 || pending.targets.length === 0) pending.complete()
  else pending.park(request.maxWaitMs)
  return parked
}

function refusalOf(request: FetchRequest): ErrorName {
  // Followers come with replication; until then nobody who claims to be one is one.
  if (request.replicaId >= 0 || request.replicaState.replicaId >= 0) return 'clusterAuthorizationFailed'
  return request.sessionEpoch > 0 ? 'fetchSessionIdNotFound' : 'none'
}

/** One partition of the request, and what an attempt found for it. */
interface Target {
  readonly wish: RequestPartition
  readonly partition: Partition | undefined
  readonly unknown: ErrorName
  error: ErrorName
  found: ReadResult | null
  diverging: { readonly epoch: number; readonly endOffset: number } | null
}

class PendingFetch implements FetchWaiter, Timed, Deferred {
  readonly targets: Target[] = []
  deferred = false
  deadlineMs = 0
  wheelSlot = unscheduled
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly #request: FetchRequest
  readonly #call: Call
  readonly #broker: Broker
  #isOver = false

  constructor(request: FetchRequest, call: Call, broker: Broker) {
    this.#request = request
    this.#call = call
    this.#broker = broker
    for (const topic of request.topics) {
      const served = findTopic(topic, call, broker)
      const unknown: ErrorName =
        call.apiVersion >= 13 && !served ? 'unknownTopicId' : 'unknownTopicOrPartition'
      for (const wish of topic.partitions) {
        const partition = served?.partitions[wish.partition]
        this.targets.push({ wish, partition, unknown, error: 'none', found: null, diverging: null })
      }
    }
  }

  /** Looks for what is there. True if that is an answer: enough bytes, or an error that must not wait. */
  attempt(): boolean {
    let total = 0
    let mustAnswer = false
    const limitBytes = Math.min(this.#request.maxBytes, answerBytesMax)
    for (const target of this.targets) {
      look(target, limitBytes - total, total === 0, this.#call.apiVersion)
      if (target.error !== 'none' || target.diverging) mustAnswer = true
      if (target.found?.ok) total += target.found.length
    }
    return mustAnswer || total >= this.#request.minBytes
  }

  park(maxWaitMs: number): void {
    this.deadlineMs = this.#broker.clock.monotonicMs() + maxWaitMs
    this.#broker.parts.wheel.schedule(this)
    for (const { partition } of this.targets) partition?.fetchWaiters.add(this)
    this.#call.onGone = () => this.#leave()
  }

  /** Something moved. One look at the end of the turn serves all that moved in it. */
  wake(): void {
    this.#broker.parts.turns.defer(this)
  }

  run(): void {
    if (!this.#isOver && this.attempt()) this.complete()
  }

  onDeadline(): void {
    this.attempt()
    this.complete()
  }

  complete(): void {
    this.#leave()
    let at = 0
    const responses = this.#request.topics.map(topic => ({
      topic: topic.topic,
      topicId: topic.topicId,
      partitions: topic.partitions.map(() => this.#answerOne(this.targets[at++]!)),
    }))
    this.#call.answer({ responses })
  }

  #answerOne({ wish, partition, error, found, diverging }: Target) {
    const hasBytes = error === 'none' && found?.ok && found.file !== null && found.length > 0
    if (hasBytes) this.#broker.counters.fetchedBytes.add(found.length)
    const highWatermark = partition?.highWatermark ?? -1
    return {
      partitionIndex: wish.partition,
      errorCode: errorCodes[error],
      highWatermark,
      lastStableOffset: highWatermark,
      logStartOffset: partition?.log.logStartOffset ?? -1,
      divergingEpoch: diverging ?? undefined,
      abortedTransactions: this.#request.isolationLevel === readCommitted ? [] : null,
      records: hasBytes
        ? new FileRange(found.file, found.position, found.length, isCold(partition!, wish.fetchOffset))
        : noBytes,
    }
  }

  #leave(): void {
    this.#isOver = true
    this.#broker.parts.wheel.cancel(this)
    for (const { partition } of this.targets) partition?.fetchWaiters.delete(this)
  }
}

/** By the share of the log that lies behind the offset: exact enough, and free. */
function isCold({ log }: Partition, offset: number): boolean {
  if (log.sizeBytes <= coldBytes) return false
  const behind = (log.logEndOffset - offset) / (log.logEndOffset - log.logStartOffset)
  return log.sizeBytes * behind > coldBytes
}

function findTopic(
  topic: { readonly topic: string; readonly topicId: string },
  call: Call,
  broker: Broker,
): ServedTopic | undefined {
  return call.apiVersion >= 13 ? broker.topics.byId(topic.topicId) : broker.topics.byName(topic.topic)
}

/** The first partition that has anything gives at least one batch, however small the limits. */
function look(target: Target, bytesLeft: number, isFirst: boolean, apiVersion: number): void {
  const { partition, wish } = target
  target.found = null
  target.diverging = null
  target.error = partition ? epochError(partition.replica, wish.currentLeaderEpoch) : target.unknown
  if (!partition || target.error !== 'none') return
  if (wish.lastFetchedEpoch >= 0) {
    const { epoch, endOffset } = partition.log.endOffsetForEpoch(wish.lastFetchedEpoch)
    if (endOffset < 0) target.error = 'offsetOutOfRange'
    else if (epoch < wish.lastFetchedEpoch || endOffset < wish.fetchOffset)
      target.diverging = { epoch, endOffset }
    if (endOffset < 0 || target.diverging) return
  }
  const maxBytes = Math.max(0, Math.min(wish.partitionMaxBytes, bytesLeft))
  if (maxBytes === 0 && !isFirst) return
  const found = partition.log.read(wish.fetchOffset, maxBytes, partition.highWatermark, isFirst)
  if (!found.ok) target.error = found.error
  else if (apiVersion < fetchVersionWithZstd && found.file && holdsZstd(found)) {
    target.error = 'unsupportedCompressionType'
  }
  target.found = found
}

function holdsZstd(range: Extract<ReadResult, { ok: true }>): boolean {
  const header = Buffer.alloc(23)
  for (let at = 0; at < range.length; ) {
    if (fs.readSync(range.file!.fd, header, 0, header.length, range.position + at) < header.length)
      return false
    if (batchView.codec(header, 0) === 'zstd') return true
    at += batchView.sizeInBytes(header, 0)
  }
  return false
}
