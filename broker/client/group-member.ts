// A member of a classic consumer group: joins, leads if it is told to, keeps its place by heartbeats, and joins again
// when the group changes. Says which partitions are its own and nothing of what has been read: who uses it keeps his
// positions himself. Never gives up while open; works with our brokers and with Kafka's.
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { apis } from '../protocol/apis.ts'
import { type ErrorName, errorName } from '../protocol/errors.ts'
import type { JoinGroupResponse } from '../protocol/messages/11-join-group.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import {
  assignRanges,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type TopicPartition,
} from './consumer-protocol.ts'

export interface GroupMemberOptions {
  /** For this member alone: a broker that gathers a group keeps everything waiting that was sent on one connection. */
  readonly cluster: Cluster
  readonly groupId: string
  /** With it a member that comes back within its session takes its old place, and nobody else is disturbed. */
  readonly instanceId?: () => string
  readonly topics: readonly string[]
  /** The whole of what is this member's now. Called between network turns. */
  readonly onAssigned: (partitions: readonly TopicPartition[]) => void
  /** Another took the place of this instance: what was assigned is its. The member joins again afterwards. */
  readonly onFenced?: () => void
  readonly clock: Clock
  readonly log: Log
  readonly sessionTimeoutMs?: number
  readonly heartbeatMs?: number
}

interface Membership {
  readonly connection: Connection
  readonly instanceId: string | null
  readonly generation: number
  readonly leads: boolean
  /** As the leader saw them when it gave them out. */
  readonly partitionCounts: ReadonlyMap<string, number>
}

class Refusal extends Error {
  readonly reason: ErrorName

  constructor(request: string, reason: ErrorName) {
    super(`Cannot be in the group: ${request} was answered ${reason}`)
    this.reason = reason
  }
}

const backoffMs = { first: 100, last: 5_000 }
/** How often a leader looks whether topics have grown. */
const watchMs = 10_000

export class GroupMember {
  readonly #options: GroupMemberOptions
  readonly #sessionTimeoutMs: number
  readonly #heartbeatMs: number
  #memberId = ''
  #membership: Membership | null = null
  #failures = 0
  #closed = false
  #wake: (() => void) | null = null
  readonly #ended: Promise<void>

  constructor(options: GroupMemberOptions) {
    this.#options = options
    this.#sessionTimeoutMs = options.sessionTimeoutMs ?? 10_000
    this.#heartbeatMs = options.heartbeatMs ?? 3_000
    this.#ended = this.#run()
  }

  /** The group's present generation; null while this member is not in it. */
  get generation(): number | null {
    return this.#membership?.generation ?? null
  }

  /** Leaves, so that the others need not wait for a session to end. Never throws. */
  async close(): Promise<void> {
    this.#closed = true
    this.#wake?.()
    const membership = this.#membership
    if (membership) await this.#leave(membership).catch(() => undefined)
    this.#options.cluster.close()
    await this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        const membership = await this.#join()
        this.#failures = 0
        await this.#stay(membership)
      } catch (error) {
        this.#membership = null
        await this.#failed(error as Error)
      }
    }
  }

  async #failed(error: Error): Promise<void> {
    const reason = error instanceof Refusal ? error.reason : null
    if (reason === 'rebalanceInProgress') return
    if (reason === 'unknownMemberId' || reason === 'illegalGeneration') {
      if (reason === 'unknownMemberId') this.#memberId = ''
      if (this.#failures++ < 3) return
    }
    if (reason === 'fencedInstanceId') {
      this.#memberId = ''
      this.#options.onFenced?.()
    }
    this.#failures++
    if (this.#closed) return
    if (this.#failures === 1 || this.#failures % 20 === 0)
      this.#options.log.warn('not in the group, trying again', {
        error: error.message,
        failures: this.#failures,
      })
    await this.#pause(Math.min(backoffMs.last, backoffMs.first * 2 ** Math.min(this.#failures, 10)))
  }

  async #join(): Promise<Membership> {
    const { cluster, topics, onAssigned } = this.#options
    const connection = await this.#coordinator()
    const instanceId = this.#options.instanceId?.() ?? null
    const joined = await this.#enter(connection, instanceId)
    this.#memberId = joined.memberId
    const leads = joined.leader === joined.memberId
    const partitionCounts = new Map<string, number>()
    if (leads) {
      await cluster.refresh(topics)
      for (const topic of topics) partitionCounts.set(topic, this.#partitionsOf(topic))
    }
    const assignments = leads && !joined.skipAssignment ? await this.#divide(joined, partitionCounts) : []
    const answer = await connection.request(
      apis.syncGroup,
      {
        groupId: this.#options.groupId,
        generationId: joined.generationId,
        memberId: joined.memberId,
        groupInstanceId: instanceId,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments,
      },
      { timeoutMs: this.#gatheringMs },
    )
    check('SyncGroup', answer.errorCode)
    const membership = { connection, instanceId, generation: joined.generationId, leads, partitionCounts }
    // Whoever is told of an assignment may ask of which generation it is.
    this.#membership = membership
    if (!this.#closed) onAssigned(decodeAssignment(answer.assignment))
    return membership
  }

  /** As long as a coordinator may gather the others. */
  get #gatheringMs(): number {
    return this.#sessionTimeoutMs * 3 + 5_000
  }

  async #enter(connection: Connection, instanceId: string | null): Promise<JoinGroupResponse> {
    for (;;) {
      const answer = await connection.request(
        apis.joinGroup,
        {
          groupId: this.#options.groupId,
          sessionTimeoutMs: this.#sessionTimeoutMs,
          rebalanceTimeoutMs: this.#sessionTimeoutMs,
          memberId: this.#memberId,
          groupInstanceId: instanceId,
          protocolType: 'consumer',
          protocols: [{ name: 'range', metadata: encodeSubscription(this.#options.topics) }],
        },
        { timeoutMs: this.#gatheringMs },
      )
      const name = errorName(answer.errorCode)
      if (name !== 'memberIdRequired') {
        check('JoinGroup', answer.errorCode)
        return answer
      }
      this.#memberId = answer.memberId
    }
  }

  async #divide(
    joined: JoinGroupResponse,
    known: Map<string, number>,
  ): Promise<{ memberId: string; assignment: Buffer }[]> {
    const subscribers = joined.members.map(({ memberId, groupInstanceId, metadata }) => ({
      memberId,
      instanceId: groupInstanceId,
      topics: decodeSubscription(metadata),
    }))
    const others = subscribers.flatMap(({ topics }) => topics).filter(topic => !known.has(topic))
    if (others.length > 0) await this.#options.cluster.refresh(others)
    const ranges = assignRanges(subscribers, topic => this.#partitionsOf(topic))
    return [...ranges].map(([memberId, own]) => ({ memberId, assignment: encodeAssignment(own) }))
  }

  #partitionsOf(topic: string): number {
    const known = this.#options.cluster.topic(topic)
    return known?.error === 'none' ? known.partitions.length : 0
  }

  /** Returns when it is time to join again. */
  async #stay(membership: Membership): Promise<void> {
    const { clock, groupId } = this.#options
    let lookedAtMs = clock.monotonicMs()
    for (;;) {
      await this.#pause(this.#heartbeatMs)
      if (this.#closed) return
      const answer = await membership.connection.request(
        apis.heartbeat,
        {
          groupId,
          generationId: membership.generation,
          memberId: this.#memberId,
          groupInstanceId: membership.instanceId,
        },
        { timeoutMs: this.#sessionTimeoutMs },
      )
      if (this.#closed) return
      check('Heartbeat', answer.errorCode)
      if (!membership.leads || clock.monotonicMs() - lookedAtMs < watchMs) continue
      lookedAtMs = clock.monotonicMs()
      if (await this.#haveTopicsGrown(membership)) return
    }
  }

  async #haveTopicsGrown({ partitionCounts }: Membership): Promise<boolean> {
    await this.#options.cluster.refresh(this.#options.topics)
    return [...partitionCounts].some(([topic, count]) => this.#partitionsOf(topic) !== count)
  }

  async #leave({ connection, instanceId }: Membership): Promise<void> {
    const memberId = this.#memberId
    const members = [{ memberId, groupInstanceId: instanceId }]
    const { groupId } = this.#options
    const isOld = connection.versionOf(apis.leaveGroup) < 3
    const body = isOld ? { groupId, memberId } : { groupId, members }
    await connection.request(apis.leaveGroup, body, { timeoutMs: 500 })
  }

  async #coordinator(): Promise<Connection> {
    const { cluster, groupId } = this.#options
    // Addresses of brokers may have changed since.
    if (this.#failures > 0 || cluster.brokers.length === 0) await cluster.refresh(this.#options.topics)
    const any = await cluster.anyConnection()
    const found = await any.request(apis.findCoordinator, {
      key: groupId,
      keyType: 0,
      coordinatorKeys: [groupId],
    })
    const { nodeId, errorCode } = found.coordinators[0] ?? found
    check('FindCoordinator', errorCode)
    return cluster.connectionTo(nodeId)
  }

  #pause(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(() => this.#wake?.(), ms)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = null
        resolve()
      }
    })
  }
}

function check(request: string, errorCode: number): void {
  if (errorCode !== 0) throw new Refusal(request, errorName(errorCode))
}
