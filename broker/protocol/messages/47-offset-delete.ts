// OffsetDelete (key 47), v0, never flexible. Schema only.
import { array, type Body, int16, int32, message, string, struct } from '../fields.ts'

export const offsetDeleteRequest = message(
  'OffsetDeleteRequest',
  {},
  {
    groupId: string(),
    topics: array(struct({ name: string(), partitions: array(struct({ partitionIndex: int32() })) })),
  },
)
export type OffsetDeleteRequest = Body<typeof offsetDeleteRequest>

export const offsetDeleteResponse = message(
  'OffsetDeleteResponse',
  {},
  {
    errorCode: int16(),
    throttleTimeMs: int32(),
    topics: array(
      struct({
        name: string(),
        partitions: array(struct({ partitionIndex: int32(), errorCode: int16() })),
      }),
    ),
  },
)
export type OffsetDeleteResponse = Body<typeof offsetDeleteResponse>
