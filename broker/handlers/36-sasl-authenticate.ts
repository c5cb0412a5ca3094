// SaslAuthenticate, v0-2. One message of the conversation that SaslHandshake has begun. Whoever fails hears of it
// late, later each time, and then the connection ends.
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { SaslAuthenticateRequest } from '../protocol/messages/36-sasl-authenticate.ts'
import type { SaslStep } from '../security/authentication.ts'

/** Who is asked how long a failure has to wait. */
export interface FailureDelays {
  failureDelay(clientHost: string): number
  monotonicMs(): number
}

export function saslAuthenticate(
  { authBytes }: SaslAuthenticateRequest,
  call: Call,
  delays: FailureDelays,
): Answer<typeof apis.saslAuthenticate> {
  const step = call.owner.session.authenticate(authBytes, delays.monotonicMs())
  if (step instanceof Promise) return step.then(later => answerTo(later, call, delays))
  return answerTo(step, call, delays)
}

function answerTo(step: SaslStep, call: Call, delays: FailureDelays) {
  const { error, message, token, sessionLifetimeMs } = step
  const answer = { errorCode: errorCodes[error], errorMessage: message, authBytes: token, sessionLifetimeMs }
  if (error === 'none') return answer
  call.isLast = true
  if (error !== 'saslAuthenticationFailed') return answer
  const { promise, resolve } = Promise.withResolvers<typeof answer>()
  setTimeout(() => resolve(answer), delays.failureDelay(call.owner.clientHost)).unref()
  return promise
}
