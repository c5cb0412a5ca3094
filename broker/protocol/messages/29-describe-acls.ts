// DescribeAcls (key 29), v1-3. Which rules there are. Schema only.
//
// v1 pattern types (KIP-290). v2 flexible. v3 user resource type (KIP-373).
import { array, type Body, int8, int16, int32, message, nullableString, string, struct } from '../fields.ts'

export const describeAclsRequest = message(
  'DescribeAclsRequest',
  { flexible: 2 },
  {
    resourceTypeFilter: int8(),
    resourceNameFilter: nullableString(),
    patternTypeFilter: int8('1+', { default: 3 }),
    principalFilter: nullableString(),
    hostFilter: nullableString(),
    operation: int8(),
    permissionType: int8(),
  },
)
export type DescribeAclsRequest = Body<typeof describeAclsRequest>

export const describeAclsResponse = message(
  'DescribeAclsResponse',
  { flexible: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullableString(),
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        patternType: int8('1+', { default: 3 }),
        acls: array(
          struct({ principal: string(), host: string(), operation: int8(), permissionType: int8() }),
        ),
      }),
    ),
  },
)
export type DescribeAclsResponse = Body<typeof describeAclsResponse>
