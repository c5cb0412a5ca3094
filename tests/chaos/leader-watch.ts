// Who leads each partition of a topic, as any client is told, followed until it is closed.
import { Cluster } from '../../broker/client/cluster.ts'

export interface Leadership {
  readonly partition: number
  readonly leader: number
  readonly epoch: number
}

const lookEveryMs = 200

export class LeaderWatch {
  readonly #cluster: Cluster
  readonly #topic: string
  readonly #onChange: (change: Leadership) => void
  readonly #known = new Map<number, Leadership>()
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(bootstrap: readonly string[], topic: string, onChange: (change: Leadership) => void) {
    this.#cluster = new Cluster({ bootstrap, clientId: 'chaos-watch', requestTimeoutMs: 1_000 })
    this.#topic = topic
    this.#onChange = onChange
    void this.#look()
  }

  get controllerId(): number {
    return this.#cluster.controllerId
  }

  leaders(): readonly Leadership[] {
    return [...this.#known.values()]
  }

  close(): void {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#cluster.close()
  }

  async #look(): Promise<void> {
    await this.#cluster.refresh([this.#topic]).catch(() => {})
    for (const { index, leaderId, leaderEpoch } of this.#cluster.topic(this.#topic)?.partitions ?? []) {
      const now = { partition: index, leader: leaderId, epoch: leaderEpoch }
      const before = this.#known.get(index)
      // A broker that has not heard yet may tell of an older leader: only a later epoch is news.
      if (leaderId < 0 || (before && leaderEpoch <= before.epoch)) continue
      this.#known.set(index, now)
      if (before) this.#onChange(now)
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.#look(), lookEveryMs)
  }
}
