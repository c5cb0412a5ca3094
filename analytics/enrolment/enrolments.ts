// Which agents may join and which have: tokens that are good once and for minutes, of which only hashes are kept, and
// the name, host and Kafka user of every agent that used one. A database of its own, `enrolments.db`.
import { createHash, randomBytes } from 'node:crypto'
import Database from 'better-sqlite3'
import type { Clock } from '../../runtime/clock.ts'
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import { newerFormatText } from '../../runtime/newer-format.ts'
import { enrolmentsFormat } from './format.ts'

export interface TokenWish {
  /** Null: the host's own name. */
  readonly name: string | null
  readonly expiresInMs: number
  readonly topics: readonly string[]
}

export interface TokenGrant {
  readonly hash: string
  readonly name: string | null
  readonly topics: readonly string[]
}

export interface EnrolledAgent {
  /** Also the Kafka user's name. */
  readonly user: string
  readonly name: string
  readonly host: string
  readonly agentId: string
  readonly enrolledAt: number
}

/** Its rights are taken away; what it said of itself is still known. */
export interface RemovedAgent {
  readonly agentId: string
  readonly name: string
  readonly removedAt: number
}

/** The newest of those that were removed. */
const removedMax = 10_000
/** What was sent before it was removed may still arrive. */
const lastWordsMs = 60_000
/** Forgotten tokens do not pile up. */
const tokensMax = 1_000

const schema = `
CREATE TABLE IF NOT EXISTS tokens(hash TEXT PRIMARY KEY, name TEXT, topics TEXT NOT NULL, expires_at INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agents(user TEXT PRIMARY KEY, name TEXT NOT NULL, host TEXT NOT NULL,
  agent_id TEXT NOT NULL, enrolled_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS removed(agent_id TEXT PRIMARY KEY, name TEXT NOT NULL, removed_at INTEGER NOT NULL)
  WITHOUT ROWID;
`

interface TokenRow {
  readonly hash: string
  readonly name: string | null
  readonly topics: string
  readonly expires_at: number
}

export class Enrolments {
  readonly #database: Database.Database
  readonly #clock: Clock
  /** Asked several times a second; null when it has changed. */
  #removals: ReadonlyMap<string, number> | null = null

  constructor(path: string, clock: Clock) {
    this.#database = new Database(path)
    this.#clock = clock
    this.#database.pragma('journal_mode = WAL')
    this.#database.pragma('busy_timeout = 2000')
    const format = this.#database.pragma('user_version', { simple: true }) as number
    if (format > enrolmentsFormat) {
      this.#database.close()
      throw new ExitError(
        exitCodes.config,
        `Cannot open "${path}": ${newerFormatText(format, enrolmentsFormat)}`,
      )
    }
    this.#database.exec(schema)
    if (format === 0) this.#database.pragma(`user_version = ${enrolmentsFormat}`)
  }

  makeToken({ name, expiresInMs, topics }: TokenWish): {
    readonly token: string
    readonly expiresAt: number
  } {
    const now = this.#clock.wallMs()
    const token = randomBytes(24).toString('base64url')
    const expiresAt = now + expiresInMs
    this.#database.prepare('DELETE FROM tokens WHERE expires_at <= ?').run(now)
    const { count } = this.#database.prepare('SELECT count(*) AS count FROM tokens').get() as {
      count: number
    }
    if (count >= tokensMax) throw new RangeError(`there are ${count} unused tokens already`)
    this.#database
      .prepare('INSERT INTO tokens(hash, name, topics, expires_at) VALUES (?, ?, ?, ?)')
      .run(hashOf(token), name, JSON.stringify(topics), expiresAt)
    return { token, expiresAt }
  }

  /** Takes the token away: nobody else can use it, also not at the same moment. Null if it is not good. */
  take(token: string): (TokenGrant & { readonly expiresAt: number }) | null {
    const row = this.#database
      .prepare<[string], TokenRow>('DELETE FROM tokens WHERE hash = ? RETURNING *')
      .get(hashOf(token))
    if (!row || row.expires_at <= this.#clock.wallMs()) return null
    const { hash, name, topics, expires_at: expiresAt } = row
    return { hash, name, topics: JSON.parse(topics) as string[], expiresAt }
  }

  /** What could not be given for it was not its fault: it is good again. */
  giveBack({ hash, name, topics, expiresAt }: TokenGrant & { readonly expiresAt: number }): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO tokens(hash, name, topics, expires_at) VALUES (?, ?, ?, ?)')
      .run(hash, name, JSON.stringify(topics), expiresAt)
  }

  add({ user, name, host, agentId, enrolledAt }: EnrolledAgent): void {
    this.#database
      .prepare('INSERT INTO agents(user, name, host, agent_id, enrolled_at) VALUES (?, ?, ?, ?, ?)')
      .run(user, name, host, agentId, enrolledAt)
    this.#database.prepare('DELETE FROM removed WHERE agent_id = ?').run(agentId)
    this.#removals = null
  }

  list(): EnrolledAgent[] {
    return this.#database
      .prepare<[], EnrolledAgent>(
        'SELECT user, name, host, agent_id AS agentId, enrolled_at AS enrolledAt FROM agents ORDER BY enrolled_at',
      )
      .all()
  }

  /** By user, agent id, or a name that only one has. */
  find(word: string): EnrolledAgent[] {
    const all = this.list()
    const exact = all.filter(({ user, agentId }) => user === word || agentId === word)
    return exact.length > 0 ? exact : all.filter(({ name }) => name === word)
  }

  remove(user: string): void {
    const now = this.#clock.wallMs()
    this.#database.transaction(() => {
      const gone = this.#database
        .prepare<[string], { agentId: string; name: string }>(
          'DELETE FROM agents WHERE user = ? RETURNING agent_id AS agentId, name',
        )
        .get(user)
      // A host that has joined again since has another user under the same id.
      if (gone && this.find(gone.agentId).length === 0) this.#note(gone.agentId, gone.name, now)
    })()
    this.#removals = null
  }

  /** One that never joined: it sent from this machine, and is not expected any more. */
  forget(agentId: string, name: string): void {
    this.#note(agentId, name, this.#clock.wallMs())
    this.#removals = null
  }

  #note(agentId: string, name: string, atMs: number): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO removed(agent_id, name, removed_at) VALUES (?, ?, ?)')
      .run(agentId, name, atMs)
    this.#database
      .prepare(
        'DELETE FROM removed WHERE agent_id NOT IN (SELECT agent_id FROM removed ORDER BY removed_at DESC LIMIT ?)',
      )
      .run(removedMax)
  }

  /** One that is heard of long after it was removed has come back another way, and is expected again. */
  isRemoved(agentId: string, lastSeenMs: number): boolean {
    this.#removals ??= new Map(this.removed().map(one => [one.agentId, one.removedAt]))
    const removedAt = this.#removals.get(agentId)
    return removedAt !== undefined && lastSeenMs <= removedAt + lastWordsMs
  }

  removed(): RemovedAgent[] {
    return this.#database
      .prepare<[], RemovedAgent>(
        'SELECT agent_id AS agentId, name, removed_at AS removedAt FROM removed ORDER BY removed_at DESC',
      )
      .all()
  }

  close(): void {
    this.#database.close()
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
