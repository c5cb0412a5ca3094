// SyncGroup, v0-5. The leader hands in the assignment; everybody gets their part when it is durable.
import type { Broker } from '../broker.ts'
import { type Call, parked } from '../call.ts'
import type { SyncOutcome } from '../groups/coordinator.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { SyncGroupRequest } from '../protocol/messages/14-sync-group.ts'

export function syncGroup(
  request: SyncGroupRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.syncGroup> {
  const ticket = broker.groups.sync(
    {
      groupId: request.groupId,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationId,
      protocolType: call.apiVersion >= 5 ? request.protocolType : null,
      protocol: call.apiVersion >= 5 ? request.protocolName : null,
      assignments: request.assignments.map(({ memberId, assignment }) => ({
        memberId,
        assignment: Buffer.from(assignment),
      })),
    },
    outcome => call.answer(answer(outcome)),
  )
  if (ticket && !call.answered) call.onGone = () => broker.groups.withdraw(ticket)
  return parked
}

function answer({ error, protocolType, protocol, assignment }: SyncOutcome) {
  if (error !== 'none') return { errorCode: errorCodes[error] }
  return { errorCode: errorCodes.none, protocolType, protocolName: protocol, assignment }
}
