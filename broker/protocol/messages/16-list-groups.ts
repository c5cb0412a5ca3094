// ListGroups (key 16), v0-5. The groups this broker coordinates. Schema only.
//
// v1 throttle time. v3 flexible. v4 filter by state, state in the answer (KIP-518). v5 the same for type (KIP-848).
import { array, type Body, int16, int32, message, string, struct } from '../fields.ts'

export const listGroupsRequest = message(
  'ListGroupsRequest',
  { flexible: 3 },
  {
    statesFilter: array(string(), '4+'),
    typesFilter: array(string(), '5+'),
  },
)
export type ListGroupsRequest = Body<typeof listGroupsRequest>

export const listGroupsResponse = message(
  'ListGroupsResponse',
  { flexible: 3 },
  {
    throttleTimeMs: int32('1+'),
    errorCode: int16(),
    groups: array(
      struct({
        groupId: string(),
        protocolType: string(),
        groupState: string('4+'),
        groupType: string('5+'),
      }),
    ),
  },
)
export type ListGroupsResponse = Body<typeof listGroupsResponse>
