// ListPartitionReassignments, v0. What is being moved, as the controller knows it, so that whoever has begun something
// sees it; while the controller cannot be reached, as far as this broker knows.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import { forwardingClientId } from '../forwarder.ts'
import type { LaterAnswer } from '../handler-row.ts'
import { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { ListPartitionReassignmentsRequest } from '../protocol/messages/46-list-partition-reassignments.ts'

export async function listPartitionReassignments(
  request: ListPartitionReassignmentsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.listPartitionReassignments> {
  const { membership, forwarder } = broker.parts
  const isForAnother = membership.controller === null && call.clientId !== forwardingClientId
  const answer = isForAnother ? await forwarder.forward(apis.listPartitionReassignments, request) : null
  return answer ?? listed(request, broker)
}

function listed(request: ListPartitionReassignmentsRequest, broker: Broker) {
  const wishes = request.topics && new Map(request.topics.map(topic => [topic.name, topic.partitionIndexes]))
  const topics = []
  for (const { name, topic } of broker.topics.all()) {
    const wanted = wishes?.get(name)
    if (wishes && !wanted) continue
    const partitions = topic.partitions.flatMap(({ value }, partitionIndex) => {
      const { replicas, adding: addingReplicas = [], removing: removingReplicas = [] } = value
      const isMoving = addingReplicas.length > 0 || removingReplicas.length > 0
      if (!isMoving || (wanted && !wanted.includes(partitionIndex))) return []
      return { partitionIndex, replicas, addingReplicas, removingReplicas }
    })
    if (partitions.length > 0) topics.push({ name, partitions })
  }
  return { errorCode: errorCodes.none, topics }
}
