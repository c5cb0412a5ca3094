// Three broker processes on a real ZooKeeper ensemble, producers that never stop, and what the cluster says of itself:
// for the tests that break brokers and members. Ends with a read of everything that was acknowledged.
import assert from 'node:assert/strict'
import { Cluster } from '../../broker/client/cluster.ts'
import { FetchLoop } from '../../broker/client/fetcher.ts'
import { Producer } from '../../broker/client/producer.ts'
import { apis } from '../../broker/protocol/apis.ts'
import { batchEnd } from '../../broker/protocol/record-batch.ts'
import { walkRecords } from '../../broker/protocol/record-walk.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createLog } from '../../runtime/log.ts'
import { WireClient } from '../clients/wire-client.ts'
import { until } from '../eventually.ts'
import { BrokerCluster } from '../system/broker-cluster.ts'
import { SteadyWriter } from './steady-writer.ts'

const topic = 'logs'
const partitions = 6
/** Also what it takes to notice a broker that has stopped without hanging up. */
const requestTimeoutMs = 3_000

export interface PartitionState {
  readonly leader: number
  readonly leaderEpoch: number
  readonly isr: readonly number[]
}

export class Stage implements AsyncDisposable {
  readonly cluster: BrokerCluster
  readonly producers: readonly SteadyWriter[]
  readonly #client: Cluster
  readonly #producer: Producer
  #running: Promise<unknown> = Promise.resolve()

  private constructor(cluster: BrokerCluster) {
    this.cluster = cluster
    this.#client = clientOf(cluster)
    this.#producer = new Producer({ ...shared, cluster: this.#client, timeoutMs: 2_500, requestTimeoutMs })
    this.producers = Array.from({ length: partitions }, (_, n) => new SteadyWriter(this.#producer, topic, n))
  }

  static async open(metadata: string | null): Promise<Stage> {
    return new Stage(await BrokerCluster.start(3, [{ name: topic, partitions }], metadata))
  }

  async produce(): Promise<void> {
    this.#running = Promise.all(this.producers.map(one => one.run()))
    await this.goOn(3)
  }

  /** Every partition acknowledges that many more. */
  async goOn(count: number, timeoutMs = 30_000): Promise<void> {
    const before = this.producers.map(one => one.acknowledged.length)
    const haveGoneOn = () => this.producers.every((one, n) => one.acknowledged.length >= before[n]! + count)
    await until('all partitions take records', haveGoneOn, timeoutMs)
  }

  get acknowledgedCount(): number {
    return this.producers.reduce((sum, one) => sum + one.acknowledged.length, 0)
  }

  get leastAcknowledged(): number {
    return Math.min(...this.producers.map(one => one.acknowledged.length))
  }

  /** As one broker knows it; the first that answers, but for `except`. */
  async partitions(except = -1): Promise<readonly PartitionState[]> {
    for (const [index, address] of this.cluster.addresses.entries()) {
      if (index + 1 === except) continue
      try {
        using client = await WireClient.connect(Number(address.split(':')[1]))
        const answer = await client.request(apis.metadata, 9, { topics: [{ name: topic }] })
        const states = answer.topics[0]!.partitions.map(
          ({ leaderId, leaderEpoch, isrNodes, partitionIndex }) => ({
            partitionIndex,
            leader: leaderId,
            leaderEpoch,
            isr: [...isrNodes].sort(),
          }),
        )
        return states.sort((one, other) => one.partitionIndex - other.partitionIndex)
      } catch {
        // It is down: the next one is asked.
      }
    }
    return []
  }

  async allInSync(): Promise<void> {
    const isWhole = (states: readonly PartitionState[]) =>
      states.length === partitions && states.every(({ isr }) => isr.length === 3)
    await until('all replicas are in sync', async () => isWhole(await this.partitions()))
  }

  /** Stops producing, and reads back whatever was acknowledged. Returns how much that was. */
  async finish(): Promise<number> {
    for (const one of this.producers) one.stop()
    await this.#running
    const acknowledged = this.producers.flatMap(one => one.acknowledged)
    const seen = new Set<string>()
    const isMissing = (value: string) => !seen.has(value)
    const ends = new Map<number, string>()
    await using reading = readAll(this.cluster, seen, ends)
    await until('everything acknowledged is read', () => !acknowledged.some(isMissing)).catch(() => {
      const missing = acknowledged.filter(isMissing)
      const read = [...ends].map(([index, end]) => `${index}: ${end}`).join(', ')
      const why = `last error ${reading.loop.lastError}; read ${read}`
      assert.fail(
        `${missing.length} of ${acknowledged.length} acknowledged are lost: ${missing.slice(0, 9)}; ${why}`,
      )
    })
    return acknowledged.length
  }

  /** How often this was logged, by any broker. */
  heard(words: string): number {
    return this.cluster.said.filter(line => line.includes(words)).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.producers) one.stop()
    this.#producer.close()
    this.#client.close()
    await this.cluster[Symbol.asyncDispose]()
  }
}

const shared = { clock: systemClock, log: createLog('stage', () => undefined) }

function clientOf({ addresses }: BrokerCluster): Cluster {
  return new Cluster({ bootstrap: addresses, clientId: 'stage', requestTimeoutMs })
}

/** Reads every partition from its beginning until disposed of. */
function readAll(brokers: BrokerCluster, seen: Set<string>, ends: Map<number, string>) {
  const cluster = clientOf(brokers)
  const loop = new FetchLoop({
    ...shared,
    cluster,
    handler: {
      onBatches: (_topic, partition, batches, { nextOffset, highWatermark }) => {
        ends.set(partition, `${nextOffset} of ${highWatermark}`)
        let at = 0
        for (let end = 0; at < batches.length; at = end) {
          end = batchEnd(batches, at, batches.length)
          walkRecords(batches.subarray(at, end), (_offset, _time, buffer, _key, _keyEnd, from, to) => {
            seen.add(buffer.toString('utf8', from, to))
          })
        }
      },
      onOffsetOutOfRange: (...range) => assert.fail(`out of range: ${range.join(' ')}`),
      onTopicReplaced: () => assert.fail('another topic'),
    },
  })
  for (let index = 0; index < partitions; index++) loop.seek(topic, index, 0)
  const close = async () => {
    loop.close()
    cluster.close()
  }
  return { loop, [Symbol.asyncDispose]: close }
}
