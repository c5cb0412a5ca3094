// SaslAuthenticate (key 36), v0-2. One message of the mechanism, and its answer. Schema only.
//
// v1 says how long the session lasts (KIP-368). v2 flexible.
import { type Body, bytes, int16, int64, message, nullableString } from '../fields.ts'

export const saslAuthenticateRequest = message(
  'SaslAuthenticateRequest',
  { flexible: 2 },
  { authBytes: bytes() },
)
export type SaslAuthenticateRequest = Body<typeof saslAuthenticateRequest>

export const saslAuthenticateResponse = message(
  'SaslAuthenticateResponse',
  { flexible: 2 },
  {
    errorCode: int16(),
    errorMessage: nullableString(),
    authBytes: bytes(),
    sessionLifetimeMs: int64('1+'),
  },
)
export type SaslAuthenticateResponse = Body<typeof saslAuthenticateResponse>
