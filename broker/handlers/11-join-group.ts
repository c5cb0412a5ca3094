// JoinGroup, v0-9. Parked until the group has agreed on a generation; never waits for a disk. From v4 on a nameless
// member is first told its id. Static members (group.instance.id) are refused, as by a Kafka that is too old.
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
  const refusal = refusalOf(request)
  if (refusal !== 'none') return refused(refusal, request.memberId, call)
  const ticket = broker.groups.join(
    {
      groupId: request.groupId,
      memberId: request.memberId,
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

function refusalOf(request: JoinGroupRequest): ErrorName {
  if (request.groupId === '') return 'invalidGroupId'
  return request.groupInstanceId === null ? 'none' : 'unsupportedVersion'
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
  }
}

function refused(error: ErrorName, memberId: string, call: Call) {
  return { errorCode: errorCodes[error], memberId, protocolName: call.apiVersion >= 7 ? null : '' }
}
