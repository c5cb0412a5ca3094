// Format 2: several processes count into one file, each in its slot; dedup rows that can go; records that cannot be
// counted, on their way to a topic of their own.
import type { Migration } from './list.ts'

export const slots: Migration = {
  version: 2,
  sql: `
-- One row per process that counts: sketches.part is its number. Stored sketches are absolute, so whoever writes a
-- slot's must have read the slot's last commit: version counts those. epoch rises when a process takes the slot;
-- owner and lease_until (milliseconds) say whether it may be taken. writer.version counts the commits of all.
CREATE TABLE slots(
  slot INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  version INTEGER NOT NULL,
  owner TEXT,
  lease_until INTEGER NOT NULL
);
INSERT INTO slots(slot, epoch, version, owner, lease_until) SELECT 0, 0, version, NULL, 0 FROM writer;

-- Rises when a partition is stopped, begun anew or resumed: offsets from before mean nothing then.
ALTER TABLE sources ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
-- Where a partition that is stopped goes on when the operator says so.
ALTER TABLE sources ADD COLUMN resume_at INTEGER;

-- day: the day (since 1970) on which the position last moved. retired_at: no copy of its records can come any more.
ALTER TABLE dedup ADD COLUMN day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dedup ADD COLUMN retired_at INTEGER;
-- Srcs that their agent has declared finished, and on which day we heard it.
CREATE TABLE finished(src TEXT PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX finished_by_day ON finished(day);
-- Where each partition's log ended on a day, as its first look that day saw it.
CREATE TABLE log_ends(source INTEGER, day INTEGER, log_end INTEGER NOT NULL, PRIMARY KEY(source, day)) WITHOUT ROWID;
-- Agents whose dedup rows were dropped after a month of silence.
CREATE TABLE tombstones(source INTEGER, agent_id TEXT, day INTEGER NOT NULL, PRIMARY KEY(source, agent_id))
  WITHOUT ROWID;

-- Records that could not be counted, until the topic for such has them.
CREATE TABLE dead_letters(
  source INTEGER, record_offset INTEGER, reason TEXT NOT NULL, at INTEGER NOT NULL, record_key BLOB, value BLOB,
  PRIMARY KEY(source, record_offset, reason)
) WITHOUT ROWID;
`,
}
