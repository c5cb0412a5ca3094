// DeleteRecords, v0-2. Moves the start of a partition's log; the segments wholly below it go with the next retention,
// and followers move theirs when they hear of it in a fetch. Answered once the leader's has moved for good and every
// live replica has said that its own has moved, too; by the deadline with requestTimedOut, and the records are gone
// here all the same.
import type { Broker } from '../broker.ts'
import { type Call, parked } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { DeleteRecordsRequest } from '../protocol/messages/21-delete-records.ts'
import type { AppendWaiter, Partition } from '../replication/partition.ts'
import { type Timed, unscheduled } from '../replication/timer-wheel.ts'
import type { ServedTopic } from '../topic-table.ts'
import { missingError } from './leader-hints.ts'

const toHighWatermark = -1
/** Our own disk is a promise that Kafka does not make: a client's time-out of nothing gets this long. */
const diskPatienceMs = 1_000

export function deleteRecords(
  request: DeleteRecordsRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.deleteRecords> {
  const topics = request.topics.map(({ name, partitions }) => {
    const served = broker.topics.byName(name)
    const refusal = topicRefusal(name, served, call)
    return {
      name,
      partitions: partitions.map(({ partitionIndex, offset }) =>
        refusal ? new Row(partitionIndex, refusal) : deleteBelow(served, partitionIndex, offset),
      ),
    }
  })
  const moved = topics.flatMap(({ partitions }) => partitions.filter(row => row.error === 'none'))
  if (moved.length === 0) return { topics }
  const pending = new PendingDeletion(call, broker, topics, moved)
  pending.park(Math.max(request.timeoutMs, diskPatienceMs))
  return parked
}

/** One partition's line in the answer, and what waits for its replicas. */
class Row implements AppendWaiter {
  readonly partitionIndex: number
  readonly partition: Partition | null
  readonly target: number
  lowWatermark: number
  error: ErrorName
  isSettled = true
  onSettled: () => void = () => {}

  constructor(
    partitionIndex: number,
    error: ErrorName,
    partition: Partition | null = null,
    target = -1,
    lowWatermark = -1,
  ) {
    this.partitionIndex = partitionIndex
    this.error = error
    this.partition = partition
    this.target = target
    this.lowWatermark = lowWatermark
  }

  get errorCode(): number {
    return errorCodes[this.error]
  }

  settled(error: ErrorName): void {
    this.isSettled = true
    this.error = error
    this.lowWatermark = error === 'none' ? this.partition!.lowWatermark.offset : -1
    this.onSettled()
  }
}

interface DeletedTopic {
  readonly name: string
  readonly partitions: readonly Row[]
}

class PendingDeletion implements Timed {
  deadlineMs = 0
  wheelSlot = unscheduled
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly #call: Call
  readonly #broker: Broker
  readonly #topics: readonly DeletedTopic[]
  /** Those that have something to wait for. */
  readonly #rows: readonly Row[]
  #isOver = false

  constructor(call: Call, broker: Broker, topics: readonly DeletedTopic[], rows: readonly Row[]) {
    this.#call = call
    this.#broker = broker
    this.#topics = topics
    this.#rows = rows
  }

  park(timeoutMs: number): void {
    this.deadlineMs = this.#broker.clock.monotonicMs() + timeoutMs
    this.#broker.parts.wheel.schedule(this)
    for (const row of this.#rows) {
      row.isSettled = false
      row.onSettled = () => this.#look()
    }
    this.#call.onGone = () => this.#leave()
    this.#broker.parts.logs.recordStarts(error => {
      if (this.#isOver) return
      for (const row of this.#rows) {
        // What was deleted may be there again after a crash: to be asked for once more.
        if (error) row.settled('kafkaStorageError')
        else row.partition!.lowWatermark.park(row.target, row)
      }
    })
  }

  onDeadline(): void {
    // As it was found: where the live replica that has most of it starts.
    for (const row of this.#rows) if (!row.isSettled) row.error = 'requestTimedOut'
    this.#answer()
  }

  #look(): void {
    if (this.#rows.every(row => row.isSettled)) this.#answer()
  }

  #answer(): void {
    if (this.#isOver) return
    this.#leave()
    this.#call.answer({ topics: this.#topics })
  }

  #leave(): void {
    this.#isOver = true
    this.#broker.parts.wheel.cancel(this)
    for (const row of this.#rows) row.partition!.lowWatermark.leave(row)
  }
}

function topicRefusal(name: string, served: ServedTopic | undefined, call: Call): ErrorName | null {
  if (!call.access.may('delete', 'topic', name)) return 'topicAuthorizationFailed'
  if (!served) return 'unknownTopicOrPartition'
  return served.isInternal ? 'invalidTopicException' : null
}

function deleteBelow(served: ServedTopic | undefined, index: number, offset: number): Row {
  const refused = (error: ErrorName) => new Row(index, error)
  const partition = served?.partitions[index]
  if (!partition) return refused(missingError(served, index))
  const error = partition.clientError(-1)
  if (error !== 'none') return refused(error)
  const { log } = partition
  // Of a log that is only compacted every key's last record is promised for ever.
  if (log.config.isCompacted && !log.config.isRetained) return refused('policyViolation')
  const target = offset === toHighWatermark ? log.highWatermark : offset
  if (target < 0) return refused('offsetOutOfRange')
  try {
    const outcome = log.deleteRecordsBefore(target)
    if (outcome !== 'none') return refused(outcome)
    return new Row(index, 'none', partition, target, partition.lowWatermark.offset)
  } catch {
    return refused('kafkaStorageError')
  }
}
