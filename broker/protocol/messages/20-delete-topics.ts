// DeleteTopics (key 20), v1-6. Schema only.
//
// v1 throttle time. v3 may answer topicDeletionDisabled. v4 flexible. v5 error message; may be throttled (KIP-599).
// v6 topics by name or id (KIP-516): the names move under `topics`.
import { array, type Body, int16, int32, message, nullableString, string, struct, uuid } from '../fields.ts'

export const deleteTopicsRequest = message(
  'DeleteTopicsRequest',
  { flexible: 4 },
  {
    topics: array(struct({ name: nullableString('6+'), topicId: uuid('6+') }), '6+'),
    topicNames: array(string(), '0-5'),
    timeoutMs: int32(),
  },
)
export type DeleteTopicsRequest = Body<typeof deleteTopicsRequest>

export const deleteTopicsResponse = message(
  'DeleteTopicsResponse',
  { flexible: 4 },
  {
    throttleTimeMs: int32('1+'),
    responses: array(
      struct({
        name: string('0+', { nullable: '6+' }),
        topicId: uuid('6+'),
        errorCode: int16(),
        errorMessage: nullableString('5+'),
      }),
    ),
  },
)
export type DeleteTopicsResponse = Body<typeof deleteTopicsResponse>
