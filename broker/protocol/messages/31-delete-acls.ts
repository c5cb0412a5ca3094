// DeleteAcls (key 31), v1-3. Takes away the rules that filters match, and says which. Schema only.
//
// v1 pattern types (KIP-290). v2 flexible. v3 user resource type (KIP-373).
import { array, type Body, int8, int16, int32, message, nullableString, string, struct } from '../fields.ts'

export const deleteAclsRequest = message(
  'DeleteAclsRequest',
  { flexible: 2 },
  {
    filters: array(
      struct({
        resourceTypeFilter: int8(),
        resourceNameFilter: nullableString(),
        patternTypeFilter: int8('1+', { default: 3 }),
        principalFilter: nullableString(),
        hostFilter: nullableString(),
        operation: int8(),
        permissionType: int8(),
      }),
    ),
  },
)
export type DeleteAclsRequest = Body<typeof deleteAclsRequest>

export const deleteAclsResponse = message(
  'DeleteAclsResponse',
  { flexible: 2 },
  {
    throttleTimeMs: int32(),
    filterResults: array(
      struct({
        errorCode: int16(),
        errorMessage: nullableString(),
        matchingAcls: array(
          struct({
            errorCode: int16(),
            errorMessage: nullableString(),
            resourceType: int8(),
            resourceName: string(),
            patternType: int8('1+', { default: 3 }),
            principal: string(),
            host: string(),
            operation: int8(),
            permissionType: int8(),
          }),
        ),
      }),
    ),
  },
)
export type DeleteAclsResponse = Body<typeof deleteAclsResponse>
