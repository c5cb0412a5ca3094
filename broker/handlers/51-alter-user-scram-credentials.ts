// AlterUserScramCredentials, v0. Users come, change and go; of each all that is asked for is done or nothing. What is
// stored can check a password and not be used in its place.
import type { Broker } from '../broker.ts'
import type { Call } from '../call.ts'
import type { LaterAnswer } from '../handler-row.ts'
import type { Operation } from '../metadata/store.ts'
import type { apis } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/errors.ts'
import type { AlterUserScramCredentialsRequest } from '../protocol/messages/51-alter-user-scram-credentials.ts'
import {
  iterationsMax,
  iterationsMin,
  keysOf,
  type ScramKeys,
  type ScramMechanism,
  scramMechanisms,
} from '../protocol/scram.ts'
import { clusterUser, mayCluster } from '../security/access.ts'
import { encodeUser, securityKeys, type UserKeys } from '../security/security-image.ts'
import { writeGuarded } from './guarded-write.ts'

type Refusal = readonly [error: ErrorName, message: string]
type Upsertion = AlterUserScramCredentialsRequest['upsertions'][number]

/** What is asked for one user: by mechanism the new keys, or null for none. */
interface Change {
  readonly keys: Map<ScramMechanism, ScramKeys | null>
  refusal: Refusal | null
}

export async function alterUserScramCredentials(
  request: AlterUserScramCredentialsRequest,
  call: Call,
  broker: Broker,
): LaterAnswer<typeof apis.alterUserScramCredentials> {
  const changes = changesOf(request)
  if (!mayCluster(call.access, 'alter')) {
    for (const change of changes.values()) change.refusal = ['clusterAuthorizationFailed', 'Not allowed']
  }
  const isWritten = await writeGuarded(broker, () => {
    const operations: Operation[] = []
    for (const [name, change] of changes) {
      const operation = operationOf(name, change, broker)
      if (operation) operations.push(operation)
    }
    return operations
  })
  const results = [...changes].map(([user, { refusal }]) => {
    if (refusal) return { user, errorCode: errorCodes[refusal[0]], errorMessage: refusal[1] }
    return { user, errorCode: errorCodes[isWritten ? 'none' : 'unknownServerError'] }
  })
  return { results }
}

function changesOf({ deletions, upsertions }: AlterUserScramCredentialsRequest): Map<string, Change> {
  const changes = new Map<string, Change>()
  const note = (name: string, code: number, keys: ScramKeys | null, fault: Refusal | null) => {
    let change = changes.get(name)
    if (!change) changes.set(name, (change = { keys: new Map(), refusal: null }))
    const mechanism = mechanismOf(code)
    if (name === '') change.refusal ??= ['unacceptableCredential', 'Username must not be empty']
    else if (name === clusterUser) {
      change.refusal ??= ['unacceptableCredential', `"${clusterUser}" is the cluster itself`]
    } else if (!mechanism) change.refusal ??= ['unsupportedSaslMechanism', 'Unknown SCRAM mechanism']
    else if (change.keys.has(mechanism)) {
      const message = 'A user credential cannot be altered twice in the same request'
      change.refusal ??= ['duplicateResource', message]
    } else change.keys.set(mechanism, keys)
    change.refusal ??= fault
  }
  for (const { name, mechanism } of deletions) note(name, mechanism, null, null)
  for (const upsertion of upsertions) {
    const fault = faultOf(upsertion)
    note(upsertion.name, upsertion.mechanism, fault ? null : newKeys(upsertion), fault)
  }
  return changes
}

function mechanismOf(code: number): ScramMechanism | undefined {
  return (Object.keys(scramMechanisms) as ScramMechanism[]).find(name => scramMechanisms[name].code === code)
}

function faultOf({ mechanism, iterations, salt, saltedPassword }: Upsertion): Refusal | null {
  const name = mechanismOf(mechanism)
  if (!name) return null
  if (iterations < iterationsMin) return ['unacceptableCredential', 'Too few iterations']
  if (iterations > iterationsMax) return ['unacceptableCredential', 'Too many iterations']
  if (salt.length === 0) return ['unacceptableCredential', 'The salt is empty']
  if (saltedPassword.length === scramMechanisms[name].bytes) return null
  return ['unacceptableCredential', `A salted password of ${name} has ${scramMechanisms[name].bytes} bytes`]
}

function newKeys({ mechanism, salt, saltedPassword, iterations }: Upsertion): ScramKeys | null {
  const name = mechanismOf(mechanism)
  // The request's memory is used again after this.
  return name ? keysOf(scramMechanisms[name].hash, saltedPassword, Buffer.from(salt), iterations) : null
}

function operationOf(name: string, change: Change, broker: Broker): Operation | null {
  if (change.refusal) return null
  const known = broker.parts.security.image.users.get(name)
  const next: { [mechanism in ScramMechanism]?: ScramKeys } = { ...known?.keys }
  for (const [mechanism, keys] of change.keys) {
    if (keys) next[mechanism] = keys
    else if (next[mechanism]) delete next[mechanism]
    else {
      change.refusal = ['resourceNotFound', 'Attempt to delete a user credential that does not exist']
      return null
    }
  }
  const key = securityKeys.user(name)
  if (!known) return { create: key, value: encodeUser(next) }
  const isEmpty = Object.keys(next satisfies UserKeys).length === 0
  return isEmpty
    ? { remove: key, version: known.version }
    : { update: key, value: encodeUser(next), version: known.version }
}
