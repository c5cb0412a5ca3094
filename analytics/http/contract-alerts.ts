// The contract between the server and its page, continued: alerts. Types only, erased at run time. All times in
// milliseconds since the epoch; those of alerts are event times.

/** A rule as it is sent and answered; what is left out takes its default. See docs/alerts.md. */
export interface AlertRule {
  readonly name: string
  readonly kind: 'threshold' | 'change' | 'absence'
  readonly metric: string
  readonly window?: string
  readonly by?: readonly string[]
  readonly filter?: readonly string[]
  /** Threshold and change: which value of the statistic, how it is compared, with what. */
  readonly value?: string | undefined
  readonly op?: '>' | '>=' | '<' | '<=' | '==' | '!='
  readonly threshold?: number
  /** Change: compared with the same time so long ago. */
  readonly offset?: string
  readonly unit?: 'percent' | 'absolute'
  readonly for?: string
  readonly keepFiringFor?: string
  readonly settle?: string
  readonly missing?: 'keep' | 'ok' | 'firing'
  readonly labels?: Readonly<Record<string, string>>
  readonly summary?: string
  readonly webhooks?: readonly string[]
  readonly enabled?: boolean
}

/** GET /alerts/rules, POST and PUT. */
export interface AlertRuleView {
  readonly id: string
  /** Rules of the configuration file are changed there. */
  readonly source: 'api' | 'file'
  readonly rule: AlertRule
  readonly updatedAt: number | null
  /** Event time up to which it is judged; null before the first time. */
  readonly evaluatedUntil: number | null
  readonly firing: number
  readonly pending: number
  /** Why it cannot be judged, null when it can. */
  readonly error: string | null
}

export interface AlertRulesAnswer {
  readonly rules: readonly AlertRuleView[]
}

/** An alert that there is now. */
export interface AlertView {
  readonly ruleId: string
  readonly ruleName: string
  readonly phase: 'pending' | 'firing'
  /** Of the group and of the rule. */
  readonly labels: Readonly<Record<string, string>>
  readonly value: number | null
  readonly startedAt: number
  readonly firedAt: number | null
  readonly summary: string
}

/** One time that an alert fired, from beginning to end. */
export interface AlertEpisode {
  readonly id: string
  readonly ruleId: string
  readonly ruleName: string
  readonly labels: Readonly<Record<string, string>>
  /** When it fired. */
  readonly value: number | null
  readonly startedAt: number
  readonly firedAt: number
  /** Null while it fires. */
  readonly resolvedAt: number | null
  readonly reason: 'value' | 'ruleChanged' | 'ruleDeleted' | 'ruleDisabled' | null
  /** Notifications about it, as far as they are remembered: a week after they were done with. */
  readonly notified?: EpisodeNotifications
}

export interface EpisodeNotifications {
  readonly delivered: number
  /** Still to be sent, or sent without success and to be tried again. */
  readonly waiting: number
  readonly givenUp: number
  readonly lastError: string | null
}

/** GET /alerts?limit=&cursor= */
export interface AlertsAnswer {
  readonly firing: readonly AlertView[]
  readonly pending: readonly AlertView[]
  /** Newest first. */
  readonly history: readonly AlertEpisode[]
  /** Where the history goes on; null at its end. */
  readonly cursor: string | null
  readonly deliveries: {
    readonly waiting: number
    readonly failing: number
    readonly lastError: string | null
  }
}

/** POST /alerts/preview { rule, from?, to? }: what the rule would have done. */
export interface AlertPreview {
  readonly from: number
  readonly to: number
  /** How far apart the moments are at which it was judged. */
  readonly stepSeconds: number
  readonly evaluations: number
  readonly episodes: readonly {
    readonly labels: Readonly<Record<string, string>>
    readonly value: number | null
    readonly startedAt: number
    readonly firedAt: number
    readonly resolvedAt: number | null
  }[]
  /** True when the time allowed for it ran out before `to`. */
  readonly truncated: boolean
}
