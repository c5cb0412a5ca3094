// DescribeProducers (key 61), v0. Who has written to a partition lately (KIP-664). Schema only.
import { array, type Body, int16, int32, int64, message, nullableString, string, struct } from '../fields.ts'

export const describeProducersRequest = message(
  'DescribeProducersRequest',
  { flexible: 0 },
  { topics: array(struct({ name: string(), partitionIndexes: array(int32()) })) },
)
export type DescribeProducersRequest = Body<typeof describeProducersRequest>

export const describeProducersResponse = message(
  'DescribeProducersResponse',
  { flexible: 0 },
  {
    throttleTimeMs: int32(),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            errorMessage: nullableString(),
            activeProducers: array(
              struct({
                producerId: int64(),
                producerEpoch: int32(),
                lastSequence: int32('0+', { default: -1 }),
                lastTimestamp: int64('0+', { default: -1 }),
                coordinatorEpoch: int32(),
                currentTxnStartOffset: int64('0+', { default: -1 }),
              }),
            ),
          }),
        ),
      }),
    ),
  },
)
export type DescribeProducersResponse = Body<typeof describeProducersResponse>
