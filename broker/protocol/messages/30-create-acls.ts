// CreateAcls (key 30), v1-3. New rules. Schema only.
//
// v1 pattern types (KIP-290). v2 flexible. v3 user resource type (KIP-373).
import { array, type Body, int8, int16, int32, message, nullableString, string, struct } from '../fields.ts'

export const createAclsRequest = message(
  'CreateAclsRequest',
  { flexible: 2 },
  {
    creations: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        resourcePatternType: int8('1+', { default: 3 }),
        principal: string(),
        host: string(),
        operation: int8(),
        permissionType: int8(),
      }),
    ),
  },
)
export type CreateAclsRequest = Body<typeof createAclsRequest>

export const createAclsResponse = message(
  'CreateAclsResponse',
  { flexible: 2 },
  {
    throttleTimeMs: int32(),
    results: array(struct({ errorCode: int16(), errorMessage: nullableString() })),
  },
)
export type CreateAclsResponse = Body<typeof createAclsResponse>
