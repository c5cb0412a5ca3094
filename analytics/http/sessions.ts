// Who may ask: the admin token, single-use sign-in links, sessions behind a cookie. Kept in app.db so that a restart
// signs nobody out; only hashes are stored, so the file alone signs nobody in.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../../runtime/clock.ts'
import type { AppDatabase } from '../app/app-database.ts'

export interface Identity {
  readonly user: string
  readonly role: 'admin' | 'viewer'
  /** What sockets are counted by: the session's hash, or `token`. */
  readonly session: string
}

export const sessionCookie = 'tailrace_session'
const sessionMs = 30 * 86_400_000
/** The page names this time where it says how to get another link. */
const linkMs = 15 * 60_000
/** A terminal's scrollback full of unused links is not kept alive. */
const linksMax = 100

export class Sessions {
  /** Told of every session that ends by signing out. */
  onEnded: (session: string) => void = () => {}
  readonly #database: AppDatabase
  readonly #clock: Clock
  readonly #adminTokenHash: Buffer
  readonly #statements

  constructor(database: AppDatabase, adminToken: string, clock: Clock) {
    this.#database = database
    this.#clock = clock
    this.#adminTokenHash = hashOf(adminToken)
    this.#statements = {
      addLink: this.#database.prepare('INSERT INTO links(hash, expires_at) VALUES (?, ?)'),
      useLink: this.#database.prepare('DELETE FROM links WHERE hash = ? AND expires_at > ?'),
      dropLinks: this.#database.prepare(
        `DELETE FROM links WHERE expires_at <= ?
         OR hash NOT IN (SELECT hash FROM links ORDER BY expires_at DESC LIMIT ?)`,
      ),
      addSession: this.#database.prepare(
        'INSERT INTO sessions(hash, user, role, expires_at) VALUES (?, ?, ?, ?)',
      ),
      findSession: this.#database.prepare<[string, number], { user: string; role: 'admin' | 'viewer' }>(
        'SELECT user, role FROM sessions WHERE hash = ? AND expires_at > ?',
      ),
      dropSession: this.#database.prepare('DELETE FROM sessions WHERE hash = ?'),
      dropSessions: this.#database.prepare('DELETE FROM sessions WHERE expires_at <= ?'),
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
        const cookie = randomToken()
        this.#statements.dropSessions.run(now)
        this.#statements.addSession.run(hashOf(cookie).toString('hex'), 'admin', 'admin', now + sessionMs)
        return cookie
      })
      .immediate()
  }

  bySession(cookie: string): Identity | null {
    const session = hashOf(cookie).toString('hex')
    const row = this.#statements.findSession.get(session, this.#clock.wallMs())
    return row ? { ...row, session } : null
  }

  /** What a session may do by now; null when it has ended or expired. */
  roleOf(session: string): Identity['role'] | null {
    return this.#statements.findSession.get(session, this.#clock.wallMs())?.role ?? null
  }

  byToken(token: string): Identity | null {
    return timingSafeEqual(hashOf(token), this.#adminTokenHash)
      ? { user: 'admin', role: 'admin', session: 'token' }
      : null
  }

  end(cookie: string): void {
    const session = hashOf(cookie).toString('hex')
    this.#statements.dropSession.run(session)
    this.onEnded(session)
  }
}

/** The session cookie's attributes. What was given over TLS comes back over TLS alone. */
export function cookieHeader(value: string, isSecure: boolean, maxAgeSeconds = sessionMs / 1000): string {
  const secure = isSecure ? '; Secure' : ''
  return `${sessionCookie}=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAgeSeconds}${secure}`
}

/** Reads the token file, or makes it. TAILRACE_ADMIN_TOKEN presets what is written. */
export function adminToken(path: string, preset = process.env['TAILRACE_ADMIN_TOKEN']): string {
  const found = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  if (found !== '' && (!preset || found === preset)) return found
  const token = preset || randomToken()
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
