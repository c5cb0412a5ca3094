// OffsetCommit (key 8), v2-10. A group remembers how far it has read. Schema only.
//
// v2-4 retention time. v3 throttle time. v6 leader epoch (KIP-320). v7 static membership (KIP-345). v8 flexible.
// v9 the generation may be a member epoch of the new group protocol (KIP-848). v10 topic ids instead of names.
import {
  array,
  type Body,
  int16,
  int32,
  int64,
  message,
  nullableString,
  string,
  struct,
  uuid,
} from '../fields.ts'

export const offsetCommitRequest = message(
  'OffsetCommitRequest',
  { flexible: 8 },
  {
    groupId: string(),
    generationIdOrMemberEpoch: int32('1+', { default: -1 }),
    memberId: string('1+'),
    groupInstanceId: nullableString('7+'),
    retentionTimeMs: int64('2-4', { default: -1 }),
    topics: array(
      struct({
        name: string('0-9'),
        topicId: uuid('10+'),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32('6+', { default: -1 }),
            committedMetadata: string('0+', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
)
export type OffsetCommitRequest = Body<typeof offsetCommitRequest>

export const offsetCommitResponse = message(
  'OffsetCommitResponse',
  { flexible: 8 },
  {
    throttleTimeMs: int32('3+'),
    topics: array(
      struct({
        name: string('0-9'),
        topicId: uuid('10+'),
        partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })),
      }),
    ),
  },
)
export type OffsetCommitResponse = Body<typeof offsetCommitResponse>
