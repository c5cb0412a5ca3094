// DeleteGroups, v0-2. Groups without members, and what they have committed; answered when that is durable.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { LaterAnswer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { DeleteGroupsRequest } from '../protocol/messages/42-delete-groups.ts'

export async function deleteGroups(
  request: DeleteGroupsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.deleteGroups> {
  const names = [...new Set(request.groupsNames)]
  const results = await Promise.all(
    names.map(async groupId => ({ groupId, errorCode: errorCodes[await deleteOne(groupId, call, broker)] })),
  )
  return { results }
}

function deleteOne(groupId: string, call: Call, broker: Broker): Promise<ErrorName> | ErrorName {
  if (!call.access.may('delete', 'group', groupId)) return 'groupAuthorizationFailed'
  return new Promise(resolve => broker.groups.delete(groupId, resolve))
}
