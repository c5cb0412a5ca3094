// Consumer groups and their lag, by Kafka's own admin calls: asked for while somebody looks, at most every two seconds,
// and else now and then, so that there is a past to look at; for a bounded number of groups, because each costs its
// coordinator an answer.

import type { Cluster } from '../../broker/client/cluster.ts'
import { assignedPlaces } from '../../broker/client/consumer-protocol.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { GroupAnswer } from '../http/contract-cluster.ts'
import type { ConsumerGroup, GroupsAnswer } from '../http/contract-groups.ts'
import { historyStepMs, LagHistory, type LagTime, trendOf } from './lag-history.ts'
import { PartitionOffsets } from './partition-offsets.ts'

const groupsMax = 200
/** Of one member that are told. */
const placesMax = 1_000
const freshMs = 2_000
const timeoutMs = 5_000
const membersMax = 200

/** Offsets by topic and partition. */
type Committed = Map<string, Map<number, number>>

export class GroupMonitor {
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #ends: PartitionOffsets
  readonly #history = new LagHistory()
  /** That nothing was read yet must not look like a cluster without groups. */
  #answer: GroupsAnswer = { groups: [], truncated: false, error: 'They are being read.', historyStepMs }
  #members: ReadonlyMap<string, GroupAnswer> = new Map()
  #timer: NodeJS.Timeout | null = null
  #askedAtMs = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | null = null

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster
    this.#clock = clock
    this.#ends = new PartitionOffsets(cluster, timeoutMs)
  }

  /** Looks now and then, also while nobody asks. */
  start(): void {
    this.#timer ??= setInterval(() => this.latest(), historyStepMs / 2)
    this.#timer.unref()
    this.latest()
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Its members, as they are now; null where there is no such group. */
  async group(name: string): Promise<GroupAnswer | null> {
    await this.current()
    // It may have come since.
    if (!this.#members.has(name)) await this.#ask()
    return this.#members.get(name) ?? null
  }

  /** As last heard; asks again meanwhile when that was a while ago. */
  latest(): GroupsAnswer {
    if (this.#clock.monotonicMs() - this.#askedAtMs >= freshMs) void this.#ask()
    return this.#answer
  }

  /** As they are now. */
  async current(): Promise<GroupsAnswer> {
    if (this.#clock.monotonicMs() - this.#askedAtMs >= freshMs) await this.#ask()
    else await this.#asking
    return this.#answer
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#read()
      .then(answer => {
        this.#answer = answer
      })
      .catch((error: Error) => {
        this.#answer = { ...this.#answer, error: error.message }
      })
      .finally(() => {
        this.#asking = null
        this.#askedAtMs = this.#clock.monotonicMs()
      })
    return this.#asking
  }

  async #read(): Promise<GroupsAnswer> {
    const any = await this.#cluster.anyConnection()
    // Null asks for every topic.
    const metadata = await any.request(
      apis.metadata,
      { topics: null, allowAutoTopicCreation: false },
      { timeoutMs },
    )
    const coordinated = await Promise.all(metadata.brokers.map(({ nodeId }) => this.#groupsOf(nodeId)))
    const all = coordinated.flat().sort((a, b) => (a.group < b.group ? -1 : 1))
    const shown = all.slice(0, groupsMax)
    const names = new Map(metadata.topics.map(({ topicId, name }) => [topicId, name ?? '']))
    const read = await Promise.all(
      [...Map.groupBy(shown, ({ broker }) => broker)].map(([broker, groups]) =>
        this.#describe(
          broker,
          groups.map(({ group }) => group),
          names,
        ),
      ),
    )
    const described = read.flat()
    await this.#readEnds(metadata, described)
    const found = described.map(one => this.#withLag(one)).sort((a, b) => (a.group < b.group ? -1 : 1))
    this.#history.noteLags(new Map(found.map(({ group, lag }) => [group, lag])), this.#clock.monotonicMs())
    this.#members = new Map(
      described.map(({ group, state, assignor, members }) => [group, { group, state, assignor, members }]),
    )
    const groups = found.map(group => {
      const history = this.#history.historyOf(group.group)
      return { ...group, trend: trendOf(history), history }
    })
    return { groups, truncated: all.length > shown.length, error: null, historyStepMs }
  }

  /** A broker that does not answer leaves its groups out. */
  async #groupsOf(broker: number): Promise<{ readonly broker: number; readonly group: string }[]> {
    try {
      const connection = await this.#cluster.connectionTo(broker)
      const { groups } = await connection.request(apis.listGroups, {}, { timeoutMs })
      return groups.map(({ groupId }) => ({ broker, group: groupId }))
    } catch {
      return []
    }
  }

  async #describe(broker: number, ids: string[], names: ReadonlyMap<string, string>): Promise<Described[]> {
    const connection = await this.#cluster.connectionTo(broker)
    const offsets = { groups: ids.map(groupId => ({ groupId, topics: null })) }
    const [described, fetched] = await Promise.all([
      connection.request(apis.describeGroups, { groups: ids }, { timeoutMs }),
      connection.request(apis.offsetFetch, offsets, { timeoutMs }),
    ])
    const committed = new Map<string, Committed>()
    for (const { groupId, errorCode, topics } of fetched.groups) {
      if (errorName(errorCode) !== 'none') continue
      const byTopic: Committed = new Map()
      for (const { name, topicId, partitions } of topics) {
        const known = partitions.filter(({ committedOffset }) => committedOffset >= 0)
        const topic = name === '' ? (names.get(topicId) ?? topicId) : name
        byTopic.set(topic, new Map(known.map(one => [one.partitionIndex, one.committedOffset])))
      }
      committed.set(groupId, byTopic)
    }
    return described.groups.map(({ groupId, groupState, protocolData, members }) => {
      return {
        group: groupId,
        state: groupState,
        assignor: protocolData,
        memberCount: members.length,
        members: members.slice(0, membersMax).map(one => ({
          member: one.memberId,
          instance: one.groupInstanceId,
          client: one.clientId,
          host: one.clientHost,
          partitions: assignedPlaces(one.memberAssignment).slice(0, placesMax),
        })),
        committed: committed.get(groupId) ?? new Map(),
      }
    })
  }

  async #readEnds({ topics }: MetadataResponse, groups: readonly Described[]): Promise<void> {
    const wanted = new Set(groups.flatMap(({ committed }) => [...committed.keys()]))
    const read = topics.filter(({ name }) => wanted.has(name ?? ''))
    await this.#ends.read(read)
    const nowMs = this.#clock.monotonicMs()
    for (const { name, partitions } of read) {
      for (const { partitionIndex } of partitions) {
        const end = this.#ends.of(name, partitionIndex)?.end
        if (end !== undefined) this.#history.noteEnd(`${name}-${partitionIndex}`, end, nowMs)
      }
    }
  }

  #withLag({ committed, group, state, memberCount }: Described): Omit<ConsumerGroup, 'trend' | 'history'> {
    const nowMs = this.#clock.monotonicMs()
    let longest: LagTime | null = null
    const topics = [...committed].sort(byName).map(([topic, offsets]) => {
      const partitions = [...offsets]
        .sort(([a], [b]) => a - b)
        .map(([partition, offset]) => {
          const end = this.#ends.of(topic, partition)?.end ?? null
          const lag = end === null ? null : Math.max(0, end - offset)
          const time = end === null ? null : this.#history.timeOf(`${topic}-${partition}`, offset, nowMs)
          if (time && (!longest || time.ms > longest.ms)) longest = time
          const lagMs = time && Math.round(time.ms)
          return { partition, offset: String(offset), end: end === null ? null : String(end), lag, lagMs }
        })
      return { topic, lag: sumOf(partitions), partitions }
    })
    const { ms, from } = (longest as LagTime | null) ?? { ms: null, from: null }
    return {
      ...{ group, state, members: memberCount, topics },
      lag: topics.length === 0 ? null : sumOf(topics),
      lagMs: ms === null ? null : Math.round(ms),
      lagMsFrom: from,
    }
  }
}

interface Described {
  readonly group: string
  readonly state: string
  readonly assignor: string
  readonly memberCount: number
  readonly members: GroupAnswer['members']
  readonly committed: Committed
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

/** Null when a part is not known: a sum without it would look better than it is. */
function sumOf(parts: readonly { readonly lag: number | null }[]): number | null {
  return parts.reduce<number | null>((sum, { lag }) => (sum === null || lag === null ? null : sum + lag), 0)
}
