// DeleteAcls, v1-3. Takes away what filters want and says what that was.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { LaterAnswer } from '../handler-row.ts'
import type { Operation } from '../metadata/store.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { DeleteAclsRequest } from '../protocol/messages/31-delete-acls.ts'
import { mayCluster } from '../security/access.ts'
import { type AclRule, isWanted, patternTypes } from '../security/authorizer.ts'
import { resourceTypes } from '../security/operations.ts'
import { describedRule, filterFault, filterOf } from './acl-codes.ts'
import { writeGuarded } from './guarded-write.ts'

export async function deleteAcls(
  request: DeleteAclsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.deleteAcls> {
  if (!mayCluster(call.access, 'alter')) {
    const refusal = { errorCode: errorCodes.clusterAuthorizationFailed }
    return { filterResults: request.filters.map(() => refusal) }
  }
  const filters = request.filters.map(filterOf)
  let found: AclRule[][] = []
  const isWritten = await writeGuarded(broker, () => {
    const stored = [...broker.parts.security.image.storedRules()]
    const removed = new Map<string, Operation>()
    found = filters.map(filter => {
      const wanted = filterFault(filter) ? [] : stored.filter(([, { rule }]) => isWanted(rule, filter))
      for (const [key, { version }] of wanted) removed.set(key, { remove: key, version })
      return wanted.map(([, { rule }]) => rule)
    })
    return [...removed.values()]
  })
  const filterResults = filters.map((filter, at) => {
    const fault = filterFault(filter)
    if (fault !== null) return { errorCode: errorCodes.invalidRequest, errorMessage: fault }
    if (!isWritten) return { errorCode: errorCodes.unknownServerError }
    return { matchingAcls: found[at]!.map(matched) }
  })
  return { filterResults }
}

function matched(rule: AclRule) {
  return {
    resourceType: resourceTypes[rule.resourceType],
    resourceName: rule.resourceName,
    patternType: patternTypes[rule.patternType],
    ...describedRule(rule),
  }
}
