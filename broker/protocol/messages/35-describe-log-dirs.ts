// DescribeLogDirs (key 35), v1-5. Schema only.
//
// v2 flexible. v3 an error for the request as a whole. v4 the size of the volume (KIP-827). v5 whether new replicas
// are kept out of the directory (KIP-1066).
import {
  array,
  type Body,
  bool,
  int16,
  int32,
  int64,
  message,
  nullableArray,
  string,
  struct,
} from '../fields.ts'

export const describeLogDirsRequest = message(
  'DescribeLogDirsRequest',
  { flexible: 2 },
  {
    /** Null: every partition. */
    topics: nullableArray(struct({ topic: string(), partitions: array(int32()) })),
  },
)
export type DescribeLogDirsRequest = Body<typeof describeLogDirsRequest>

export const describeLogDirsResponse = message(
  'DescribeLogDirsResponse',
  { flexible: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16('3+'),
    results: array(
      struct({
        errorCode: int16(),
        logDir: string(),
        topics: array(
          struct({
            name: string(),
            partitions: array(
              struct({
                partitionIndex: int32(),
                partitionSize: int64(),
                offsetLag: int64(),
                isFutureKey: bool(),
              }),
            ),
          }),
        ),
        totalBytes: int64('4+', { default: -1 }),
        usableBytes: int64('4+', { default: -1 }),
        isCordoned: bool('5+'),
      }),
    ),
  },
)
export type DescribeLogDirsResponse = Body<typeof describeLogDirsResponse>
