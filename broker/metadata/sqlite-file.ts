// The metadata store's two SQLite files as synchronous calls, made from the store's worker thread only:
//
//   metadata.db               entries and their change log, WAL, synchronous=FULL: what was committed stays
//   metadata.db.beats-<boot>  sessions and their last beats, synchronous=OFF: worth nothing after a power cut,
//                             when every session has ended anyhow, so each boot of the machine begins a new one
//
// Nothing here waits: a locked file answers 'busy', and the caller decides how long to go on trying.
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { newerFormatText } from '../../runtime/newer-format.ts'
import { metadataFormat } from './format.ts'
import type { StoredEntry, WireOperation, WireResult } from './sqlite-messages.ts'
import type { Guard } from './store.ts'

/** Changes kept for watchers that poll: one that fell further behind takes a snapshot instead. */
const changesRetained = 10_000
const pruneEvery = 256
/** How long opening may wait for another process that is just creating the file. */
const openTimeoutMs = 5_000

const schema = `
  CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, seq INTEGER NOT NULL, session TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS changes (
    seq INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (seq, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS counter (
    id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, pruned INTEGER NOT NULL
  );
  INSERT OR IGNORE INTO counter VALUES (1, 0, 0);
`
const beatsSchema = `
  CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, ttlMs INTEGER NOT NULL, beatMs INTEGER NOT NULL
  ) WITHOUT ROWID;
`

interface Row {
  readonly key: string
  readonly value: Uint8Array
  readonly seq: number
}

export interface Changes {
  /** Null when the log no longer reaches back: take a snapshot. */
  readonly changed: readonly { readonly key: string; readonly entry: StoredEntry | null }[] | null
  readonly at: number
}

/** Thrown inside a transaction to undo it. */
class Conflict extends Error {}

export class SqliteFile {
  readonly #database: Database.Database
  readonly #beats: Database.Database
  readonly #statements = new Map<string, Database.Statement>()
  #dataVersion = -1
  /** SQLite counts only the commits of others as news to a connection. */
  #hasWritten = false

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true })
    this.#database = openDatabase(path, 'FULL', schema)
    const beatsName = `${basename(path)}.beats-`
    const beatsPath = `${path}.beats-${bootId()}`
    for (const name of readdirSync(dirname(path))) {
      const isOld = name.startsWith(beatsName) && !name.startsWith(basename(beatsPath))
      if (isOld) rmSync(join(dirname(path), name), { force: true })
    }
    this.#beats = openDatabase(beatsPath, 'OFF', beatsSchema)
    syncDirectory(dirname(path))
  }

  get(key: string): StoredEntry | null {
    const row = this.#prepare('SELECT key, value, seq FROM entries WHERE key = ?').get(key)
    return row ? stored(row as Row) : null
  }

  list(prefix: string): { readonly entries: StoredEntry[]; readonly at: number } {
    // One read transaction, so that entries and position are of one instant.
    return this.#database.transaction(() => {
      const rows = this.#prepare(
        'SELECT key, value, seq FROM entries WHERE key >= ? AND key < ? ORDER BY key',
      )
      const end = `${prefix}\u{10ffff}`
      return { entries: (rows.all(prefix, end) as Row[]).map(stored), at: this.#counter().seq }
    })()
  }

  /** One attempt. 'busy' when another process is writing. */
  transact(guards: readonly Guard[], operations: readonly WireOperation[]): WireResult | 'busy' {
    return this.#write(seq => {
      for (const { key, version } of guards) if (this.#versionOf(key) !== version) throw new Conflict()
      return operations.map(operation => this.#apply(operation, seq))
    })
  }

  /** Whether anything was committed, by anybody, since the last call. Cheap: made fifty times a second. */
  hasNews(): boolean {
    const version = this.#database.pragma('data_version', { simple: true }) as number
    const isNew = version !== this.#dataVersion || this.#hasWritten
    this.#dataVersion = version
    this.#hasWritten = false
    return isNew
  }

  changesSince(seq: number): Changes {
    return this.#database.transaction(() => {
      const counter = this.#counter()
      if (counter.seq === seq) return { changed: [], at: seq }
      if (seq < counter.pruned) return { changed: null, at: counter.seq }
      const keys = this.#prepare('SELECT DISTINCT key FROM changes WHERE seq > ? ORDER BY seq')
        .pluck()
        .all(seq)
      return { changed: (keys as string[]).map(key => ({ key, entry: this.get(key) })), at: counter.seq }
    })()
  }

  openSession(id: string, ttlMs: number): boolean {
    return this.#beat('INSERT INTO sessions VALUES (?, ?, ?)', id, ttlMs, monotonicMs()) === 1
  }

  /** 'ended' once somebody declared the session over; 'busy' says nothing either way. */
  beat(id: string): 'alive' | 'ended' | 'busy' {
    const changes = this.#beat('UPDATE sessions SET beatMs = ? WHERE id = ?', monotonicMs(), id)
    return changes < 0 ? 'busy' : changes === 1 ? 'alive' : 'ended'
  }

  closeSession(id: string): boolean {
    return this.#beat('DELETE FROM sessions WHERE id = ?', id) >= 0
  }

  /**
   * Declares sessions over whose beats stopped, and removes the ephemeral entries of all that are. The session's row
   * goes first: from then on its own beats fail, whatever happens to this process before the entries are gone.
   */
  reap(): void {
    const nowMs = monotonicMs()
    const expired = 'FROM sessions WHERE abs(? - beatMs) > ttlMs'
    if (this.#beats.prepare(`SELECT 1 ${expired} LIMIT 1`).get(nowMs)) this.#beat(`DELETE ${expired}`, nowMs)
    const sessions = this.#prepare('SELECT DISTINCT session FROM entries WHERE session IS NOT NULL')
      .pluck()
      .all()
    const live = new Set(this.#beats.prepare('SELECT id FROM sessions').pluck().all())
    const ended = (sessions as string[]).filter(session => !live.has(session))
    if (ended.length > 0) this.#write(seq => this.#removeOf(ended, seq))
  }

  close(): void {
    this.#database.close()
    this.#beats.close()
  }

  #apply(operation: WireOperation, seq: number): number | null {
    if ('create' in operation) {
      const { create: key, value, session } = operation
      const isPresent = this.#versionOf(key) !== null
      const isOver =
        session !== undefined && !this.#beats.prepare('SELECT 1 FROM sessions WHERE id = ?').get(session)
      if (isPresent || isOver) throw new Conflict()
      this.#prepare('INSERT INTO entries VALUES (?, ?, ?, ?)').run(key, value, seq, session ?? null)
      this.#log(seq, key)
      return seq
    }
    const key = 'update' in operation ? operation.update : operation.remove
    if (this.#versionOf(key) !== operation.version) throw new Conflict()
    if ('update' in operation) {
      this.#prepare('UPDATE entries SET value = ?, seq = ? WHERE key = ?').run(operation.value, seq, key)
    } else this.#prepare('DELETE FROM entries WHERE key = ?').run(key)
    this.#log(seq, key)
    return 'update' in operation ? seq : null
  }

  #removeOf(sessions: readonly string[], seq: number): null[] {
    for (const session of sessions) {
      const keys = this.#prepare('DELETE FROM entries WHERE session = ? RETURNING key').pluck().all(session)
      for (const key of keys as string[]) this.#log(seq, key)
    }
    return []
  }

  #write(work: (seq: number) => readonly (number | null)[]): WireResult | 'busy' {
    try {
      const result = this.#database
        .transaction((): WireResult => {
          const seq = this.#prepare('UPDATE counter SET seq = seq + 1 RETURNING seq').pluck().get() as number
          const versions = work(seq)
          if (seq % pruneEvery === 0) this.#prune(seq - changesRetained)
          return { outcome: 'applied', position: seq, versions }
        })
        .immediate()
      this.#hasWritten = true
      return result
    } catch (error) {
      if (error instanceof Conflict) return { outcome: 'conflict' }
      if (isBusy(error)) return 'busy'
      throw error
    }
  }

  #prune(upTo: number): void {
    this.#prepare('DELETE FROM changes WHERE seq <= ?').run(upTo)
    this.#prepare('UPDATE counter SET pruned = max(pruned, ?)').run(upTo)
  }

  #log(seq: number, key: string): void {
    this.#prepare('INSERT OR IGNORE INTO changes VALUES (?, ?)').run(seq, key)
  }

  #versionOf(key: string): string | null {
    const seq = this.#prepare('SELECT seq FROM entries WHERE key = ?').pluck().get(key)
    return seq === undefined ? null : String(seq)
  }

  #counter(): { readonly seq: number; readonly pruned: number } {
    return this.#prepare('SELECT seq, pruned FROM counter').get() as { seq: number; pruned: number }
  }

  /** Rows changed, -1 when busy. */
  #beat(sql: string, ...parameters: readonly (string | number)[]): number {
    try {
      return this.#beats.prepare(sql).run(...parameters).changes
    } catch (error) {
      if (isBusy(error)) return -1
      throw error
    }
  }

  #prepare(sql: string): Database.Statement {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

function stored({ key, value, seq }: Row): StoredEntry {
  return { key, value, seq }
}

function isBusy(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? ''
  return code.startsWith('SQLITE_BUSY') || code === 'SQLITE_LOCKED'
}

/** Comparable between the processes of one boot, and never set back: a clock step must not end every session. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8)
  } catch {
    // Elsewhere a session of an earlier boot is told by a beat that lies in the future.
    return 'boot'
  }
}

/** The cluster's secret is in it. By name, not by a descriptor: closing one drops SQLite's locks. */
function keepToOwner(path: string): void {
  for (const name of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      chmodSync(name, 0o600)
    } catch {
      // Not made yet, and then made as the first one is.
    }
  }
}

function openDatabase(path: string, synchronous: 'FULL' | 'OFF', tables: string): Database.Database {
  const database = new Database(path, { timeout: openTimeoutMs })
  const deadlineMs = performance.now() + openTimeoutMs
  for (;;) {
    try {
      database.pragma('journal_mode = WAL')
      break
    } catch (error) {
      // Turning to WAL is refused at once, without waiting, while another process does the same.
      if (!isBusy(error) || performance.now() > deadlineMs) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
  keepToOwner(path)
  database.pragma(`synchronous = ${synchronous}`)
  const format = database.pragma('user_version', { simple: true }) as number
  if (format > metadataFormat) {
    database.close()
    throw new Error(newerFormatText(format, metadataFormat))
  }
  const stamp = format === 0 ? `PRAGMA user_version = ${metadataFormat};` : ''
  database.exec(`BEGIN IMMEDIATE; ${tables} ${stamp} COMMIT`)
  database.pragma('busy_timeout = 0')
  return database
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
