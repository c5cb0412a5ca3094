// AlterUserScramCredentials (key 51), v0. Users come, change their password and go (KIP-554). The password itself does
// not cross the wire: the client salts it. Schema only.
import {
  array,
  type Body,
  bytes,
  int8,
  int16,
  int32,
  message,
  nullableString,
  string,
  struct,
} from '../fields.ts'

export const alterUserScramCredentialsRequest = message(
  'AlterUserScramCredentialsRequest',
  { flexible: 0 },
  {
    deletions: array(struct({ name: string(), mechanism: int8() })),
    upsertions: array(
      struct({
        name: string(),
        mechanism: int8(),
        iterations: int32(),
        salt: bytes(),
        saltedPassword: bytes(),
      }),
    ),
  },
)
export type AlterUserScramCredentialsRequest = Body<typeof alterUserScramCredentialsRequest>

export const alterUserScramCredentialsResponse = message(
  'AlterUserScramCredentialsResponse',
  { flexible: 0 },
  {
    throttleTimeMs: int32(),
    results: array(struct({ user: string(), errorCode: int16(), errorMessage: nullableString() })),
  },
)
export type AlterUserScramCredentialsResponse = Body<typeof alterUserScramCredentialsResponse>
