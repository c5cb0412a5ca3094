// What each broker takes of disk and memory: disk as it answers itself, memory from the metrics it leaves on this
// machine. Read every few seconds at most, and never waited for.
import type { Connection } from '../../broker/client/connection.ts'
import { apis } from '../../broker/protocol/apis.ts'
import type { Clock } from '../../runtime/clock.ts'
import { brokerMetricsTexts, memoryBytesOf } from './broker-metrics.ts'
import type { BrokerUsage } from './cluster-story.ts'

const everyMs = 5000
const answerTimeoutMs = 3000

export interface UsageOptions {
  readonly clock: Clock
  readonly metricsDirectory?: string | undefined
}

export class UsageReader {
  readonly #options: UsageOptions
  readonly #usages = new Map<number, BrokerUsage>()
  readonly #readAtMs = new Map<number, number>()
  /** What each broker holds of each partition, in bytes. */
  readonly #sizes = new Map<number, ReadonlyMap<string, number>>()

  constructor(options: UsageOptions) {
    this.#options = options
  }

  of(id: number): BrokerUsage | undefined {
    return this.#usages.get(id)
  }

  /** The largest replica's; null while no broker has said. */
  sizeOf(topic: string, partition: number): number | null {
    let largest: number | null = null
    for (const sizes of this.#sizes.values()) {
      const size = sizes.get(`${topic}-${partition}`)
      if (size !== undefined && (largest === null || size > largest)) largest = size
    }
    return largest
  }

  refresh(id: number, connection: Connection): void {
    const { clock } = this.#options
    if (clock.monotonicMs() - (this.#readAtMs.get(id) ?? Number.NEGATIVE_INFINITY) < everyMs) return
    this.#readAtMs.set(id, clock.monotonicMs())
    // A broker that does not know the question says nothing of its disk.
    void this.#disk(id, connection)
      .catch(() => ({ diskBytes: null, diskFreeBytes: null }))
      .then(disk => this.#usages.set(id, { ...disk, memoryBytes: this.#memory(id) }))
  }

  async #disk(id: number, connection: Connection): Promise<Pick<BrokerUsage, 'diskBytes' | 'diskFreeBytes'>> {
    const options = { timeoutMs: answerTimeoutMs }
    const { results } = await connection.request(apis.describeLogDirs, { topics: null }, options)
    const sizes = new Map<string, number>()
    let diskBytes = 0
    let diskFreeBytes: number | null = null
    for (const { topics, usableBytes } of results) {
      for (const { name, partitions } of topics)
        for (const { partitionIndex, partitionSize } of partitions) {
          diskBytes += partitionSize
          sizes.set(`${name}-${partitionIndex}`, partitionSize)
        }
      if (usableBytes >= 0) diskFreeBytes = (diskFreeBytes ?? 0) + usableBytes
    }
    this.#sizes.set(id, sizes)
    return { diskBytes, diskFreeBytes }
  }

  #memory(id: number): number | null {
    const { metricsDirectory, clock } = this.#options
    if (metricsDirectory === undefined) return null
    return memoryBytesOf(brokerMetricsTexts(metricsDirectory, clock.wallMs()).get(id))
  }
}
