// The topics this broker serves, by name and by id, with their partitions. Memory only.
import { isInternalTopic, type Topic } from './controller/cluster-state.ts'
import type { Partition } from './replication/partition.ts'

export interface ServedTopic {
  readonly id: string
  readonly name: string
  readonly isInternal: boolean
  /** As the metadata store has it. */
  readonly topic: Topic
  readonly configs: Readonly<Record<string, string>>
  readonly partitions: readonly Partition[]
}

export class TopicTable {
  readonly #byName = new Map<string, ServedTopic>()
  readonly #byId = new Map<string, ServedTopic>()

  add(topic: Topic, partitions: readonly Partition[]): ServedTopic {
    const { name, configs } = topic.meta.value
    const served = { id: topic.id, name, isInternal: isInternalTopic(name), topic, configs, partitions }
    this.#byName.set(name, served)
    this.#byId.set(topic.id, served)
    return served
  }

  remove(topic: ServedTopic): void {
    this.#byName.delete(topic.name)
    this.#byId.delete(topic.id)
  }

  byName(name: string): ServedTopic | undefined {
    return this.#byName.get(name)
  }

  byId(id: string): ServedTopic | undefined {
    return this.#byId.get(id)
  }

  names(): Iterable<string> {
    return this.#byName.keys()
  }

  all(): Iterable<ServedTopic> {
    return this.#byName.values()
  }
}
