// FindCoordinator, v0-6. Every group is looked after by the broker that answers; there is one. Transactions and
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
  const error = refusalOf(request.keyType)
  const found = {
    ...(error === 'none' ? broker.endpoint : { nodeId: -1, host: '', port: -1 }),
    errorCode: errorCodes[error],
    errorMessage: error === 'none' ? null : 'This broker coordinates consumer groups only.',
  }
  if (call.apiVersion < 4) return found
  return { coordinators: request.coordinatorKeys.map(key => ({ key, ...found })) }
}

function refusalOf(keyType: number): ErrorName {
  if (keyType === coordinatorTypes.group) return 'none'
  return keyType === coordinatorTypes.transaction ? 'transactionalIdAuthorizationFailed' : 'invalidRequest'
}
