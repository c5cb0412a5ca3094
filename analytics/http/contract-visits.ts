// The answers about visitors, as types only. Part of the API's contract: see contract.ts.
import type { Freshness } from './contract.ts'

/** Whom visitors are seen by: behaviour events, or requests of access logs where there are none. */
export type VisitorSource = 'events' | 'requests'

export interface VisitsAnswer {
  source: VisitorSource
  window: { from: number; to: number }
  visitors: number
  visits: number
  pageviews: number
  viewsPerVisit: number | null
  bounceRate: {
    default: 'plausible'
    plausible: BounceRate
    umami: BounceRate
    posthog: BounceRate
  }
  duration: {
    meanMs: number | null
    /** From the bins: exact to the bin that holds it. */
    medianMs: number | null
    /** Visits by the least bound in seconds that they did not exceed. */
    bins: { seconds: number; visits: number }[]
  }
  untracked: Untracked
  freshness: Freshness
}

export interface BounceRate {
  definition: string
  rate: number | null
}

/** Lines of visitors that are in no visit, since the store began. */
export interface Untracked {
  beyondLimit: number
  tooLate: number
}

export interface ActiveUsersAnswer {
  source: VisitorSource
  definition: string
  days: { day: string; daily: number; weekly: number; monthly: number; stickiness: number | null }[]
  freshness: Freshness
}

export interface LifecycleAnswer {
  source: VisitorSource
  interval: 'day' | 'week'
  definition: string
  periods: {
    start: string
    new: number
    returning: number
    resurrecting: number
    /** Of the period before; may still come back while this one is not over. */
    dormant: number
    isOver: boolean
  }[]
  freshness: Freshness
}

export interface RetentionAnswer {
  source: VisitorSource
  definition: string
  /** `active[k]`: visitors of the cohort seen k weeks after their first; `share[k]` of all of the cohort. */
  cohorts: { week: string; visitors: number; active: number[]; share: (number | null)[] }[]
  freshness: Freshness
}

export interface ActiveHoursAnswer {
  metric: string
  definition: string
  timeZone: string
  window: { from: number; to: number }
  weekdays: string[]
  /** By weekday, then by hour. */
  hours: number[][]
  freshness: Freshness
}

export interface PathsAnswer {
  source: VisitorSource
  definition: string
  window: { from: number; to: number }
  rows: { page: string; next: string; count: number }[]
  freshness: Freshness
}

export interface GoalsAnswer {
  source: VisitorSource
  definition: string
  window: { from: number; to: number }
  visitors: number
  goals: {
    name: string
    unique: number
    total: number
    /** Unique converters divided by visitors. */
    conversionRate: number | null
  }[]
  freshness: Freshness
}

export interface FunnelAnswer {
  source: VisitorSource
  name: string
  order: 'sequential' | 'strict'
  conversionWindowMs: number
  window: { from: number; to: number }
  steps: {
    step: string
    visitors: number
    ofFirst: number | null
    ofPrevious: number | null
    dropped: number
    /** From the first step, and from the one before. */
    medianMs: number | null
    medianFromPreviousMs: number | null
  }[]
  /** Before this, steps with properties were not looked for. */
  since: number | null
  untracked: Untracked
  freshness: Freshness
}
