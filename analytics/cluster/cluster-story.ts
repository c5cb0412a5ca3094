// What is known of the cluster over time, from what Metadata says again and again: a broker that is down is left out
// there, so who ought to be there is remembered here, and so is every change of leader. Pure; the clock is handed in.
import type { MetadataResponse } from '../../broker/protocol/messages/03-metadata.ts'
import type {
  BrokerStatus,
  ClusterState,
  Election,
  ElectionReason,
  PartitionTrouble,
  TroubleState,
} from '../http/contract.ts'

const electionsMax = 100
const troubledMax = 50
/** A broker that is down and holds no replica was taken out of the cluster, and is forgotten after this long. */
const forgetAfterMs = 10 * 60_000
/** A leader that is gone this soon after it gave up its partitions was being stopped. */
const stoppedWithinMs = 10_000
const troubleOrder: readonly TroubleState[] = ['offline', 'underMinIsr', 'underReplicated']

interface KnownBroker {
  host: string
  port: number
  up: boolean
  since: number
}

interface Leadership {
  readonly leader: number
  readonly epoch: number
}

/** What a broker says of itself, beside Metadata. */
export type BrokerUsage = Pick<BrokerStatus, 'diskBytes' | 'diskFreeBytes' | 'memoryBytes'>

const noUsage: BrokerUsage = { diskBytes: null, diskFreeBytes: null, memoryBytes: null }

/** One that is down and holds no replica is missed by nobody: it was taken out, or had not been given any yet. */
function isWell({ up, replicas }: BrokerStatus): boolean {
  return up || replicas === 0
}

/** As it is written down, so that a restart neither forgets who is missing nor misses an election. */
export interface StoryRecord {
  readonly clusterId: string
  readonly brokers: readonly (KnownBroker & { readonly id: number })[]
  readonly leaderships: Readonly<Record<string, readonly [leader: number, epoch: number]>>
  readonly elections: readonly Election[]
}

export class ClusterStory {
  #clusterId = ''
  #metadata: MetadataResponse | null = null
  readonly #brokers = new Map<number, KnownBroker>()
  readonly #leaderships = new Map<string, Leadership>()
  #elections: readonly Election[] = []
  /** Grows with every change that is worth writing down. */
  version = 0

  constructor(record?: StoryRecord) {
    if (!record) return
    this.#clusterId = record.clusterId
    for (const { id, ...broker } of record.brokers) this.#brokers.set(id, broker)
    for (const [key, [leader, epoch]] of Object.entries(record.leaderships)) {
      this.#leaderships.set(key, { leader, epoch })
    }
    this.#elections = record.elections
  }

  get metadata(): MetadataResponse | null {
    return this.#metadata
  }

  get brokersUp(): number {
    return [...this.#brokers.values()].filter(broker => broker.up).length
  }

  get brokersKnown(): number {
    return this.#brokers.size
  }

  /** A new answer. `isReachable` says of a listed broker whether it was reached when somebody last tried. */
  tell(metadata: MetadataResponse, isReachable: (id: number) => boolean, nowMs: number): void {
    const clusterId = metadata.clusterId ?? ''
    if (this.#clusterId !== '' && clusterId !== this.#clusterId) this.#forgetAll()
    if (this.#clusterId !== clusterId) this.version++
    this.#clusterId = clusterId
    this.#metadata = metadata
    const listed = new Map(metadata.brokers.map(broker => [broker.nodeId, broker]))
    const holders = new Set(
      metadata.topics.flatMap(({ partitions }) => partitions.flatMap(one => one.replicaNodes)),
    )
    for (const id of new Set([...listed.keys(), ...holders, ...this.#brokers.keys()])) {
      const address = listed.get(id)
      this.#see(id, address !== undefined && isReachable(id), nowMs, address)
      this.#forgetIfRemoved(id, holders, nowMs)
    }
    this.#watchLeaders(metadata, nowMs)
  }

  /** A connection to it ended, or could not be made. */
  lost(id: number, nowMs: number): void {
    if (this.#brokers.has(id)) this.#see(id, false, nowMs)
  }

  /** Nobody answers. */
  lostAll(nowMs: number): void {
    for (const id of this.#brokers.keys()) this.#see(id, false, nowMs)
  }

  state(
    minInSyncOf: (topic: string) => number,
    usageOf: (id: number) => BrokerUsage | undefined,
  ): ClusterState {
    const { troubled, counts, held } = this.#partitions(minInSyncOf)
    const brokers = [...this.#brokers]
      .sort(([one], [other]) => one - other)
      .map(([id, { host, port, up, since }]) => ({
        ...{ id, host, port, up, since },
        ...(held.get(id) ?? { leaders: 0, replicas: 0, inSync: 0 }),
        ...((up && usageOf(id)) || noUsage),
      }))
    return {
      clusterId: this.#clusterId,
      controllerId: this.#metadata?.controllerId ?? -1,
      healthy: brokers.some(({ up }) => up) && brokers.every(isWell) && troubled.length === 0,
      brokers,
      partitionCounts: counts,
      troubled: troubled
        .sort((one, other) => troubleOrder.indexOf(one.state) - troubleOrder.indexOf(other.state))
        .slice(0, troubledMax),
      elections: this.#elections,
    }
  }

  record(): StoryRecord {
    return {
      clusterId: this.#clusterId,
      brokers: [...this.#brokers].map(([id, broker]) => ({ id, ...broker })),
      leaderships: Object.fromEntries(
        [...this.#leaderships].map(([key, { leader, epoch }]) => [key, [leader, epoch]]),
      ),
      elections: this.#elections,
    }
  }

  #see(id: number, up: boolean, nowMs: number, address?: { host: string; port: number }): void {
    let broker = this.#brokers.get(id)
    if (!broker) {
      broker = { host: '', port: 0, up, since: nowMs }
      this.#brokers.set(id, broker)
      this.version++
    }
    if (address && (broker.host !== address.host || broker.port !== address.port)) {
      broker.host = address.host
      broker.port = address.port
      this.version++
    }
    if (broker.up === up) return
    broker.up = up
    broker.since = nowMs
    this.version++
    if (!up) this.#explainStop(id, nowMs)
  }

  #forgetIfRemoved(id: number, holders: ReadonlySet<number>, nowMs: number): void {
    const broker = this.#brokers.get(id)
    if (!broker || broker.up || holders.has(id) || nowMs - broker.since < forgetAfterMs) return
    this.#brokers.delete(id)
    this.version++
  }

  #forgetAll(): void {
    this.#brokers.clear()
    this.#leaderships.clear()
    this.#elections = []
  }

  #watchLeaders(metadata: MetadataResponse, nowMs: number): void {
    const seen: Election[] = []
    const alive = new Set<string>()
    for (const topic of metadata.topics) {
      for (const { partitionIndex, leaderId, leaderEpoch, replicaNodes } of topic.partitions) {
        const key = `${topic.name}/${partitionIndex}`
        alive.add(key)
        // Between two leaders there is none for a moment: what counts is who comes next.
        if (leaderId < 0) continue
        const known = this.#leaderships.get(key)
        if (known?.leader === leaderId && known.epoch === leaderEpoch) continue
        this.#leaderships.set(key, { leader: leaderId, epoch: leaderEpoch })
        this.version++
        // A lower epoch is another partition under an old name.
        if (!known || leaderEpoch < known.epoch) continue
        seen.push({
          at: nowMs,
          topic: topic.name ?? '',
          partition: partitionIndex,
          from: known.leader,
          to: leaderId,
          epoch: leaderEpoch,
          reason: this.#reasonOf(known.leader, leaderId, replicaNodes),
        })
      }
    }
    for (const key of this.#leaderships.keys()) if (!alive.has(key)) this.#leaderships.delete(key)
    if (seen.length > 0) this.#elections = [...seen, ...this.#elections].slice(0, electionsMax)
  }

  #reasonOf(from: number, to: number, replicas: readonly number[]): ElectionReason | null {
    if (from === to) return 'restarted'
    if (!replicas.includes(from)) return 'moved'
    if (this.#brokers.get(from)?.up === false) return 'leaderDown'
    return replicas[0] === to ? 'preferred' : null
  }

  /** A broker that is being stopped hands its partitions over first; why is known only once it has gone. */
  #explainStop(id: number, nowMs: number): void {
    this.#elections = this.#elections.map(election =>
      election.from === id && election.reason === null && nowMs - election.at < stoppedWithinMs
        ? { ...election, reason: 'leaderStopped' }
        : election,
    )
  }

  #partitions(minInSyncOf: (topic: string) => number) {
    const held = new Map<number, { leaders: number; replicas: number; inSync: number }>()
    const of = (id: number) => {
      const row = held.get(id) ?? { leaders: 0, replicas: 0, inSync: 0 }
      held.set(id, row)
      return row
    }
    const counts = { total: 0, underReplicated: 0, underMinIsr: 0, offline: 0 }
    const troubled: PartitionTrouble[] = []
    for (const { name, partitions } of this.#metadata?.topics ?? []) {
      const topic = name ?? ''
      const minInSync = minInSyncOf(topic)
      for (const { partitionIndex: partition, leaderId, replicaNodes, isrNodes } of partitions) {
        counts.total++
        // What was last told may be older than what is known of its leader.
        const leader = this.#brokers.get(leaderId)?.up ? leaderId : -1
        const isr = isrNodes.filter(id => this.#brokers.get(id)?.up)
        if (leader >= 0) of(leader).leaders++
        for (const id of replicaNodes) of(id).replicas++
        for (const id of isr) of(id).inSync++
        const isUnderMin = isr.length < Math.min(minInSync, replicaNodes.length)
        if (isr.length < replicaNodes.length) counts.underReplicated++
        if (isUnderMin) counts.underMinIsr++
        if (leader < 0) counts.offline++
        else if (isr.length >= replicaNodes.length) continue
        const state: TroubleState = leader < 0 ? 'offline' : isUnderMin ? 'underMinIsr' : 'underReplicated'
        troubled.push({ topic, partition, state, leader, replicas: [...replicaNodes], isr })
      }
    }
    return { troubled, counts, held }
  }
}
