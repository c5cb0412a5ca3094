// What groups have committed, and the groups themselves, as a fold of the internal topic `__consumer_offsets`:
// every change is a record first, durable before anybody hears of it, and memory is what replay would give.
// Touches the disk only through the OffsetsLog it is given.
import { BatchBuilder } from '../protocol/batch-builder.ts'
import type { ErrorName } from '../protocol/errors.ts'
import { batchEnd } from '../protocol/record-batch.ts'
import { walkRecords } from '../protocol/record-walk.ts'
import type { Group } from './group.ts'
import {
  type CommittedOffset,
  decodeGroupRecord,
  encodeGroupKey,
  encodeGroupValue,
  encodeOffsetKey,
  encodeOffsetValue,
  type GroupRecord,
  offsetsPartitionOf,
} from './group-records.ts'

/** Told once: when the batch is durable, or why it never will be known to be. */
export interface AppendWaiter {
  settled(error: ErrorName): void
}

/** The partitions of `__consumer_offsets`, as far as this room needs them. */
export interface OffsetsLog {
  readonly partitions: number
  /** Whether what is known of it is surely the latest: false on a leader that may have been replaced. */
  mayPromise(partition: number): boolean
  append(partition: number, batch: Buffer, waiter: AppendWaiter): void
  /** Tells when all that is in the log by now is committed. The same errors as of an append. */
  whenCommitted(partition: number, waiter: AppendWaiter): void
  /** Calls with every run of whole batches, in order. */
  replay(partition: number, onBatches: (batches: Buffer) => void): void
}

export interface OffsetEntry {
  readonly topic: string
  readonly partition: number
  readonly committed: CommittedOffset | null
}

type OffsetsByPartition = Map<number, CommittedOffset>
type OffsetsByTopic = Map<string, OffsetsByPartition>

/** What a client of a group is to make of a failure of the log beneath: find the coordinator again, or wait. */
const coordinatorErrors: Partial<Record<ErrorName, ErrorName>> = {
  notLeaderOrFollower: 'notCoordinator',
  kafkaStorageError: 'notCoordinator',
  notEnoughReplicas: 'coordinatorNotAvailable',
  notEnoughReplicasAfterAppend: 'coordinatorNotAvailable',
  unknownTopicOrPartition: 'coordinatorNotAvailable',
  messageTooLarge: 'invalidCommitOffsetSize',
  recordListTooLarge: 'invalidCommitOffsetSize',
}

export class OffsetStore {
  readonly #log: OffsetsLog
  readonly #offsets = new Map<string, OffsetsByTopic>()
  readonly #builder = new BatchBuilder()

  constructor(log: OffsetsLog) {
    this.#log = log
  }

  get partitions(): number {
    return this.#log.partitions
  }

  mayPromise(partition: number): boolean {
    return this.#log.mayPromise(partition)
  }

  /** Reads one partition back. Groups come out in the order of their last record; null means removed. */
  load(partition: number, onGroup: (record: Extract<GroupRecord, { type: 'group' }>) => void): void {
    this.#log.replay(partition, batches => this.#replay(batches, onGroup))
  }

  /**
   * Told when what is in the log is committed, and may therefore be believed: what an earlier leader wrote to too few
   * disks may still be lost, and with it a generation that somebody has been told of. Any error: never here.
   */
  whenCommitted(partition: number, waiter: AppendWaiter): void {
    this.#log.whenCommitted(partition, {
      settled: error => {
        if (mayStillCommit(error)) this.whenCommitted(partition, waiter)
        else waiter.settled(error)
      },
    })
  }

  /** Another broker looks after this partition now. */
  unload(partition: number): void {
    for (const group of this.#offsets.keys()) {
      if (this.partitionOf(group) === partition) this.#offsets.delete(group)
    }
  }

  partitionOf(group: string): number {
    return offsetsPartitionOf(group, this.#log.partitions)
  }

  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#offsets.get(group)?.get(topic)?.get(partition)
  }

  topicsOf(group: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#offsets.get(group) ?? new Map()
  }

  /** -1 when it has committed nothing. */
  latestCommitMs(group: string): number {
    let latest = -1
    for (const partitions of this.topicsOf(group).values()) {
      for (const { commitTimestampMs } of partitions.values()) latest = Math.max(latest, commitTimestampMs)
    }
    return latest
  }

  groupIds(): Iterable<string> {
    return this.#offsets.keys()
  }

  /** Entries become visible, and the waiter hears, when the records are durable; null entries are removed. */
  commit(group: string, entries: readonly OffsetEntry[], nowMs: number, waiter: AppendWaiter): void {
    for (const { topic, partition, committed } of entries) {
      const value = committed === null ? null : encodeOffsetValue(committed)
      this.#builder.append(encodeOffsetKey(group, topic, partition), value, undefined, nowMs)
    }
    const apply = () => {
      for (const entry of entries) this.#set(group, entry)
    }
    this.#append(group, apply, waiter)
  }

  /** Writes the group as it is now. */
  persist(group: Group, nowMs: number, waiter: AppendWaiter): void {
    const value = encodeGroupValue(group, nowMs)
    this.#builder.append(encodeGroupKey(group.id), value, undefined, nowMs)
    this.#append(group.id, () => {}, waiter)
  }

  /** Forgets the group and all it has committed. */
  remove(group: string, nowMs: number, waiter: AppendWaiter): void {
    for (const [topic, partitions] of this.topicsOf(group)) {
      for (const partition of partitions.keys()) {
        this.#builder.append(encodeOffsetKey(group, topic, partition), null, undefined, nowMs)
      }
    }
    this.#builder.append(encodeGroupKey(group), null, undefined, nowMs)
    this.#append(group, () => this.#offsets.delete(group), waiter)
  }

  #append(group: string, apply: () => void, waiter: AppendWaiter): void {
    const partition = this.partitionOf(group)
    const batch = this.#builder.build({ codec: 'none' })
    const land: AppendWaiter = {
      settled: error => {
        if (error === 'none') apply()
      },
    }
    this.#log.append(partition, batch, {
      settled: error => {
        // It is in the log and counts when it commits after all, told or not.
        if (mayStillCommit(error)) this.whenCommitted(partition, land)
        else land.settled(error)
        waiter.settled(coordinatorErrors[error] ?? error)
      },
    })
  }

  #replay(batches: Buffer, onGroup: (record: Extract<GroupRecord, { type: 'group' }>) => void): void {
    for (let at = 0, end = 0; at < batches.length; at = end) {
      end = batchEnd(batches, at, batches.length)
      if (end < 0) return
      const batch = batches.subarray(at, end)
      walkRecords(batch, (_offset, _timestamp, buffer, keyStart, keyEnd, valueStart, valueEnd) => {
        if (keyStart < 0) return
        const value = valueStart < 0 ? null : buffer.subarray(valueStart, valueEnd)
        const record = decodeGroupRecord(buffer.subarray(keyStart, keyEnd), value)
        if (record?.type === 'group') {
          onGroup(record)
        } else if (record) {
          const { topic, partition } = record
          this.#set(record.group, { topic, partition, committed: record.value })
        }
      })
    }
  }

  #set(group: string, { topic, partition, committed }: OffsetEntry): void {
    if (committed === null) {
      const partitions = this.#offsets.get(group)?.get(topic)
      partitions?.delete(partition)
      if (partitions?.size === 0) this.#offsets.get(group)?.delete(topic)
      if (this.#offsets.get(group)?.size === 0) this.#offsets.delete(group)
      return
    }
    let topics = this.#offsets.get(group)
    if (!topics) this.#offsets.set(group, (topics = new Map()))
    let partitions = topics.get(topic)
    if (!partitions) topics.set(topic, (partitions = new Map()))
    partitions.set(partition, committed)
  }
}

function mayStillCommit(error: ErrorName): boolean {
  return error === 'notEnoughReplicasAfterAppend'
}
