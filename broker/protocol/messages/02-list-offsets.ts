// ListOffsets (key 2), v1-11. The offset at a timestamp, or at a special place named by a negative one. Schema only.
//
// v1 one offset per partition. v2 isolation level, throttle time. v4 leader epoch fencing. v5 may answer
// offsetNotAvailable. v6 flexible. v7 timestamp -3: the largest (KIP-734). v8 -4: earliest local (KIP-405).
// v9 -5: last tiered (KIP-1005). v10 a timeout for tiered reads (KIP-1075). v11 -6: earliest pending upload (KIP-1023).
import { array, type Body, int8, int16, int32, int64, message, string, struct } from '../fields.ts'

/** The negative timestamps that name a place. */
export const listOffsetsTimestamps = {
  latest: -1,
  earliest: -2,
  maxTimestamp: -3,
  earliestLocal: -4,
  latestTiered: -5,
  earliestPendingUpload: -6,
} as const

export const listOffsetsRequest = message(
  'ListOffsetsRequest',
  { flexible: 6 },
  {
    replicaId: int32('0+', { default: -1 }),
    isolationLevel: int8('2+'),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            currentLeaderEpoch: int32('4+', { default: -1 }),
            timestamp: int64(),
          }),
        ),
      }),
    ),
    timeoutMs: int32('10+'),
  },
)
export type ListOffsetsRequest = Body<typeof listOffsetsRequest>

export const listOffsetsResponse = message(
  'ListOffsetsResponse',
  { flexible: 6 },
  {
    throttleTimeMs: int32('2+'),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            timestamp: int64('1+', { default: -1 }),
            offset: int64('1+', { default: -1 }),
            leaderEpoch: int32('4+', { default: -1 }),
          }),
        ),
      }),
    ),
  },
)
export type ListOffsetsResponse = Body<typeof listOffsetsResponse>
