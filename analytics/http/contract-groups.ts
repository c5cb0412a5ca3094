// The contract between the server and its page, continued: consumer groups. Types only, erased at run time.

/** GET /groups and the live topic 'groups': who else reads, and how far behind each is. */
export interface GroupsAnswer {
  readonly groups: readonly ConsumerGroup[]
  /** There are more than are listed. */
  readonly truncated: boolean
  /** Why they could not be asked for just now; null when they could. */
  readonly error: string | null
  readonly historyStepMs: number
}

export interface ConsumerGroup {
  readonly group: string
  /** As Kafka names it: Stable, Empty, PreparingRebalance … */
  readonly state: string
  readonly members: number
  /** Records behind, over all partitions; null where nothing is committed or nobody leads. */
  readonly lag: number | null
  /** How long ago the log ended where the group is; the longest of its partitions, null where it cannot be told. */
  readonly lagMs: number | null
  /** Seen: the log was watched while it grew past there. Estimated: lag by the rate of arrival, for it is older. */
  readonly lagMsFrom: 'seen' | 'estimated' | null
  /** Where the lag goes, over the last minutes; null until it was looked at long enough. */
  readonly trend: 'up' | 'down' | 'flat' | null
  /** The lag every `historyStepMs` of the last minutes, the newest last. */
  readonly history: readonly (number | null)[]
  readonly topics: readonly {
    readonly topic: string
    readonly lag: number | null
    readonly partitions: readonly {
      readonly partition: number
      /** Next offset the group will read. */
      readonly offset: string
      readonly end: string | null
      readonly lag: number | null
      readonly lagMs: number | null
    }[]
  }[]
}
