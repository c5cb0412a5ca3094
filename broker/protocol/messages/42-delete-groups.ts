// DeleteGroups (key 42), v0-2. Schema only.
//
// v2 flexible.
import { array, type Body, int16, int32, message, string, struct } from '../fields.ts'

export const deleteGroupsRequest = message(
  'DeleteGroupsRequest',
  { flexible: 2 },
  { groupsNames: array(string()) },
)
export type DeleteGroupsRequest = Body<typeof deleteGroupsRequest>

export const deleteGroupsResponse = message(
  'DeleteGroupsResponse',
  { flexible: 2 },
  { throttleTimeMs: int32(), results: array(struct({ groupId: string(), errorCode: int16() })) },
)
export type DeleteGroupsResponse = Body<typeof deleteGroupsResponse>
