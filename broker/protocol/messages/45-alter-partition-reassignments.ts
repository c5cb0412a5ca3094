// AlterPartitionReassignments (key 45), v0-1, flexible from the start. Schema only.
//
// v1 may forbid a change of the replication factor (KIP-860).
import {
  array,
  type Body,
  bool,
  int16,
  int32,
  message,
  nullableArray,
  nullableString,
  string,
  struct,
} from '../fields.ts'

export const alterPartitionReassignmentsRequest = message(
  'AlterPartitionReassignmentsRequest',
  { flexible: 0 },
  {
    timeoutMs: int32('0+', { default: 60_000 }),
    allowReplicationFactorChange: bool('1+', { default: true }),
    topics: array(
      struct({
        name: string(),
        /** Null replicas: the reassignment under way is cancelled. */
        partitions: array(struct({ partitionIndex: int32(), replicas: nullableArray(int32()) })),
      }),
    ),
  },
)
export type AlterPartitionReassignmentsRequest = Body<typeof alterPartitionReassignmentsRequest>

export const alterPartitionReassignmentsResponse = message(
  'AlterPartitionReassignmentsResponse',
  { flexible: 0 },
  {
    throttleTimeMs: int32(),
    allowReplicationFactorChange: bool('1+', { default: true }),
    errorCode: int16(),
    errorMessage: nullableString(),
    responses: array(
      struct({
        name: string(),
        partitions: array(
          struct({ partitionIndex: int32(), errorCode: int16(), errorMessage: nullableString() }),
        ),
      }),
    ),
  },
)
export type AlterPartitionReassignmentsResponse = Body<typeof alterPartitionReassignmentsResponse>
