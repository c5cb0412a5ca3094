// Writes the in-sync sets that leaders propose: one guarded transaction each, answered once. The guards are what makes
// it safe: the partition's version, the controller epoch under which it was read, this broker's own registration, and
// that of each new member in the very life in which it fetched.

import type { ClusterImage } from './controller/cluster-image.ts'
import { decodeValue, encodeValue, keys, type PartitionMeta } from './controller/cluster-state.ts'
import { write } from './controller/store-writes.ts'
import type { Guard, MetadataStore } from './metadata/store.ts'
import type { Partition } from './replication/partition.ts'
import type { IsrChanges, IsrOutcome, IsrProposal } from './replication/peers.ts'

export interface IsrWriterOptions {
  readonly image: ClusterImage
  /** Of the present life. */
  readonly store: () => MetadataStore
  readonly registered: () => Guard
  readonly isClosed: () => boolean
}

const retryMs = 200

export class IsrWriter implements IsrChanges {
  readonly #options: IsrWriterOptions

  constructor(options: IsrWriterOptions) {
    this.#options = options
  }

  propose(partition: Partition, proposal: IsrProposal): void {
    void this.#settle(partition, proposal)
  }

  /** Until the store has said for certain whether it was written: while that is unknown both sets count. */
  async #settle(partition: Partition, proposal: IsrProposal): Promise<void> {
    for (;;) {
      const outcome = await this.#attempt(partition, proposal)
      if (outcome.outcome !== 'unknown') {
        partition.isrSettled(proposal, outcome)
        return
      }
      if (this.#options.isClosed()) return
      await new Promise(resolve => setTimeout(resolve, retryMs))
    }
  }

  async #attempt(partition: Partition, proposal: IsrProposal): Promise<IsrOutcome> {
    const { image } = this.#options
    const store = this.#options.store()
    const key = keys.partition(partition.topicId, partition.index)
    const known = image.topics.get(partition.topicId)?.partitions[partition.index]
    try {
      const guards = this.#guardsOf(proposal)
      // A refusal tells what the store holds, so it is read before it is given.
      if (!known || guards === null || !isBasis(known.value, proposal))
        return await this.#read(store, key, proposal)
      const next = nextOf(known.value, partition, proposal)
      const operation = { update: key, value: encodeValue(next), version: known.version }
      const result = await write(store, image, guards, [operation])
      if (result.outcome === 'applied') {
        return { outcome: 'applied', partitionEpoch: next.partitionEpoch, isr: next.isr }
      }
      if (result.outcome === 'unknown') return { outcome: 'unknown' }
      return await this.#read(store, key, proposal)
    } catch {
      // The store cannot be read: an earlier attempt may have been applied.
      return { outcome: 'unknown' }
    }
  }

  async #read(store: MetadataStore, key: string, proposal: IsrProposal): Promise<IsrOutcome> {
    await store.barrier()
    const entry = await store.get(key)
    if (!entry) return { outcome: 'refused', partitionEpoch: proposal.partitionEpoch, isr: proposal.isr }
    this.#options.image.apply(key, entry, entry.position)
    const { leaderEpoch, partitionEpoch, isr } = decodeValue<PartitionMeta>(entry).value
    // An attempt whose answer was lost looks like a conflict to the next one.
    const isOurs =
      leaderEpoch === proposal.leaderEpoch &&
      partitionEpoch === proposal.partitionEpoch + 1 &&
      sameOrder(isr, proposal.isr)
    return { outcome: isOurs ? 'applied' : 'refused', partitionEpoch, isr }
  }

  /** Null when a new member is not registered in the life that fetched. */
  #guardsOf({ brokerEpochs }: IsrProposal): Guard[] | null {
    const { image, registered } = this.#options
    const guards = [registered()]
    const { controllerEpoch } = image
    if (controllerEpoch) guards.push({ key: keys.controllerEpoch, version: controllerEpoch.version })
    for (const [brokerId, epoch] of brokerEpochs) {
      const broker = image.brokers.get(brokerId)
      if (!broker || broker.epoch !== epoch || broker.isLeaving) return null
      guards.push({ key: keys.broker(brokerId), version: broker.version })
    }
    return guards
  }
}

function isBasis(now: PartitionMeta, { leaderEpoch, partitionEpoch }: IsrProposal): boolean {
  return now.leaderEpoch === leaderEpoch && now.partitionEpoch === partitionEpoch
}

/** Who leaves while the set is too small to commit anything has everything committed, and stays eligible. */
function nextOf(now: PartitionMeta, partition: Partition, { isr }: IsrProposal): PartitionMeta {
  const { replica } = partition
  const hasLost = (id: number) => {
    const progress = replica.followers.get(id)
    return progress?.hasFetched === true && progress.fetchOffset < replica.highWatermark
  }
  const left = [...now.isr, ...(now.elr ?? [])].filter(id => !isr.includes(id) && !hasLost(id))
  const elr = isr.length < replica.minIsr ? [...new Set(left)] : []
  return { ...now, isr, elr, partitionEpoch: now.partitionEpoch + 1 }
}

function sameOrder(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id, index) => id === other[index])
}
