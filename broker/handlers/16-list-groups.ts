// ListGroups, v0-5. Every group this broker looks after, filtered by state and type where asked.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { Answer } from '../handler-row.ts'
import type { apis } from '../protocol/apis.ts'
import type { ListGroupsRequest } from '../protocol/messages/16-list-groups.ts'
import { mayCluster } from '../security/access.ts'
import { groupStateNames } from './15-describe-groups.ts'

const groupType = 'classic'

export function listGroups(
  request: ListGroupsRequest,
  call: Call,
  broker: Broker,
): Answer<typeof apis.listGroups> {
  const states = lowerCase(request.statesFilter)
  const types = lowerCase(request.typesFilter)
  const seesAll = mayCluster(call.access, 'describe')
  const groups = [...broker.groups.groups()]
    .filter(({ id }) => seesAll || call.access.may('describe', 'group', id))
    .map(({ id, protocolType, state }) => ({
      groupId: id,
      protocolType,
      groupState: groupStateNames[state],
      groupType,
    }))
    .filter(({ groupState }) => states.size === 0 || states.has(groupState.toLowerCase()))
    .filter(() => types.size === 0 || types.has(groupType))
  return { groups }
}

function lowerCase(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map(name => name.toLowerCase()))
}
