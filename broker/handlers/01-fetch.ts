// Fetch, v4-18. Whole batches as ranges of segment files that are sent without passing through here: below the high
// watermark for consumers, up to the log's end for followers, whose fetch offset is their vote. Waits for min_bytes by
// being parked on its partitions. Sessions are refused: always session 0.
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
import { mayCluster } from '../security/access.ts'
import type { ServedTopic } from '../topic-table.ts'
import { LeaderHints, missingError } from './leader-hints.ts'

/** Kafka's fetch.max.bytes of the broker. */
const answerBytesMax = 55 * 1024 * 1024
/** So far behind the log's end a range may have left the page cache: it is read on the thread pool. */
const coldBytes = 64 * 1024 * 1024
/** zstd came with Fetch v10: an older consumer could not read it. */
const fetchVersionWithZstd = 10
const readCommitted = 1

type RequestPartition = FetchRequest['topics'][number]['partitions'][number]

export function fetch(request: FetchRequest, call: Call, broker: Broker): Answer<typeof apis.fetch> {
  if (request.sessionEpoch > 0) return { errorCode: errorCodes.fetchSessionIdNotFound }
  if (readerOf(request).replicaId >= 0 && !mayCluster(call.access, 'clusterAction')) {
    return refusedFollower(request)
  }
  const pending = new PendingFetch(request, call, broker)
  if (pending.attempt() || request.maxWaitMs <= 0 || pending.targets.length === 0) pending.complete()
  else pending.park(request.maxWaitMs)
  return parked
}

/** Whoever may be a follower could commit what no replica has (CVE-2018-1288). */
function refusedFollower({ topics }: FetchRequest) {
  const errorCode = errorCodes.topicAuthorizationFailed
  const responses = topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => ({
      partitionIndex: partition,
      errorCode,
      highWatermark: -1,
      records: noBytes,
    })),
  }))
  return { responses }
}

/** Who reads: a follower says which broker it is, and in which life of it. */
interface Reader {
  /** -1 for a consumer. */
  readonly replicaId: number
  readonly brokerEpoch: number
}

function readerOf({ replicaId, replicaState }: FetchRequest): Reader {
  const id = Math.max(replicaId, replicaState.replicaId)
  return id >= 0 ? { replicaId: id, brokerEpoch: replicaState.replicaEpoch } : consumer
}

const consumer: Reader = { replicaId: -1, brokerEpoch: -1 }

/** One partition of the request, and what an attempt found for it. */
interface Target {
  readonly wish: RequestPartition
  readonly served: ServedTopic | undefined
  readonly partition: Partition | undefined
  readonly unknown: ErrorName
  /** A vote is cast once, when the fetch arrives, however often it is looked at after that. */
  hasVoted: boolean
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
  readonly #reader: Reader
  #isOver = false

  constructor(request: FetchRequest, call: Call, broker: Broker) {
    this.#request = request
    this.#call = call
    this.#broker = broker
    this.#reader = readerOf(request)
    for (const topic of request.topics) {
      const served = findTopic(topic, call, broker)
      const isUnknownId = call.apiVersion >= 13 && !served
      const mayRead = isUnknownId || call.access.may('read', 'topic', served?.name ?? topic.topic)
      for (const wish of topic.partitions) {
        const partition = mayRead ? served?.partitions[wish.partition] : undefined
        const unknown = mayRead ? unknownOf(isUnknownId, served, wish) : 'topicAuthorizationFailed'
        const found = { error: 'none' as const, found: null, diverging: null }
        this.targets.push({ wish, served, partition, unknown, hasVoted: false, ...found })
      }
    }
  }

  /** Looks for what is there. True if that is an answer: enough bytes, or an error that must not wait. */
  attempt(): boolean {
    let total = 0
    let mustAnswer = false
    const limitBytes = Math.min(this.#request.maxBytes, answerBytesMax)
    for (const target of this.targets) {
      look(target, this.#reader, limitBytes - total, total === 0, this.#call.apiVersion)
      if (target.error === 'notLeaderOrFollower' && this.#isDeleted(target)) {
        target.error = this.#call.apiVersion >= 13 ? 'unknownTopicId' : 'unknownTopicOrPartition'
      }
      if (target.error !== 'none' || target.diverging) mustAnswer = true
      if (target.found?.ok) total += target.found.length
    }
    return mustAnswer || total >= this.#request.minBytes
  }

  /** Since the request came. */
  #isDeleted({ served }: Target): boolean {
    return served !== undefined && this.#broker.topics.byId(served.id) === undefined
  }

  park(maxWaitMs: number): void {
    this.deadlineMs = this.#broker.clock.monotonicMs() + maxWaitMs
    this.#broker.parts.wheel.schedule(this)
    for (const { partition } of this.targets) this.#waitersOf(partition)?.add(this)
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
    const hints = new LeaderHints(this.#call.owner.listener)
    const responses = this.#request.topics.map(topic => ({
      topic: topic.topic,
      topicId: topic.topicId,
      partitions: topic.partitions.map(() => this.#answerOne(this.targets[at++]!, hints)),
    }))
    this.#call.answer({ responses, nodeEndpoints: hints.nodeEndpoints })
  }

  #answerOne({ wish, served, partition, error, found, diverging }: Target, hints: LeaderHints) {
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
      currentLeader: hints.of(error, served, wish.partition),
      abortedTransactions: this.#request.isolationLevel === readCommitted ? [] : null,
      records: hasBytes
        ? new FileRange(found.file, found.position, found.length, isCold(partition!, wish.fetchOffset))
        : noBytes,
    }
  }

  #waitersOf(partition: Partition | undefined): Set<FetchWaiter> | undefined {
    return this.#reader.replicaId >= 0 ? partition?.followerWaiters : partition?.fetchWaiters
  }

  #leave(): void {
    this.#isOver = true
    this.#broker.parts.wheel.cancel(this)
    for (const { partition } of this.targets) this.#waitersOf(partition)?.delete(this)
  }
}

/** By the share of the log that lies behind the offset: exact enough, and free. */
function isCold({ log }: Partition, offset: number): boolean {
  if (log.sizeBytes <= coldBytes) return false
  const behind = (log.logEndOffset - offset) / (log.logEndOffset - log.logStartOffset)
  return log.sizeBytes * behind > coldBytes
}

function unknownOf(isUnknownId: boolean, served: ServedTopic | undefined, wish: RequestPartition): ErrorName {
  return isUnknownId ? 'unknownTopicId' : missingError(served, wish.partition)
}

function findTopic(
  topic: { readonly topic: string; readonly topicId: string },
  call: Call,
  broker: Broker,
): ServedTopic | undefined {
  return call.apiVersion >= 13 ? broker.topics.byId(topic.topicId) : broker.topics.byName(topic.topic)
}

/** The first partition that has anything gives at least one batch, however small the limits. */
function look(target: Target, reader: Reader, bytesLeft: number, isFirst: boolean, apiVersion: number): void {
  const { partition, wish } = target
  target.found = null
  target.diverging = null
  target.error = partition ? readerError(partition, reader, wish.currentLeaderEpoch) : target.unknown
  if (!partition || target.error !== 'none') return
  if (wish.lastFetchedEpoch >= 0) {
    const { epoch, endOffset } = partition.endOffsetForEpoch(wish.lastFetchedEpoch)
    if (endOffset < 0) target.error = 'offsetOutOfRange'
    else if (epoch < wish.lastFetchedEpoch || endOffset < wish.fetchOffset)
      target.diverging = { epoch, endOffset }
    if (endOffset < 0 || target.diverging) return
  }
  const isFollower = reader.replicaId >= 0
  const limitOffset = isFollower ? partition.log.logEndOffset : partition.highWatermark
  const maxBytes = Math.max(0, Math.min(wish.partitionMaxBytes, bytesLeft))
  const isSkipped = maxBytes === 0 && !isFirst
  const found = partition.log.read(wish.fetchOffset, maxBytes, isSkipped ? -1 : limitOffset, isFirst)
  if (!found.ok) target.error = found.error
  else if (apiVersion < fetchVersionWithZstd && found.file && holdsZstd(found)) {
    target.error = 'unsupportedCompressionType'
  }
  target.found = found
  if (!isFollower || target.hasVoted || target.error !== 'none') return
  target.hasVoted = true
  const { replicaId, brokerEpoch } = reader
  partition.followerFetched(replicaId, brokerEpoch, wish.currentLeaderEpoch, wish.fetchOffset)
  partition.lowWatermark.said(replicaId, brokerEpoch, wish.logStartOffset)
}

/** A follower names the epoch it follows in, and is a registered broker: nobody else reads what is not committed. */
function readerError(partition: Partition, reader: Reader, currentLeaderEpoch: number): ErrorName {
  if (reader.replicaId < 0) return partition.clientError(currentLeaderEpoch)
  const fenced = epochError(partition.replica, currentLeaderEpoch)
  if (fenced !== 'none') return fenced
  if (currentLeaderEpoch < 0) return 'unknownLeaderEpoch'
  const endpoint = partition.peers.endpoints.endpointOf(reader.replicaId)
  if (!endpoint || reader.brokerEpoch < endpoint.brokerEpoch) return 'clusterAuthorizationFailed'
  return partition.followerError(reader.replicaId, reader.brokerEpoch)
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
