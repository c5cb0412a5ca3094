// What an agent was given when it joined an appliance: where brokers are, who vouches for them, a password limited to
// producing, and the seed of the keys. One 0600 file beside the agent id, replaced as a whole; never printed.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClusterOptions } from '../broker/client/cluster.ts'
import { passwordLogin } from '../broker/client/login.ts'
import { credentialsOf } from '../broker/client/reach.ts'
import { type ScramMechanism, scramMechanisms } from '../broker/protocol/scram.ts'
import { writeDurably } from '../runtime/durable-file.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'
import type { AgentConfig } from './config.ts'

export interface Enrolment {
  /** Of the appliance's API, as in `https://shop.example:8443`. */
  readonly origin: string
  /** The name under which the appliance lists this agent. */
  readonly name: string
  readonly bootstrap: readonly string[]
  /** The authority's certificate, in PEM. */
  readonly ca: string
  readonly user: string
  readonly password: string
  readonly mechanism: ScramMechanism
  readonly keySeed: string
}

export interface Reach {
  readonly bootstrap: readonly string[]
  readonly keySeed: string
  readonly credentials?: NonNullable<ClusterOptions['credentials']>
}

export function enrolmentPath(dataDirectory: string): string {
  return join(dataDirectory, 'enrolment.json')
}

/** Null where this agent never joined. Throws ExitError 78 for a file that cannot be used. */
export function readEnrolment(dataDirectory: string): Enrolment | null {
  const path = enrolmentPath(dataDirectory)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw refusal(path, (error as Error).message)
  }
  try {
    return parseEnrolment(JSON.parse(text))
  } catch {
    // Not what the parser says: it quotes what it read, and that is a password.
    throw refusal(path, 'it is damaged')
  }
}

function refusal(path: string, why: string): ExitError {
  return new ExitError(exitCodes.config, `Cannot use "${path}": ${why}. Join again: tailrace agent join CODE`)
}

/** What a server answered, or what a file holds: every field there and of its type, or a TypeError. */
export function parseEnrolment(value: unknown): Enrolment {
  const fields = value as Record<string, unknown>
  const text = (name: string): string => {
    const found = fields[name]
    if (typeof found !== 'string' || found === '') throw new TypeError(`${name} is missing`)
    return found
  }
  const bootstrap = fields['bootstrap']
  if (!Array.isArray(bootstrap) || bootstrap.length === 0) throw new TypeError('bootstrap is missing')
  const mechanism = text('mechanism')
  if (!(mechanism in scramMechanisms)) throw new TypeError(`${mechanism} is no mechanism we know`)
  return {
    origin: text('origin'),
    name: text('name'),
    bootstrap: bootstrap.map(String),
    ca: text('ca'),
    user: text('user'),
    password: text('password'),
    mechanism: mechanism as ScramMechanism,
    keySeed: text('keySeed'),
  }
}

/** Durable before it returns: the token that was paid for it is gone. */
export function writeEnrolment(dataDirectory: string, enrolment: Enrolment): void {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
  writeDurably(enrolmentPath(dataDirectory), `${JSON.stringify(enrolment)}\n`, 0o600)
}

/** How this agent reaches its brokers: as it joined, or as it was configured. */
export function reachOf(config: AgentConfig): Reach {
  if (config.enrolled) {
    const enrolment = readEnrolment(config.dataDirectory)
    if (!enrolment) throw refusal(enrolmentPath(config.dataDirectory), 'there is no such file')
    const { bootstrap, ca, user, password, mechanism, keySeed } = enrolment
    const login = passwordLogin(user, password, mechanism)
    return { bootstrap, keySeed, credentials: { login, tls: { ca } } }
  }
  const { bootstrap, keySeedPath, tls, login } = config
  const keySeed = readFileSync(keySeedPath, 'utf8').trim()
  if (!tls && !login) return { bootstrap, keySeed }
  return { bootstrap, keySeed, credentials: credentialsOf({ bootstrap, tls, login }) }
}
