// Judges rules at whole moments of event time, one after the other, as soon as each is final; what comes of it is
// committed with the state it leaves, so that a restart goes on from there and tells nothing twice.
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { Reading } from '../queries/answers.ts'
import type { AlertStore, Progress } from './alert-store.ts'
import { finalUntil, RuleEvaluator } from './evaluate.ts'
import { durationMs, evaluationStepMs, fingerprintOf, type Rule } from './rule.ts'
import {
  type Alert,
  type Effect,
  forgetPending,
  type ResolvedReason,
  type RuleState,
  type StepRule,
  step,
  stopAll,
} from './step.ts'

export interface KnownRule {
  readonly id: string
  readonly source: 'api' | 'file'
  readonly rule: Rule
  readonly updatedAt: number | null
}

export interface EngineOptions {
  readonly store: AlertStore
  reading(): Reading
  /** Whether the log can be read, so that silence means that nothing came. */
  isReading(): boolean
  readonly clock: Clock
  readonly log: Log
}

/** What a rule is at, in memory. */
interface Judged {
  known: KnownRule
  readonly fingerprint: string
  readonly evaluator: RuleEvaluator | null
  state: RuleState
  evaluatedUntilMs: number | null
  savedAtMs: number
  error: string | null
}

/** Longer gaps are not caught up with: what happened in them is in the statistics, but nobody is told any more. */
const catchUpMaxMs = 86_400_000
/** Between two ticks other things have to go on. */
const evaluationsPerTick = 30
const tickBudgetMs = 50
/** Judging the same moments again comes to the same: only changes have to be saved at once. */
const saveEveryMs = 60_000

export class AlertEngine {
  readonly #options: EngineOptions
  readonly #rules = new Map<string, Judged>()
  readonly #saved: Map<string, Progress>
  /** Grows with every change of any alert, and of the rules. */
  version = 0

  constructor(options: EngineOptions) {
    this.#options = options
    this.#saved = options.store.progress()
  }

  /** Replaces the rules. Alerts of a rule that means something else now, or is gone, end. */
  setRules(rules: readonly KnownRule[]): void {
    this.#options.store.transaction(() => this.#replaceRules(rules))
    this.version++
  }

  #replaceRules(rules: readonly KnownRule[]): void {
    const gone = new Set([...this.#rules.keys(), ...this.#saved.keys()])
    for (const known of rules) {
      gone.delete(known.id)
      this.#setRule(known)
    }
    for (const id of gone) {
      const judged = this.#rules.get(id)
      const state = judged?.state ?? this.#saved.get(id)!.state
      this.#end(id, judged?.known ?? null, state, 'ruleDeleted')
      this.#options.store.dropProgress(id)
      this.#rules.delete(id)
      this.#saved.delete(id)
    }
  }

  rules(): readonly (Pick<Judged, 'known' | 'evaluatedUntilMs' | 'error'> & {
    readonly alerts: readonly Alert[]
  })[] {
    return [...this.#rules.values()].map(({ known, evaluatedUntilMs, error, state }) => {
      return { known, evaluatedUntilMs, error, alerts: [...state.values()] }
    })
  }

  /** Judges what has become final. */
  tick(): void {
    const { clock } = this.#options
    const startMs = clock.monotonicMs()
    const reading = this.#options.reading()
    for (const judged of this.#rules.values()) {
      if (!judged.evaluator || !judged.known.rule.enabled) continue
      try {
        this.#catchUp(judged, reading)
        judged.error = null
      } catch (error) {
        const { message } = error as Error
        if (judged.error !== message)
          this.#options.log.warn('an alert rule cannot be judged', {
            rule: judged.known.rule.name,
            error: message,
          })
        judged.error = message
      }
      if (clock.monotonicMs() - startMs > tickBudgetMs) return
    }
  }

  /** Before the process ends: what was judged need not be judged again. */
  save(): void {
    for (const judged of this.#rules.values()) this.#save(judged)
  }

  #setRule(known: KnownRule): void {
    const { id, rule } = known
    const fingerprint = fingerprintOf(rule)
    const before = this.#rules.get(id)
    const saved = before ?? this.#saved.get(id)
    if (before?.fingerprint === fingerprint && rule.enabled) {
      before.known = known
      return
    }
    let state: RuleState = new Map()
    let evaluatedUntilMs: number | null = null
    if (saved?.fingerprint === fingerprint && rule.enabled) {
      state = saved.state
      evaluatedUntilMs = saved.evaluatedUntilMs
    } else if (saved) {
      this.#end(id, before?.known ?? known, saved.state, rule.enabled ? 'ruleChanged' : 'ruleDisabled')
    }
    const judged: Judged = {
      known,
      fingerprint,
      ...evaluatorOf(rule),
      state,
      evaluatedUntilMs,
      savedAtMs: 0,
    }
    this.#rules.set(id, judged)
    this.#saved.delete(id)
    this.#save(judged)
  }

  #catchUp(judged: Judged, reading: Reading): void {
    const { rule } = judged.known
    const stepMs = evaluationStepMs(rule)
    const final = finalUntil(reading, durationMs(rule.settle)!, this.#options.isReading())
    if (final === null) return
    const lastMs = Math.floor(final / stepMs) * stepMs
    // Kept only once it is committed: what failed to be saved is judged again, and told then.
    const state: RuleState = new Map(judged.state)
    let untilMs = judged.evaluatedUntilMs ?? lastMs - stepMs
    if (untilMs < lastMs - catchUpMaxMs) {
      forgetPending(state)
      untilMs = lastMs - catchUpMaxMs
    }
    const effects: Effect[] = []
    let hasChanged = false
    for (let count = 0; untilMs < lastMs && count < evaluationsPerTick; count++) {
      untilMs += stepMs
      const labels = [...state.values()].map(alert => alert.labels)
      const samples = judged.evaluator!.samples(reading, untilMs, labels)
      if (step(state, stepRule(judged.known), samples, untilMs, effects)) hasChanged = true
    }
    if (hasChanged || this.#options.clock.wallMs() - judged.savedAtMs >= saveEveryMs) {
      this.#options.store.transaction(() => {
        this.#save({ ...judged, state, evaluatedUntilMs: untilMs })
        for (const effect of effects) this.#tell(judged.known, effect)
      })
      judged.savedAtMs = this.#options.clock.wallMs()
    }
    judged.state = state
    judged.evaluatedUntilMs = untilMs
    if (hasChanged) this.version++
  }

  #save({ known, fingerprint, evaluatedUntilMs, state }: Judged): void {
    this.#options.store.saveProgress(known.id, { fingerprint, evaluatedUntilMs, state })
  }

  #end(
    id: string,
    known: KnownRule | null,
    state: RuleState,
    reason: Exclude<ResolvedReason, 'value'>,
  ): void {
    const effects: Effect[] = []
    stopAll(state, { id }, this.#options.clock.wallMs(), reason, effects)
    for (const effect of effects) {
      if (known) this.#tell(known, effect)
      else this.#options.store.endEpisode(effect.episode, effect.atMs, reason)
    }
  }

  /** Part of the transaction that saves the state: once for each episode, whatever is judged twice. */
  #tell({ id, rule }: KnownRule, { type, episode, alert, atMs, reason }: Effect): void {
    const { store, clock, log } = this.#options
    const { labels, value, activeSinceMs: startedAt } = alert
    const firedAt = alert.firedAtMs ?? atMs
    const row = { id: episode, rule: id, ruleName: rule.name, labels, value, startedAt, firedAt }
    const isNews = type === 'fired' ? store.addEpisode(row) : store.endEpisode(episode, atMs, reason)
    if (!isNews) return
    log.info(type === 'fired' ? 'an alert fires' : 'an alert is over', { rule: rule.name, labels, value })
    const event = type === 'fired' ? 'firing' : 'resolved'
    const resolvedAt = type === 'fired' ? null : atMs
    const body = JSON.stringify({
      version: 1,
      episode,
      event,
      rule: { id, name: rule.name, kind: rule.kind, metric: rule.metric },
      labels: { ...rule.labels, ...labels },
      value,
      summary: rule.summary,
      startedAt: isoText(startedAt),
      firedAt: isoText(firedAt),
      resolvedAt: resolvedAt === null ? null : isoText(resolvedAt),
      reason: type === 'fired' ? null : reason,
    })
    for (const url of rule.webhooks) store.notify({ episode, event, url, body, createdAt: clock.wallMs() })
  }
}

export function stepRule({ id, rule }: Pick<KnownRule, 'id' | 'rule'>): StepRule {
  const { missing } = rule
  return { id, forMs: durationMs(rule.for)!, keepFiringForMs: durationMs(rule.keepFiringFor)!, missing }
}

/** A rule whose statistic is gone, with a custom one perhaps, is kept and says why it rests. */
function evaluatorOf(rule: Rule): Pick<Judged, 'evaluator' | 'error'> {
  try {
    return { evaluator: new RuleEvaluator(rule), error: null }
  } catch (error) {
    return { evaluator: null, error: (error as Error).message }
  }
}

function isoText(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
