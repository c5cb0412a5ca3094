// DescribeUserScramCredentials, v0. Who can log in, and by which mechanism; nothing of the passwords.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { DescribeUserScramCredentialsRequest } from '../protocol/messages/50-describe-user-scram-credentials.ts'
import { type ScramMechanism, scramMechanisms } from '../protocol/scram.ts'
import { mayCluster } from '../security/access.ts'
import type { UserKeys } from '../security/security-image.ts'

export function describeUserScramCredentials(
  request: DescribeUserScramCredentialsRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.describeUserScramCredentials> {
  if (!mayCluster(call.access, 'describe')) return { errorCode: errorCodes.clusterAuthorizationFailed }
  const { users } = broker.parts.security.image
  const asked = request.users ?? []
  const names = asked.length > 0 ? asked.map(({ name }) => name) : [...users.keys()].sort()
  const results = [...new Set(names)].map(user => {
    if (names.indexOf(user) !== names.lastIndexOf(user)) {
      const errorMessage = `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
      return { user, errorCode: errorCodes.duplicateResource, errorMessage }
    }
    const known = users.get(user)
    if (known) return { user, credentialInfos: described(known.keys) }
    const errorMessage = `Attempt to describe a user credential that does not exist: ${user}`
    return { user, errorCode: errorCodes.resourceNotFound, errorMessage }
  })
  return { results }
}

function described(keys: UserKeys) {
  return (Object.keys(keys) as ScramMechanism[]).map(mechanism => ({
    mechanism: scramMechanisms[mechanism].code,
    iterations: keys[mechanism]!.iterations,
  }))
}
