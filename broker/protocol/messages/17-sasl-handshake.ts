// SaslHandshake (key 17), v0-1. Which way of saying who one is comes next. Schema only.
//
// After v0 the tokens follow without Kafka's frames; v1 puts them into SaslAuthenticate (KIP-152). Never flexible.
import { array, type Body, int16, message, string } from '../fields.ts'

export const saslHandshakeRequest = message('SaslHandshakeRequest', {}, { mechanism: string() })
export type SaslHandshakeRequest = Body<typeof saslHandshakeRequest>

export const saslHandshakeResponse = message(
  'SaslHandshakeResponse',
  {},
  { errorCode: int16(), mechanisms: array(string()) },
)
export type SaslHandshakeResponse = Body<typeof saslHandshakeResponse>
