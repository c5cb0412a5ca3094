// Produce, v3-13. Appends in the order of the request; the waits for durability then overlap. acks=1 waits for our
// own disk, -1 for every in-sync one, 0 gets no answer at all. One pending object per request, one row per batch.
import type { Broker } from '../broker.ts'
import { type Call, parked, silent } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import { keylessRecords } from '../log/keyless.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { ProduceRequest } from '../protocol/messages/00-produce.ts'
import { batchView } from '../protocol/record-batch.ts'
import type { AppendWaiter, Partition } from '../replication/partition.ts'
import { type Timed, unscheduled } from '../replication/timer-wheel.ts'
import type { ServedTopic } from '../topic-table.ts'
import { type LeaderHint, LeaderHints, missingError } from './leader-hints.ts'

/** The flush is a promise of ours that Kafka's acks=1 does not know: a client's time-out of nothing gets this long. */
const flushPatienceMs = 1_000
/** Kafka's own tools may write to internal topics under this name. */
const adminClientId = '__admin_client'

export function produce(request: ProduceRequest, call: Call, broker: Broker): Answer<typeof apis.produce> {
  const refusal = refusalOf(request, call)
  const pending = new PendingProduce(call, broker)
  for (const topic of request.topicData) {
    const served =
      call.apiVersion >= 13 ? broker.topics.byId(topic.topicId) : broker.topics.byName(topic.name)
    const rows: ProduceRow[] = []
    pending.responses.push({ name: topic.name, topicId: topic.topicId, partitionResponses: rows, served })
    for (const { index, records } of topic.partitionData) {
      const row = new ProduceRow(index, pending)
      rows.push(row)
      const refused = refusal ?? topicRefusal(topic.name, served, call)
      const partition = served?.partitions[index]
      if (refused !== null) row.refuse(refused, null)
      else if (!partition) row.refuse(missingError(served, index), null)
      else appendOne(row, partition, records, request.acks, call, broker)
    }
  }
  if (request.acks === 0) {
    const failed = pending.firstError()
    // There is no answer to put an error into; the end of the connection is the only sign.
    if (failed !== 'none') call.owner.close(`a batch with acks=0 was refused: ${failed}`)
    return silent
  }
  return pending.park(Math.max(request.timeoutMs, flushPatienceMs))
}

/** What is wrong with the request as a whole. */
function refusalOf(request: ProduceRequest, call: Call): ErrorName | null {
  if (request.acks < -1 || request.acks > 1) return 'invalidRequiredAcks'
  if (call.isFencedAgent) return 'clusterAuthorizationFailed'
  return request.transactionalId === null ? null : 'transactionalIdAuthorizationFailed'
}

function topicRefusal(name: string, served: ServedTopic | undefined, call: Call): ErrorName | null {
  const isById = call.apiVersion >= 13
  const isKnown = served !== undefined || !isById
  if (isKnown && !call.access.may('write', 'topic', served?.name ?? name)) return 'topicAuthorizationFailed'
  if (!served) return isById ? 'unknownTopicId' : 'unknownTopicOrPartition'
  return served.isInternal && call.clientId !== adminClientId ? 'invalidTopicException' : null
}

function appendOne(
  row: ProduceRow,
  partition: Partition,
  records: Buffer | null,
  acks: number,
  call: Call,
  broker: Broker,
): void {
  if (records === null || records.length === 0) {
    row.refuse('invalidRecord', 'Cannot append: no record batch')
    return
  }
  if (records.length > 22 && batchView.isTransactional(records, 0)) {
    row.refuse('invalidTxnState', 'Cannot append: transactions are not served here')
    return
  }
  if (partition.log.config.isCompacted && !hasKeys(row, partition, records, call.apiVersion)) {
    broker.counters.refusedBatches.add()
    return
  }
  const waiter = acks === 0 ? null : row
  if (waiter) row.pending.remaining++
  const appended = partition.append(records, acks, waiter, broker.clock.wallMs(), call.apiVersion)
  const { counters } = broker
  if (!appended.ok) {
    if (waiter) row.pending.remaining--
    row.refuse(appended.error, appended.message)
    counters.refusedBatches.add()
    return
  }
  row.baseOffset = appended.baseOffset
  row.logAppendTimeMs = appended.logAppendTimeMs
  row.logStartOffset = partition.log.logStartOffset
  if (appended.duplicate) {
    counters.duplicateBatches.add()
    return
  }
  counters.producedBatches.add()
  counters.producedBytes.add(records.length)
  counters.producedRecords.add(batchView.recordCount(records, 0))
}

/** What has no key can be superseded by nothing and kept for nobody: the producer hears which records they are. */
function hasKeys(row: ProduceRow, { log }: Partition, records: Buffer, produceVersion: number): boolean {
  const keyless = keylessRecords(records, produceVersion)
  if (keyless === null) row.refuse('corruptMessage', 'Cannot append: the records cannot be read')
  if (keyless === null || keyless.length === 0) return keyless !== null
  const place = `${log.topic}-${log.partition}`
  const message = `Compacted topic cannot accept message without key in topic partition ${place}.`
  row.recordErrors = keyless.map(batchIndex => ({ batchIndex, batchIndexErrorMessage: message }))
  row.refuse('invalidRecord', `${keyless.length} of the batch's records have no key. ${message}`)
  return false
}

/** One batch's line in the answer, and what waits for the batch to be safe. */
class ProduceRow implements AppendWaiter {
  readonly isPatient = true
  readonly index: number
  readonly pending: PendingProduce
  error: ErrorName = 'none'
  errorCode = 0
  baseOffset = -1
  logAppendTimeMs = -1
  logStartOffset = -1
  errorMessage: string | null = null
  recordErrors: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string }[] = []
  currentLeader: LeaderHint | undefined = undefined
  isSettled = false

  constructor(index: number, pending: PendingProduce) {
    this.index = index
    this.pending = pending
  }

  refuse(error: ErrorName, message: string | null): void {
    this.error = error
    this.errorCode = errorCodes[error]
    this.errorMessage = message
    this.isSettled = true
  }

  settled(error: ErrorName): void {
    this.isSettled = true
    if (error !== 'none') {
      // It may still be on disk: the offset is not withdrawn, only not promised.
      this.refuse(error, null)
      this.baseOffset = -1
      this.logAppendTimeMs = -1
    }
    this.pending.rowSettled()
  }
}

interface ProducedTopic {
  readonly name: string
  readonly topicId: string
  readonly partitionResponses: readonly ProduceRow[]
  readonly served: ServedTopic | undefined
}

class PendingProduce implements Timed {
  readonly responses: ProducedTopic[] = []
  /** Rows that wait for a disk; one more while the request is still being appended. */
  remaining = 1
  deadlineMs = 0
  wheelSlot = unscheduled
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly #call: Call
  readonly #broker: Broker

  constructor(call: Call, broker: Broker) {
    this.#call = call
    this.#broker = broker
  }

  park(timeoutMs: number): typeof parked {
    if (this.remaining > 1) {
      this.deadlineMs = this.#broker.clock.monotonicMs() + timeoutMs
      this.#broker.parts.wheel.schedule(this)
    }
    this.rowSettled()
    return parked
  }

  rowSettled(): void {
    if (--this.remaining > 0 || this.#call.answered) return
    this.#broker.parts.wheel.cancel(this)
    this.#answer()
  }

  /** Giving up is not undoing: the batches stay, and a retry is known by its sequence. */
  onDeadline(): void {
    for (const { partitionResponses } of this.responses) {
      for (const row of partitionResponses) if (!row.isSettled) row.refuse('requestTimedOut', null)
    }
    if (!this.#call.answered) this.#answer()
  }

  #answer(): void {
    const hints = new LeaderHints(this.#call.owner.listener)
    for (const { partitionResponses, served } of this.responses) {
      for (const row of partitionResponses) row.currentLeader = hints.of(row.error, served, row.index)
    }
    this.#call.answer({ responses: this.responses, nodeEndpoints: hints.nodeEndpoints })
  }

  firstError(): ErrorName {
    for (const { partitionResponses } of this.responses) {
      const failed = partitionResponses.find(row => row.error !== 'none')
      if (failed) return failed.error
    }
    return 'none'
  }
}
