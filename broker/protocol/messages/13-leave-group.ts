// LeaveGroup (key 13), v0-5. Members go without waiting for their session to end. Schema only.
//
// v1 throttle time. v3 several members at once, by static id too (KIP-345). v4 flexible. v5 a reason (KIP-800).
import { array, type Body, int16, int32, message, nullableString, string, struct } from '../fields.ts'

export const leaveGroupRequest = message(
  'LeaveGroupRequest',
  { flexible: 4 },
  {
    groupId: string(),
    memberId: string('0-2'),
    members: array(
      struct({
        memberId: string('3+'),
        groupInstanceId: nullableString('3+'),
        reason: nullableString('5+'),
      }),
      '3+',
    ),
  },
)
export type LeaveGroupRequest = Body<typeof leaveGroupRequest>

export const leaveGroupResponse = message(
  'LeaveGroupResponse',
  { flexible: 4 },
  {
    throttleTimeMs: int32('1+'),
    errorCode: int16(),
    members: array(
      struct({
        memberId: string('3+'),
        groupInstanceId: string('3+', { nullable: '3+' }),
        errorCode: int16('3+'),
      }),
      '3+',
    ),
  },
)
export type LeaveGroupResponse = Body<typeof leaveGroupResponse>
