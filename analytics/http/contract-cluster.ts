// The contract between the server and its page, continued: topics, their configs, and what admins may do with them
// and with groups. Types only, erased at run time.

/** One of GET /cluster. */
export interface TopicState {
  readonly name: string
  readonly internal: boolean
  /** Of records at its end; null until it was looked at twice. */
  readonly recordsPerSecond: number | null
  /** -1: for ever; null while it could not be asked. */
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
  readonly cleanupPolicy: string | null
  /** What an acknowledgement means: on disk, or in the page cache of its replicas. */
  readonly durability: 'flushed' | 'page cache' | null
  readonly partitions: readonly PartitionState[]
}

export interface PartitionState {
  readonly partition: number
  /** -1 while nobody leads. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly logStartOffset: string
  readonly highWatermark: string
  /** Next offset the aggregator will fold, null when it does not read this topic. */
  readonly folded: string | null
  /** Of its largest replica; null while no broker has said. */
  readonly sizeBytes: number | null
}

/** GET /topics/{topic}/configs */
export interface TopicConfigsAnswer {
  readonly topic: string
  readonly configs: readonly TopicConfig[]
}

export interface TopicConfig {
  readonly name: string
  readonly value: string | null
  /** Set for this topic, for the brokers, or nowhere. */
  readonly source: 'topic' | 'broker' | 'default'
  readonly readOnly: boolean
}

/** GET /groups/{group} */
export interface GroupAnswer {
  readonly group: string
  readonly state: string
  readonly assignor: string
  /** At most 200. */
  readonly members: readonly {
    readonly member: string
    readonly instance: string | null
    readonly client: string
    readonly host: string
    /** `topic-partition` */
    readonly partitions: readonly string[]
  }[]
}

/** POST /groups/{group}/reset: what moves, or with `dryRun` would. */
export interface GroupResetAnswer {
  readonly group: string
  readonly dryRun: boolean
  readonly moves: readonly {
    readonly topic: string
    readonly partition: number
    /** Null: nothing was committed. */
    readonly from: string | null
    readonly to: string
  }[]
}
