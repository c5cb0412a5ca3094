// DescribeAcls, v1-3. The rules that a filter wants, by resource.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { DescribeAclsRequest } from '../protocol/messages/29-describe-acls.ts'
import { mayCluster } from '../security/access.ts'
import { type AclRule, isWanted, patternTypes } from '../security/authorizer.ts'
import { resourceTypes } from '../security/operations.ts'
import { describedRule, filterFault, filterOf } from './acl-codes.ts'

export function describeAcls(
  request: DescribeAclsRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.describeAcls> {
  if (!mayCluster(call.access, 'describe')) return { errorCode: errorCodes.clusterAuthorizationFailed }
  const filter = filterOf(request)
  const fault = filterFault(filter)
  if (fault !== null) return { errorCode: errorCodes.invalidRequest, errorMessage: fault }
  const byResource = new Map<string, AclRule[]>()
  for (const rule of broker.parts.security.image.authorizer.rules()) {
    if (!isWanted(rule, filter)) continue
    const resource = JSON.stringify([rule.resourceType, rule.patternType, rule.resourceName])
    const list = byResource.get(resource)
    if (list) list.push(rule)
    else byResource.set(resource, [rule])
  }
  const resources = [...byResource.values()].map(rules => {
    const [{ resourceType, resourceName, patternType }] = rules as [AclRule]
    return {
      resourceType: resourceTypes[resourceType],
      resourceName,
      patternType: patternTypes[patternType],
      acls: rules.map(describedRule),
    }
  })
  return { resources }
}
