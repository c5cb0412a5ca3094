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
  endOffset(partition: number): number
  sizeInBytes(partition: number): number
  deleteBefore(partition: number, offset: number): void
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

/** A partition whose log has grown by this much beyond its live records is rewritten: see `compactIfGrown`. */
const rewriteAfterBytes = 4 * 1024 * 1024

export class OffsetStore {
  readonly #log: OffsetsLog
  readonly #offsets = new Map<string, OffsetsByTopic>()
  /** Each group's last record, as it lies in the log. */
  readonly #groupValues = new Map<string, Buffer>()
  readonly #builder = new BatchBuilder()
  /** Log size of each partition when it held nothing but live records. */
  readonly #compactSize: number[]
  /** Appends of each partition that are not durable yet: memory does not show them. */
  readonly #inFlight: number[]

  constructor(log: OffsetsLog) {
    this.#log = log
    this.#compactSize = new Array<number>(log.partitions).fill(0)
    this.#inFlight = new Array<number>(log.partitions).fill(0)
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
    for (const held of [this.#offsets, this.#groupValues]) {
      for (const group of held.keys()) if (this.partitionOf(group) === partition) held.delete(group)
    }
    this.#compactSize[partition] = 0
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
    this.#append(group.id, () => this.#groupValues.set(group.id, value), waiter)
  }

  /** Forgets the group and all it has committed. */
  remove(group: string, nowMs: number, waiter: AppendWaiter): void {
    for (const [topic, partitions] of this.topicsOf(group)) {
      for (const partition of partitions.keys()) {
        this.#builder.append(encodeOffsetKey(group, topic, partition), null, undefined, nowMs)
      }
    }
    this.#builder.append(encodeGroupKey(group), null, undefined, nowMs)
    const apply = () => {
      this.#offsets.delete(group)
      this.#groupValues.delete(group)
    }
    this.#append(group, apply, waiter)
  }

  /**
   * Keeps replay short without a compactor: when a partition has grown, everything live in it is written again at
   * its end, and once that is durable the log before it goes. A crash in between costs nothing but the space.
   */
  compactIfGrown(nowMs: number, loaded: Iterable<number>): void {
    for (const partition of loaded) {
      const grown = this.#log.sizeInBytes(partition) - this.#compactSize[partition]!
      // What is in flight is not in memory yet: written after it, the old value would win at the next replay.
      if (grown > rewriteAfterBytes && this.#inFlight[partition] === 0) this.#rewrite(partition, nowMs)
    }
  }

  #rewrite(partition: number, nowMs: number): void {
    const isHere = (group: string) => offsetsPartitionOf(group, this.#log.partitions) === partition
    for (const [group, value] of this.#groupValues) {
      if (isHere(group)) this.#builder.append(encodeGroupKey(group), value, undefined, nowMs)
    }
    for (const [group, topics] of this.#offsets) {
      if (!isHere(group)) continue
      for (const [topic, offsets] of topics) {
        for (const [index, committed] of offsets) {
          const key = encodeOffsetKey(group, topic, index)
          this.#builder.append(key, encodeOffsetValue(committed), undefined, nowMs)
        }
      }
    }
    if (this.#builder.recordCount === 0) return
    const from = this.#log.endOffset(partition)
    const size = this.#builder.sizeInBytes
    const apply = () => {
      this.#log.deleteBefore(partition, from)
      // Whole segments go, so some of what is dead stays: count growth from what is there now.
      this.#compactSize[partition] = Math.max(size, this.#log.sizeInBytes(partition))
    }
    this.#appendTo(partition, apply, nobody)
  }

  #append(group: string, apply: () => void, waiter: AppendWaiter): void {
    this.#appendTo(offsetsPartitionOf(group, this.#log.partitions), apply, waiter)
  }

  #appendTo(partition: number, apply: () => void, waiter: AppendWaiter): void {
    const batch = this.#builder.build({ codec: 'none' })
    this.#inFlight[partition]!++
    const land: AppendWaiter = {
      settled: error => {
        this.#inFlight[partition]!--
        if (error === 'none') apply()
      },
    }
    this.#log.append(partition, batch, {
      settled: error => {
        // It is in the log and counts when it commits after all, told or not; until then nothing is rewritten over it.
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
          if (value === null) this.#groupValues.delete(record.group)
          else this.#groupValues.set(record.group, Buffer.from(value))
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

const nobody: AppendWaiter = { settled: () => {} }
