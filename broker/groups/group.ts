// The classic consumer group as a pure machine: step(group, event, nowMs, effects). No clock, no randomness,
// no disk: time comes in, member ids come in, and what must happen goes out as effects. A request that cannot
// be answered yet is a ticket, kept in its member until an effect hands it back.
import type { ErrorName } from '../protocol/errors.ts'

export type GroupState = 'empty' | 'preparingRebalance' | 'completingRebalance' | 'stable' | 'dead'

/** One way of sharing partitions that a member offers, with what it wants to tell the leader about itself. */
export interface GroupProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface Member {
  readonly id: string
  /** `group.instance.id` of a static member, which keeps its place while it restarts; null for all others. */
  readonly instanceId: string | null
  clientId: string
  clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly GroupProtocol[]
  assignment: Buffer
  /** The parked JoinGroup or SyncGroup; 0 when there is none. */
  joinTicket: number
  syncTicket: number
  /** Never (Infinity) while its JoinGroup is parked: it cannot heartbeat then. */
  sessionDeadlineMs: number
  /** False until an answer has told the client its id: if the connection ends before, nobody can come back. */
  idKnown: boolean
}

export interface Group {
  readonly id: string
  state: GroupState
  stateSinceMs: number
  /** Grows by one each time a set of members is agreed on; what a member must quote. */
  generation: number
  protocolType: string
  protocol: string | null
  leader: string | null
  readonly members: Map<string, Member>
  /** Ids handed out with MEMBER_ID_REQUIRED and not used yet, with the time at which they lapse. */
  readonly pendingIds: Map<string, number>
  /** When the present phase of the rebalance ends, whoever is missing. Infinity outside a rebalance. */
  phaseDeadlineMs: number
  /** While an empty group gathers its first members: the latest end of that wait. Else 0. */
  gatheringEndsMs: number
  gatheredSomebody: boolean
  /** The assignment of this generation is on its way to the disk; nobody hears of it before it is there. */
  persisting: boolean
}

export interface JoinEvent {
  readonly type: 'join'
  readonly ticket: number
  readonly memberId: string
  readonly instanceId: string | null
  /** The id to use if the member has none yet. */
  readonly newMemberId: string
  /** JoinGroup v4+: a nameless member is first told its id and asked to come again. */
  readonly requireKnownId: boolean
  /** JoinGroup v9+: a leader can be told that the assignment is made already. */
  readonly maySkipAssignment: boolean
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly GroupProtocol[]
}

export interface SyncEvent {
  readonly type: 'sync'
  readonly ticket: number
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
  /** Null before v5: not checked. */
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

export type GroupEvent =
  | JoinEvent
  | SyncEvent
  | {
      readonly type: 'heartbeat'
      readonly ticket: number
      readonly memberId: string
      readonly instanceId: string | null
      readonly generation: number
    }
  | {
      readonly type: 'commit'
      readonly ticket: number
      readonly memberId: string
      readonly instanceId: string | null
      readonly generation: number
    }
  | {
      readonly type: 'leave'
      readonly ticket: number
      /** May be empty where an instance id is given. */
      readonly memberId: string
      readonly instanceId: string | null
    }
  | { readonly type: 'delete'; readonly ticket: number }
  | { readonly type: 'persisted'; readonly generation: number; readonly error: ErrorName }
  | { readonly type: 'disconnected'; readonly ticket: number }
  | { readonly type: 'tick' }

export type GroupEffect =
  | {
      readonly type: 'answerJoin'
      readonly ticket: number
      readonly error: ErrorName
      readonly memberId: string
      readonly generation: number
      readonly protocol: string | null
      readonly leader: string
      /** Everybody, for the leader alone. */
      readonly members: readonly {
        readonly memberId: string
        readonly groupInstanceId: string | null
        readonly metadata: Buffer
      }[]
      /** The leader need not assign: what was assigned before still holds. */
      readonly skipAssignment: boolean
    }
  | {
      readonly type: 'answerSync'
      readonly ticket: number
      readonly error: ErrorName
      readonly assignment: Buffer
    }
  /** The answer to heartbeat, leave and the question whether a commit may be stored. */
  | { readonly type: 'answer'; readonly ticket: number; readonly error: ErrorName }
  /** Write the group as it is now; report with 'persisted'. */
  | { readonly type: 'persist'; readonly generation: number }

export interface GroupSettings {
  readonly initialRebalanceDelayMs: number
  readonly sessionTimeoutMinMs: number
  readonly sessionTimeoutMaxMs: number
  readonly membersMax: number
}

export const defaultGroupSettings: GroupSettings = {
  // Kafka waits 3 s, for fleets that start slowly; on one machine a moment is enough to gather who starts together.
  initialRebalanceDelayMs: 50,
  sessionTimeoutMinMs: 1_000,
  sessionTimeoutMaxMs: 1_800_000,
  membersMax: 2_000,
}

export const noBytes = Buffer.alloc(0)

export function newGroup(id: string, nowMs: number): Group {
  return {
    id,
    state: 'empty',
    stateSinceMs: nowMs,
    generation: 0,
    protocolType: '',
    protocol: null,
    leader: null,
    members: new Map(),
    pendingIds: new Map(),
    phaseDeadlineMs: Infinity,
    gatheringEndsMs: 0,
    gatheredSomebody: false,
    persisting: false,
  }
}

export function staticMember(group: Group, instanceId: string): Member | undefined {
  return group.members.values().find(member => member.instanceId === instanceId)
}

/** The earliest moment at which a tick would change something. */
export function nextDeadlineMs(group: Group): number {
  let earliest = group.phaseDeadlineMs
  for (const member of group.members.values()) earliest = Math.min(earliest, member.sessionDeadlineMs)
  for (const deadline of group.pendingIds.values()) earliest = Math.min(earliest, deadline)
  return earliest
}

/** True when every member offers it. */
function isOfferedByAll(group: Group, protocol: string): boolean {
  for (const member of group.members.values()) {
    if (!member.protocols.some(offered => offered.name === protocol)) return false
  }
  return true
}

/** Each member votes for the first of its protocols that all can speak; ties go to the first voter's choice. */
export function electProtocol(group: Group): string | null {
  const votes = new Map<string, number>()
  for (const member of group.members.values()) {
    const choice = member.protocols.find(offered => isOfferedByAll(group, offered.name))
    if (choice) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
  }
  let winner: string | null = null
  for (const [name, count] of votes) {
    if (winner === null || count > votes.get(winner)!) winner = name
  }
  return winner
}

export function metadataFor(member: Member, protocol: string | null): Buffer {
  return member.protocols.find(offered => offered.name === protocol)?.metadata ?? noBytes
}

export function sameProtocols(one: readonly GroupProtocol[], other: readonly GroupProtocol[]): boolean {
  return (
    one.length === other.length &&
    one.every((protocol, index) => {
      const counterpart = other[index]!
      return protocol.name === counterpart.name && protocol.metadata.equals(counterpart.metadata)
    })
  )
}
