// The people who sign in by name and password. Kept in app.db; passwords only as argon2id. A password that changes and
// an account that goes take their sessions with them: whoever calls is told which, and ends what they still show.
import type { Clock } from '../../runtime/clock.ts'
import type { AppDatabase } from '../app/app-database.ts'
import type { Account, Role } from '../http/contract-accounts.ts'
import { ProblemError } from '../queries/problem.ts'
import { hashPassword, isOutdated, passwordFault, verifyPassword } from './passwords.ts'

interface AccountRow {
  readonly name: string
  readonly role: Role
  readonly password: string
  readonly created_at: number
  readonly changed_at: number
}

export class Accounts {
  readonly #clock: Clock
  readonly #database: AppDatabase
  readonly #statements

  constructor(database: AppDatabase, clock: Clock) {
    this.#clock = clock
    this.#database = database
    this.#statements = {
      list: database.prepare<[], AccountRow & { sessions: number; used_at: number | null }>(
        `SELECT a.*, count(s.hash) AS sessions, max(s.used_at) AS used_at FROM accounts a
         LEFT JOIN sessions s ON s.user = a.name AND s.by = 'password' GROUP BY a.name ORDER BY a.name`,
      ),
      find: database.prepare<[string], AccountRow>('SELECT * FROM accounts WHERE name = ?'),
      add: database.prepare('INSERT OR IGNORE INTO accounts VALUES (?, ?, ?, ?, ?)'),
      change: database.prepare('UPDATE accounts SET password = ?, changed_at = ? WHERE name = ?'),
      improve: database.prepare('UPDATE accounts SET password = ? WHERE name = ? AND password = ?'),
      remove: database.prepare('DELETE FROM accounts WHERE name = ?'),
      changeRole: database.prepare('UPDATE accounts SET role = ? WHERE name = ?'),
      otherAdmins: database
        .prepare<[string], number>(`SELECT count(*) FROM accounts WHERE role = 'admin' AND name <> ?`)
        .pluck(),
      endSessions: database
        .prepare<[string, string], string>(
          `DELETE FROM sessions WHERE user = ? AND by = 'password' AND hash <> ? RETURNING hash`,
        )
        .pluck(),
    }
  }

  list(): Account[] {
    return this.#statements.list.all().map(row => ({
      name: row.name,
      role: row.role,
      createdAt: row.created_at,
      changedAt: row.changed_at,
      lastSeenAt: row.used_at,
      sessions: row.sessions,
    }))
  }

  get count(): number {
    return this.#statements.list.all().length
  }

  async add(name: string, role: Role, password: string): Promise<void> {
    refuseWeak(name, password)
    const taken = () =>
      new ProblemError(409, 'account-exists', 'Exists already', `There is an account "${name}" already.`)
    if (this.#statements.find.get(name)) throw taken()
    const hash = await hashPassword(password)
    const now = this.#clock.wallMs()
    if (this.#statements.add.run(name, role, hash, now, now).changes === 0) throw taken()
  }

  /** The sessions that ended: all of the account's but `exceptSession`. */
  async changePassword(name: string, password: string, exceptSession: string): Promise<string[]> {
    this.#require(name)
    refuseWeak(name, password)
    const hash = await hashPassword(password)
    return this.#database
      .transaction(() => {
        if (this.#statements.change.run(hash, this.#clock.wallMs(), name).changes === 0) this.#require(name)
        return this.#statements.endSessions.all(name, exceptSession)
      })
      .immediate()
  }

  /** The sessions that ended: whoever may do less, or more, signs in again. The last admin stays one. */
  changeRole(name: string, role: Role): string[] {
    return this.#database
      .transaction(() => {
        this.#require(name)
        if (this.#statements.find.get(name)?.role === role) return []
        if (role !== 'admin' && this.#statements.otherAdmins.get(name) === 0) throw lastAdmin(name)
        this.#statements.changeRole.run(role, name)
        return this.#statements.endSessions.all(name, '')
      })
      .immediate()
  }

  /** The sessions that ended. The last admin stays. */
  remove(name: string): string[] {
    return this.#database
      .transaction(() => {
        this.#require(name)
        const isAdmin = this.#statements.find.get(name)?.role === 'admin'
        if (isAdmin && this.#statements.otherAdmins.get(name) === 0) throw lastAdmin(name)
        this.#statements.remove.run(name)
        return this.#statements.endSessions.all(name, '')
      })
      .immediate()
  }

  /** The role of whoever has this password; null for a wrong one and for an unknown name, at the same cost. */
  async check(name: string, password: string): Promise<Role | null> {
    const stored = this.#statements.find.get(name)?.password ?? null
    const isRight = await verifyPassword(password, stored)
    // Once more: it may have been changed, or the account removed, in the meantime.
    const now = this.#statements.find.get(name)
    if (!isRight || stored === null || now?.password !== stored) return null
    if (isOutdated(stored)) this.#statements.improve.run(await hashPassword(password), name, stored)
    return now.role
  }

  #require(name: string): void {
    if (this.#statements.find.get(name)) return
    throw new ProblemError(404, 'unknown-account', 'No such account', `There is no account "${name}".`)
  }
}

function lastAdmin(name: string): ProblemError {
  const detail = `"${name}" is the last account that may act. Make another one an admin first.`
  return new ProblemError(409, 'last-admin', 'Nobody would be left to act', detail)
}

function refuseWeak(name: string, password: string): void {
  const fault = passwordFault(password, name)
  if (fault !== null) throw new ProblemError(400, 'weak-password', 'Not taken as a password', `${fault}.`)
}
