// The phases of a rebalance: gathering joins, agreeing on a generation, waiting for the leader's assignment.
// Pure, like group.ts: the functions change the group they are given and push effects.
import type { ErrorName } from '../protocol/errors.ts'
import {
  electProtocol,
  type Group,
  type GroupEffect,
  type GroupSettings,
  type GroupState,
  type Member,
  metadataFor,
  noBytes,
} from './group.ts'

/** What one event is handled with: the time, the rules, and where its effects go. */
export interface Turn {
  readonly settings: GroupSettings
  readonly nowMs: number
  readonly effects: GroupEffect[]
}

const legalTransitions: Readonly<Record<GroupState, readonly GroupState[]>> = {
  empty: ['preparingRebalance', 'dead'],
  preparingRebalance: ['completingRebalance', 'empty', 'dead'],
  completingRebalance: ['stable', 'preparingRebalance', 'dead'],
  stable: ['preparingRebalance', 'dead'],
  dead: [],
}

function become(group: Group, state: GroupState, turn: Turn): void {
  if (!legalTransitions[group.state].includes(state)) {
    throw new Error(`Cannot move group "${group.id}" from ${group.state} to ${state}: no such transition`)
  }
  group.state = state
  group.stateSinceMs = turn.nowMs
}

/** Starts over: everybody must join again. */
export function prepareRebalance(group: Group, turn: Turn): void {
  for (const member of group.members.values()) answerSync(member, 'rebalanceInProgress', turn)
  group.persisting = false
  const wasEmpty = group.state === 'empty'
  become(group, 'preparingRebalance', turn)
  group.gatheredSomebody = false
  if (wasEmpty) {
    group.gatheringEndsMs = turn.nowMs + rebalanceTimeoutMs(group)
    waitForMore(group, turn)
  } else {
    group.gatheringEndsMs = 0
    group.phaseDeadlineMs = turn.nowMs + rebalanceTimeoutMs(group)
  }
}

function waitForMore(group: Group, turn: Turn): void {
  group.phaseDeadlineMs = Math.min(turn.nowMs + turn.settings.initialRebalanceDelayMs, group.gatheringEndsMs)
}

/** Ends the joining phase as soon as everybody known is there. */
export function completeJoinIfReady(group: Group, turn: Turn): void {
  if (group.state !== 'preparingRebalance' || group.gatheringEndsMs > 0 || group.pendingIds.size > 0) return
  for (const member of group.members.values()) {
    if (member.joinTicket === 0) return
  }
  completeJoin(group, turn)
}

/** The deadline of the present phase has come. */
export function onPhaseDeadline(group: Group, turn: Turn): void {
  if (group.state === 'completingRebalance') {
    // Whoever joined and never asked for its assignment is not there.
    dropMembers(group, member => member.syncTicket === 0)
    replaceLeaderIfGone(group)
    prepareRebalance(group, turn)
    completeJoinIfReady(group, turn)
    return
  }
  if (group.gatheringEndsMs > turn.nowMs && group.gatheredSomebody) {
    group.gatheredSomebody = false
    waitForMore(group, turn)
    return
  }
  group.gatheringEndsMs = 0
  group.pendingIds.clear()
  // A static member may be restarting: its place is kept until its session ends.
  dropMembers(group, member => member.joinTicket === 0 && member.instanceId === null)
  const hasJoined = group.members.values().some(member => member.joinTicket !== 0)
  // Nobody is there to assign anything to those who are missing.
  if (group.members.size > 0 && !hasJoined) group.phaseDeadlineMs = turn.nowMs + rebalanceTimeoutMs(group)
  else completeJoin(group, turn)
}

function dropMembers(group: Group, isGone: (member: Member) => boolean): void {
  for (const member of [...group.members.values()]) {
    if (isGone(member)) group.members.delete(member.id)
  }
}

function completeJoin(group: Group, turn: Turn): void {
  group.generation = group.generation === 0x7fffffff ? 1 : group.generation + 1
  replaceLeaderIfGone(group, true)
  if (group.members.size === 0) {
    group.protocol = null
    group.phaseDeadlineMs = Infinity
    become(group, 'empty', turn)
    turn.effects.push({ type: 'persist', generation: group.generation })
    return
  }
  group.protocol = electProtocol(group)
  become(group, 'completingRebalance', turn)
  group.phaseDeadlineMs = turn.nowMs + rebalanceTimeoutMs(group)
  for (const member of group.members.values()) {
    member.assignment = noBytes
    if (member.joinTicket !== 0) answerJoin(group, member, turn)
  }
}

/** Gives a member the outcome of the last join: to its parked JoinGroup, or to one that repeats it. */
export function answerJoin(group: Group, member: Member, turn: Turn, leader = group.leader): void {
  turn.effects.push({
    type: 'answerJoin',
    ticket: member.joinTicket,
    error: 'none',
    memberId: member.id,
    generation: group.generation,
    protocol: group.protocol,
    leader: leader ?? '',
    members: member.id === leader ? describeMembers(group) : [],
    skipAssignment: member.id === leader && group.state === 'stable',
  })
  member.joinTicket = 0
  member.idKnown = true
  member.sessionDeadlineMs = turn.nowMs + member.sessionTimeoutMs
}

export function refuseJoin(ticket: number, error: ErrorName, memberId: string, turn: Turn): void {
  turn.effects.push({
    type: 'answerJoin',
    ticket,
    error,
    memberId,
    generation: -1,
    protocol: null,
    leader: '',
    members: [],
    skipAssignment: false,
  })
}

/** Answers the member's parked SyncGroup, if it has one. */
export function answerSync(member: Member, error: ErrorName, turn: Turn): void {
  if (member.syncTicket === 0) return
  const assignment = error === 'none' ? member.assignment : noBytes
  turn.effects.push({ type: 'answerSync', ticket: member.syncTicket, error, assignment })
  member.syncTicket = 0
}

/** The assignment is on disk: this generation is settled. */
export function becomeStable(group: Group, turn: Turn): void {
  group.persisting = false
  become(group, 'stable', turn)
  group.phaseDeadlineMs = Infinity
  for (const member of group.members.values()) {
    if (member.syncTicket === 0) continue
    member.sessionDeadlineMs = turn.nowMs + member.sessionTimeoutMs
    answerSync(member, 'none', turn)
  }
}

/** A static member is back under a new id: whoever still acts under the old one is told that it was replaced. */
export function replaceMember(group: Group, old: Member, member: Member, turn: Turn): void {
  answerSync(old, 'fencedInstanceId', turn)
  if (old.joinTicket !== 0) refuseJoin(old.joinTicket, 'fencedInstanceId', old.id, turn)
  const members = [...group.members.values()].map(one => (one === old ? member : one))
  group.members.clear()
  for (const one of members) group.members.set(one.id, one)
  if (group.leader === old.id) group.leader = member.id
}

export function removeMember(group: Group, member: Member, turn: Turn): void {
  answerSync(member, 'rebalanceInProgress', turn)
  if (member.joinTicket !== 0) refuseJoin(member.joinTicket, 'unknownMemberId', member.id, turn)
  group.members.delete(member.id)
  replaceLeaderIfGone(group)
  if (group.state === 'stable' || group.state === 'completingRebalance') prepareRebalance(group, turn)
  completeJoinIfReady(group, turn)
}

/** The group is deleted: nothing of it is left but what its holders still ask. */
export function bury(group: Group, turn: Turn): void {
  become(group, 'dead', turn)
  group.phaseDeadlineMs = Infinity
}

/** `isJoining`: a leader that keeps its place and has not come back cannot assign anything. */
function replaceLeaderIfGone(group: Group, isJoining = false): void {
  const leader = group.leader === null ? undefined : group.members.get(group.leader)
  if (leader && !(isJoining && leader.joinTicket === 0)) return
  // Whoever is already waiting can lead at once.
  const waiting = group.members.values().find(member => member.joinTicket !== 0)
  group.leader = (waiting ?? group.members.values().next().value)?.id ?? null
}

function rebalanceTimeoutMs(group: Group): number {
  let longest = 0
  for (const member of group.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
  return longest
}

function describeMembers(group: Group) {
  return [...group.members.values()].map(member => ({
    memberId: member.id,
    groupInstanceId: member.instanceId,
    metadata: metadataFor(member, group.protocol),
  }))
}
