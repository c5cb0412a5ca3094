// DescribeGroups (key 15), v0-6. State and members of classic groups. Schema only.
//
// v1 throttle time. v3 authorized operations (KIP-430). v4 static membership (KIP-345). v5 flexible.
// v6 groupIdNotFound with a message instead of a dead group (KIP-1043).
import {
  array,
  type Body,
  bool,
  bytes,
  int16,
  int32,
  message,
  nullableString,
  string,
  struct,
} from '../fields.ts'
import { operationsNotRequested } from './03-metadata.ts'

export const describeGroupsRequest = message(
  'DescribeGroupsRequest',
  { flexible: 5 },
  {
    groups: array(string()),
    includeAuthorizedOperations: bool('3+'),
  },
)
export type DescribeGroupsRequest = Body<typeof describeGroupsRequest>

export const describeGroupsResponse = message(
  'DescribeGroupsResponse',
  { flexible: 5 },
  {
    throttleTimeMs: int32('1+'),
    groups: array(
      struct({
        errorCode: int16(),
        errorMessage: nullableString('6+'),
        groupId: string(),
        groupState: string(),
        protocolType: string(),
        protocolData: string(),
        members: array(
          struct({
            memberId: string(),
            groupInstanceId: nullableString('4+'),
            clientId: string(),
            clientHost: string(),
            memberMetadata: bytes(),
            memberAssignment: bytes(),
          }),
        ),
        authorizedOperations: int32('3+', { default: operationsNotRequested }),
      }),
    ),
  },
)
export type DescribeGroupsResponse = Body<typeof describeGroupsResponse>
