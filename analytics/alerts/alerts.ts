// Alerts as the rest of the process sees them: rules to list and change, what fires, what has fired, and a clock that
// keeps judging and telling. Rules of the configuration file stand beside those of the API and are changed there.
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { AppDatabase } from '../app/app-database.ts'
import type { AlertPreview, AlertRuleView, AlertsAnswer, AlertView } from '../http/contract-alerts.ts'
import type { Reading } from '../queries/answers.ts'
import { ProblemError } from '../queries/problem.ts'
import { AllowedTargets } from './address-guard.ts'
import { AlertEngine, type KnownRule } from './alert-engine.ts'
import { AlertStore, type EpisodeRow } from './alert-store.ts'
import { RuleEvaluator } from './evaluate.ts'
import { Notifier } from './notifier.ts'
import { type PreviewSpan, preview } from './preview.ts'
import type { RuleNow } from './prometheus-rules.ts'
import { type Rule, type RuleInput, ruleSchema } from './rule.ts'
import { deliver, secretFor, type WebhookOptions } from './webhook.ts'

export interface AlertsOptions {
  readonly database: AppDatabase
  reading(): Reading
  isReading(): boolean
  readonly clock: Clock
  readonly log: Log
  /** Of the configuration file. */
  readonly fileRules?: readonly RuleInput[]
  /** Addresses, networks and names that webhooks may lead to though they are not public. */
  readonly webhookAllow?: readonly string[]
  readonly random?: () => number
  readonly resolve?: WebhookOptions['resolve']
}

const tickMs = 1_000
const pruneEveryTicks = 3_600
const rulesMax = 500

export class Alerts {
  readonly #options: AlertsOptions
  readonly #store: AlertStore
  readonly #engine: AlertEngine
  readonly #notifier: Notifier
  readonly #webhook: WebhookOptions
  readonly #fileRules: readonly KnownRule[]
  #timer: NodeJS.Timeout | null = null
  #ticks = 0

  constructor(options: AlertsOptions) {
    const { database, clock, log } = options
    this.#options = options
    this.#store = new AlertStore(database)
    this.#engine = new AlertEngine({
      store: this.#store,
      reading: () => options.reading(),
      isReading: () => options.isReading(),
      clock,
      log,
    })
    const master = this.#store.secret('webhooks', () => randomBytes(32))
    this.#webhook = {
      allowed: new AllowedTargets(options.webhookAllow ?? []),
      secretFor: url => secretFor(master, url),
      ...(options.resolve && { resolve: options.resolve }),
    }
    const random = options.random ?? Math.random
    this.#notifier = new Notifier({ store: this.#store, webhook: this.#webhook, clock, log, random })
    this.#fileRules = knownFileRules(options.fileRules ?? [])
    this.#learnRules()
  }

  /** Grows with whatever changes in `answer`. */
  get version(): number {
    return this.#engine.version
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), tickMs)
  }

  /** Once a second. */
  tick(): void {
    this.#engine.tick()
    this.#notifier.tick()
    if (++this.#ticks % pruneEveryTicks === 0) this.#store.prune(this.#options.clock.wallMs())
  }

  /** Resolves when what is being sent has been answered. */
  delivered(): Promise<void> {
    return this.#notifier.idle()
  }

  /** Before the database is closed. */
  close(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#notifier.close()
    this.#engine.save()
  }

  rules(): AlertRuleView[] {
    return this.#engine.rules().map(({ known, evaluatedUntilMs, error, alerts }) => ({
      ...known,
      evaluatedUntil: evaluatedUntilMs,
      firing: alerts.filter(({ phase }) => phase === 'firing').length,
      pending: alerts.filter(({ phase }) => phase === 'pending').length,
      error,
    }))
  }

  /** What Prometheus's API says of rules and alerts is made of this. */
  rulesNow(): RuleNow[] {
    return this.#engine
      .rules()
      .map(one => ({ ...one, alerts: one.alerts.map(alert => viewOf(one.known, alert)) }))
  }

  rule(id: string): AlertRuleView {
    const found = this.rules().find(rule => rule.id === id)
    if (found) return found
    throw new ProblemError(
      404,
      'unknown-rule',
      'Unknown rule',
      `There is no alert rule "${id.slice(0, 80)}".`,
    )
  }

  add(rule: Rule): AlertRuleView {
    new RuleEvaluator(rule)
    if (this.#engine.rules().length >= rulesMax) {
      throw new ProblemError(409, 'too-many-rules', 'Too many rules', `There are ${rulesMax} rules already.`)
    }
    return this.#put(randomBytes(8).toString('hex'), rule)
  }

  change(id: string, rule: Rule): AlertRuleView {
    this.#refuseFileRule(id)
    new RuleEvaluator(rule)
    return this.#put(id, rule)
  }

  remove(id: string): void {
    this.#refuseFileRule(id)
    this.#store.transaction(() => {
      this.#store.deleteRule(id)
      this.#learnRules()
    })
  }

  answer(
    limit: number,
    before: { readonly firedAt: number; readonly id: string } | null = null,
  ): AlertsAnswer {
    const alerts = this.#engine
      .rules()
      .flatMap(({ known, alerts }) => alerts.map(alert => viewOf(known, alert)))
    alerts.sort((a, b) => (b.firedAt ?? b.startedAt) - (a.firedAt ?? a.startedAt))
    const rows = this.#store.episodes(limit, before)
    const last = rows.length === limit ? rows.at(-1)! : null
    return {
      firing: alerts.filter(({ phase }) => phase === 'firing'),
      pending: alerts.filter(({ phase }) => phase === 'pending'),
      history: rows.map(({ rule, ...row }) => ({
        ...row,
        ruleId: rule,
        reason: row.reason as EpisodeReason,
        notified: this.#store.notified(row.id),
      })),
      cursor: last && `${last.firedAt}-${last.id}`,
      deliveries: this.#store.deliveries(),
    }
  }

  preview(rule: Rule, span: PreviewSpan): Promise<AlertPreview> {
    const { reading, clock } = this.#options
    return preview(
      rule,
      span,
      () => reading(),
      () => clock.monotonicMs(),
    )
  }

  /** Sends a notification that says it is a test; throws WebhookError when it does not arrive. */
  test(url: string): Promise<void> {
    const now = this.#options.clock.wallMs()
    const id = `test-${now}`
    const body = JSON.stringify({ version: 1, episode: id, event: 'test', summary: 'A test from Tailrace' })
    return deliver({ id, url, body }, now, this.#webhook)
  }

  /** What the receiver of a URL tells our notifications by. */
  secretFor(url: string): string {
    return this.#webhook.secretFor(url)
  }

  #put(id: string, rule: Rule): AlertRuleView {
    this.#store.transaction(() => {
      this.#store.saveRule(id, rule, this.#options.clock.wallMs())
      this.#learnRules()
    })
    return this.rule(id)
  }

  #learnRules(): void {
    const stored = this.#store.rules().map((row): KnownRule => ({ ...row, source: 'api' }))
    this.#engine.setRules([...this.#fileRules, ...stored])
  }

  #refuseFileRule(id: string): void {
    if (this.rule(id).source === 'api') return
    const detail = 'This rule stands in the configuration file; change it there.'
    throw new ProblemError(409, 'file-rule', 'Not changed here', detail)
  }
}

type EpisodeReason = AlertsAnswer['history'][number]['reason']

/** Their names are theirs alone: a rule keeps its alerts when others come before it. */
function knownFileRules(inputs: readonly RuleInput[]): KnownRule[] {
  const seen = new Map<string, number>()
  return inputs.map(input => {
    const rule = ruleSchema.parse(input)
    const slug = rule.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
    const count = (seen.get(slug) ?? 0) + 1
    seen.set(slug, count)
    const id = count === 1 ? `file-${slug}` : `file-${slug}.${count}`
    return { id, source: 'file', rule, updatedAt: null }
  })
}

function viewOf(
  { id, rule }: KnownRule,
  alert: { readonly phase: AlertView['phase'] } & AlertFacts,
): AlertView {
  return {
    ruleId: id,
    ruleName: rule.name,
    phase: alert.phase,
    labels: { ...rule.labels, ...alert.labels },
    value: alert.value,
    startedAt: alert.activeSinceMs,
    firedAt: alert.firedAtMs,
    summary: rule.summary,
  }
}

interface AlertFacts extends Pick<EpisodeRow, 'labels' | 'value'> {
  readonly activeSinceMs: number
  readonly firedAtMs: number | null
}
