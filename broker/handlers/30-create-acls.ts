// CreateAcls, v1-3. New rules, durable and in force here when the answer says so; other brokers hear of them by the
// store. Any broker may write them.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { LaterAnswer } from '../handler-row.ts'
import type { Operation } from '../metadata/store.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { CreateAclsRequest } from '../protocol/messages/30-create-acls.ts'
import { mayCluster } from '../security/access.ts'
import { securityKeys } from '../security/security-image.ts'
import { ruleOf } from './acl-codes.ts'
import { writeGuarded } from './guarded-write.ts'

export async function createAcls(
  request: CreateAclsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.createAcls> {
  if (!mayCluster(call.access, 'alter')) {
    return { results: request.creations.map(() => ({ errorCode: errorCodes.clusterAuthorizationFailed })) }
  }
  const rules = request.creations.map(ruleOf)
  const isWritten = await writeGuarded(broker, () => {
    const stored = new Map(broker.parts.security.image.storedRules())
    const created = new Map<string, Operation>()
    for (const rule of rules) {
      if (typeof rule === 'string') continue
      const key = securityKeys.rule(rule)
      // Written twice is written once.
      if (!stored.has(key)) created.set(key, { create: key, value: Buffer.from(JSON.stringify(rule)) })
    }
    return [...created.values()]
  })
  const results = rules.map(rule => {
    if (typeof rule === 'string') return { errorCode: errorCodes.invalidRequest, errorMessage: rule }
    return { errorCode: errorCodes[isWritten ? 'none' : 'unknownServerError'] }
  })
  return { results }
}
