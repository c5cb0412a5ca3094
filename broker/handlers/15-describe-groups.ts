// DescribeGroups, v0-6. Members and what they work on. A group that nobody knows is "Dead" until v5, an error since.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import { type Group, type GroupState, metadataFor } from '../groups/group.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { DescribeGroupsRequest } from '../protocol/messages/15-describe-groups.ts'
import { authorizedOperations } from '../security/access.ts'

/** As Kafka's tools print them. */
export const groupStateNames: Readonly<Record<GroupState, string>> = {
  empty: 'Empty',
  preparingRebalance: 'PreparingRebalance',
  completingRebalance: 'CompletingRebalance',
  stable: 'Stable',
  dead: 'Dead',
}

export function describeGroups(
  request: DescribeGroupsRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.describeGroups> {
  const groups = request.groups.map(groupId => {
    const isVisible = call.access.may('describe', 'group', groupId)
    const refusal = isVisible ? broker.groups.refusalOf(groupId) : 'groupAuthorizationFailed'
    if (refusal !== 'none') return { groupId, errorCode: errorCodes[refusal], groupState: '' }
    const group = broker.groups.find(groupId)
    const found = group ? describe(group) : missing(groupId, call)
    if (!request.includeAuthorizedOperations) return found
    return { ...found, authorizedOperations: authorizedOperations(call.access, 'group', groupId) }
  })
  return { groups }
}

function missing(groupId: string, call: Call) {
  const isError = call.apiVersion >= 6
  return {
    groupId,
    groupState: groupStateNames.dead,
    errorCode: errorCodes[isError ? 'groupIdNotFound' : 'none'],
    errorMessage: isError ? `Group ${groupId} not found.` : null,
  }
}

function describe(group: Group) {
  const isStable = group.state === 'stable'
  return {
    groupId: group.id,
    groupState: groupStateNames[group.state],
    protocolType: group.protocolType,
    protocolData: isStable ? (group.protocol ?? '') : '',
    members: [...group.members.values()].map(member => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: isStable ? metadataFor(member, group.protocol) : undefined,
      memberAssignment: isStable ? member.assignment : undefined,
    })),
  }
}
