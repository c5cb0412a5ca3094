// OffsetFetch (key 9), v1-10. How far groups have read; -1 where nothing was committed. Schema only.
//
// v2 null topics ask for all; a top-level error. v3 throttle time. v5 leader epoch (KIP-320). v6 flexible.
// v7 may insist on stable offsets (KIP-447). v8 many groups at once (KIP-709): fields move under `groups`.
// v9 member id and epoch of the new group protocol (KIP-848). v10 topic ids instead of names.
import {
  array,
  type Body,
  bool,
  int16,
  int32,
  int64,
  message,
  nullableString,
  string,
  struct,
  uuid,
} from '../fields.ts'

export const offsetFetchRequest = message(
  'OffsetFetchRequest',
  { flexible: 6 },
  {
    groupId: string('0-7'),
    topics: array(struct({ name: string('0-7'), partitionIndexes: array(int32(), '0-7') }), '0-7', {
      nullable: '2-7',
    }),
    groups: array(
      struct({
        groupId: string('8+'),
        memberId: nullableString('9+'),
        memberEpoch: int32('9+', { default: -1 }),
        topics: array(
          struct({ name: string('8-9'), topicId: uuid('10+'), partitionIndexes: array(int32(), '8+') }),
          '8+',
          { nullable: '8+' },
        ),
      }),
      '8+',
    ),
    requireStable: bool('7+'),
  },
)
export type OffsetFetchRequest = Body<typeof offsetFetchRequest>

export const offsetFetchResponse = message(
  'OffsetFetchResponse',
  { flexible: 6 },
  {
    throttleTimeMs: int32('3+'),
    topics: array(
      struct({
        name: string('0-7'),
        partitions: array(
          struct({
            partitionIndex: int32('0-7'),
            committedOffset: int64('0-7'),
            committedLeaderEpoch: int32('5-7', { default: -1 }),
            metadata: string('0-7', { nullable: '0-7' }),
            errorCode: int16('0-7'),
          }),
          '0-7',
        ),
      }),
      '0-7',
    ),
    errorCode: int16('2-7'),
    groups: array(
      struct({
        groupId: string('8+'),
        topics: array(
          struct({
            name: string('8-9'),
            topicId: uuid('10+'),
            partitions: array(
              struct({
                partitionIndex: int32('8+'),
                committedOffset: int64('8+'),
                committedLeaderEpoch: int32('8+', { default: -1 }),
                metadata: string('8+', { nullable: '8+' }),
                errorCode: int16('8+'),
              }),
              '8+',
            ),
          }),
          '8+',
        ),
        errorCode: int16('8+'),
      }),
      '8+',
    ),
  },
)
export type OffsetFetchResponse = Body<typeof offsetFetchResponse>
