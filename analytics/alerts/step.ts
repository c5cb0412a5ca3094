// The life of alerts: pending → firing → resolved, one alert for each group of a rule. Pure: values and their event
// times in, effects out. The same steps over history say what a rule would have done.
//
//        true            true for `for`            false for `keepFiringFor`
//   none ────▶ pending ────────────────▶ firing ───────────────────────────▶ none
//                 │ false, or unknown       ▲ │ true again: not over
//                 ▼                         └─┘
//                none
import { createHash } from 'node:crypto'

export type Labels = Readonly<Record<string, string>>

/** What a rule came to for one group at one moment of event time. */
export interface Sample {
  readonly labels: Labels
  /** Null where it cannot be known. */
  readonly value: number | null
  readonly isTrue: boolean
}

export interface Alert {
  readonly labels: Labels
  readonly phase: 'pending' | 'firing'
  /** Since when it is true without a break. */
  readonly activeSinceMs: number
  readonly firedAtMs: number | null
  /** While it fires: since when it is false, null while it is true. */
  readonly clearSinceMs: number | null
  readonly value: number | null
}

/** Alerts by `keyOf` their group's labels; who is not in it is well. */
export type RuleState = Map<string, Alert>

export interface StepRule {
  readonly id: string
  readonly forMs: number
  readonly keepFiringForMs: number
  readonly missing: 'keep' | 'ok' | 'firing'
}

export interface Effect {
  readonly type: 'fired' | 'resolved'
  readonly episode: string
  readonly alert: Alert
  readonly atMs: number
  readonly reason: ResolvedReason
}

/** Why an alert is over: its value, or because the rule is another one or gone. */
export type ResolvedReason = 'value' | 'ruleChanged' | 'ruleDeleted' | 'ruleDisabled'

export function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The same for the same alert, however often it is judged: what receivers tell repetitions by. */
export function episodeId(ruleId: string, key: string, activeSinceMs: number): string {
  return createHash('sha256').update(`${ruleId}\n${key}\n${activeSinceMs}`).digest('hex').slice(0, 20)
}

/** True if any alert's phase changed. Groups of the state that have no sample are unknown. */
export function step(
  state: RuleState,
  rule: StepRule,
  samples: ReadonlyMap<string, Sample>,
  atMs: number,
  effects: Effect[],
): boolean {
  let hasChanged = false
  const judge = (key: string, sample: Sample) => {
    const before = state.get(key)
    const after = next(before, rule, sample, atMs)
    if (after === null) state.delete(key)
    else state.set(key, after)
    if (before?.phase === after?.phase && before?.clearSinceMs === after?.clearSinceMs) return
    hasChanged = true
    if (after?.phase === 'firing' && before?.phase !== 'firing') {
      effects.push(effect('fired', rule, key, after, atMs))
    } else if (before?.phase === 'firing' && after === null) {
      effects.push(effect('resolved', rule, key, { ...before, value: sample.value }, atMs))
    }
  }
  for (const [key, alert] of [...state]) {
    if (!samples.has(key)) judge(key, { labels: alert.labels, value: null, isTrue: false })
  }
  for (const [key, sample] of samples) judge(key, sample)
  return hasChanged
}

/** Ends whatever fires; for a rule that is changed, disabled or deleted. */
export function stopAll(
  state: RuleState,
  rule: Pick<StepRule, 'id'>,
  atMs: number,
  reason: Exclude<ResolvedReason, 'value'>,
  effects: Effect[],
): void {
  for (const [key, alert] of state) {
    if (alert.phase === 'firing') effects.push(effect('resolved', rule, key, alert, atMs, reason))
  }
  state.clear()
}

/** Moments were not judged: what was pending cannot be known to have lasted. */
export function forgetPending(state: RuleState): void {
  for (const [key, { phase }] of state) if (phase === 'pending') state.delete(key)
}

function next(before: Alert | undefined, rule: StepRule, sample: Sample, atMs: number): Alert | null {
  const { labels, value } = sample
  if (value === null && rule.missing === 'keep') return before?.phase === 'firing' ? before : null
  if (value === null ? rule.missing === 'firing' : sample.isTrue) {
    if (before?.phase === 'firing') return { ...before, value, clearSinceMs: null }
    const activeSinceMs = before?.activeSinceMs ?? atMs
    const fires = atMs - activeSinceMs >= rule.forMs
    return {
      labels,
      phase: fires ? 'firing' : 'pending',
      activeSinceMs,
      firedAtMs: fires ? atMs : null,
      clearSinceMs: null,
      value,
    }
  }
  if (before?.phase !== 'firing') return null
  const clearSinceMs = before.clearSinceMs ?? atMs
  return atMs - clearSinceMs >= rule.keepFiringForMs ? null : { ...before, value, clearSinceMs }
}

function effect(
  type: Effect['type'],
  { id }: Pick<StepRule, 'id'>,
  key: string,
  alert: Alert,
  atMs: number,
  reason: ResolvedReason = 'value',
): Effect {
  return { type, episode: episodeId(id, key, alert.activeSinceMs), alert, atMs, reason }
}
