// FindCoordinator, v0-6. A group is looked after by the leader of its partition of the offsets topic. Transactions and
// share groups are refused for good, so that clients do not wait for a coordinator that will not come.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import { coordinatorTypes, type FindCoordinatorRequest } from '../protocol/messages/10-find-coordinator.ts'

export function findCoordinator(
  request: FindCoordinatorRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.findCoordinator> {
  const { listener } = call.owner
  const find = (groupId: string) => {
    return coordinatorOf(groupId, refusalOf(request.keyType, groupId, call), broker, listener)
  }
  if (call.apiVersion < 4) return find(request.key)
  return { coordinators: request.coordinatorKeys.map(key => ({ key, ...find(key) })) }
}

function coordinatorOf(groupId: string, refusal: ErrorName, broker: Broker, listener: string | null) {
  const nobody = { nodeId: -1, host: '', port: -1 }
  if (refusal !== 'none') {
    const isDenied = refusal === 'groupAuthorizationFailed'
    const errorMessage = isDenied ? null : 'This broker coordinates consumer groups only.'
    return { ...nobody, errorCode: errorCodes[refusal], errorMessage }
  }
  const endpoint = broker.coordinatorOf(groupId, listener)
  if (endpoint) return { ...endpoint, errorCode: errorCodes.none, errorMessage: null }
  const errorMessage = 'The partition that keeps this group has no leader now.'
  return { ...nobody, errorCode: errorCodes.coordinatorNotAvailable, errorMessage }
}

function refusalOf(keyType: number, groupId: string, call: Call): ErrorName {
  if (keyType === coordinatorTypes.group) {
    return call.access.may('describe', 'group', groupId) ? 'none' : 'groupAuthorizationFailed'
  }
  return keyType === coordinatorTypes.transaction ? 'transactionalIdAuthorizationFailed' : 'invalidRequest'
}
