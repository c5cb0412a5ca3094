// Where the appliance's own aggregators are, for the cap of the data directory: what they have committed under their
// group, which they do for this only. Asked of whoever coordinates the group, here or over a connection, and only while
// segments may have to go soon.
import type { Broker } from './broker.ts'
import { Forwarder } from './forwarder.ts'
import { offsetsPartitionOf } from './groups/group-records.ts'
import { offsetsTopic } from './offsets-topic.ts'
import { apis } from './protocol/apis.ts'

/** The group of the aggregators: see analytics/ingest/passed-hint.ts. */
export const aggregatorsGroup = 'tailrace-analytics'

export class PassedOffsets {
  readonly #broker: Broker
  readonly #elsewhere: Forwarder
  #isAsking = false

  constructor(broker: Broker) {
    this.#broker = broker
    this.#elsewhere = new Forwarder(() => broker.peerOf(this.#coordinatorId), broker.parts.credentials)
  }

  /** Every few seconds. What cannot be learned leaves what was known. */
  look(): void {
    const { capacity } = this.#broker.parts.logs
    if (!capacity.isNear || this.#isAsking) return
    this.#isAsking = true
    void this.#ask().finally(() => {
      this.#isAsking = false
    })
  }

  close(): void {
    this.#elsewhere.close()
  }

  get #coordinatorId(): number {
    const partitions = this.#broker.topics.byName(offsetsTopic.name)?.topic.partitions ?? []
    return partitions[offsetsPartitionOf(aggregatorsGroup, offsetsTopic.partitions)]?.value.leader ?? -1
  }

  async #ask(): Promise<void> {
    if (this.#coordinatorId === this.#broker.brokerId) {
      this.#takeOwn()
      return
    }
    const groups = [{ groupId: aggregatorsGroup, topics: null }]
    const answer = await this.#elsewhere.forward(apis.offsetFetch, { groups })
    for (const { topics } of answer?.groups ?? []) {
      for (const { name, topicId, partitions } of topics) {
        const topic = name === '' ? this.#broker.topics.byId(topicId)?.name : name
        if (topic === undefined) continue
        for (const { partitionIndex, committedOffset } of partitions)
          this.#note(topic, partitionIndex, committedOffset)
      }
    }
  }

  #takeOwn(): void {
    const { groups } = this.#broker
    if (groups.refusalOf(aggregatorsGroup) !== 'none') return
    for (const [topic, partitions] of groups.offsets.topicsOf(aggregatorsGroup)) {
      for (const [index, { offset }] of partitions) this.#note(topic, index, offset)
    }
  }

  #note(topic: string, index: number, offset: number): void {
    this.#broker.parts.logs.capacity.passed.set(`${topic}-${index}`, offset)
  }
}
