// DeleteRecords (key 21), v0-2. Everything below an offset is to go. Schema only.
//
// v2 flexible.
import { array, type Body, int16, int32, int64, message, string, struct } from '../fields.ts'

export const deleteRecordsRequest = message(
  'DeleteRecordsRequest',
  { flexible: 2 },
  {
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            /** The first offset that stays; -1: the high watermark. */
            offset: int64(),
          }),
        ),
      }),
    ),
    timeoutMs: int32(),
  },
)
export type DeleteRecordsRequest = Body<typeof deleteRecordsRequest>

export const deleteRecordsResponse = message(
  'DeleteRecordsResponse',
  { flexible: 2 },
  {
    throttleTimeMs: int32(),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            /** Where the log starts now; -1 with an error. */
            lowWatermark: int64('0+', { default: -1 }),
            errorCode: int16(),
          }),
        ),
      }),
    ),
  },
)
export type DeleteRecordsResponse = Body<typeof deleteRecordsResponse>
