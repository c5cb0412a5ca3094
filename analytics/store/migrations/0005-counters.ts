// Format 5: the last sample of each counter, so that increases are counted over restarts.
import type { Migration } from './list.ts'

export const counters: Migration = {
  version: 5,
  sql: `
-- series: host and name, a zero byte between. at: event time in ms.
CREATE TABLE counters(
  source INTEGER NOT NULL, series TEXT NOT NULL, at INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY(source, series)
) WITHOUT ROWID;
CREATE INDEX counters_by_time ON counters(at);
`,
}
