// People with passwords, tokens for programs, what was done by whom; and of a session when it began and was last used.
export const accountsMigration = {
  version: 3,
  sql: `
-- password: argon2id with its parameters and salt, as PHC writes it.
CREATE TABLE accounts(
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  password TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE api_tokens(
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  used_at INTEGER,
  expires_at INTEGER
) WITHOUT ROWID;

CREATE TABLE audit(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  user TEXT NOT NULL,
  role TEXT,
  by TEXT NOT NULL,
  address TEXT NOT NULL,
  kind TEXT NOT NULL,
  action TEXT NOT NULL,
  status INTEGER NOT NULL,
  detail TEXT NOT NULL
);

-- by: link or password. Of the latter the account says the role.
ALTER TABLE sessions ADD COLUMN by TEXT NOT NULL DEFAULT 'link';
ALTER TABLE sessions ADD COLUMN created_at INTEGER;
ALTER TABLE sessions ADD COLUMN used_at INTEGER;
`,
}
