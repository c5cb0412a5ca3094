// The right that an API needs as a whole, asked for before its handler runs: on the group that a request names, or on
// the cluster. Rights on topics are the handlers' own to ask for, topic by topic.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import { errorCodes } from '../protocol/errors.ts'
import { mayCluster } from '../security/access.ts'
import type { Operation } from '../security/operations.ts'

type Handler<Request, Result> = (request: Request, call: Call, broker: Broker) => Result

const groupRefusal = { errorCode: errorCodes.groupAuthorizationFailed }
const clusterRefusal = { errorCode: errorCodes.clusterAuthorizationFailed }

/** Members of a group must be allowed to read it. */
export function ofGroup<Request extends { readonly groupId: string }, Result>(
  handler: Handler<Request, Result>,
): Handler<Request, Result | typeof groupRefusal> {
  return (request, call, broker) =>
    call.access.may('read', 'group', request.groupId) ? handler(request, call, broker) : groupRefusal
}

export function ofCluster<Request, Result>(
  operation: Operation,
  handler: Handler<Request, Result>,
): Handler<Request, Result | typeof clusterRefusal> {
  return (request, call, broker) =>
    mayCluster(call.access, operation) ? handler(request, call, broker) : clusterRefusal
}
