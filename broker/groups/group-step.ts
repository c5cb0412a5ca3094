// step(): every event a classic group can meet, and what follows from it. Pure; see group.ts for the terms.
// The order of checks in a function is Kafka's, so that clients hear the error they expect.
import type { ErrorName } from '../protocol/errors.ts'
import {
  electProtocol,
  type Group,
  type GroupEffect,
  type GroupEvent,
  type GroupSettings,
  type JoinEvent,
  type Member,
  metadataFor,
  noBytes,
  type SyncEvent,
  sameProtocols,
  staticMember,
} from './group.ts'
import {
  answerJoin,
  answerSync,
  becomeStable,
  bury,
  completeJoinIfReady,
  onPhaseDeadline,
  prepareRebalance,
  refuseJoin,
  removeMember,
  replaceMember,
  type Turn,
} from './rebalance.ts'
import { readsTheSame } from './subscription.ts'

export function step(
  group: Group,
  happened: GroupEvent,
  settings: GroupSettings,
  nowMs: number,
  effects: GroupEffect[],
): void {
  const turn: Turn = { settings, nowMs, effects }
  switch (happened.type) {
    case 'join':
      onJoin(group, happened, turn)
      break
    case 'sync':
      onSync(group, happened, turn)
      break
    case 'heartbeat':
      answer(happened.ticket, heartbeatError(group, happened, turn), turn)
      break
    case 'commit':
      answer(happened.ticket, commitError(group, happened, turn), turn)
      break
    case 'leave':
      onLeave(group, happened, turn)
      break
    case 'delete':
      answer(happened.ticket, deleteError(group), turn)
      if (group.state === 'empty') bury(group, turn)
      break
    case 'persisted':
      onPersisted(group, happened, turn)
      break
    case 'disconnected':
      onDisconnected(group, happened.ticket, turn)
      break
    case 'tick':
      onTick(group, turn)
      break
  }
}

function answer(ticket: number, error: ErrorName, turn: Turn): void {
  turn.effects.push({ type: 'answer', ticket, error })
}

function onJoin(group: Group, join: JoinEvent, turn: Turn): void {
  const refusal = joinError(group, join, turn.settings)
  if (refusal !== 'none') {
    refuseJoin(join.ticket, refusal, join.memberId, turn)
  } else if (join.memberId === '' && join.instanceId !== null) {
    const known = staticMember(group, join.instanceId)
    if (known) comeBack(group, join, known, turn)
    else addMember(group, join, join.newMemberId, turn)
  } else if (join.memberId === '' && join.requireKnownId) {
    group.pendingIds.set(join.newMemberId, turn.nowMs + join.sessionTimeoutMs)
    refuseJoin(join.ticket, 'memberIdRequired', join.newMemberId, turn)
  } else if (join.memberId === '') {
    addMember(group, join, join.newMemberId, turn)
  } else if (group.pendingIds.delete(join.memberId)) {
    addMember(group, join, join.memberId, turn)
  } else {
    rejoin(group, join, group.members.get(join.memberId)!, turn)
  }
}

function joinError(group: Group, join: JoinEvent, settings: GroupSettings): ErrorName {
  const { sessionTimeoutMinMs, sessionTimeoutMaxMs, membersMax } = settings
  if (join.sessionTimeoutMs < sessionTimeoutMinMs || join.sessionTimeoutMs > sessionTimeoutMaxMs) {
    return 'invalidSessionTimeout'
  }
  if (group.state === 'dead') return 'coordinatorNotAvailable'
  const memberId = placeOf(group, join)
  const isKnown = memberId !== null
  if (join.memberId !== '' && !group.pendingIds.has(join.memberId)) {
    const error = claimError(group, join)
    if (error !== 'none') return error
  }
  if (join.protocolType === '' || join.protocols.length === 0) return 'inconsistentGroupProtocol'
  if (!isKnown && group.members.size + group.pendingIds.size >= membersMax) return 'groupMaxSizeReached'
  if (group.members.size === 0 || (isKnown && group.members.size === 1)) return 'none'
  if (join.protocolType !== group.protocolType) return 'inconsistentGroupProtocol'
  const fits = join.protocols.some(({ name }) => allOthersOffer(group, memberId ?? '', name))
  return fits ? 'none' : 'inconsistentGroupProtocol'
}

/** The id under which the group knows whoever joins; null for somebody new. */
function placeOf(group: Group, { memberId, instanceId }: JoinEvent): string | null {
  if (memberId === '' && instanceId !== null) return staticMember(group, instanceId)?.id ?? null
  return group.members.has(memberId) ? memberId : null
}

/** Whether whoever says it is a member is one, and, of a static member, the one that has the place now. */
function claimError(
  group: Group,
  { memberId, instanceId }: Pick<MemberClaim, 'memberId' | 'instanceId'>,
): ErrorName {
  const member = instanceId === null ? group.members.get(memberId) : staticMember(group, instanceId)
  if (!member) return 'unknownMemberId'
  return member.id === memberId ? 'none' : 'fencedInstanceId'
}

function allOthersOffer(group: Group, memberId: string, protocol: string): boolean {
  for (const member of group.members.values()) {
    if (member.id !== memberId && !member.protocols.some(offered => offered.name === protocol)) return false
  }
  return true
}

/**
 * A static member has restarted. Its place and its share of the work are as they were, so nobody else need hear of
 * it, unless it reads other topics now, or with it the group would agree on another protocol.
 */
function comeBack(group: Group, join: JoinEvent, old: Member, turn: Turn): void {
  const leaderBefore = group.leader
  const metadataBefore = metadataFor(old, group.protocol)
  const member = { ...newMember(join, join.newMemberId), assignment: old.assignment }
  replaceMember(group, old, member, turn)
  const isAsBefore =
    group.state === 'stable' &&
    electProtocol(group) === group.protocol &&
    readsTheSame(metadataBefore, metadataFor(member, group.protocol))
  if (isAsBefore) {
    // Told the old leader's id, an old client takes itself for a follower, and just asks for its share.
    answerJoin(group, member, turn, join.maySkipAssignment ? group.leader : leaderBefore)
    const { generation } = group
    turn.effects.push({ type: 'persist', generation })
    return
  }
  if (group.state !== 'preparingRebalance') prepareRebalance(group, turn)
  completeJoinIfReady(group, turn)
}

function newMember(join: JoinEvent, memberId: string): Member {
  return {
    id: memberId,
    instanceId: join.instanceId,
    clientId: join.clientId,
    clientHost: join.clientHost,
    sessionTimeoutMs: join.sessionTimeoutMs,
    rebalanceTimeoutMs: join.rebalanceTimeoutMs,
    protocols: join.protocols,
    assignment: noBytes,
    joinTicket: join.ticket,
    syncTicket: 0,
    sessionDeadlineMs: Infinity,
    idKnown: memberId === join.memberId,
  }
}

function addMember(group: Group, join: JoinEvent, memberId: string, turn: Turn): void {
  const member = newMember(join, memberId)
  if (group.members.size === 0) group.protocolType = join.protocolType
  group.members.set(memberId, member)
  group.leader ??= memberId
  if (group.gatheringEndsMs > 0) group.gatheredSomebody = true
  if (group.state !== 'preparingRebalance') prepareRebalance(group, turn)
  completeJoinIfReady(group, turn)
}

function rejoin(group: Group, join: JoinEvent, member: Member, turn: Turn): void {
  // A JoinGroup of this member that still waits belongs to a connection it has given up.
  if (member.joinTicket !== 0) refuseJoin(member.joinTicket, 'unknownMemberId', member.id, turn)
  const changed = !sameProtocols(member.protocols, join.protocols)
  member.joinTicket = join.ticket
  member.clientId = join.clientId
  member.clientHost = join.clientHost
  member.sessionTimeoutMs = join.sessionTimeoutMs
  member.rebalanceTimeoutMs = join.rebalanceTimeoutMs
  member.protocols = join.protocols
  const missedItsAnswer = group.state === 'completingRebalance' && !changed
  const nothingNew = group.state === 'stable' && !changed && member.id !== group.leader
  if (missedItsAnswer || nothingNew) {
    answerJoin(group, member, turn)
    return
  }
  member.sessionDeadlineMs = Infinity
  if (group.state !== 'preparingRebalance') prepareRebalance(group, turn)
  completeJoinIfReady(group, turn)
}

function onSync(group: Group, sync: SyncEvent, turn: Turn): void {
  const error = syncError(group, sync)
  const member = group.members.get(sync.memberId)
  if (error !== 'none' || !member) {
    turn.effects.push({ type: 'answerSync', ticket: sync.ticket, error, assignment: noBytes })
    return
  }
  answerSync(member, 'unknownMemberId', turn)
  member.sessionDeadlineMs = turn.nowMs + member.sessionTimeoutMs
  member.syncTicket = sync.ticket
  if (group.state === 'stable') {
    answerSync(member, 'none', turn)
    return
  }
  if (member.id !== group.leader || group.persisting) return
  for (const { memberId, assignment } of sync.assignments) {
    const assigned = group.members.get(memberId)
    if (assigned) assigned.assignment = assignment
  }
  group.persisting = true
  turn.effects.push({ type: 'persist', generation: group.generation })
}

function syncError(group: Group, sync: SyncEvent): ErrorName {
  const error = claimError(group, sync)
  if (error !== 'none') return error
  if (sync.generation !== group.generation) return 'illegalGeneration'
  if (sync.protocolType !== null && sync.protocolType !== group.protocolType)
    return 'inconsistentGroupProtocol'
  if (sync.protocol !== null && sync.protocol !== group.protocol) return 'inconsistentGroupProtocol'
  return group.state === 'preparingRebalance' ? 'rebalanceInProgress' : 'none'
}

interface MemberClaim {
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
}

function heartbeatError(group: Group, claim: MemberClaim, turn: Turn): ErrorName {
  const error = claimError(group, claim)
  if (error !== 'none') return error
  const member = group.members.get(claim.memberId)!
  if (claim.generation !== group.generation) return 'illegalGeneration'
  if (member.joinTicket === 0) member.sessionDeadlineMs = turn.nowMs + member.sessionTimeoutMs
  return group.state === 'preparingRebalance' ? 'rebalanceInProgress' : 'none'
}

/** A commit without generation comes from a consumer that assigns itself: only while nobody is a member. */
function commitError(group: Group, claim: MemberClaim, turn: Turn): ErrorName {
  if (claim.generation < 0 && group.state === 'empty') return 'none'
  const error = claimError(group, claim)
  if (error !== 'none') return error
  const member = group.members.get(claim.memberId)!
  if (claim.generation !== group.generation) return 'illegalGeneration'
  if (group.state === 'completingRebalance') return 'rebalanceInProgress'
  if (member.joinTicket === 0) member.sessionDeadlineMs = turn.nowMs + member.sessionTimeoutMs
  return 'none'
}

function deleteError(group: Group): ErrorName {
  if (group.state === 'dead') return 'groupIdNotFound'
  return group.state === 'empty' ? 'none' : 'nonEmptyGroup'
}

function onLeave(
  group: Group,
  leave: { readonly ticket: number; readonly memberId: string; readonly instanceId: string | null },
  turn: Turn,
): void {
  if (group.pendingIds.delete(leave.memberId)) {
    answer(leave.ticket, 'none', turn)
    completeJoinIfReady(group, turn)
    return
  }
  // An operator names a static member by its instance alone.
  const named = leave.instanceId === null ? undefined : staticMember(group, leave.instanceId)
  const memberId = leave.memberId === '' && named ? named.id : leave.memberId
  const error = claimError(group, { ...leave, memberId })
  answer(leave.ticket, error, turn)
  if (error === 'none') removeMember(group, group.members.get(memberId)!, turn)
}

function onPersisted(
  group: Group,
  outcome: { readonly generation: number; readonly error: ErrorName },
  turn: Turn,
): void {
  // Members may have come or gone while the disk was busy; then this generation is history.
  if (!group.persisting || outcome.generation !== group.generation) return
  if (outcome.error === 'none') becomeStable(group, turn)
  // Nobody may work on an assignment that a restart would forget.
  else prepareRebalance(group, turn)
}

function onDisconnected(group: Group, ticket: number, turn: Turn): void {
  for (const member of [...group.members.values()]) {
    if (member.syncTicket === ticket) member.syncTicket = 0
    if (member.joinTicket !== ticket) continue
    member.joinTicket = 0
    if (member.idKnown || member.instanceId !== null)
      member.sessionDeadlineMs = turn.nowMs + member.sessionTimeoutMs
    else removeMember(group, member, turn)
  }
}

function onTick(group: Group, turn: Turn): void {
  for (const [memberId, deadlineMs] of group.pendingIds) {
    if (deadlineMs <= turn.nowMs) group.pendingIds.delete(memberId)
  }
  for (const member of [...group.members.values()]) {
    if (member.sessionDeadlineMs <= turn.nowMs) removeMember(group, member, turn)
  }
  if (group.phaseDeadlineMs <= turn.nowMs) onPhaseDeadline(group, turn)
  completeJoinIfReady(group, turn)
}
