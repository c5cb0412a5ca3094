// JoinGroup, v0-9. Parked until the group has agreed on a generation; never waits for a disk. From v4 on a nameless
// member is first told its id. A static member
// (group.instance.id, v5+) is known by that, and gets its place back.
import type { Broker } from '../broker.ts'
import { type Call, parked } from '../call.ts'
import type { JoinOutcome } from '../groups/coordinator.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { JoinGroupRequest } from '../protocol/messages/11-join-group.ts'

export function joinGroup(
  request: JoinGroupRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.joinGroup> {
  if (request.groupId === '') return refused('invalidGroupId', request.memberId, call)
  const ticket = broker.groups.join(
    {
      groupId: request.groupId,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      maySkipAssignment: call.apiVersion >= 9,
      requireKnownId: call.apiVersion >= 4,
      clientId: call.clientId,
      clientHost: call.owner.clientHost,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs:
        request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      protocolType: request.protocolType,
      // The request's buffer is a whole chunk of the stream: what outlives the request is copied out of it.
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
    },
    outcome => call.answer(answer(outcome, call)),
  )
  if (!call.answered) call.onGone = () => broker.groups.withdraw(ticket)
  return parked
}

function answer(outcome: JoinOutcome, call: Call) {
  if (outcome.error !== 'none') return refused(outcome.error, outcome.memberId, call)
  return {
    errorCode: errorCodes.none,
    generationId: outcome.generation,
    protocolType: outcome.protocolType,
    protocolName: outcome.protocol ?? '',
    leader: outcome.leader,
    memberId: outcome.memberId,
    members: outcome.members,
    skipAssignment: outcome.skipAssignment,
  }
}

function refused(error: ErrorName, memberId: string, call: Call) {
  return { errorCode: errorCodes[error], memberId, protocolName: call.apiVersion >= 7 ? null : '' }
}
