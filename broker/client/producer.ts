// The idempotent producer: batches of a partition are appended once and in order, whatever is lost on the way. A
// lane a partition; up to five batches of it fly at once; an unanswered batch is sent again with its sequence, and
// when the broker's memory of this producer is gone, everything unacknowledged goes again under a new producer id.
// It never gives a batch up unless the broker refuses what is in it, and holds what it is given until then.
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { apis } from '../protocol/apis.ts'
import { stampProducer } from '../protocol/batch-builder.ts'
import { type ErrorName, errorName } from '../protocol/errors.ts'
import type { ProduceResponse } from '../protocol/messages/00-produce.ts'
import { batchView } from '../protocol/record-batch.ts'
import type { Cluster } from './cluster.ts'
import type { Connection, HeldBytes } from './connection.ts'
import {
  type Lane,
  lanesReadyFor,
  newLane,
  nextSequenceAfter,
  type PendingBatch,
  renumber,
  type SentCallback,
} from './lane.ts'

export interface ProducerOptions {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Log
  /** How long a broker may wait for its replicas. */
  readonly timeoutMs?: number
  readonly requestTimeoutMs?: number
}

export interface Replacement {
  readonly bytes: Buffer
  readonly callback: SentCallback
}

const requestsInFlightMax = 5
/** Of one request, all partitions together. */
const requestBytesMax = 4_194_304
const backoffMinMs = 50
const backoffMaxMs = 2_000

/** The broker does not know our sequence any more: only a new producer id helps. */
const sessionErrors: ReadonlySet<ErrorName> = new Set([
  'unknownProducerId',
  'invalidProducerEpoch',
  'invalidProducerIdMapping',
  'producerFenced',
])
/** What is in the batch is refused, now and always. */
const refusals: ReadonlySet<ErrorName> = new Set([
  'messageTooLarge',
  'recordListTooLarge',
  'invalidRecord',
  'invalidTimestamp',
  'unsupportedCompressionType',
  'unsupportedForMessageFormat',
])
const staleMetadata: ReadonlySet<ErrorName> = new Set([
  'notLeaderOrFollower',
  'leaderNotAvailable',
  'unknownTopicOrPartition',
  'unknownTopicId',
  'inconsistentTopicId',
  'kafkaStorageError',
  'fencedLeaderEpoch',
])

/** Smaller batches are copied. Nothing touches a batch while it flies: what has not left goes with its connection. */
const copiedBytesMax = 65_536

function pendingOf(bytes: Buffer, callback: SentCallback): PendingBatch {
  const count = batchView.recordCount(bytes, 0)
  return { bytes, count, sequence: -1, flying: false, firstSentAtMs: null, callback }
}

function recordsOf({ bytes }: PendingBatch): Buffer | HeldBytes {
  return bytes.length <= copiedBytesMax ? bytes : { sizeInBytes: bytes.length, bytes }
}

export class Producer {
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #log: Log
  readonly #timeoutMs: number
  readonly #requestTimeoutMs: number
  readonly #lanes = new Map<string, Lane>()
  readonly #flying = new Map<Connection, number>()
  #producerId = -1
  #epoch = -1
  #requestsFlying = 0
  /** A new producer id is wanted, as soon as nothing flies under the old one. */
  #startingOver = true
  #asking = false
  #failures = 0
  #timer: NodeJS.Timeout | null = null
  #timerAt = Number.POSITIVE_INFINITY
  #closed = false
  #lastError: string | null = null

  constructor(options: ProducerOptions) {
    this.#cluster = options.cluster
    this.#clock = options.clock
    this.#log = options.log
    this.#timeoutMs = options.timeoutMs ?? 10_000
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 30_000
  }

  /** What last went wrong, until something goes right again. */
  get lastError(): string | null {
    return this.#lastError
  }

  get isIdle(): boolean {
    for (const lane of this.#lanes.values()) if (lane.batches.length > 0) return false
    return true
  }

  /** Takes a built batch, stamps it and sees it through. The batch is the producer's from here on. */
  send(topic: string, partition: number, batch: Buffer, callback: SentCallback): void {
    if (this.#closed) throw new TypeError('Cannot send: this producer is closed')
    const key = `${topic}/${partition}`
    let lane = this.#lanes.get(key)
    if (!lane) {
      lane = newLane(topic, partition)
      this.#lanes.set(key, lane)
    }
    const pending = pendingOf(batch, callback)
    if (!this.#startingOver) this.#stamp(lane, pending)
    lane.batches.push(pending)
    this.#pumpSoon()
  }

  /** Stops at once. What was not acknowledged may or may not have been appended; no callback comes any more. */
  close(): void {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#lanes.clear()
  }

  #stamp(lane: Lane, batch: PendingBatch): void {
    batch.sequence = lane.nextSequence
    lane.nextSequence = nextSequenceAfter(lane.nextSequence, batch.count)
    stampProducer(batch.bytes, this.#producerId, this.#epoch, batch.sequence)
  }

  /** Once a turn of the event loop: the batches of all partitions that were sent in it share a request. */
  #pumpSoon(): void {
    this.#pumpAt(this.#clock.monotonicMs())
  }

  #pumpAt(atMs: number): void {
    if (this.#closed || atMs >= this.#timerAt) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timerAt = atMs
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        this.#timerAt = Number.POSITIVE_INFINITY
        this.#pump()
      },
      Math.max(0, atMs - this.#clock.monotonicMs()),
    )
  }

  #pump(): void {
    if (this.#closed) return
    if (this.#startingOver) {
      if (this.#requestsFlying === 0) this.#askProducerId()
      return
    }
    const now = this.#clock.monotonicMs()
    const byLeader = new Map<number, Lane[]>()
    let unknown: string[] | null = null
    for (const lane of this.#lanes.values()) {
      if (lane.batches.length === 0) continue
      if (lane.notBeforeMs > now) {
        this.#pumpAt(lane.notBeforeMs)
        continue
      }
      const leader = this.#cluster.leaderOf(lane.topic, lane.partition)
      if (leader < 0) (unknown ??= []).push(lane.topic)
      else if (byLeader.has(leader)) byLeader.get(leader)!.push(lane)
      else byLeader.set(leader, [lane])
    }
    if (unknown) this.#refresh(unknown)
    for (const [leader, lanes] of byLeader) this.#pumpLeader(leader, lanes, now)
  }

  #pumpLeader(leader: number, lanes: readonly Lane[], now: number): void {
    const connection = this.#cluster.openConnectionTo(leader)
    if (!connection) {
      if (this.#asking) return
      this.#asking = true
      this.#settle(
        this.#cluster.connectionTo(leader),
        lanes.map(lane => lane.topic),
      )
      return
    }
    while ((this.#flying.get(connection) ?? 0) < requestsInFlightMax) {
      const ready = lanesReadyFor(lanes, connection, now, requestBytesMax)
      if (ready.length === 0) return
      this.#fly(connection, ready)
    }
  }

  #fly(connection: Connection, ready: readonly { lane: Lane; batch: PendingBatch }[]): void {
    const topics = new Map<string, { index: number; records: Buffer | HeldBytes }[]>()
    const now = this.#clock.monotonicMs()
    for (const { lane, batch } of ready) {
      batch.flying = true
      batch.firstSentAtMs ??= now
      lane.flying++
      lane.connection = connection
      const partitions = topics.get(lane.topic)
      const data = { index: lane.partition, records: recordsOf(batch) }
      if (partitions) partitions.push(data)
      else topics.set(lane.topic, [data])
    }
    const topicData = [...topics].map(([name, partitionData]) => ({
      name,
      topicId: this.#cluster.topic(name)!.id,
      partitionData,
    }))
    this.#requestsFlying++
    this.#flying.set(connection, (this.#flying.get(connection) ?? 0) + 1)
    const request = { acks: -1, timeoutMs: this.#timeoutMs, topicData }
    connection.send(apis.produce, request, this.#requestTimeoutMs, (error, answer) => {
      this.#land(connection, ready, error, answer)
    })
  }

  #land(
    connection: Connection,
    ready: readonly { lane: Lane; batch: PendingBatch }[],
    error: Error | null,
    answer: ProduceResponse | null,
  ): void {
    this.#requestsFlying--
    const flying = this.#flying.get(connection)! - 1
    if (flying > 0) this.#flying.set(connection, flying)
    else this.#flying.delete(connection)
    if (this.#closed) return
    if (answer) this.#failures = 0
    else if (flying === 0) this.#failed(error!.message)
    let refresh: string[] | null = error ? ready.map(({ lane }) => lane.topic) : null
    for (const { lane, batch } of ready) {
      lane.flying--
      batch.flying = false
      const outcome = answer ? this.#outcomeOf(answer, lane) : null
      const name = outcome ? errorName(outcome.errorCode) : 'networkException'
      if (name === 'none' || name === 'duplicateSequenceNumber') {
        this.#acknowledged(lane, batch, outcome!.baseOffset)
        continue
      }
      this.#refused(lane, batch, name)
      if (staleMetadata.has(name)) (refresh ??= []).push(lane.topic)
    }
    if (refresh) this.#refresh(refresh)
    this.#pumpSoon()
  }

  #acknowledged(lane: Lane, batch: PendingBatch, baseOffset: number): void {
    if (lane.batches[0] === batch) lane.retrying = false
    lane.batches.splice(lane.batches.indexOf(batch), 1)
    lane.knownSinceMs = Math.max(lane.knownSinceMs ?? 0, batch.firstSentAtMs ?? 0)
    lane.failures = 0
    this.#lastError = null
    batch.callback(null, baseOffset)
  }

  #refused(lane: Lane, batch: PendingBatch, name: ErrorName): void {
    // Those behind one that failed can only be out of order now, and say nothing new: they all come back before
    // anything of this lane flies again.
    if (lane.rewinding) return
    lane.rewinding = true
    lane.retrying = true
    lane.failures++
    const wait = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(lane.failures - 1, 10))
    lane.notBeforeMs = this.#clock.monotonicMs() + wait
    if (name === 'networkException') return
    this.#lastError = `${lane.topic}/${lane.partition}: ${name}`
    if (name === 'outOfOrderSequenceNumber' || sessionErrors.has(name)) {
      this.#startOver(`${lane.topic}/${lane.partition} answered ${name}`)
    } else if (refusals.has(name)) {
      this.#log.warn('a batch was refused', { topic: lane.topic, partition: lane.partition, error: name })
      lane.batches.splice(lane.batches.indexOf(batch), 1)
      // Its sequence numbers will never come: what follows it needs others.
      this.#startOver('a batch was refused')
      batch.callback(name, -1)
    } else if (lane.failures % 10 === 1) {
      this.#log.warn('cannot produce yet', { topic: lane.topic, partition: lane.partition, error: name })
    }
  }

  /** Puts batches where a refused one was, from its callback: the first to be sent of their partition. */
  replace(topic: string, partition: number, batches: readonly Replacement[]): void {
    const lane = this.#lanes.get(`${topic}/${partition}`)!
    lane.batches.unshift(...batches.map(({ bytes, callback }) => pendingOf(bytes, callback)))
    this.#startOver('a batch was replaced')
  }

  #startOver(reason: string): void {
    if (this.#startingOver) return
    this.#startingOver = true
    this.#log.warn('asking for a new producer id', { reason })
    this.#pumpSoon()
  }

  #askProducerId(): void {
    if (this.#asking) return
    this.#asking = true
    const ask = async () => {
      const connection = await this.#cluster.anyConnection()
      const answer = await connection.request(apis.initProducerId, {
        transactionalId: null,
        transactionTimeoutMs: 0x7fffffff,
      })
      if (answer.errorCode !== 0) throw new Error(`cannot get a producer id: ${errorName(answer.errorCode)}`)
      this.#producerId = answer.producerId
      this.#epoch = answer.producerEpoch
      this.#startingOver = false
      for (const lane of this.#lanes.values()) {
        renumber(lane)
        for (const batch of lane.batches) this.#stamp(lane, batch)
      }
    }
    this.#settle(ask(), [])
  }

  #refresh(topics: readonly string[]): void {
    if (this.#asking) return
    this.#asking = true
    this.#settle(this.#cluster.refresh([...new Set(topics)]), [])
  }

  /** After an errand: go on, or after a failure go on later, with fresh metadata if a broker could not be reached. */
  #settle(errand: Promise<unknown>, topics: readonly string[]): void {
    const settled = errand.then(
      () => true,
      (error: Error) => {
        this.#failed(error.message)
        return false
      },
    )
    void settled.then(succeeded => {
      this.#asking = false
      if (this.#closed) return
      const wait = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#failures, 10))
      const unled = this.#isUnled()
      this.#pumpAt(this.#clock.monotonicMs() + (succeeded && !unled ? 0 : wait))
      if (!succeeded && topics.length > 0) this.#refresh(topics)
    })
  }

  /** Metadata came, and still nobody leads what has to be sent: asking again at once would be a busy loop. */
  #isUnled(): boolean {
    for (const lane of this.#lanes.values()) {
      if (lane.batches.length > 0 && this.#cluster.leaderOf(lane.topic, lane.partition) < 0) {
        this.#failures = Math.min(this.#failures + 1, 10)
        return true
      }
    }
    return false
  }

  #failed(message: string): void {
    this.#failures++
    this.#lastError = message
    if (this.#failures === 1 || this.#failures % 20 === 0) {
      this.#log.warn('cannot reach the broker, trying again', { error: message, failures: this.#failures })
    }
  }

  #outcomeOf(
    answer: ProduceResponse,
    lane: Lane,
  ): { readonly errorCode: number; readonly baseOffset: number } | null {
    const id = this.#cluster.topic(lane.topic)?.id
    for (const topic of answer.responses) {
      // By name up to v12, by id from v13 on: the other one reads as its default.
      if (topic.name !== lane.topic && (topic.name !== '' || topic.topicId !== id)) continue
      const found = topic.partitionResponses.find(partition => partition.index === lane.partition)
      if (found) return found
    }
    return null
  }
}
