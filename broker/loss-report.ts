// Acknowledged records that cannot be read any more go to the loss ledger, `__tailrace_losses`: what a leader's disk
// has lost where no other replica has it, and what an election outside the in-sync set may have cost. Each loss has a
// key of its own, so it may be written twice; it is written until it is acknowledged, wherever the ledger is led.
import type { Broker } from './broker.ts'
import { Connection } from './client/connection.ts'
import { encodeValue, keys } from './controller/cluster-state.ts'
import { write } from './controller/store-writes.ts'
import type { Corruption } from './log/log-results.ts'
import { apis } from './protocol/apis.ts'
import { BatchBuilder } from './protocol/batch-builder.ts'
import { type ErrorName, errorName } from './protocol/errors.ts'
import type { Partition } from './replication/partition.ts'
import type { ServedTopic } from './topic-table.ts'

export const lossesTopic = '__tailrace_losses'

/** `[fromOffset, toOffset)`; `lines` null where nobody can say how many. */
interface Loss {
  readonly reason: 'broker-disk-corrupt' | 'unclean-election'
  readonly partition: Partition
  readonly fromOffset: number
  readonly toOffset: number
  readonly lines: number | null
  readonly detail: string
  /** It is on record. */
  settle(): void
}

const acksAll = -1
const retryMs = 500
const timeoutMs = 5_000

export class LossReports {
  readonly #broker: Broker
  /** By key; what is on record stays, so that it is reported once a life. */
  readonly #losses = new Map<string, { readonly loss: Loss; isOnRecord: boolean }>()
  #isSending = false
  #timer: NodeJS.Timeout | null = null
  #failures = 0
  #closed = false

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** Is there anything to report? Asked whenever a role may have changed, and now and then. */
  look(): void {
    for (const served of this.#broker.topics.all()) {
      for (const partition of served.partitions) if (partition) this.#lookAt(served, partition)
    }
  }

  /** A replica had to cut away what it knew as committed: somebody was elected who did not have it. */
  cut(partition: Partition, fromOffset: number, toOffset: number): void {
    const detail = 'A replica that had these records as committed follows a leader that does not have them'
    const lines = toOffset - fromOffset
    this.#add({
      reason: 'unclean-election',
      partition,
      fromOffset,
      toOffset,
      lines,
      detail,
      settle: () => {},
    })
  }

  close(): void {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
  }

  /** Only a leader's loss is one: anybody else fetches what it lacks from the leader. */
  #lookAt(served: ServedTopic, partition: Partition): void {
    const { replica, log, index } = partition
    if (replica.role !== 'leader') return
    for (const corruption of log.corruptions) this.#addCorruption(partition, corruption)
    const stored = served.topic.partitions[index]?.value
    if (stored?.leaderRecovery !== 1 || stored.leaderEpoch !== replica.leaderEpoch) return
    const { epochStartOffset, leaderEpoch } = replica
    const loss: Loss = {
      reason: 'unclean-election',
      partition,
      fromOffset: epochStartOffset,
      toOffset: epochStartOffset,
      lines: null,
      detail: `Elected out of sync in epoch ${leaderEpoch}: what others had from this offset on is lost`,
      settle: () => void this.#recovered(served, index, leaderEpoch),
    }
    if (this.#add(loss)) this.#broker.counters.uncleanElections.add()
  }

  #addCorruption(partition: Partition, corruption: Corruption): void {
    const { fromOffset, toOffset, path } = corruption
    const detail = `What the disk gave back instead is kept in ${path}`
    const settle = () => partition.log.reported(corruption)
    const lines = toOffset - fromOffset
    const reason = 'broker-disk-corrupt'
    this.#add({ reason, partition, fromOffset, toOffset, lines, detail, settle })
  }

  /** Whether it is news. */
  #add(loss: Loss): boolean {
    const key = keyOf(loss, this.#broker.brokerId)
    const known = this.#losses.get(key)
    if (known) {
      // Its mark, in the store or in a file's name, could not be made the last time.
      if (known.isOnRecord) loss.settle()
      return false
    }
    const { reason, fromOffset, toOffset, detail } = loss
    const { topic, index } = loss.partition
    const fields = { reason, topic, partition: index, fromOffset, toOffset, detail }
    this.#broker.parts.log.error('acknowledged records are lost', fields)
    this.#losses.set(key, { loss, isOnRecord: false })
    this.#sendSoon(0)
    return true
  }

  #sendSoon(delayMs: number): void {
    if (this.#timer || this.#isSending || this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#send()
    }, delayMs).unref()
  }

  async #send(): Promise<void> {
    const waiting = [...this.#losses.values()].filter(({ isOnRecord }) => !isOnRecord)
    if (waiting.length === 0) return
    this.#isSending = true
    const error = await this.#record(waiting.map(({ loss }) => loss)).catch((cause: Error) => cause.message)
    this.#isSending = false
    if (error === 'none') {
      this.#failures = 0
      for (const one of waiting) {
        one.isOnRecord = true
        one.loss.settle()
      }
    } else if (this.#failures++ === 0) {
      this.#broker.parts.log.warn('losses cannot be put on record, trying again', { error })
    }
    this.#sendSoon(error === 'none' ? 0 : retryMs)
  }

  async #record(losses: readonly Loss[]): Promise<ErrorName> {
    const served = this.#broker.topics.byName(lossesTopic)
    const leader = served?.topic.partitions[0]?.value.leader ?? -1
    const nowMs = this.#broker.clock.wallMs()
    const batch = batchOf(losses, this.#broker.brokerId, nowMs)
    if (leader === this.#broker.brokerId) {
      const { promise, resolve } = Promise.withResolvers<ErrorName>()
      const ledger = served?.partitions[0]
      const appended = ledger?.append(batch, acksAll, { settled: resolve }, nowMs)
      if (!appended?.ok) return appended?.error ?? 'notLeaderOrFollower'
      return promise
    }
    const address = this.#broker.peerOf(leader)
    if (!address) return 'leaderNotAvailable'
    const clientId = `broker-${this.#broker.brokerId}-losses`
    const { host, port } = address
    const { credentials } = this.#broker.parts
    const connection = await Connection.open({ host, port, clientId, ...credentials })
    try {
      const partitionData = [{ index: 0, records: batch }]
      const topicData = [{ name: lossesTopic, topicId: served!.id, partitionData }]
      const body = { acks: acksAll, timeoutMs, topicData }
      const { responses } = await connection.request(apis.produce, body, { timeoutMs: 2 * timeoutMs })
      return errorName(responses[0]!.partitionResponses[0]!.errorCode)
    } finally {
      connection.close()
    }
  }

  /** KIP-704: the leader has said what is lost. If the store refuses, the next look tries again. */
  async #recovered({ topic }: ServedTopic, index: number, leaderEpoch: number): Promise<void> {
    const { membership, log } = this.#broker.parts
    const { value, version } = topic.partitions[index]!
    if (value.leaderEpoch !== leaderEpoch || value.leaderRecovery !== 1) return
    const next = { ...value, leaderRecovery: 0, partitionEpoch: value.partitionEpoch + 1 }
    const operation = { update: keys.partition(topic.id, index), value: encodeValue(next), version }
    try {
      await write(membership.store, membership.image, [membership.registered], [operation])
      await this.#broker.apply()
    } catch (error) {
      log.warn('the end of a recovery could not be written, trying again', { error })
    }
  }
}

function sourceOf({ topic, index }: Partition, brokerId: number): string {
  return `broker-${brokerId}/${topic}-${index}`
}

function keyOf({ reason, partition, fromOffset, toOffset }: Loss, brokerId: number): string {
  return `${sourceOf(partition, brokerId)}:${fromOffset}:${toOffset}:${reason}`
}

function batchOf(losses: readonly Loss[], brokerId: number, nowMs: number): Buffer {
  const builder = new BatchBuilder(1_024)
  for (const loss of losses) {
    const { reason, partition, fromOffset, toOffset, lines, detail } = loss
    const source = sourceOf(partition, brokerId)
    const entry = { at: nowMs, reason, source, from: `${fromOffset}`, to: `${toOffset}`, lines, detail }
    const key = Buffer.from(keyOf(loss, brokerId))
    builder.append(key, Buffer.from(JSON.stringify(entry)), undefined, nowMs)
  }
  return builder.build({ codec: 'none' })
}
