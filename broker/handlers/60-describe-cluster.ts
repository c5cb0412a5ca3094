// DescribeCluster, v0-2. The brokers and the cluster's id, without topics.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { DescribeClusterRequest } from '../protocol/messages/60-describe-cluster.ts'
import { authorizedOperations } from '../security/access.ts'
import { clusterResource } from '../security/operations.ts'

const brokersEndpoint = 1

export function describeCluster(
  request: DescribeClusterRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.describeCluster> {
  const { clusterId } = broker.parts
  if (request.endpointType !== brokersEndpoint) {
    const errorMessage = 'This listener serves brokers; controllers have none of their own.'
    return { errorCode: errorCodes.mismatchedEndpointType, errorMessage, clusterId }
  }
  return {
    clusterId,
    controllerId: broker.controllerId,
    brokers: broker
      .endpoints(call.owner.listener)
      .map(({ nodeId, host, port }) => ({ brokerId: nodeId, host, port })),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? authorizedOperations(call.access, 'cluster', clusterResource)
      : undefined,
  }
}
