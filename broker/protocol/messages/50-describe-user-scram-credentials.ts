// DescribeUserScramCredentials (key 50), v0. Which users there are and by which mechanism they log in (KIP-554);
// nothing of their passwords. Schema only.
import {
  array,
  type Body,
  int8,
  int16,
  int32,
  message,
  nullableArray,
  nullableString,
  string,
  struct,
} from '../fields.ts'

export const describeUserScramCredentialsRequest = message(
  'DescribeUserScramCredentialsRequest',
  { flexible: 0 },
  // Null or empty asks for all of them.
  { users: nullableArray(struct({ name: string() })) },
)
export type DescribeUserScramCredentialsRequest = Body<typeof describeUserScramCredentialsRequest>

export const describeUserScramCredentialsResponse = message(
  'DescribeUserScramCredentialsResponse',
  { flexible: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: nullableString(),
    results: array(
      struct({
        user: string(),
        errorCode: int16(),
        errorMessage: nullableString(),
        credentialInfos: array(struct({ mechanism: int8(), iterations: int32() })),
      }),
    ),
  },
)
export type DescribeUserScramCredentialsResponse = Body<typeof describeUserScramCredentialsResponse>
