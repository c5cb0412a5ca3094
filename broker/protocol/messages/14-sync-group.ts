// SyncGroup (key 14), v0-5. The leader hands in the assignment, every member takes its part. Schema only.
//
// v1 throttle time. v3 static membership (KIP-345). v4 flexible. v5 protocol type and name, which must match (KIP-559).
import { array, type Body, bytes, int16, int32, message, nullableString, string, struct } from '../fields.ts'

export const syncGroupRequest = message(
  'SyncGroupRequest',
  { flexible: 4 },
  {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: nullableString('3+'),
    protocolType: nullableString('5+'),
    protocolName: nullableString('5+'),
    assignments: array(struct({ memberId: string(), assignment: bytes() })),
  },
)
export type SyncGroupRequest = Body<typeof syncGroupRequest>

export const syncGroupResponse = message(
  'SyncGroupResponse',
  { flexible: 4 },
  {
    throttleTimeMs: int32('1+'),
    errorCode: int16(),
    protocolType: nullableString('5+'),
    protocolName: nullableString('5+'),
    assignment: bytes(),
  },
)
export type SyncGroupResponse = Body<typeof syncGroupResponse>
