// Who did what, when and from where: sign-ins and their refusals, what was refused for want of a role, every request
// that acted. Kept in app.db, the newest ones; never a reason for a request to fail.
import type { Clock } from '../../runtime/clock.ts'
import type { Log } from '../../runtime/log.ts'
import type { AppDatabase } from '../app/app-database.ts'
import type { AuditAnswer, AuditEntry, AuditKind, Role } from '../http/contract-accounts.ts'
import { Buckets, networkOf } from './login-limits.ts'

const entriesMax = 100_000
const keptMs = 400 * 86_400_000
const prunedEvery = 500
const textMax = 200
/** Of one who is refused again and again: else they could wash the rest away. */
const refusals = { most: 30, refillMs: 600_000 }

export interface AuditNote {
  readonly user: string
  readonly role: Role | null
  readonly by: AuditEntry['by']
  readonly address: string
  readonly kind: AuditKind
  readonly action: string
  readonly status: number
  readonly detail?: string
}

export interface AuditQuestion {
  readonly limit: number
  /** Entries older than this one. */
  readonly before?: number | undefined
  readonly user?: string | undefined
  readonly kind?: AuditKind | undefined
}

export class AuditLog {
  readonly #clock: Clock
  readonly #log: Log
  readonly #refusals = new Buckets(refusals)
  readonly #statements
  #sincePruned = prunedEvery

  constructor(database: AppDatabase, clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
    this.#statements = {
      add: database.prepare(
        `INSERT INTO audit(at, user, role, by, address, kind, action, status, detail)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      prune: database.prepare('DELETE FROM audit WHERE at < ? OR id <= (SELECT max(id) FROM audit) - ?'),
      page: database.prepare<[Record<string, string | number | null>], AuditEntry>(
        `SELECT id, at, user, role, by, address, kind, action, status, detail FROM audit
         WHERE id < :before AND (:user IS NULL OR user = :user) AND (:kind IS NULL OR kind = :kind)
         ORDER BY id DESC LIMIT :limit`,
      ),
    }
  }

  add(note: AuditNote): void {
    const now = this.#clock.wallMs()
    const isRefusal = note.kind === 'refused' || note.kind === 'signInRefused'
    // Whoever only tries to sign in can make up names without end.
    const refused = note.kind === 'signInRefused' ? networkOf(note.address) : `${note.user}\n${note.address}`
    if (isRefusal && this.#refusals.take(refused, now) > 0) return
    try {
      const { user, role, by, address, kind, action, status, detail = '' } = note
      const texts = [action.slice(0, textMax), status, detail.slice(0, textMax)]
      this.#statements.add.run(now, user.slice(0, textMax), role, by, address, kind, ...texts)
      if (++this.#sincePruned >= prunedEvery) {
        this.#statements.prune.run(now - keptMs, entriesMax)
        this.#sincePruned = 0
      }
    } catch (error) {
      this.#log.error('the audit log could not be written', { error: error as Error })
    }
  }

  page({ limit, before, user, kind }: AuditQuestion): AuditAnswer {
    const found = this.#statements.page.all({
      before: before ?? Number.MAX_SAFE_INTEGER,
      user: user ?? null,
      kind: kind ?? null,
      limit: limit + 1,
    })
    const entries = found.slice(0, limit)
    return { entries, next: found.length > limit ? String(entries.at(-1)!.id) : null }
  }
}
