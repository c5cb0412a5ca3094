// windows.db: the statistics, the offsets they cover, what keeps a line from counting twice, and the loss ledger,
// in one SQLite file because they commit together. Opens, creates, refuses what it does not know.
import Database from 'better-sqlite3'
import { type Migration, migrations } from './migrations/list.ts'
import { applyMigrations, formatOf, migrate, newerText } from './migrations/migrate.ts'

export type Connection = Database.Database

/** What the file has after the last migration. */
export const schemaVersion = migrations.at(-1)?.version ?? 1

/** Format 1, for ever: what has changed since is in migrations/. */
const schema = `
-- One row: counts commits. Stored sketches are absolute, so whoever writes must have read the last commit.
CREATE TABLE writer(id INTEGER PRIMARY KEY CHECK(id = 1), version INTEGER NOT NULL, committed_at INTEGER);

-- What is read, and how far. next IS the truth; offsets in the broker are a hint for tools.
CREATE TABLE sources(
  id INTEGER PRIMARY KEY,
  job TEXT NOT NULL,
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  topic_id TEXT,
  next INTEGER NOT NULL,
  high_watermark INTEGER NOT NULL DEFAULT 0,
  watermark INTEGER,
  stopped TEXT,
  updated_at INTEGER,
  UNIQUE(job, topic, partition)
);

-- The last position folded of each src in each partition.
CREATE TABLE dedup(source INTEGER NOT NULL, src TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY(source, src))
  WITHOUT ROWID;

-- dims: names of the labels, sorted, joined by a comma; labels: JSON. last_day: newest day with a row (seconds).
CREATE TABLE series(
  id INTEGER PRIMARY KEY,
  metric TEXT NOT NULL,
  dims TEXT NOT NULL,
  labels TEXT NOT NULL,
  last_day INTEGER NOT NULL,
  UNIQUE(metric, dims, labels)
);
CREATE INDEX series_by_day ON series(metric, dims, last_day);

-- Buckets are seconds since the epoch. Series first: one series over time is one range.
CREATE TABLE counts(step INTEGER, series INTEGER, bucket INTEGER, n INTEGER NOT NULL, PRIMARY KEY(step, series, bucket))
  WITHOUT ROWID;
-- part: which writer's share this is; one writer for now. Absolute, replaced as a whole.
CREATE TABLE sketches(
  step INTEGER, series INTEGER, bucket INTEGER, part INTEGER, data BLOB NOT NULL,
  PRIMARY KEY(step, series, bucket, part)
) WITHOUT ROWID;

-- Buckets touched by each commit, for whoever shows them live. Pruned after minutes.
CREATE TABLE changes(version INTEGER, step INTEGER, bucket INTEGER, PRIMARY KEY(version, step, bucket)) WITHOUT ROWID;

-- Before these times (seconds) rows of a step are neither written nor answered.
CREATE TABLE edges(step INTEGER PRIMARY KEY, bucket INTEGER NOT NULL);
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE losses(
  key TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  source TEXT NOT NULL,
  from_position TEXT NOT NULL,
  to_position TEXT NOT NULL,
  lines INTEGER,
  detail TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX losses_by_time ON losses(at);

CREATE TABLE agents(agent_id TEXT PRIMARY KEY, last_seen INTEGER NOT NULL, status TEXT NOT NULL) WITHOUT ROWID;
`

/** The file was written by a newer version. */
export class NewerFormatError extends Error {
  override readonly name = 'NewerFormatError'
}

/** Opens for writing; creates a new file, and brings an older one to the format of the last migration. */
export function openStore(path: string, list: readonly Migration[] = migrations): Connection {
  const connection = new Database(path)
  // Free pages can go back to the file system. Only in files made from now on; in others they are used again.
  if (connection.pragma('page_count', { simple: true }) === 0) connection.pragma('auto_vacuum = INCREMENTAL')
  connection.pragma('journal_mode = WAL')
  // FULL: a commit survives a power cut. The offset and the statistics would vanish together, but acknowledged
  // agents status and ledger entries must not.
  connection.pragma('synchronous = FULL')
  connection.pragma('busy_timeout = 5000')
  // Each commit changes thousands of pages, mostly those of the commit before: written back to the file itself once for
  // every few commits, not for each. As many pages as the write-ahead log may keep anyway (upkeep.ts).
  connection.pragma('wal_autocheckpoint = 16384')
  connection.pragma('cache_size = -32768')
  try {
    bringUp(connection, path, list)
  } catch (error) {
    connection.close()
    throw error
  }
  return connection
}

function bringUp(connection: Connection, path: string, list: readonly Migration[]): void {
  const known = list.at(-1)?.version ?? 1
  const version = formatOf(connection)
  if (version > known) {
    throw new NewerFormatError(newerText(path, version, known))
  }
  if (version === 0) create(connection, list)
  else migrate(connection, path, list)
}

/** Opens for queries: cannot write, sees only what is committed. */
export function openReader(path: string): Connection {
  const connection = new Database(path, { readonly: true })
  connection.pragma('cache_size = -32768')
  return connection
}

function create(connection: Connection, list: readonly Migration[]): void {
  // Two processes may start at once: the second waits for the first and finds the work done.
  connection
    .transaction(() => {
      if (formatOf(connection) !== 0) return
      connection.exec(schema)
      connection.exec('INSERT INTO writer(id, version) VALUES (1, 0)')
      connection.pragma('user_version = 1')
      applyMigrations(connection, list)
    })
    .immediate()
}
