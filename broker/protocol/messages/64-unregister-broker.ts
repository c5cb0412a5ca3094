// UnregisterBroker (key 64), v0, flexible (KIP-631). A broker that is gone for good is counted no more. Schema only.
import { type Body, int16, int32, message, nullableString } from '../fields.ts'

export const unregisterBrokerRequest = message(
  'UnregisterBrokerRequest',
  { flexible: 0 },
  { brokerId: int32() },
)
export type UnregisterBrokerRequest = Body<typeof unregisterBrokerRequest>

export const unregisterBrokerResponse = message(
  'UnregisterBrokerResponse',
  { flexible: 0 },
  { throttleTimeMs: int32(), errorCode: int16(), errorMessage: nullableString() },
)
export type UnregisterBrokerResponse = Body<typeof unregisterBrokerResponse>
