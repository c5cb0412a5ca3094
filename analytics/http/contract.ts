// The contract between the server and its page: types only, erased at run time. The one file of this room that
// the dashboard may import. int64 values travel as strings where they can exceed 2^53.
import type { PasswordLogin } from './contract-accounts.ts'
import type { AgentsAnswer } from './contract-agents.ts'
import type { AlertsAnswer } from './contract-alerts.ts'
import type { TopicState } from './contract-cluster.ts'
import type { GroupsAnswer } from './contract-groups.ts'

export type { AgentStatus, AgentsAnswer } from './contract-agents.ts'

// ── Shared ──────────────────────────────────────────────────────────────────────────────────────────────

/** How far an answer can be trusted. All times in milliseconds since the epoch. */
export interface Freshness {
  /** Event time up to which rows are final, null before the first line. */
  readonly watermark: number | null
  /** When the newest committed line was folded, null before the first. */
  readonly committedAt: number | null
  /** Records in the log that are not folded yet, over all partitions. */
  readonly lagRecords: number
  /** True while late data may still change this answer. */
  readonly mayChange: boolean
}

/** RFC 9457 problem document; the body of every answer with status ≥ 400. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** The nearest valid metric, dimension, window or field, when there is one. */
  readonly didYouMean?: string
}

export type Unit = 'count' | 'per_second' | 'bytes' | 'milliseconds' | 'ratio' | 'records'

// ── HTTP GETs under /api/v1 ─────────────────────────────────────────────────────────────────────────────

/** GET /stats/{metric}?window=5m&by=path&filter=path:/x → a value per group; without `by`, one row with no labels. */
export interface StatsAnswer {
  readonly metric: string
  readonly definition: string
  readonly unit: Unit
  readonly window: { readonly from: number; readonly to: number }
  /** The period before that was compared with, where that was asked. */
  readonly previousWindow?: { readonly from: number; readonly to: number }
  readonly rows: readonly StatsRow[]
  /** True where groups are left out or share `__other__`. */
  readonly truncated?: boolean
  readonly freshness: Freshness
}

/** Against the period before; null where there is nothing to compare with. */
export interface Change {
  readonly absolute: number | null
  readonly percent: number | null
}

/** `values` holds `value` for counters; `p50 p90 p95 p99 mean max min count last` where they apply. */
export interface StatsRow {
  readonly labels: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, number | null>>
  /** With `compare=previous`. */
  readonly previous?: Readonly<Record<string, number | null>>
  readonly change?: Readonly<Record<string, Change>>
}

/** GET /series/{metric}?from=&to=&step=&by= → columns, one point per step; null where nothing was counted. */
export interface SeriesAnswer {
  readonly metric: string
  readonly definition: string
  readonly unit: Unit
  readonly stepSeconds: number
  /** Start of each bucket. */
  readonly times: readonly number[]
  /** With `compare=previous`: the bucket that stands beside each. */
  readonly previousTimes?: readonly number[]
  readonly series: readonly {
    readonly labels: Readonly<Record<string, string>>
    readonly values: Readonly<Record<string, readonly (number | null)[]>>
    readonly previous?: Readonly<Record<string, readonly (number | null)[]>>
  }[]
  readonly truncated?: boolean
  readonly freshness: Freshness
}

/** GET /top/{dimension}?metric=requests&window=5m&limit=10 */
export interface TopAnswer {
  readonly dimension: string
  readonly metric: string
  readonly window: { readonly from: number; readonly to: number }
  readonly previousWindow?: { readonly from: number; readonly to: number }
  readonly rows: readonly TopRow[]
  /** What the listed rows leave out, so that the parts add up to the whole. */
  readonly other: number
  /** True where values beyond a day's limit share `__other__`. */
  readonly truncated?: boolean
  /** With `truncated`: what a count may lack at the most, and what a value that is not listed has at the most. */
  readonly error?: number
  /** The cursor of the next page, null on the last one. */
  readonly next?: string | null
  readonly freshness: Freshness
}

export interface TopRow {
  readonly value: string
  readonly count: number
  /** Share of the whole, 0 to 1. */
  readonly share: number
  readonly previous?: number | null
  readonly change?: Change
}

/** POST /query: rows of the values asked for, in the order asked for. */
export interface QueryAnswer {
  readonly results: readonly QueryRow[]
  readonly meta: {
    /** What each metric means, as it was asked for. */
    readonly metrics: Readonly<Record<string, { readonly definition: string; readonly unit: Unit }>>
    /** Every time there is in the range, with or without a row. */
    readonly time_labels?: readonly string[]
    readonly total_rows?: number
    /** The cursor of the next page, null on the last one. */
    readonly next: string | null
    readonly truncated: boolean
    readonly freshness: Freshness
  }
  /** As it was understood; date_range in moments. */
  readonly query: Readonly<Record<string, unknown>>
}

export interface QueryRow {
  readonly dimensions: readonly string[]
  readonly metrics: readonly (number | null)[]
  readonly comparison?: {
    readonly dimensions: readonly string[]
    readonly metrics: readonly (number | null)[]
    readonly change: readonly Change[]
  }
}

/** GET /losses?from=&to=&reason=&source=; `totalLines` is of the whole ledger. */
export interface LossesAnswer {
  readonly totalLines: number
  /** Of everything that is asked for, whatever page of entries is shown: by reason, most lines first. */
  readonly reasons?: readonly LossReasonTotal[] | undefined
  readonly next?: string | null
  readonly entries: readonly LossEntry[]
}

export interface LossReasonTotal {
  readonly reason: string
  readonly entries: number
  /** Of the entries that know how many. */
  readonly lines: number
  readonly lastAt: number
}

export interface LossEntry {
  readonly at: number
  readonly reason: string
  readonly source: string
  readonly from: string
  readonly to: string
  /** Lines lost, null when it cannot be known. */
  readonly lines: number | null
  readonly detail: string
}

/** GET /cluster: what the live topic tells, and every partition with its offsets. */
export interface ClusterAnswer extends ClusterState {
  readonly topics: readonly TopicState[]
}

/** Who ought to be there, who is, and what is not as it should be. */
export interface ClusterState {
  readonly clusterId: string
  /** -1 while nobody is. */
  readonly controllerId: number
  /** Every broker that holds replicas is up, and every replica in sync. */
  readonly healthy: boolean
  /** Those that answer and those that ought to: a broker that is down is not missing here. */
  readonly brokers: readonly BrokerStatus[]
  readonly partitionCounts: PartitionCounts
  /** What is wrong with partitions, the worst first; at most 50 of them. */
  readonly troubled: readonly PartitionTrouble[]
  /** Newest first, at most 100. */
  readonly elections: readonly Election[]
}

export interface BrokerStatus {
  readonly id: number
  /** Empty when it has never been seen and is known by its replicas alone. */
  readonly host: string
  readonly port: number
  readonly up: boolean
  /** When it was first seen up, or down, without a break since. */
  readonly since: number
  /** Partitions it leads, holds a replica of, and holds an in-sync replica of. */
  readonly leaders: number
  readonly replicas: number
  readonly inSync: number
  /** What its partitions take, and what its volume has left; null when it has not said. */
  readonly diskBytes: number | null
  readonly diskFreeBytes: number | null
  /** Of its process; null unless it runs on this machine. */
  readonly memoryBytes: number | null
}

export interface PartitionCounts {
  readonly total: number
  /** Some replica is not in sync; those below include only what is worse. */
  readonly underReplicated: number
  /** Fewer in sync than acks=all asks for: such writes wait. */
  readonly underMinIsr: number
  /** Nobody leads. */
  readonly offline: number
}

export type TroubleState = 'offline' | 'underMinIsr' | 'underReplicated'

export interface PartitionTrouble {
  readonly topic: string
  readonly partition: number
  readonly state: TroubleState
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
}

/** A change of leader or leader epoch, as seen from outside; one may hide another within a second. */
export interface Election {
  readonly at: number
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
  readonly epoch: number
  readonly reason: ElectionReason | null
}

/**
 * Why, if it can be told: the leader went down, was stopped, started again and leads again, gave way to the preferred
 * leader, or holds no replica any more.
 */
export type ElectionReason = 'leaderDown' | 'leaderStopped' | 'restarted' | 'preferred' | 'moved'

// ── WebSocket /api/v1/live, subprotocol tailrace.v1 ─────────────────────────────────────────────────────
// Per subscription, seq is contiguous: a gap or an unknown epoch is answered by a fresh snap. Values are absolute,
// so that replays and conflation are safe.

export type ClientMessage =
  | { readonly type: 'hello'; readonly version: 1; readonly build: string; readonly lastEpoch?: string }
  | {
      readonly type: 'sub'
      readonly id: number
      readonly topic: LiveTopic
      readonly args?: Readonly<Record<string, string>>
      readonly from?: { readonly epoch: string; readonly seq: number }
    }
  | { readonly type: 'unsub'; readonly id: number }
  /** The page is hidden (state ticks drop to 1 Hz, no tail) or shown again (fresh snaps follow). */
  | { readonly type: 'visibility'; readonly hidden: boolean }

export type ServerMessage =
  | {
      readonly type: 'welcome'
      readonly session: string
      readonly epoch: string
      readonly serverTime: number
      readonly build: string
      readonly hz: number
      /** What a socket may ask for: subscriptions, messages a second, bytes a message, rows of a tail a second. */
      readonly limits?: Readonly<
        Record<'subscriptions' | 'messagesPerSecond' | 'payloadBytes' | 'tailRowsPerSecond', number>
      >
    }
  | {
      readonly type: 'snap'
      readonly id: number
      readonly epoch: string
      readonly seq: number
      readonly data: LiveData
    }
  | { readonly type: 'delta'; readonly id: number; readonly seq: number; readonly data: LiveData }
  | { readonly type: 'heartbeat'; readonly serverTime: number }
  | { readonly type: 'refused'; readonly id: number; readonly detail: string }

/** Close codes: 4008 slow and 4409 restarting may reconnect; 4401 not signed in and 4426 wrong version may not. */
export type LiveTopic =
  | ('overview' | 'series' | 'stats' | 'top' | 'tail')
  | ('losses' | 'cluster' | 'groups' | 'agents' | 'alerts')

export type LiveData =
  | { readonly kind: 'overview'; readonly overview: Overview }
  | { readonly kind: 'series'; readonly series: LiveSeries }
  | { readonly kind: 'top'; readonly top: TopAnswer }
  | { readonly kind: 'tail'; readonly rows: readonly TailRow[]; readonly gap?: TailGap }
  | { readonly kind: 'losses'; readonly losses: LossesAnswer }
  | { readonly kind: 'cluster'; readonly cluster: ClusterState }
  | { readonly kind: 'stats'; readonly stats: StatsAnswer }
  | { readonly kind: 'agents'; readonly agents: AgentsAnswer }
  | { readonly kind: 'groups'; readonly groups: GroupsAnswer }
  | { readonly kind: 'alerts'; readonly alerts: AlertsAnswer }

/** The tiles. A null value is not known yet; the page shows a dash, never a zero. */
export interface Overview {
  readonly at: number
  readonly linesTotal: number
  readonly linesPerSecond: number | null
  readonly requestsPerSecond: number | null
  /** 5xx over all requests of the last minute, 0 to 1. */
  readonly errorRatio: number | null
  readonly latencyP95Ms: number | null
  readonly activeUsers5m: number | null
  readonly bytesPerSecond: number | null
  /** From the agent's reading of a line to the commit that counts it, over the last minute. */
  readonly lagP50Ms: number | null
  readonly lagP95Ms: number | null
  readonly lossesTotal: number
  readonly agents: { readonly seen: number; readonly live: number }
  readonly broker: { readonly state: 'up' | 'down'; readonly detail: string; readonly since: number }
  readonly freshness: Freshness
}

/**
 * `sub` topic 'series', args { metric, step: '1'|'10'|'60', points, by?, filter?, limit? }: a snap has every point, a
 * delta the buckets touched since.
 */
export interface LiveSeries {
  readonly metric: string
  readonly stepSeconds: number
  readonly times: readonly number[]
  readonly values: Readonly<Record<string, readonly (number | null)[]>>
  /** With `by`, instead of `values`: one for each group, those that count most. */
  readonly groups?: readonly Pick<SeriesAnswer['series'][number], 'labels' | 'values'>[]
}

/**
 * `sub` topic 'tail', args { topic, filter?, re?, field? (one a line), level?, invert?: 'yes' }. The line is bytes as
 * text (invalid UTF-8 as U+FFFD), never markup.
 */
export interface TailRow {
  readonly topic: string
  readonly partition: number
  readonly offset: string
  /** Record timestamp: the agent's clock at reading. */
  readonly at: number
  readonly line: string
  /** Length of the whole line in bytes where `line` was cut. */
  readonly cutFrom?: number
  readonly level: 'info' | 'warn' | 'error'
}

export interface TailGap {
  readonly dropped: number
  /** Where they lie, both ends included: /topics/{topic}/records has them. */
  readonly partitions?: readonly {
    readonly partition: number
    readonly fromOffset: string
    readonly toOffset: string
  }[]
}

// ── Signing in ──────────────────────────────────────────────────────────────────────────────────────────

/** POST /api/v1/login { token } (token from the link `/login#t=…`) → cookie; 401 problem when used or expired. */
export type LoginRequest = { readonly token: string } | PasswordLogin

/** GET /api/v1/me; 401 when not signed in. */
export interface MeAnswer {
  readonly user: string
  readonly role: 'admin' | 'viewer'
  /** How: only who signed in by password has one to change. */
  readonly by: 'link' | 'password' | 'token'
  readonly build: string
}
