// Alert rules, the alerts they have now, the episodes they had, and the notifications that still have to leave.
export const alertsMigration = {
  version: 2,
  sql: `
CREATE TABLE alert_rules(
  id TEXT PRIMARY KEY, rule TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Of rules of the API and of the configuration alike. evaluated_until: event time (ms) that is judged.
CREATE TABLE alert_progress(
  rule TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, evaluated_until INTEGER, alerts TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE alert_episodes(
  id TEXT PRIMARY KEY,
  rule TEXT NOT NULL,
  rule_name TEXT NOT NULL,
  labels TEXT NOT NULL,
  value REAL,
  started_at INTEGER NOT NULL,
  fired_at INTEGER NOT NULL,
  resolved_at INTEGER,
  reason TEXT
) WITHOUT ROWID;
CREATE INDEX alert_episodes_by_time ON alert_episodes(fired_at, id);

-- In the order in which they are told; written in the transaction that changes the alert.
CREATE TABLE alert_outbox(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  episode TEXT NOT NULL,
  event TEXT NOT NULL,
  url TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,
  last_error TEXT,
  done_at INTEGER
);
CREATE INDEX alert_outbox_due ON alert_outbox(next_at) WHERE done_at IS NULL;

CREATE TABLE secrets(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
`,
}
