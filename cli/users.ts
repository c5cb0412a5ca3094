// Who may use the port from elsewhere: users with a password, and what their roles allow. Everything by Kafka's own
// admin calls (SCRAM credentials, ACLs), so that what is made here is seen there and the other way round. Passwords
// are salted here: they do not cross the wire.
import { randomBytes } from 'node:crypto'
import type { AnyApi } from '../broker/protocol/apis.ts'
import { apis } from '../broker/protocol/apis.ts'
import { errorName } from '../broker/protocol/errors.ts'
import type { Body, Encodable } from '../broker/protocol/fields.ts'
import {
  iterationsMax,
  type ScramMechanism,
  saltPassword,
  scramMechanisms,
} from '../broker/protocol/scram.ts'
import { patternTypes, permissionTypes } from '../broker/security/authorizer.ts'
import {
  clusterResource,
  type OperationName,
  operations,
  resourceTypes,
} from '../broker/security/operations.ts'
import { ExitError, exitCodes } from '../runtime/lifecycle.ts'

/** Whoever can ask a broker; the command line's is ClusterAdmin. */
export interface Asker {
  request<A extends AnyApi>(api: A, body: Encodable<A['request']>): Promise<Body<A['response']>>
}

export const roles = ['produce', 'consume', 'admin'] as const
export type Role = (typeof roles)[number]

export interface Grant {
  readonly role: Role
  /** A name, a prefix with a star at its end, or a star for all. */
  readonly topic: string
  readonly group: string
}

interface Rule {
  readonly type: 'topic' | 'group' | 'cluster' | 'transactionalId'
  readonly name: string
  readonly operation: OperationName
}

/** All but `clusterAction`: nobody but brokers acts as a broker. */
const clusterRights = [
  'create',
  'alter',
  'describe',
  'describeConfigs',
  'alterConfigs',
  'idempotentWrite',
] as const

export interface User {
  readonly name: string
  readonly mechanisms: readonly string[]
  /** One line each, as in `allow write topic logs`. */
  readonly rules: readonly string[]
}

export interface NewUser {
  readonly name: string
  readonly password: string
}

export function rulesOf({ role, topic, group }: Grant): Rule[] {
  const on = (type: Rule['type'], name: string, ...names: readonly OperationName[]) =>
    names.map(operation => ({ type, name, operation }))
  if (role === 'produce') return on('topic', topic, 'write', 'describe', 'describeConfigs')
  if (role === 'consume') {
    return [
      ...on('topic', topic, 'read', 'describe', 'describeConfigs'),
      ...on('group', group, 'read', 'describe'),
    ]
  }
  const everything = (['topic', 'group', 'transactionalId'] as const).flatMap(type => on(type, '*', 'all'))
  return [...on('cluster', clusterResource, ...clusterRights), ...everything]
}

/** 144 bits, in letters that survive every shell and file. */
export function newPassword(): string {
  return randomBytes(18).toString('base64url')
}

export async function addUser(asker: Asker, user: NewUser, grants: readonly Grant[]): Promise<void> {
  if ((await mechanismsOf(asker, user.name)).length > 0) {
    const how = `Give it another password with: tailrace users passwd ${user.name}`
    throw new ExitError(exitCodes.usage, `There is a user "${user.name}" already. ${how}`)
  }
  // Rules first: a user who can log in and do nothing looks like a fault.
  await grant(asker, user.name, grants)
  await setPassword(asker, user)
}

export async function changePassword(asker: Asker, user: NewUser): Promise<void> {
  await requireUser(asker, user.name)
  await setPassword(asker, user)
}

/** Also for the name on a certificate, such as `CN=ada`. */
export async function grant(asker: Asker, name: string, grants: readonly Grant[]): Promise<void> {
  const creations = grants.flatMap(rulesOf).map(({ type, name: resource, operation }) => {
    const isPrefix = resource.length > 1 && resource.endsWith('*')
    return {
      resourceType: resourceTypes[type],
      resourceName: isPrefix ? resource.slice(0, -1) : resource,
      resourcePatternType: isPrefix ? patternTypes.prefixed : patternTypes.literal,
      principal: `User:${name}`,
      host: '*',
      operation: operations[operation],
      permissionType: permissionTypes.allow,
    }
  })
  if (creations.length === 0) return
  const { results } = await asker.request(apis.createAcls, { creations })
  for (const { errorCode, errorMessage } of results) refuseError(errorCode, errorMessage)
}

/** The user and its rules; connections it has end. */
export async function removeUser(asker: Asker, name: string): Promise<{ readonly rules: number }> {
  const mechanisms = await mechanismsOf(asker, name)
  const filter = { ...everyRule, principalFilter: `User:${name}` }
  const { filterResults } = await asker.request(apis.deleteAcls, { filters: [filter] })
  for (const { errorCode, errorMessage } of filterResults) refuseError(errorCode, errorMessage)
  const rules = filterResults.flatMap(({ matchingAcls }) => matchingAcls).length
  if (mechanisms.length === 0 && rules === 0) await requireUser(asker, name)
  const deletions = mechanisms.map(mechanism => ({ name, mechanism }))
  if (deletions.length === 0) return { rules }
  const { results } = await asker.request(apis.alterUserScramCredentials, { deletions })
  for (const { errorCode, errorMessage } of results) refuseError(errorCode, errorMessage)
  return { rules }
}

/** Those with a password, and those that only rules speak of. */
export async function listUsers(asker: Asker): Promise<User[]> {
  const described = await asker.request(apis.describeUserScramCredentials, { users: null })
  refuseError(described.errorCode, described.errorMessage)
  const users = new Map<string, { mechanisms: string[]; rules: string[] }>()
  const of = (name: string) => {
    const found = users.get(name) ?? { mechanisms: [], rules: [] }
    users.set(name, found)
    return found
  }
  for (const { user, credentialInfos } of described.results) {
    of(user).mechanisms.push(...credentialInfos.map(({ mechanism }) => mechanismName(mechanism)))
  }
  const acls = await asker.request(apis.describeAcls, everyRule)
  refuseError(acls.errorCode, acls.errorMessage)
  for (const { resourceType, resourceName, patternType, acls: rules } of acls.resources) {
    const type = keyOf(resourceTypes, resourceType)
    const name = patternType === patternTypes.prefixed ? `${resourceName}*` : resourceName
    for (const { principal, host, operation, permissionType } of rules) {
      const where = host === '*' ? '' : ` from ${host}`
      const what = `${keyOf(permissionTypes, permissionType)} ${keyOf(operations, operation)}`
      of(principal.replace(/^User:/, '')).rules.push(`${what} ${type} ${name}${where}`)
    }
  }
  return [...users].map(([name, user]) => ({ name, ...user })).sort((a, b) => (a.name < b.name ? -1 : 1))
}

const everyRule = { resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 }

async function setPassword(asker: Asker, { name, password }: NewUser): Promise<void> {
  const upsertions = await Promise.all(
    (Object.keys(scramMechanisms) as ScramMechanism[]).map(async mechanism => {
      const { code, hash } = scramMechanisms[mechanism]
      const salt = randomBytes(16)
      const saltedPassword = await saltPassword(hash, password, salt, iterationsMax)
      return { name, mechanism: code, iterations: iterationsMax, salt, saltedPassword }
    }),
  )
  const { results } = await asker.request(apis.alterUserScramCredentials, { upsertions })
  for (const { errorCode, errorMessage } of results) refuseError(errorCode, errorMessage)
}

async function mechanismsOf(asker: Asker, name: string): Promise<number[]> {
  const answer = await asker.request(apis.describeUserScramCredentials, { users: [{ name }] })
  refuseError(answer.errorCode, answer.errorMessage)
  return answer.results.flatMap(({ credentialInfos }) => credentialInfos.map(({ mechanism }) => mechanism))
}

async function requireUser(asker: Asker, name: string): Promise<void> {
  if ((await mechanismsOf(asker, name)).length > 0) return
  throw new ExitError(exitCodes.usage, `There is no user "${name}". See: tailrace users list`)
}

function refuseError(errorCode: number, message: string | null): void {
  if (errorCode === 0) return
  throw new ExitError(exitCodes.failed, `The broker refuses: ${message ?? errorName(errorCode)}`)
}

function mechanismName(code: number): string {
  const names = Object.keys(scramMechanisms) as ScramMechanism[]
  return names.find(name => scramMechanisms[name].code === code) ?? String(code)
}

function keyOf(table: Readonly<Record<string, number>>, code: number): string {
  return Object.keys(table).find(name => table[name] === code) ?? String(code)
}
