// JoinGroup (key 11), v0-9. A member enters a classic group; the leader learns who else is in it. Schema only.
//
// v1 rebalance timeout (before, the session timeout served). v2 throttle time. v4 the first join may be answered
// memberIdRequired (KIP-394). v5 static membership (KIP-345). v6 flexible. v7 protocol type in the answer (KIP-559).
// v8 a reason (KIP-800). v9 the leader may be told to skip the assignment (KIP-814).
import {
  array,
  type Body,
  bool,
  bytes,
  int16,
  int32,
  message,
  nullableString,
  string,
  struct,
} from '../fields.ts'

export const joinGroupRequest = message(
  'JoinGroupRequest',
  { flexible: 6 },
  {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32('1+', { default: -1 }),
    memberId: string(),
    groupInstanceId: nullableString('5+'),
    protocolType: string(),
    protocols: array(struct({ name: string(), metadata: bytes() })),
    reason: nullableString('8+'),
  },
)
export type JoinGroupRequest = Body<typeof joinGroupRequest>

export const joinGroupResponse = message(
  'JoinGroupResponse',
  { flexible: 6 },
  {
    throttleTimeMs: int32('2+'),
    errorCode: int16(),
    generationId: int32('0+', { default: -1 }),
    protocolType: nullableString('7+'),
    protocolName: string('0+', { nullable: '7+' }),
    leader: string(),
    skipAssignment: bool('9+'),
    memberId: string(),
    members: array(struct({ memberId: string(), groupInstanceId: nullableString('5+'), metadata: bytes() })),
  },
)
export type JoinGroupResponse = Body<typeof joinGroupResponse>
