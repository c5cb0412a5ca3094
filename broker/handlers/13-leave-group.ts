// LeaveGroup, v0-5. Members go at once, without their session having to end. From v3 on several at a time,
// static ones by their instance alone.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { LeaveGroupRequest } from '../protocol/messages/13-leave-group.ts'

export function leaveGroup(
  request: LeaveGroupRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.leaveGroup> {
  const { groupId, memberId, members } = request
  if (call.apiVersion < 3) return { errorCode: errorCodes[broker.groups.leave(groupId, memberId, null)] }
  return {
    members: members.map(member => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      errorCode: errorCodes[broker.groups.leave(groupId, member.memberId, member.groupInstanceId)],
    })),
  }
}
