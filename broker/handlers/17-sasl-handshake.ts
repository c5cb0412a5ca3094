// SaslHandshake, v1. A client chooses how to say who it is. One that chooses what is not offered is told what is, and
// the connection ends. On a connection that is authenticated it begins the next session (KIP-368).
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { SaslHandshakeRequest } from '../protocol/messages/17-sasl-handshake.ts'

export function saslHandshake(
  { mechanism }: SaslHandshakeRequest,
  call: Call,
): Answer<typeof apis.saslHandshake> {
  const { session } = call.owner
  const error = session.handshake(mechanism)
  call.isLast = session.hasFailed
  return { errorCode: errorCodes[error], mechanisms: session.mechanisms }
}
