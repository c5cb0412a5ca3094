// What members ask of the coordinator, and what they are answered, as far from the wire as the groups need it. Types,
// and the answers that refuse.
import type { ErrorName } from '../protocol/errors.ts'
import type { GroupEffect, JoinEvent, SyncEvent } from './group.ts'

export type JoinOutcome = Extract<GroupEffect, { type: 'answerJoin' }> & { readonly protocolType: string }
export interface SyncOutcome {
  readonly error: ErrorName
  readonly protocolType: string
  readonly protocol: string | null
  readonly assignment: Buffer
}

/** What a group is told, as far as the member says it. */
type Asked<Event> = Omit<Event, 'type' | 'ticket' | 'newMemberId'> & { readonly groupId: string }

export type JoinRequest = Asked<JoinEvent>
export type SyncRequest = Asked<SyncEvent>

/** Who says it is a member. */
export interface MemberClaim {
  readonly groupId: string
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
}

export function refusedJoin(error: ErrorName, memberId: string): JoinOutcome {
  const nothing = { ticket: 0, generation: -1, protocol: null, leader: '', members: [], protocolType: '' }
  return { type: 'answerJoin', error, memberId, skipAssignment: false, ...nothing }
}

export function refusedSync(error: ErrorName): SyncOutcome {
  return { error, protocolType: '', protocol: null, assignment: Buffer.alloc(0) }
}
