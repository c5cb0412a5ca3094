// Who is signed in, and the links that sign in. Files from before formats were numbered have these tables already.
export const sessionsMigration = {
  version: 1,
  sql: `
CREATE TABLE IF NOT EXISTS sessions(hash TEXT PRIMARY KEY, user TEXT NOT NULL, role TEXT NOT NULL, expires_at INTEGER)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links(hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID;
`,
}
