// What alerts keep in app.db: rules, how far each is judged and which alerts it has, episodes, and the outbox of
// notifications. A change of alerts and what has to be told of it are one transaction.
import type { AppDatabase } from '../app/app-database.ts'
import type { EpisodeNotifications } from '../http/contract-alerts.ts'
import { type Rule, ruleSchema } from './rule.ts'
import type { Alert, Labels, RuleState } from './step.ts'

export interface StoredRule {
  readonly id: string
  readonly rule: Rule
  readonly updatedAt: number
}

export interface Progress {
  readonly fingerprint: string
  readonly evaluatedUntilMs: number | null
  readonly state: RuleState
}

export interface EpisodeRow {
  readonly id: string
  readonly rule: string
  readonly ruleName: string
  readonly labels: Labels
  readonly value: number | null
  readonly startedAt: number
  readonly firedAt: number
  readonly resolvedAt: number | null
  readonly reason: string | null
}

export interface Notification {
  readonly id: number
  readonly episode: string
  readonly event: string
  readonly url: string
  readonly body: string
  readonly createdAt: number
  readonly attempts: number
}

export interface DeliveryCounts {
  readonly waiting: number
  readonly failing: number
  readonly lastError: string | null
}

/** Older ones go; so do notifications that were delivered or given up, after a week. */
const episodesMax = 10_000
const notificationsKeptMs = 7 * 86_400_000

export class AlertStore {
  readonly #database: AppDatabase
  readonly #statements

  constructor(database: AppDatabase) {
    this.#database = database
    this.#statements = prepareStatements(database)
  }

  transaction(change: () => void): void {
    this.#database.transaction(change).immediate()
  }

  /** A rule that this version cannot read is left out, and stays where it is. */
  rules(): StoredRule[] {
    return this.#statements.rules.all().flatMap(({ id, rule, updatedAt }) => {
      const parsed = ruleSchema.safeParse(JSON.parse(rule))
      return parsed.success ? [{ id, rule: parsed.data, updatedAt }] : []
    })
  }

  saveRule(id: string, rule: Rule, nowMs: number): void {
    this.#statements.saveRule.run({ id, rule: JSON.stringify(rule), now: nowMs })
  }

  deleteRule(id: string): void {
    this.#statements.deleteRule.run(id)
  }

  progress(): Map<string, Progress> {
    return new Map(
      this.#statements.progress.all().map(({ rule, fingerprint, evaluatedUntil, alerts }) => {
        const state = new Map(JSON.parse(alerts) as [string, Alert][])
        return [rule, { fingerprint, evaluatedUntilMs: evaluatedUntil, state }]
      }),
    )
  }

  saveProgress(rule: string, { fingerprint, evaluatedUntilMs, state }: Progress): void {
    this.#statements.saveProgress.run(rule, fingerprint, evaluatedUntilMs, JSON.stringify([...state]))
  }

  dropProgress(rule: string): void {
    this.#statements.dropProgress.run(rule)
  }

  /** False if it is known already: an alert fires once. */
  addEpisode(episode: Omit<EpisodeRow, 'resolvedAt' | 'reason'>): boolean {
    const row = { ...episode, labels: JSON.stringify(episode.labels) }
    return this.#statements.addEpisode.run(row).changes === 1
  }

  /** False if it is over already, or was never known. */
  endEpisode(id: string, resolvedAt: number, reason: string): boolean {
    return this.#statements.endEpisode.run(resolvedAt, reason, id).changes === 1
  }

  /** Newest first, those that fired before a moment. */
  episodes(limit: number, before: { readonly firedAt: number; readonly id: string } | null): EpisodeRow[] {
    const { firedAt, id } = before ?? { firedAt: Number.MAX_SAFE_INTEGER, id: '' }
    const rows = this.#statements.episodes.all(firedAt, id, limit)
    return rows.map(row => ({ ...row, labels: JSON.parse(row.labels) as Labels }))
  }

  notify(notification: Omit<Notification, 'id' | 'attempts'>): void {
    this.#statements.notify.run(notification)
  }

  /** Those whose time has come, oldest first; of one episode and receiver only the first that is not done. */
  due(nowMs: number, limit: number): Notification[] {
    return this.#statements.due.all(nowMs, limit)
  }

  retryAt(id: number, atMs: number, error: string): void {
    this.#statements.retryAt.run(atMs, error, id)
  }

  done(id: number, nowMs: number, error: string | null): void {
    this.#statements.done.run(nowMs, error, id)
  }

  /** Of the notifications about one episode. */
  notified(episode: string): EpisodeNotifications {
    return this.#statements.notified.get(episode)!
  }

  deliveries(): DeliveryCounts {
    return this.#statements.deliveries.get()!
  }

  prune(nowMs: number): void {
    this.#statements.pruneOutbox.run(nowMs - notificationsKeptMs)
    this.#statements.pruneEpisodes.run(episodesMax)
  }

  /** Random bytes kept under a name; made when there are none. */
  secret(name: string, make: () => Buffer): Buffer {
    this.#statements.addSecret.run(name, make())
    return this.#statements.secret.get(name)!.value
  }
}

function prepareStatements(database: AppDatabase) {
  return { ...prepareRules(database), ...prepareEpisodes(database), ...prepareOutbox(database) }
}

function prepareRules(database: AppDatabase) {
  return {
    rules: database.prepare<[], { id: string; rule: string; updatedAt: number }>(
      'SELECT id, rule, updated_at AS updatedAt FROM alert_rules ORDER BY created_at, id',
    ),
    saveRule: database.prepare(
      `INSERT INTO alert_rules(id, rule, created_at, updated_at) VALUES (@id, @rule, @now, @now)
       ON CONFLICT(id) DO UPDATE SET rule = excluded.rule, updated_at = excluded.updated_at`,
    ),
    deleteRule: database.prepare('DELETE FROM alert_rules WHERE id = ?'),
    progress: database.prepare<
      [],
      { rule: string; fingerprint: string; evaluatedUntil: number | null; alerts: string }
    >('SELECT rule, fingerprint, evaluated_until AS evaluatedUntil, alerts FROM alert_progress'),
    saveProgress: database.prepare('INSERT OR REPLACE INTO alert_progress VALUES (?, ?, ?, ?)'),
    dropProgress: database.prepare('DELETE FROM alert_progress WHERE rule = ?'),
    addSecret: database.prepare('INSERT OR IGNORE INTO secrets(name, value) VALUES (?, ?)'),
    secret: database.prepare<[string], { value: Buffer }>('SELECT value FROM secrets WHERE name = ?'),
  }
}

function prepareEpisodes(database: AppDatabase) {
  return {
    addEpisode: database.prepare(
      `INSERT OR IGNORE INTO alert_episodes(id, rule, rule_name, labels, value, started_at, fired_at)
       VALUES (@id, @rule, @ruleName, @labels, @value, @startedAt, @firedAt)`,
    ),
    endEpisode: database.prepare(
      'UPDATE alert_episodes SET resolved_at = ?, reason = ? WHERE id = ? AND resolved_at IS NULL',
    ),
    episodes: database.prepare<[number, string, number], Omit<EpisodeRow, 'labels'> & { labels: string }>(
      `SELECT id, rule, rule_name AS ruleName, labels, value, started_at AS startedAt, fired_at AS firedAt,
         resolved_at AS resolvedAt, reason
       FROM alert_episodes WHERE (fired_at, id) < (?, ?) ORDER BY fired_at DESC, id DESC LIMIT ?`,
    ),
    pruneEpisodes: database.prepare(
      `DELETE FROM alert_episodes WHERE resolved_at IS NOT NULL AND id NOT IN
         (SELECT id FROM alert_episodes ORDER BY fired_at DESC, id DESC LIMIT ?)`,
    ),
  }
}

function prepareOutbox(database: AppDatabase) {
  return {
    notify: database.prepare(
      `INSERT INTO alert_outbox(episode, event, url, body, created_at, next_at)
       VALUES (@episode, @event, @url, @body, @createdAt, @createdAt)`,
    ),
    due: database.prepare<[number, number], Notification>(
      `SELECT id, episode, event, url, body, created_at AS createdAt, attempts FROM alert_outbox o
       WHERE done_at IS NULL AND next_at <= ? AND NOT EXISTS (
         SELECT 1 FROM alert_outbox e
         WHERE e.done_at IS NULL AND e.episode = o.episode AND e.url = o.url AND e.id < o.id)
       ORDER BY id LIMIT ?`,
    ),
    retryAt: database.prepare(
      'UPDATE alert_outbox SET attempts = attempts + 1, next_at = ?, last_error = ? WHERE id = ?',
    ),
    done: database.prepare('UPDATE alert_outbox SET done_at = ?, last_error = ? WHERE id = ?'),
    notified: database.prepare<[string], EpisodeNotifications>(
      `SELECT count(*) FILTER (WHERE done_at IS NOT NULL AND last_error IS NULL) AS delivered,
         count(*) FILTER (WHERE done_at IS NULL) AS waiting,
         count(*) FILTER (WHERE done_at IS NOT NULL AND last_error IS NOT NULL) AS givenUp,
         max(last_error) AS lastError
       FROM alert_outbox WHERE episode = ?`,
    ),
    deliveries: database.prepare<[], DeliveryCounts>(
      `SELECT count(*) AS waiting, count(*) FILTER (WHERE attempts > 0) AS failing,
         (SELECT last_error FROM alert_outbox WHERE done_at IS NULL AND last_error IS NOT NULL ORDER BY id DESC LIMIT 1)
           AS lastError
       FROM alert_outbox WHERE done_at IS NULL`,
    ),
    pruneOutbox: database.prepare('DELETE FROM alert_outbox WHERE done_at < ?'),
  }
}
