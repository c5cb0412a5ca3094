// Who may ask: the admin token of the data directory, API tokens, single-use sign-in links, sessions behind a cookie.
// Kept in app.db so that a restart signs nobody out; only hashes are stored, so the file alone signs nobody in.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../../runtime/clock.ts'
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import { Accounts } from '../accounts/accounts.ts'
import { ApiTokens } from '../accounts/api-tokens.ts'
import type { AppDatabase } from '../app/app-database.ts'

export interface Identity {
  /** The name of the account or token; `admin` of a link and of the data directory's token. */
  readonly user: string
  readonly role: 'admin' | 'viewer'
  readonly by: 'link' | 'password' | 'token'
  /** What sockets are counted by: the session's hash, `token`, or `token:` and an API token's id. */
  readonly session: string
}

const cookieName = 'tailrace_session'
/** Browsers take the prefix only with Secure, Path=/ and no Domain: no other host or page can set it. */
const secureCookieName = `__Host-${cookieName}`
/** A session ends after this long in any case … */
export const sessionMs = 30 * 86_400_000
/** … and after this long without being used. */
export const sessionIdleMs = 7 * 86_400_000
/** Written at most this often: a page asks all the time. */
const usedEveryMs = 60_000
/** The page names this time where it says how to get another link. */
const linkMs = 15 * 60_000
/** A terminal's scrollback full of unused links is not kept alive. */
const linksMax = 100
const sessionsPerUserMax = 100

interface SessionRow {
  readonly user: string
  readonly role: Identity['role']
  readonly by: 'link' | 'password'
  readonly usedAt: number | null
}

/** An account's session has the role that the account has now, and none when the account is gone. */
const liveSession = `
  SELECT s.user AS user, s.by AS by, s.used_at AS usedAt, CASE s.by WHEN 'link' THEN s.role ELSE a.role END AS role
  FROM sessions s LEFT JOIN accounts a ON s.by = 'password' AND a.name = s.user
  WHERE s.hash = ? AND s.expires_at > ? AND coalesce(s.used_at > ?, 1) AND (s.by = 'link' OR a.name IS NOT NULL)`

export class Sessions {
  /** Told of every session that ends before its time. */
  onEnded: (session: string) => void = () => {}
  readonly accounts: Accounts
  readonly tokens: ApiTokens
  readonly #database: AppDatabase
  readonly #clock: Clock
  readonly #adminTokenHash: Buffer
  readonly #statements

  constructor(database: AppDatabase, adminToken: string, clock: Clock) {
    this.#database = database
    this.#clock = clock
    this.#adminTokenHash = hashOf(adminToken)
    this.accounts = new Accounts(database, clock)
    this.tokens = new ApiTokens(database, clock)
    this.#statements = {
      addLink: database.prepare('INSERT INTO links(hash, expires_at) VALUES (?, ?)'),
      useLink: database.prepare('DELETE FROM links WHERE hash = ? AND expires_at > ?'),
      dropLinks: database.prepare(
        `DELETE FROM links WHERE expires_at <= ?
         OR hash NOT IN (SELECT hash FROM links ORDER BY expires_at DESC LIMIT ?)`,
      ),
      add: database.prepare(
        `INSERT INTO sessions(hash, user, role, expires_at, by, created_at, used_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ),
      find: database.prepare<[string, number, number], SessionRow>(liveSession),
      used: database.prepare('UPDATE sessions SET used_at = ? WHERE hash = ?'),
      drop: database.prepare('DELETE FROM sessions WHERE hash = ?'),
      dropOld: database.prepare('DELETE FROM sessions WHERE expires_at <= ? OR used_at <= ?'),
      dropMany: database
        .prepare<[string, string, number], string>(
          `DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE user = ? AND by = ?
           ORDER BY coalesce(created_at, 0) DESC LIMIT -1 OFFSET ?) RETURNING hash`,
        )
        .pluck(),
    }
  }

  /** A token for `/login#t=…`, good once and for a quarter of an hour. */
  makeLink(): { readonly token: string; readonly expiresAt: number } {
    const token = randomToken()
    const now = this.#clock.wallMs()
    const expiresAt = now + linkMs
    this.#statements.dropLinks.run(now, linksMax)
    this.#statements.addLink.run(hashOf(token).toString('hex'), expiresAt)
    return { token, expiresAt }
  }

  /** A new session's cookie value for the token of a link, null if it is used, expired or made up. */
  redeemLink(token: string): string | null {
    const now = this.#clock.wallMs()
    return this.#database
      .transaction(() => {
        if (this.#statements.useLink.run(hashOf(token).toString('hex'), now).changes !== 1) return null
        return this.#start('admin', 'admin', 'link')
      })
      .immediate()
  }

  /** A new session's cookie value for whoever has just shown the password of an account. */
  startFor(user: string, role: Identity['role']): string {
    return this.#database.transaction(() => this.#start(user, role, 'password')).immediate()
  }

  #start(user: string, role: Identity['role'], by: Identity['by']): string {
    const cookie = randomToken()
    const now = this.#clock.wallMs()
    this.#statements.dropOld.run(now, now - sessionIdleMs)
    for (const ended of this.#statements.dropMany.all(user, by, sessionsPerUserMax - 1)) this.onEnded(ended)
    this.#statements.add.run(hashOf(cookie).toString('hex'), user, role, now + sessionMs, by, now, now)
    return cookie
  }

  bySession(cookie: string): Identity | null {
    const session = hashOf(cookie).toString('hex')
    const now = this.#clock.wallMs()
    const row = this.#statements.find.get(session, now, now - sessionIdleMs)
    if (!row) return null
    if (now - (row.usedAt ?? 0) >= usedEveryMs) this.#statements.used.run(now, session)
    return { user: row.user, role: row.role, by: row.by, session }
  }

  /** What a session or a token may do by now; null when it has ended, expired or was removed. */
  roleOf(session: string): Identity['role'] | null {
    if (session === 'token') return 'admin'
    if (session.startsWith('token:')) return this.tokens.roleOf(session.slice('token:'.length))
    const now = this.#clock.wallMs()
    const row = this.#statements.find.get(session, now, now - sessionIdleMs)
    if (!row) return null
    // A page that only watches is used too.
    if (now - (row.usedAt ?? 0) >= usedEveryMs) this.#statements.used.run(now, session)
    return row.role
  }

  byToken(token: string): Identity | null {
    if (timingSafeEqual(hashOf(token), this.#adminTokenHash))
      return { user: 'admin', role: 'admin', by: 'token', session: 'token' }
    const found = this.tokens.find(token)
    if (!found) return null
    return { user: found.name, role: found.role, by: 'token', session: `token:${found.id}` }
  }

  end(cookie: string): void {
    const session = hashOf(cookie).toString('hex')
    this.#statements.drop.run(session)
    this.onEnded(session)
  }

  /** Signs somebody out everywhere: of the links, or of the account. */
  endAll(user: string, by: Identity['by']): number {
    const ended = this.#statements.dropMany.all(user, by, 0)
    for (const session of ended) this.onEnded(session)
    return ended.length
  }
}

/** The cookie that a browser shows over TLS, and over plain loopback. */
export function sessionCookie(isSecure: boolean): string {
  return isSecure ? secureCookieName : cookieName
}

/** The session cookie's attributes. What was given over TLS comes back over TLS alone. */
export function cookieHeader(value: string, isSecure: boolean, maxAgeSeconds = sessionMs / 1000): string {
  const secure = isSecure ? '; Secure' : ''
  const name = sessionCookie(isSecure)
  return `${name}=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAgeSeconds}${secure}`
}

/** Reads the token file, or makes it. TAILRACE_ADMIN_TOKEN presets what is written. */
export function adminToken(path: string, preset = process.env['TAILRACE_ADMIN_TOKEN']): string {
  // A line break at the end comes with every file that somebody reads it from.
  const wanted = preset?.trim() ?? ''
  if (!/^[\x21-\x7e]*$/.test(wanted)) {
    const why = 'it has a space, a line break or a letter that no header can carry in it'
    throw new ExitError(exitCodes.config, `TAILRACE_ADMIN_TOKEN cannot be used: ${why}`)
  }
  const found = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  if (found !== '' && (wanted === '' || found === wanted)) return found
  const token = wanted === '' ? randomToken() : wanted
  mkdirSync(dirname(path), { recursive: true })
  writePrivate(path, `${token}\n`)
  return token
}

/** For secrets: readable by the owner alone, also when the file was there before. */
export function writePrivate(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 })
  chmodSync(path, 0o600)
}

function randomToken(): string {
  return randomBytes(24).toString('base64url')
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
