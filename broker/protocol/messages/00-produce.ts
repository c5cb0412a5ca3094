// Produce (key 0), v3-13. Appends record batches; acks 0 gets no answer at all. Schema only.
//
// v3 is the first with record batches (magic 2). v4 may answer kafkaStorageError. v5 log start offset in the answer.
// v7 allows zstd (KIP-110). v8 error message and the records at fault (KIP-467). v9 flexible.
// v10 the new leader and its address beside notLeaderOrFollower (KIP-951). v11-12 transactions, same bytes (KIP-890).
// v13 topic ids instead of names (KIP-516).
// Records are opaque here: one view into the request's own buffer, never copied or decoded.
import {
  array,
  type Body,
  int16,
  int32,
  int64,
  message,
  nullableString,
  records,
  string,
  struct,
  tagged,
  uuid,
} from '../fields.ts'

export const produceRequest = message(
  'ProduceRequest',
  { flexible: 9 },
  {
    transactionalId: nullableString('3+'),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array(
      struct({
        name: string('0-12'),
        topicId: uuid('13+'),
        partitionData: array(struct({ index: int32(), records: records() })),
      }),
    ),
  },
)
export type ProduceRequest = Body<typeof produceRequest>

export const produceResponse = message(
  'ProduceResponse',
  { flexible: 9 },
  {
    responses: array(
      struct({
        name: string('0-12'),
        topicId: uuid('13+'),
        partitionResponses: array(
          struct({
            index: int32(),
            errorCode: int16(),
            baseOffset: int64(),
            logAppendTimeMs: int64('2+', { default: -1 }),
            logStartOffset: int64('5+', { default: -1 }),
            recordErrors: array(
              struct({ batchIndex: int32('8+'), batchIndexErrorMessage: nullableString('8+') }),
              '8+',
            ),
            errorMessage: nullableString('8+'),
            currentLeader: tagged(
              '10+',
              0,
              struct({
                leaderId: int32('10+', { default: -1 }),
                leaderEpoch: int32('10+', { default: -1 }),
              }),
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32('1+'),
    nodeEndpoints: tagged(
      '10+',
      0,
      array(
        struct({
          nodeId: int32('10+'),
          host: string('10+'),
          port: int32('10+'),
          rack: nullableString('10+'),
        }),
      ),
    ),
  },
)
export type ProduceResponse = Body<typeof produceResponse>
