// OffsetForLeaderEpoch (key 23), v2-4. Where a leader epoch ended: how consumers and followers notice that a log was
// truncated under them (KIP-101, KIP-320). Schema only.
//
// v2 fencing by the current leader epoch, throttle time. v3 replica id. v4 flexible.
import { array, type Body, int16, int32, int64, message, string, struct } from '../fields.ts'

export const offsetForLeaderEpochRequest = message(
  'OffsetForLeaderEpochRequest',
  { flexible: 4 },
  {
    // -2 is a debugging consumer, what a consumer sends as well; -1 is refused by nobody.
    replicaId: int32('3+', { default: -2 }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32('2+', { default: -1 }),
            leaderEpoch: int32(),
          }),
        ),
      }),
    ),
  },
)
export type OffsetForLeaderEpochRequest = Body<typeof offsetForLeaderEpochRequest>

export const offsetForLeaderEpochResponse = message(
  'OffsetForLeaderEpochResponse',
  { flexible: 4 },
  {
    throttleTimeMs: int32('2+'),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            errorCode: int16(),
            partition: int32(),
            leaderEpoch: int32('1+', { default: -1 }),
            endOffset: int64('0+', { default: -1 }),
          }),
        ),
      }),
    ),
  },
)
export type OffsetForLeaderEpochResponse = Body<typeof offsetForLeaderEpochResponse>
