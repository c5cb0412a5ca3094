// The shell around the groups: runs step(), turns effects into answers and records, and keeps one timer set for
// the earliest deadline of all groups. Heartbeat and JoinGroup touch no disk; SyncGroup and commits wait for it.
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { ErrorName } from '../protocol/errors.ts'
import {
  type JoinOutcome,
  type JoinRequest,
  type MemberClaim,
  refusedJoin,
  refusedSync,
  type SyncOutcome,
  type SyncRequest,
} from './coordinator-requests.ts'
import {
  defaultGroupSettings,
  type Group,
  type GroupEffect,
  type GroupEvent,
  type GroupSettings,
  newGroup,
  nextDeadlineMs,
} from './group.ts'
import type { GroupRecord } from './group-records.ts'
import { step } from './group-step.ts'
import { type OffsetEntry, OffsetStore, type OffsetsLog } from './offsets.ts'
import { isOfConsumers, subscribedTopics } from './subscription.ts'

export type { JoinOutcome, JoinRequest, MemberClaim, SyncOutcome, SyncRequest }

/** A parked JoinGroup or SyncGroup, to be withdrawn when its connection ends. */
export interface Ticket {
  readonly groupId: string
  readonly number: number
}

/** An empty group keeps what it committed for this long (Kafka's offsets.retention.minutes). */
export const offsetsRetentionMs = 7 * 86_400_000
/** Of the metadata string that comes with a commit. */
export const commitMetadataLengthMax = 4_096

export class GroupCoordinator {
  readonly #groups = new Map<string, Group>()
  readonly #offsets: OffsetStore
  readonly #clock: Clock
  readonly #log: Log
  readonly #settings: GroupSettings
  readonly #joins = new Map<number, (outcome: JoinOutcome) => void>()
  readonly #syncs = new Map<number, (outcome: SyncOutcome) => void>()
  /** Partitions of the offsets topic that this broker leads and has read. */
  readonly #loaded = new Set<number>()
  /** Those that it has not read yet, each with the number of the term in which it leads. */
  readonly #loading = new Map<number, number>()
  #terms = 0
  #lastTicket = 0
  #timer: NodeJS.Timeout | undefined
  #timerDueMs = Infinity

  constructor(offsetsLog: OffsetsLog, clock: Clock, log: Log, settings: Partial<GroupSettings> = {}) {
    this.#offsets = new OffsetStore(offsetsLog)
    this.#clock = clock
    this.#log = log
    this.#settings = { ...defaultGroupSettings, ...settings }
  }

  get offsets(): Pick<OffsetStore, 'get' | 'topicsOf'> {
    return this.#offsets
  }

  /** 'none' if this broker looks after the group now. */
  refusalOf(groupId: string): ErrorName {
    const partition = this.#offsets.partitionOf(groupId)
    if (this.#loaded.has(partition)) return this.#offsets.mayPromise(partition) ? 'none' : 'notCoordinator'
    return this.#loading.has(partition) ? 'coordinatorLoadInProgress' : 'notCoordinator'
  }

  /**
   * This broker leads the partition: groups and offsets are read back once they are committed, in a turn of its own.
   * Members that were settled are members still, with a whole session to show up.
   */
  lead(partition: number): void {
    if (this.#loaded.has(partition) || this.#loading.has(partition)) return
    const term = ++this.#terms
    this.#loading.set(partition, term)
    this.#offsets.whenCommitted(partition, {
      settled: error => {
        if (error !== 'none') return
        setImmediate(() => {
          if (this.#loading.get(partition) === term) this.#load(partition)
        })
      },
    })
  }

  #load(partition: number): void {
    this.#offsets.load(partition, record => this.#restore(record))
    this.#loading.delete(partition)
    this.#loaded.add(partition)
    for (const groupId of this.#offsets.groupIds()) {
      if (this.#groups.has(groupId)) continue
      // It never had members: it is as old as its newest commit.
      this.#create(groupId).stateSinceMs = this.#monotonicMsOf(this.#offsets.latestCommitMs(groupId))
    }
    for (const group of this.#groups.values()) this.#arm(group)
  }

  /** Another broker leads it: whoever waits is told to ask for the coordinator anew. */
  unload(partition: number): void {
    this.#loading.delete(partition)
    if (!this.#loaded.delete(partition)) return
    this.#offsets.unload(partition)
    for (const group of this.#groups.values()) {
      if (this.#offsets.partitionOf(group.id) !== partition) continue
      this.#groups.delete(group.id)
      for (const { id, joinTicket, syncTicket } of group.members.values()) {
        take(this.#joins, joinTicket)?.(refusedJoin('notCoordinator', id))
        take(this.#syncs, syncTicket)?.(refusedSync('notCoordinator'))
      }
    }
  }

  join(request: JoinRequest, done: (outcome: JoinOutcome) => void): Ticket {
    const refusal = this.refusalOf(request.groupId)
    if (refusal !== 'none') {
      done(refusedJoin(refusal, request.memberId))
      return { groupId: request.groupId, number: 0 }
    }
    const ticket = ++this.#lastTicket
    this.#joins.set(ticket, done)
    const newMemberId = `${request.instanceId ?? request.clientId}-${randomUUID()}`
    const group = this.#groups.get(request.groupId) ?? this.#create(request.groupId)
    this.#step(group, { type: 'join', ticket, newMemberId, ...request })
    return { groupId: request.groupId, number: ticket }
  }

  sync(request: SyncRequest, done: (outcome: SyncOutcome) => void): Ticket | null {
    const group = this.#groups.get(request.groupId)
    const refusal = this.refusalOf(request.groupId)
    if (refusal !== 'none' || !group) {
      done(refusedSync(refusal === 'none' ? 'unknownMemberId' : refusal))
      return null
    }
    const ticket = ++this.#lastTicket
    this.#syncs.set(ticket, done)
    this.#step(group, { type: 'sync', ticket, ...request })
    return { groupId: request.groupId, number: ticket }
  }

  heartbeat({ groupId, memberId, instanceId, generation }: MemberClaim): ErrorName {
    const refusal = this.refusalOf(groupId)
    if (refusal !== 'none') return refusal
    const group = this.#groups.get(groupId)
    if (!group) return 'unknownMemberId'
    return this.#ask(group, { type: 'heartbeat', ticket: 0, memberId, instanceId, generation })
  }

  leave(groupId: string, memberId: string, instanceId: string | null): ErrorName {
    const refusal = this.refusalOf(groupId)
    if (refusal !== 'none') return refusal
    const group = this.#groups.get(groupId)
    if (!group) return 'unknownMemberId'
    return this.#ask(group, { type: 'leave', ticket: 0, memberId, instanceId })
  }

  /** `done` hears one error for all entries, when they are durable. */
  commit(claim: MemberClaim, entries: readonly OffsetEntry[], done: (error: ErrorName) => void): void {
    const { groupId, memberId, instanceId, generation } = claim
    const refusal = this.refusalOf(groupId)
    if (refusal !== 'none') {
      done(refusal)
      return
    }
    const known = this.#groups.get(groupId)
    if (!known && generation >= 0) {
      done('illegalGeneration')
      return
    }
    const group = known ?? this.#create(groupId)
    const error = this.#ask(group, { type: 'commit', ticket: 0, memberId, instanceId, generation })
    if (error !== 'none' || entries.length === 0) {
      done(error)
      return
    }
    group.stateSinceMs = group.state === 'empty' ? this.#clock.monotonicMs() : group.stateSinceMs
    this.#offsets.commit(groupId, entries, this.#clock.wallMs(), { settled: done })
  }

  /** The connection on which a request was parked has ended. */
  withdraw(ticket: Ticket): void {
    this.#joins.delete(ticket.number)
    this.#syncs.delete(ticket.number)
    const group = this.#groups.get(ticket.groupId)
    if (group) this.#step(group, { type: 'disconnected', ticket: ticket.number })
  }

  find(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  groups(): Iterable<Group> {
    return this.#groups.values()
  }

  /** Once in a while: forgets groups that have long been empty. */
  tick(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const group of this.#groups.values()) {
      if (group.state !== 'empty' || group.pendingIds.size > 0) continue
      const nothingKept = group.generation === 0 && this.#offsets.topicsOf(group.id).size === 0
      if (nothingKept) this.#groups.delete(group.id)
      else if (nowMs - group.stateSinceMs > offsetsRetentionMs) this.#forget(group)
    }
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  /** A group without members and all it has committed; `done` hears when that is durable. */
  delete(groupId: string, done: (error: ErrorName) => void): void {
    const refusal = this.refusalOf(groupId)
    const group = this.#groups.get(groupId)
    if (refusal !== 'none' || !group) done(refusal === 'none' ? 'groupIdNotFound' : refusal)
    else this.#bury(group, done)
  }

  /** Whether offsets of the group may be deleted at all, and the topics of which they may not. */
  deletableOffsets(groupId: string): readonly [ErrorName, ReadonlySet<string> | 'everything'] {
    const refusal = this.refusalOf(groupId)
    const group = this.#groups.get(groupId)
    if (refusal !== 'none' || !group) return [refusal === 'none' ? 'groupIdNotFound' : refusal, new Set()]
    if (group.members.size === 0) return ['none', new Set()]
    return isOfConsumers(group) ? ['none', subscribedTopics(group)] : ['nonEmptyGroup', new Set()]
  }

  /** `done` hears when they are durably gone. */
  deleteOffsets(groupId: string, entries: readonly OffsetEntry[], done: (error: ErrorName) => void): void {
    if (entries.length === 0) done('none')
    else this.#offsets.commit(groupId, entries, this.#clock.wallMs(), { settled: done })
  }

  /** A topic is gone: one that is made anew under its name is not to be read from where this one was left. */
  forgetTopic(topic: string): void {
    for (const groupId of [...this.#offsets.groupIds()]) {
      const partitions = this.#offsets.topicsOf(groupId).get(topic)
      if (!partitions || this.refusalOf(groupId) !== 'none') continue
      const entries = [...partitions.keys()].map(partition => ({ topic, partition, committed: null }))
      this.#offsets.commit(groupId, entries, this.#clock.wallMs(), { settled: () => {} })
    }
  }

  #forget(group: Group): void {
    this.#log.info('a group was empty for long and is forgotten', { group: group.id })
    this.#bury(group, () => {})
  }

  #bury(group: Group, done: (error: ErrorName) => void): void {
    const error = this.#ask(group, { type: 'delete', ticket: 0 })
    if (error !== 'none') {
      done(error)
      return
    }
    this.#groups.delete(group.id)
    this.#offsets.remove(group.id, this.#clock.wallMs(), { settled: done })
  }

  #create(groupId: string): Group {
    const group = newGroup(groupId, this.#clock.monotonicMs())
    this.#groups.set(groupId, group)
    return group
  }

  /** The answer to an event that is answered at once. */
  #ask(group: Group, question: GroupEvent): ErrorName {
    const effects = this.#step(group, question)
    return effects.find(effect => effect.type === 'answer')?.error ?? 'none'
  }

  #step(group: Group, happened: GroupEvent): readonly GroupEffect[] {
    const effects: GroupEffect[] = []
    step(group, happened, this.#settings, this.#clock.monotonicMs(), effects)
    for (const effect of effects) this.#apply(group, effect)
    this.#arm(group)
    return effects
  }

  #apply(group: Group, effect: GroupEffect): void {
    switch (effect.type) {
      case 'answer':
        break
      case 'answerJoin':
        take(this.#joins, effect.ticket)?.({ ...effect, protocolType: group.protocolType })
        break
      case 'answerSync': {
        const { error, assignment } = effect
        const { protocolType, protocol } = group
        take(this.#syncs, effect.ticket)?.({ error, protocolType, protocol, assignment })
        break
      }
      case 'persist':
        this.#persist(group, effect.generation)
        break
    }
  }

  #persist(group: Group, generation: number): void {
    this.#offsets.persist(group, this.#clock.wallMs(), {
      settled: error => {
        // The group has gone to another broker meanwhile.
        if (this.#groups.get(group.id) !== group) return
        if (error !== 'none') this.#log.warn('a group could not be written', { group: group.id, error })
        this.#step(group, { type: 'persisted', generation, error })
      },
    })
  }

  #restore({ group: groupId, value }: Extract<GroupRecord, { type: 'group' }>): void {
    if (value === null) {
      this.#groups.delete(groupId)
      return
    }
    const nowMs = this.#clock.monotonicMs()
    const group = newGroup(groupId, this.#monotonicMsOf(value.currentStateTimestamp))
    group.generation = value.generation
    group.protocolType = value.protocolType
    group.protocol = value.protocol
    group.leader = value.leader
    for (const member of value.members) {
      group.members.set(member.memberId, {
        id: member.memberId,
        instanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        sessionTimeoutMs: member.sessionTimeout,
        rebalanceTimeoutMs: member.rebalanceTimeout,
        protocols: [{ name: value.protocol ?? '', metadata: Buffer.from(member.subscription) }],
        assignment: Buffer.from(member.assignment),
        joinTicket: 0,
        syncTicket: 0,
        sessionDeadlineMs: nowMs + member.sessionTimeout,
        idKnown: true,
      })
    }
    group.state = group.members.size > 0 ? 'stable' : 'empty'
    this.#groups.set(groupId, group)
  }

  /** A time that was written down, before this process perhaps, on this process's clock. */
  #monotonicMsOf(wallMs: number): number {
    const agoMs = wallMs < 0 ? 0 : Math.max(0, this.#clock.wallMs() - wallMs)
    return this.#clock.monotonicMs() - agoMs
  }

  /** Sets the timer for the group's next deadline if it is earlier than all others. */
  #arm(group: Group): void {
    const deadlineMs = nextDeadlineMs(group)
    if (deadlineMs >= this.#timerDueMs) return
    clearTimeout(this.#timer)
    this.#timerDueMs = deadlineMs
    const delayMs = Math.max(0, Math.ceil(deadlineMs - this.#clock.monotonicMs()))
    this.#timer = setTimeout(() => this.#onTimer(), delayMs)
  }

  #onTimer(): void {
    this.#timerDueMs = Infinity
    const nowMs = this.#clock.monotonicMs()
    for (const group of this.#groups.values()) {
      if (nextDeadlineMs(group) <= nowMs) this.#step(group, { type: 'tick' })
      else this.#arm(group)
    }
  }
}

function take<T>(parked: Map<number, T>, ticket: number): T | undefined {
  const found = parked.get(ticket)
  parked.delete(ticket)
  return found
}
