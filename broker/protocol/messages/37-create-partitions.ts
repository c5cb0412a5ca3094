// CreatePartitions (key 37), v0-3. Schema only.
//
// v2 flexible. v3 may be throttled (KIP-599).
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

export const createPartitionsRequest = message(
  'CreatePartitionsRequest',
  { flexible: 2 },
  {
    topics: array(
      struct({
        name: string(),
        /** How many there are to be, those there are included. */
        count: int32(),
        /** Of the new partitions, in their order. Null: the broker's choice. */
        assignments: nullableArray(struct({ brokerIds: array(int32()) })),
      }),
    ),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
)
export type CreatePartitionsRequest = Body<typeof createPartitionsRequest>

export const createPartitionsResponse = message(
  'CreatePartitionsResponse',
  { flexible: 2 },
  {
    throttleTimeMs: int32(),
    results: array(struct({ name: string(), errorCode: int16(), errorMessage: nullableString() })),
  },
)
export type CreatePartitionsResponse = Body<typeof createPartitionsResponse>
