// The part of the contract about who may do what: accounts, tokens, signing in, and what was done. Types only.

export type Role = 'admin' | 'viewer'

/** GET /api/v1/accounts → {accounts}. Times in milliseconds since the epoch. */
export interface Account {
  readonly name: string
  readonly role: Role
  readonly createdAt: number
  /** When the password was set. */
  readonly changedAt: number
  /** Null where no session is left. */
  readonly lastSeenAt: number | null
  readonly sessions: number
}

export interface AccountsAnswer {
  readonly accounts: readonly Account[]
}

/** GET /api/v1/tokens → {tokens}. */
export interface ApiToken {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly createdBy: string
  readonly createdAt: number
  readonly lastUsedAt: number | null
  readonly expiresAt: number | null
}

export interface ApiTokensAnswer {
  readonly tokens: readonly ApiToken[]
}

/** POST /api/v1/tokens: the one time that `token` is told. */
export interface NewApiToken extends ApiToken {
  readonly token: string
}

export type AuditKind = 'signIn' | 'signInRefused' | 'signOut' | 'refused' | 'act'

export interface AuditEntry {
  readonly id: number
  readonly at: number
  /** The name of the account or token; `admin` of a link and of the data directory's token. */
  readonly user: string
  readonly role: Role | null
  readonly by: 'link' | 'password' | 'token' | 'nobody'
  readonly address: string
  readonly kind: AuditKind
  /** `POST /api/v1/tokens` */
  readonly action: string
  readonly status: number
  readonly detail: string
}

/** GET /api/v1/audit?limit=&before=&user=&kind= → newest first; `next` is the `before` of the next page. */
export interface AuditAnswer {
  readonly entries: readonly AuditEntry[]
  readonly next: string | null
}

/** POST /api/v1/login, beside {token} of a link. */
export interface PasswordLogin {
  readonly user: string
  readonly password: string
}
