// FindCoordinator (key 10), v0-6. Which broker looks after a group or a transactional id. Schema only.
//
// v1 key type, throttle time, error message. v3 flexible. v4 many keys at once (KIP-699): fields move under
// `coordinators`. v5 may answer transactionAbortable (KIP-890). v6 share groups (KIP-932).
import { array, type Body, int8, int16, int32, message, nullableString, string, struct } from '../fields.ts'

export const coordinatorTypes = { group: 0, transaction: 1, share: 2 } as const

export const findCoordinatorRequest = message(
  'FindCoordinatorRequest',
  { flexible: 3 },
  {
    key: string('0-3'),
    keyType: int8('1+'),
    coordinatorKeys: array(string(), '4+'),
  },
)
export type FindCoordinatorRequest = Body<typeof findCoordinatorRequest>

export const findCoordinatorResponse = message(
  'FindCoordinatorResponse',
  { flexible: 3 },
  {
    throttleTimeMs: int32('1+'),
    errorCode: int16('0-3'),
    errorMessage: string('1-3', { nullable: '1-3' }),
    nodeId: int32('0-3'),
    host: string('0-3'),
    port: int32('0-3'),
    coordinators: array(
      struct({
        key: string('4+'),
        nodeId: int32('4+'),
        host: string('4+'),
        port: int32('4+'),
        errorCode: int16('4+'),
        errorMessage: nullableString('4+'),
      }),
      '4+',
    ),
  },
)
export type FindCoordinatorResponse = Body<typeof findCoordinatorResponse>
