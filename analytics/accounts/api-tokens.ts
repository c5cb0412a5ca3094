// Tokens for programs: each with a name, a role and perhaps an end. Shown once; only hashes are kept. They belong to
// the appliance, not to whoever made them.
import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../runtime/clock.ts'
import type { AppDatabase } from '../app/app-database.ts'
import type { ApiToken, NewApiToken, Role } from '../http/contract-accounts.ts'
import { ProblemError } from '../queries/problem.ts'

/** What secret scanners can look for. */
const prefix = 'tailrace_'
const tokensMax = 1_000
/** Written at most this often: a dashboard asks every second. */
const usedEveryMs = 60_000

interface TokenRow {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly created_by: string
  readonly created_at: number
  readonly used_at: number | null
  readonly expires_at: number | null
}

export class ApiTokens {
  readonly #clock: Clock
  readonly #statements

  constructor(database: AppDatabase, clock: Clock) {
    this.#clock = clock
    this.#statements = {
      list: database.prepare<[], TokenRow>('SELECT * FROM api_tokens ORDER BY created_at DESC, id'),
      count: database.prepare<[], number>('SELECT count(*) FROM api_tokens').pluck(),
      add: database.prepare('INSERT INTO api_tokens VALUES (?, ?, ?, ?, ?, ?, NULL, ?)'),
      remove: database.prepare<[string], { name: string }>(
        'DELETE FROM api_tokens WHERE id = ? RETURNING name',
      ),
      byHash: database.prepare<[string, number], TokenRow>(
        'SELECT * FROM api_tokens WHERE hash = ? AND coalesce(expires_at > ?, 1)',
      ),
      byId: database
        .prepare<[string, number], Role>(
          'SELECT role FROM api_tokens WHERE id = ? AND coalesce(expires_at > ?, 1)',
        )
        .pluck(),
      used: database.prepare('UPDATE api_tokens SET used_at = ? WHERE id = ?'),
    }
  }

  list(): ApiToken[] {
    return this.#statements.list.all().map(row => ({
      id: row.id,
      name: row.name,
      role: row.role,
      createdBy: row.created_by,
      createdAt: row.created_at,
      lastUsedAt: row.used_at,
      expiresAt: row.expires_at,
    }))
  }

  add(name: string, role: Role, createdBy: string, expiresAt: number | null): NewApiToken {
    const now = this.#clock.wallMs()
    if (expiresAt !== null && expiresAt <= now) {
      throw new ProblemError(400, 'bad-field', 'Cannot read expiresAt', 'expiresAt: lies in the past.')
    }
    if (this.#statements.count.get()! >= tokensMax) {
      const detail = `There are ${tokensMax} tokens. Remove some that nobody uses.`
      throw new ProblemError(409, 'too-many-tokens', 'Too many tokens', detail)
    }
    const id = randomBytes(4).toString('hex')
    const token = `${prefix}${randomBytes(24).toString('base64url')}`
    this.#statements.add.run(id, hashOf(token), name, role, createdBy, now, expiresAt)
    return { id, name, role, createdBy, createdAt: now, lastUsedAt: null, expiresAt, token }
  }

  /** Its name. */
  remove(id: string): string {
    const removed = this.#statements.remove.get(id)
    if (removed) return removed.name
    throw new ProblemError(404, 'unknown-token', 'No such token', `There is no token "${id}".`)
  }

  find(token: string): { readonly id: string; readonly name: string; readonly role: Role } | null {
    if (!token.startsWith(prefix)) return null
    const now = this.#clock.wallMs()
    const row = this.#statements.byHash.get(hashOf(token), now)
    if (!row) return null
    if (now - (row.used_at ?? 0) >= usedEveryMs) this.#statements.used.run(now, row.id)
    return { id: row.id, name: row.name, role: row.role }
  }

  /** What a token may do by now; null when it is gone or has ended. */
  roleOf(id: string): Role | null {
    return this.#statements.byId.get(id, this.#clock.wallMs()) ?? null
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
