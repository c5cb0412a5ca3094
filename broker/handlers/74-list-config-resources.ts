// ListConfigResources, v0-1. What there is to have settings: topics, and brokers. Version 0 asks for client metrics
// subscriptions, of which there are none.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import { configResourceTypes } from '../protocol/messages/32-describe-configs.ts'
import type { ListConfigResourcesRequest } from '../protocol/messages/74-list-config-resources.ts'
import { mayCluster } from '../security/access.ts'

const types: readonly number[] = Object.values(configResourceTypes)

export function listConfigResources(
  request: ListConfigResourcesRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.listConfigResources> {
  if (!mayCluster(call.access, 'describeConfigs')) {
    return { errorCode: errorCodes.clusterAuthorizationFailed }
  }
  if (call.apiVersion === 0) return { errorCode: errorCodes.none }
  const wanted = request.resourceTypes.length === 0 ? types : request.resourceTypes
  if (wanted.some(type => !types.includes(type))) return { errorCode: errorCodes.unsupportedVersion }
  const { topic, broker: ofBroker, brokerLogger } = configResourceTypes
  const topics = [...broker.topics.names()].map(name => ({ resourceName: name, resourceType: topic }))
  const brokers = [...broker.parts.membership.image.brokers.keys()].map(String)
  const ofBrokers = [ofBroker, brokerLogger].flatMap(resourceType =>
    brokers.map(resourceName => ({ resourceName, resourceType })),
  )
  const configResources = [...topics, ...ofBrokers].filter(({ resourceType }) =>
    wanted.includes(resourceType),
  )
  return { configResources }
}
