// ElectLeaders (key 43), v0-2. Schema only.
//
// v1 the kind of election (KIP-460), an error for the request as a whole. v2 flexible.
import {
  array,
  type Body,
  int8,
  int16,
  int32,
  message,
  nullableArray,
  nullableString,
  string,
  struct,
} from '../fields.ts'

export const electionTypes = { preferred: 0, unclean: 1 } as const

export const electLeadersRequest = message(
  'ElectLeadersRequest',
  { flexible: 2 },
  {
    electionType: int8('1+'),
    /** Null: every partition. */
    topicPartitions: nullableArray(struct({ topic: string(), partitions: array(int32()) })),
    timeoutMs: int32('0+', { default: 60_000 }),
  },
)
export type ElectLeadersRequest = Body<typeof electLeadersRequest>

export const electLeadersResponse = message(
  'ElectLeadersResponse',
  { flexible: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16('1+'),
    replicaElectionResults: array(
      struct({
        topic: string(),
        partitionResult: array(
          struct({ partitionId: int32(), errorCode: int16(), errorMessage: nullableString() }),
        ),
      }),
    ),
  },
)
export type ElectLeadersResponse = Body<typeof electLeadersResponse>
