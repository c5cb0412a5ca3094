// Visitors with their last steps, the dictionary those steps are written in, and how far each topic's keys are
// visitors.
import type { Migration } from './list.ts'

export const visits: Migration = {
  version: 3,
  sql: `
-- One visitor of one partition: first and last event, active days and weeks, the last steps. See visitor-bytes.ts.
CREATE TABLE visitors(
  source INTEGER NOT NULL,
  key TEXT NOT NULL,
  last_day INTEGER NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY(source, key)
) WITHOUT ROWID;
CREATE INDEX visitors_by_day ON visitors(source, last_day);

-- Numbers are never given twice. kind 0: pages and event names, 1: origins as JSON.
CREATE TABLE visit_names(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL,
  text TEXT NOT NULL,
  last_day INTEGER NOT NULL,
  UNIQUE(kind, text)
);

-- By partition: what visitors are seen by (0 events, 1 requests), how many are kept, and what tells whether its keys
-- are visitors.
CREATE TABLE visit_sources(
  source INTEGER PRIMARY KEY,
  topic TEXT NOT NULL,
  kind INTEGER NOT NULL,
  day INTEGER,
  visitors INTEGER NOT NULL,
  events INTEGER NOT NULL,
  mixed INTEGER NOT NULL,
  checked INTEGER NOT NULL,
  split INTEGER NOT NULL,
  keyless INTEGER NOT NULL,
  late INTEGER NOT NULL,
  untracked INTEGER NOT NULL
);

-- A sample of visitor fields (hashed) and the key each first came under.
CREATE TABLE visit_keys(topic TEXT, field INTEGER, key TEXT NOT NULL, PRIMARY KEY(topic, field)) WITHOUT ROWID;

-- What the bits of a step's goals mean, and since when they are looked for.
CREATE TABLE visit_conditions(bit INTEGER PRIMARY KEY, text TEXT NOT NULL, since INTEGER NOT NULL);
`,
}
