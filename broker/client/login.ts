// How a client says who it is: SCRAM, as Kafka frames it. The password never crosses the wire, and the broker has to
// prove that it knows the user too.
import { randomBytes } from 'node:crypto'
import { apis } from '../protocol/apis.ts'
import { errorName } from '../protocol/errors.ts'
import { ScramClient, type ScramMechanism, saltPassword, scramMechanisms } from '../protocol/scram.ts'
import type { Connection } from './connection.ts'

export interface ScramLogin {
  readonly mechanism: ScramMechanism
  readonly user: string
  /** Called once for each connection, with what the broker asks for: what was calculated before may be kept. */
  saltedPassword(salt: Buffer, iterations: number): Promise<Buffer>
}

/** The credentials are wrong, or the broker is not the one that knows them: trying again is of no use. */
export class LoginError extends Error {
  override readonly name = 'LoginError'
}

/** A login by password; the last salting is kept, since brokers of one cluster ask for the same. */
export function passwordLogin(
  user: string,
  password: string,
  mechanism: ScramMechanism = 'SCRAM-SHA-512',
): ScramLogin {
  let kept: { readonly salt: Buffer; readonly iterations: number; readonly salted: Promise<Buffer> } | null =
    null
  return {
    mechanism,
    user,
    saltedPassword(salt, iterations) {
      if (kept?.iterations !== iterations || !kept.salt.equals(salt)) {
        const salted = saltPassword(scramMechanisms[mechanism].hash, password, salt, iterations)
        kept = { salt, iterations, salted }
      }
      return kept.salted
    },
  }
}

/** Resolves with how long the session lasts, 0 for as long as the connection. */
export async function logIn(connection: Connection, login: ScramLogin, timeoutMs: number): Promise<number> {
  const { mechanism, user } = login
  const refuse = (why: string) =>
    new LoginError(`Cannot log in to ${connection.host}:${connection.port} as "${user}": ${why}`)
  const say = async (authBytes: Buffer) => {
    const answer = await connection.request(apis.saslAuthenticate, { authBytes }, { timeoutMs })
    if (answer.errorCode !== 0) throw refuse(answer.errorMessage ?? errorName(answer.errorCode))
    return answer
  }
  const client = new ScramClient(scramMechanisms[mechanism].hash, user, randomBytes(18).toString('base64url'))
  // Both at once: one round trip less before a follower follows.
  const shaking = connection.request(apis.saslHandshake, { mechanism }, { timeoutMs })
  const challenging = say(client.first())
  challenging.catch(() => undefined)
  const shaken = await shaking
  if (shaken.errorCode !== 0) {
    throw refuse(`${errorName(shaken.errorCode)}; it takes ${shaken.mechanisms.join(', ') || 'nothing'}`)
  }
  const { salt, iterations } = client.readChallenge((await challenging).authBytes)
  const last = await say(client.prove(await login.saltedPassword(salt, iterations)))
  client.verify(last.authBytes)
  return last.sessionLifetimeMs
}
