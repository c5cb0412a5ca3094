// DescribeProducers, v0. The idempotent producers a partition remembers, from the log of the leader.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { DescribeProducersRequest } from '../protocol/messages/61-describe-producers.ts'

export function describeProducers(
  request: DescribeProducersRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.describeProducers> {
  const topics = request.topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(index => describe(name, index, call, broker)),
  }))
  return { topics }
}

function describe(name: string, partitionIndex: number, call: Call, broker: Broker) {
  const refused = (error: ErrorName, errorMessage: string | null = null) => ({
    partitionIndex,
    errorCode: errorCodes[error],
    errorMessage,
    activeProducers: [],
  })
  if (!call.access.may('read', 'topic', name)) return refused('topicAuthorizationFailed')
  const served = broker.topics.byName(name)
  if (!served?.topic.partitions[partitionIndex]) return refused('unknownTopicOrPartition')
  const partition = served.partitions[partitionIndex]
  if (partition?.replica.role !== 'leader') {
    return refused('notLeaderOrFollower', 'Another broker leads this partition.')
  }
  // Each producer's newest batch comes last.
  const latest = new Map(partition.log.producerBatches().map(batch => [batch.producerId, batch]))
  const activeProducers = [...latest.values()].map(({ producerId, epoch, lastSequence, appendMs }) => ({
    producerId,
    producerEpoch: epoch,
    lastSequence,
    lastTimestamp: appendMs,
    coordinatorEpoch: -1,
    currentTxnStartOffset: -1,
  }))
  return { partitionIndex, errorCode: errorCodes.none, activeProducers }
}
