// Users and rules as the metadata store holds them, folded as its entries arrive. Values are JSON; what is kept of a
// password is what SCRAM's server needs. Memory only.
//
//   cluster/secret              what the cluster's own processes authenticate with
//   security/users/<name>       salts and keys by mechanism (the name in base64url)
//   security/acls/<id>          one rule each
import { createHash } from 'node:crypto'
import type { Entry, Version } from '../metadata/store.ts'
import { type ScramKeys, type ScramMechanism, scramMechanisms } from '../protocol/scram.ts'
import { type AclRule, Authorizer, ruleId } from './authorizer.ts'

export const securityKeys = {
  clusterSecret: 'cluster/secret',
  room: 'security',
  user: (name: string) => `security/users/${Buffer.from(name).toString('base64url')}`,
  rule: (rule: AclRule) => `security/acls/${createHash('sha256').update(ruleId(rule)).digest('base64url')}`,
}

export type UserKeys = Partial<Readonly<Record<ScramMechanism, ScramKeys>>>

interface StoredKeys {
  readonly salt: string
  readonly iterations: number
  readonly storedKey: string
  readonly serverKey: string
}

export function encodeUser(keys: UserKeys): Uint8Array {
  const stored: Record<string, StoredKeys> = {}
  for (const [mechanism, { salt, iterations, storedKey, serverKey }] of Object.entries(keys)) {
    const text = (bytes: Buffer) => bytes.toString('base64url')
    stored[mechanism] = {
      salt: text(salt),
      iterations,
      storedKey: text(storedKey),
      serverKey: text(serverKey),
    }
  }
  return Buffer.from(JSON.stringify(stored))
}

function decodeUser(value: Uint8Array): UserKeys {
  const stored = JSON.parse(Buffer.from(value).toString()) as Record<string, StoredKeys>
  const keys: { [mechanism in ScramMechanism]?: ScramKeys } = {}
  for (const mechanism of Object.keys(scramMechanisms) as ScramMechanism[]) {
    const found = stored[mechanism]
    if (!found) continue
    const bytes = (text: string) => Buffer.from(text, 'base64url')
    const { salt, iterations, storedKey, serverKey } = found
    keys[mechanism] = {
      salt: bytes(salt),
      iterations,
      storedKey: bytes(storedKey),
      serverKey: bytes(serverKey),
    }
  }
  return keys
}

export interface KnownUser {
  readonly keys: UserKeys
  readonly version: Version
}

export class SecurityImage {
  /** A user that was known has gone, or has other passwords. */
  onUserChanged: (name: string) => void = () => {}
  readonly users = new Map<string, KnownUser>()
  readonly authorizer: Authorizer
  readonly #rules = new Map<string, { readonly rule: AclRule; readonly version: Version }>()

  constructor(superUsers: Iterable<string> = []) {
    this.authorizer = new Authorizer(superUsers)
  }

  apply(key: string, entry: Entry | null): void {
    const [room, what, id] = key.split('/')
    if (room !== securityKeys.room || id === undefined) return
    if (what === 'users') {
      const name = Buffer.from(id, 'base64url').toString()
      const known = this.users.get(name)
      if (entry) this.users.set(name, { keys: decodeUser(entry.value), version: entry.version })
      else this.users.delete(name)
      if (known && known.version !== entry?.version) this.onUserChanged(name)
    } else if (what === 'acls') this.#applyRule(key, entry)
  }

  /** Rules with the keys and versions under which they lie in the store. */
  storedRules(): Iterable<
    readonly [key: string, stored: { readonly rule: AclRule; readonly version: Version }]
  > {
    return this.#rules
  }

  #applyRule(key: string, entry: Entry | null): void {
    const known = this.#rules.get(key)
    if (known) this.authorizer.remove(known.rule)
    this.#rules.delete(key)
    if (!entry) return
    const rule = JSON.parse(Buffer.from(entry.value).toString()) as AclRule
    this.#rules.set(key, { rule, version: entry.version })
    this.authorizer.add(rule)
  }
}
