// The cap of a data directory. When its logs take more than they may, sealed segments that the appliance's own
// aggregators have passed go first, whatever their retention; where that is not enough the reserve is told, and
// produce is refused until there is room. Internal topics lose nothing. Asks the disk for its free space only.
import { capBytesOf, dispensable, segmentsToGo } from './capacity-plan.ts'
import type { Disk } from './disk.ts'
import type { LogListener } from './log-parts.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Reserve } from './reserve.ts'

export interface CapacityOptions {
  readonly disk: Disk
  readonly path: string
  /** Infinity leaves only what the disk has; null means no cap at all. */
  readonly configuredBytes: number | null
  readonly reserve: Reserve
  readonly listener: LogListener
  /** Bytes of deleted partitions that are not gone yet. */
  readonly doomedBytes: () => number
}

/** Once produce was refused, so much more than nothing must be free again: or it would flap. */
const shareToReturn = 0.01
/** From here on it is worth knowing what the aggregators have passed. */
const shareNear = 0.8

export class Capacity {
  readonly #options: CapacityOptions
  #capBytes = Number.POSITIVE_INFINITY
  #usedBytes = 0
  #isOver = false
  /** What has gone since the start, for metrics. */
  readonly totals = { segments: 0, bytes: 0 }
  /** By `<topic>-<partition>`, where the slowest aggregator is; a hint of whoever knows. */
  readonly passed = new Map<string, number>()

  constructor(options: CapacityOptions) {
    this.#options = options
  }

  /** What the logs may take, as of the last look; Infinity before the first, and where there is no cap. */
  get capBytes(): number {
    return this.#capBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Whether segments may have to go soon. */
  get isNear(): boolean {
    return this.#usedBytes > this.#capBytes * shareNear
  }

  /** Every second or so. True if segments have left their logs: their files are for `discard`. */
  look(logs: Iterable<PartitionLog>): boolean {
    const { disk, path, configuredBytes, reserve, doomedBytes } = this.#options
    const all = [...logs]
    this.#usedBytes = sum(all, log => log.sizeBytes)
    if (configuredBytes === null) return false
    const ownBytes = sum(all, log => log.segmentList.heldBytes) + doomedBytes()
    const freeBytes = Math.max(disk.freeBytes(path) - reserve.wantedBytes, 0)
    this.#capBytes = capBytesOf(configuredBytes, ownBytes, freeBytes)
    const targetBytes = this.#isOver ? this.#capBytes * (1 - shareToReturn) : this.#capBytes
    const goneBytes = this.#usedBytes > targetBytes ? this.#makeRoom(all, targetBytes) : 0
    this.#usedBytes -= goneBytes
    this.#isOver = this.#usedBytes > targetBytes
    reserve.isOverCap = this.#isOver
    return goneBytes > 0
  }

  #makeRoom(all: readonly PartitionLog[], targetBytes: number): number {
    const logs = all.filter(isDispensable)
    const segments = logs.map(log =>
      dispensable(log.segmentList.sealed(), log.highWatermark, this.passed.get(nameOf(log)) ?? -1),
    )
    const counts = segmentsToGo(segments, this.#usedBytes - targetBytes)
    let goneBytes = 0
    counts.forEach((count, index) => {
      if (count > 0) goneBytes += this.#retire(logs[index]!, count)
    })
    return goneBytes
  }

  #retire(log: PartitionLog, count: number): number {
    const before = log.sizeBytes
    log.segmentList.retire(count)
    log.deleteRecordsBefore(log.segmentList.firstOffset)
    const bytes = before - log.sizeBytes
    this.totals.segments += count
    this.totals.bytes += bytes
    this.#options.listener.onNotice?.(
      'the data directory is at its cap: the oldest records, which are in the statistics, were deleted',
      { topic: log.topic, partition: log.partition, segments: count, bytes, newStart: log.logStartOffset },
    )
    return bytes
  }
}

/** A log that is only compacted promises every key's last record for ever. */
function isDispensable({ topic, config, segmentList }: PartitionLog): boolean {
  return !topic.startsWith('__') && config.isRetained && !segmentList.isSwapping
}

function nameOf({ topic, partition }: PartitionLog): string {
  return `${topic}-${partition}`
}

function sum(logs: readonly PartitionLog[], of: (log: PartitionLog) => number): number {
  return logs.reduce((total, log) => total + of(log), 0)
}
