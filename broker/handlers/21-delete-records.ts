// DeleteRecords, v0-2. Moves the start of a partition's log; the segments wholly below it go with the next retention,
// and followers move theirs when they hear of it in a fetch. Answered once the leader's has moved for good.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { DeleteRecordsRequest } from '../protocol/messages/21-delete-records.ts'
import type { ServedTopic } from '../topic-table.ts'
import { missingError } from './leader-hints.ts'

const toHighWatermark = -1

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
      partitions: partitions.map(({ partitionIndex, offset }) => {
        const done = refusal
          ? { error: refusal, lowWatermark: -1 }
          : deleteBelow(served, partitionIndex, offset)
        return { partitionIndex, lowWatermark: done.lowWatermark, errorCode: errorCodes[done.error] }
      }),
    }
  })
  const isDone = topics.some(({ partitions }) => partitions.some(hasMoved))
  if (!isDone) return { topics }
  return new Promise(resolve => {
    broker.parts.logs.recordStarts(error => resolve({ topics: error ? topics.map(unrecorded) : topics }))
  })
}

interface Row {
  readonly partitionIndex: number
  readonly lowWatermark: number
  readonly errorCode: number
}

function hasMoved({ errorCode }: Row): boolean {
  return errorCode === errorCodes.none
}

/** What was deleted may be there again after a crash: to be asked for once more. */
function unrecorded({ name, partitions }: { readonly name: string; readonly partitions: readonly Row[] }) {
  const failed = { lowWatermark: -1, errorCode: errorCodes.kafkaStorageError }
  return { name, partitions: partitions.map(row => (hasMoved(row) ? { ...row, ...failed } : row)) }
}

function topicRefusal(name: string, served: ServedTopic | undefined, call: Call): ErrorName | null {
  if (!call.access.may('delete', 'topic', name)) return 'topicAuthorizationFailed'
  if (!served) return 'unknownTopicOrPartition'
  return served.isInternal ? 'invalidTopicException' : null
}

interface Deleted {
  readonly error: ErrorName
  readonly lowWatermark: number
}

function deleteBelow(served: ServedTopic | undefined, index: number, offset: number): Deleted {
  const refused = (error: ErrorName) => ({ error, lowWatermark: -1 })
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
    return { error: outcome, lowWatermark: outcome === 'none' ? log.logStartOffset : -1 }
  } catch {
    return refused('kafkaStorageError')
  }
}
