// Heartbeat (key 12), v0-4. A member says it lives and learns whether to rejoin. Schema only.
//
// v1 throttle time. v3 static membership (KIP-345). v4 flexible.
import { type Body, int16, int32, message, nullableString, string } from '../fields.ts'

export const heartbeatRequest = message(
  'HeartbeatRequest',
  { flexible: 4 },
  {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: nullableString('3+'),
  },
)
export type HeartbeatRequest = Body<typeof heartbeatRequest>

export const heartbeatResponse = message(
  'HeartbeatResponse',
  { flexible: 4 },
  {
    throttleTimeMs: int32('1+'),
    errorCode: int16(),
  },
)
export type HeartbeatResponse = Body<typeof heartbeatResponse>
