// IncrementalAlterConfigs (key 44), v0-1. What is not named stays as it is (KIP-339). Schema only.
//
// v1 flexible.
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

export const configOperations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export const incrementalAlterConfigsRequest = message(
  'IncrementalAlterConfigsRequest',
  { flexible: 1 },
  {
    resources: array(
      struct({
        resourceType: int8(),
        resourceName: string(),
        configs: array(struct({ name: string(), configOperation: int8(), value: nullableString() })),
      }),
    ),
    validateOnly: bool(),
  },
)
export type IncrementalAlterConfigsRequest = Body<typeof incrementalAlterConfigsRequest>

export const incrementalAlterConfigsResponse = message(
  'IncrementalAlterConfigsResponse',
  { flexible: 1 },
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
export type IncrementalAlterConfigsResponse = Body<typeof incrementalAlterConfigsResponse>
