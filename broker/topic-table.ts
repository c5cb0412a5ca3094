// The cluster's topics as this broker serves them, by name and by id, with the partitions that have a replica here.
// Memory only.
import { isInternalTopic, type Topic } from './controller/cluster-state.ts'
import type { Partition } from './replication/partition.ts'

export interface ServedTopic {
  readonly id: string
  readonly name: string
  readonly isInternal: boolean
  /** As the metadata store has it; its partition entries are replaced as they change. */
  readonly topic: Topic
  /** As they are now. */
  readonly configs: Readonly<Record<string, string>>
  /** By index; undefined where this broker has no replica. */
  readonly partitions: (Partition | undefined)[]
}

export class TopicTable {
  readonly #byName = new Map<string, ServedTopic>()
  readonly #byId = new Map<string, ServedTopic>()

  add(topic: Topic): ServedTopic {
    const { name } = topic.meta.value
    const served: ServedTopic = {
      id: topic.id,
      name,
      isInternal: isInternalTopic(name),
      topic,
      get configs() {
        return topic.meta.value.configs
      },
      partitions: [],
    }
    this.#byName.set(name, served)
    this.#byId.set(topic.id, served)
    return served
  }

  remove(topic: ServedTopic): void {
    // A topic of the same name may have taken its place already.
    if (this.#byName.get(topic.name) === topic) this.#byName.delete(topic.name)
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

  /** Every replica here. */
  *partitions(): Generator<Partition> {
    for (const { partitions } of this.#byName.values()) {
      for (const partition of partitions) if (partition) yield partition
    }
  }
}
