// Consumer groups and their lag, by Kafka's own admin calls: asked for while somebody looks, at most every two seconds,
// and for a bounded number of groups, because each costs its coordinator an answer.
import type { Cluster } from '../../broker/client/cluster.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { ConsumerGroup, GroupsAnswer } from '../http/contract-groups.ts'
import { PartitionOffsets } from './partition-offsets.ts'

const groupsMax = 200
const freshMs = 2_000
const timeoutMs = 5_000

/** Offsets by topic and partition. */
type Committed = Map<string, Map<number, number>>

export class GroupMonitor {
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #ends: PartitionOffsets
  #answer: GroupsAnswer = { groups: [], truncated: false, error: null }
  #askedAtMs = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | null = null

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster
    this.#clock = clock
    this.#ends = new PartitionOffsets(cluster, timeoutMs)
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
    const groups = described.map(one => this.#withLag(one)).sort((a, b) => (a.group < b.group ? -1 : 1))
    return { groups, truncated: all.length > shown.length, error: null }
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
    return described.groups.map(({ groupId, groupState, members }) => {
      return {
        group: groupId,
        state: groupState,
        members: members.length,
        committed: committed.get(groupId) ?? new Map(),
      }
    })
  }

  #readEnds({ topics }: MetadataResponse, groups: readonly Described[]): Promise<void> {
    const wanted = new Set(groups.flatMap(({ committed }) => [...committed.keys()]))
    return this.#ends.read(topics.filter(({ name }) => wanted.has(name ?? '')))
  }

  #withLag({ committed, ...group }: Described): ConsumerGroup {
    const topics = [...committed].sort(byName).map(([topic, offsets]) => {
      const partitions = [...offsets]
        .sort(([a], [b]) => a - b)
        .map(([partition, offset]) => {
          const end = this.#ends.of(topic, partition)?.end ?? null
          const lag = end === null ? null : Math.max(0, end - offset)
          return { partition, offset: String(offset), end: end === null ? null : String(end), lag }
        })
      return { topic, lag: sumOf(partitions), partitions }
    })
    return { ...group, lag: topics.length === 0 ? null : sumOf(topics), topics }
  }
}

interface Described {
  readonly group: string
  readonly state: string
  readonly members: number
  readonly committed: Committed
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

/** Null when a part is not known: a sum without it would look better than it is. */
function sumOf(parts: readonly { readonly lag: number | null }[]): number | null {
  return parts.reduce<number | null>((sum, { lag }) => (sum === null || lag === null ? null : sum + lag), 0)
}
