// ListConfigResources (key 74), v0-1. What there is to have settings. Schema only.
//
// v0 is ListClientMetricsResources. v1 all kinds of resources (KIP-1142).
import { array, type Body, int8, int16, int32, message, string, struct } from '../fields.ts'
import { configResourceTypes } from './32-describe-configs.ts'

export const listConfigResourcesRequest = message(
  'ListConfigResourcesRequest',
  { flexible: 0 },
  {
    /** None: every kind there is. */
    resourceTypes: array(int8('1+'), '1+'),
  },
)
export type ListConfigResourcesRequest = Body<typeof listConfigResourcesRequest>

export const listConfigResourcesResponse = message(
  'ListConfigResourcesResponse',
  { flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    configResources: array(
      struct({
        resourceName: string(),
        resourceType: int8('1+', { default: configResourceTypes.clientMetrics }),
      }),
    ),
  },
)
export type ListConfigResourcesResponse = Body<typeof listConfigResourcesResponse>
