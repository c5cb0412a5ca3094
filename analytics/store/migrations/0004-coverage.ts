// Format 4: what a rebuild must know. From which offset on each quarter of an hour was counted, and which offsets were
// dropped as seen. What an older version has counted may hold anything from offset 0 on.
import type { Migration } from './list.ts'

export const coverage: Migration = {
  version: 4,
  sql: `
-- The lowest offset of each partition that may have counted in a 15-minute bucket (seconds); -1: it is gone for good.
CREATE TABLE covers(bucket INTEGER, source INTEGER, first INTEGER NOT NULL, PRIMARY KEY(bucket, source)) WITHOUT ROWID;
INSERT INTO covers(bucket, source, first)
  SELECT b.bucket, s.id, 0 FROM sources s, (
    SELECT DISTINCT bucket FROM counts WHERE step = 900 UNION SELECT DISTINCT bucket FROM sketches WHERE step = 900
  ) b;

-- Ranges of offsets, ends included, whose records were dropped because their lines had been counted.
CREATE TABLE dropped(source INTEGER, first INTEGER, last INTEGER NOT NULL, PRIMARY KEY(source, first)) WITHOUT ROWID;

-- A topic that is made anew begins at offset 0 again: what was counted before cannot be read again.
CREATE TRIGGER source_restarted AFTER UPDATE OF topic_id ON sources
WHEN OLD.topic_id IS NOT NULL AND NEW.topic_id IS NOT OLD.topic_id
BEGIN
  UPDATE covers SET first = -1 WHERE source = NEW.id;
  DELETE FROM dropped WHERE source = NEW.id;
END;
`,
}
