// The contract of the boards: /panels/access, /red, /slo, /use. Types only.
import type { Freshness } from './contract.ts'

interface Window {
  readonly from: number
  readonly to: number
}

/** GET /panels/access?window=1d: an access log in panels, as GoAccess has them. */
export interface AccessPanels {
  readonly window: Window
  readonly general: {
    readonly requests: number
    readonly visitors: number
    /** Lines that could not be read. */
    readonly failed: number
    readonly notFound: number | null
    readonly staticRequests: number | null
    readonly bytes: number
    readonly latencyMeanMs: number | null
    readonly latencyMaxMs: number | null
  }
  readonly panels: readonly AccessPanel[]
  readonly freshness: Freshness
}

export interface AccessPanel {
  readonly name: string
  readonly dimension: string
  readonly metric: string
  readonly rows: readonly PanelRow[]
  /** Distinct values there are, beyond those listed too. */
  readonly values: number
}

/** Null where it is not kept by the panel's dimension. */
export interface PanelRow {
  readonly value: string
  readonly hits: number
  readonly hitsShare: number
  readonly visitors: number | null
  readonly visitorsShare: number | null
  readonly bytes: number | null
  readonly servedMeanMs: number | null
  readonly servedTotalMs: number | null
  readonly servedMaxMs: number | null
}

export interface Durations {
  readonly mean: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly max: number | null
}

/** GET /red?by=path: rate, errors, duration. */
export interface RedAnswer {
  readonly window: Window
  readonly rows: readonly RedRow[]
  /** Of the whole: how long what succeeds takes, and what fails. */
  readonly outcomes?: Readonly<Record<string, Durations>>
  readonly freshness: Freshness
}

export interface RedRow {
  readonly labels: Readonly<Record<string, string>>
  readonly requests: number
  readonly perSecond: number
  readonly errorRate: number | null
  readonly clientErrorRate: number | null
  readonly durationMs: Durations | null
  readonly apdex: number | null
}

/** GET /slo?objective=0.999&window=28d */
export interface SloAnswer {
  readonly objective: number
  readonly window: string
  readonly total: number
  readonly good: number
  readonly errorRate: number | null
  readonly attained: number | null
  /** Of what may fail, the share that is left; below zero when more has failed. */
  readonly budgetLeft: number | null
  /** 1 is the rate that uses the budget up exactly. */
  readonly burn: readonly {
    readonly window: string
    readonly total: number
    readonly errorRate: number | null
    readonly rate: number | null
  }[]
  readonly freshness: Freshness
}

/** GET /use: utilization, saturation and errors of hosts. */
export interface UseAnswer {
  readonly window: Window
  readonly rows: readonly UseRow[]
  readonly freshness: Freshness
}

export interface UseRow {
  readonly host: string
  readonly resource: string
  readonly aspect: 'utilization' | 'saturation' | 'errors'
  readonly name: string
  readonly mean: number | null
  readonly p95: number | null
  readonly max: number | null
  readonly last: number | null
}
