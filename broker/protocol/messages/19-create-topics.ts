// CreateTopics (key 19), v2-7. Schema only.
//
// v2 throttle time. v4 partitions and replication factor may be -1: the broker's defaults (KIP-464). v5 flexible, the
// new topic configuration in the answer (KIP-525). v6 may be throttled (KIP-599). v7 topic id in the answer (KIP-516).
import {
  array,
  type Body,
  bool,
  int8,
  int16,
  int32,
  message,
  nullableString,
  string,
  struct,
  tagged,
  uuid,
} from '../fields.ts'

export const createTopicsRequest = message(
  'CreateTopicsRequest',
  { flexible: 5 },
  {
    topics: array(
      struct({
        name: string(),
        numPartitions: int32(),
        replicationFactor: int16(),
        assignments: array(struct({ partitionIndex: int32(), brokerIds: array(int32()) })),
        configs: array(struct({ name: string(), value: nullableString() })),
      }),
    ),
    timeoutMs: int32('0+', { default: 60_000 }),
    validateOnly: bool('1+'),
  },
)
export type CreateTopicsRequest = Body<typeof createTopicsRequest>

export const createTopicsResponse = message(
  'CreateTopicsResponse',
  { flexible: 5 },
  {
    throttleTimeMs: int32('2+'),
    topics: array(
      struct({
        name: string(),
        topicId: uuid('7+'),
        errorCode: int16(),
        errorMessage: nullableString('1+'),
        topicConfigErrorCode: tagged('5+', 0, int16('5+')),
        numPartitions: int32('5+', { default: -1 }),
        replicationFactor: int16('5+', { default: -1 }),
        configs: array(
          struct({
            name: string('5+'),
            value: nullableString('5+'),
            readOnly: bool('5+'),
            configSource: int8('5+', { default: -1 }),
            isSensitive: bool('5+'),
          }),
          '5+',
          { nullable: '5+' },
        ),
      }),
    ),
  },
)
export type CreateTopicsResponse = Body<typeof createTopicsResponse>
