// What members ask of the coordinator, and what they are answered, as far from the wire as the groups need it. Types,
// and the answers that refuse.
import type { ErrorName } from '../protocol/errors.ts'
import type { GroupEffect, GroupProtocol } from './group.ts'

export type JoinOutcome = Extract<GroupEffect, { type: 'answerJoin' }> & { readonly protocolType: string }
export interface SyncOutcome {
  readonly error: ErrorName
  readonly protocolType: string
  readonly protocol: string | null
  readonly assignment: Buffer
}

export interface JoinRequest {
  readonly groupId: string
  readonly memberId: string
  readonly instanceId: string | null
  readonly requireKnownId: boolean
  readonly maySkipAssignment: boolean
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly GroupProtocol[]
}

/** Who says it is a member. */
export interface MemberClaim {
  readonly groupId: string
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
}

export interface SyncRequest {
  readonly groupId: string
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

export function refusedJoin(error: ErrorName, memberId: string): JoinOutcome {
  const nothing = { ticket: 0, generation: -1, protocol: null, leader: '', members: [], protocolType: '' }
  return { type: 'answerJoin', error, memberId, skipAssignment: false, ...nothing }
}

export function refusedSync(error: ErrorName): SyncOutcome {
  return { error, protocolType: '', protocol: null, assignment: Buffer.alloc(0) }
}
