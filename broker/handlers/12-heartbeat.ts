// Heartbeat, v0-4. Says whether the member must rejoin; never waits for a disk.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { HeartbeatRequest } from '../protocol/messages/12-heartbeat.ts'

export function heartbeat(
  request: HeartbeatRequest,
  _call: Call,
  broker: Broker,
): Answer<typeof apis.heartbeat> {
  const { groupId, memberId, generationId: generation, groupInstanceId: instanceId } = request
  return { errorCode: errorCodes[broker.groups.heartbeat({ groupId, memberId, instanceId, generation })] }
}
