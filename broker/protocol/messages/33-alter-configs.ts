// AlterConfigs (key 33), v0-2. What is named is all a resource has afterwards. Schema only.
//
// v1 throttle time before the results. v2 flexible.
import {
  array,
  type Body,
  bool,
  int8,
  int16,
  int32,
  message,
  nullableString,
  string,
  struct,
} from '../fields.ts'

export const alterConfigsRequest = message(
  'AlterConfigsRequest',
  { flexible: 2 },
  {
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        configs: array(struct({ name: string(), value: nullableString() })),
      }),
    ),
    validateOnly: bool(),
  },
)
export type AlterConfigsRequest = Body<typeof alterConfigsRequest>

export const alterConfigsResponse = message(
  'AlterConfigsResponse',
  { flexible: 2 },
  {
    throttleTimeMs: int32(),
    responses: array(
      struct({
        errorCode: int16(),
        errorMessage: nullableString(),
        resourceType: int8(),
        resourceName: string(),
      }),
    ),
  },
)
export type AlterConfigsResponse = Body<typeof alterConfigsResponse>
