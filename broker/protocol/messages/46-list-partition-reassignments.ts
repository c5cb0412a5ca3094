// ListPartitionReassignments (key 46), v0, flexible. Schema only.
import {
  array,
  type Body,
  int16,
  int32,
  message,
  nullableArray,
  nullableString,
  string,
  struct,
} from '../fields.ts'

export const listPartitionReassignmentsRequest = message(
  'ListPartitionReassignmentsRequest',
  { flexible: 0 },
  {
    timeoutMs: int32('0+', { default: 60_000 }),
    /** Null: whatever is under way. */
    topics: nullableArray(struct({ name: string(), partitionIndexes: array(int32()) })),
  },
)
export type ListPartitionReassignmentsRequest = Body<typeof listPartitionReassignmentsRequest>

export const listPartitionReassignmentsResponse = message(
  'ListPartitionReassignmentsResponse',
  { flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullableString(),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            replicas: array(int32()),
            addingReplicas: array(int32()),
            removingReplicas: array(int32()),
          }),
        ),
      }),
    ),
  },
)
export type ListPartitionReassignmentsResponse = Body<typeof listPartitionReassignmentsResponse>
