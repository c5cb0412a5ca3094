// ListPartitionReassignments, v0. What is being moved, as far as this broker knows; that is what the controller knows
// a moment later or earlier.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { ListPartitionReassignmentsRequest } from '../protocol/messages/46-list-partition-reassignments.ts'

export function listPartitionReassignments(
  request: ListPartitionReassignmentsRequest,
  _call: Call,
  broker: Broker,
): Answer<typeof apis.listPartitionReassignments> {
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
