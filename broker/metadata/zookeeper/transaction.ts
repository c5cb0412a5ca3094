// A guarded transaction as one multi, and what its answer means. Pure: nodes and nonces in, words out.
import type { Guard, Operation, Version } from '../store.ts'
import { checkOperations, encodeData, parseVersion, pathOfKey, versionOf } from './nodes.ts'
import { type Acl, anyVersion, errorCodes, type MultiOperation, type MultiResult } from './protocol.ts'

export interface Compiled {
  readonly multi: readonly MultiOperation[]
  /** For each step of the multi, the operation it belongs to; -1 for a guard. */
  readonly owners: readonly number[]
}

export interface Surroundings {
  readonly chroot: string
  readonly acl: Acl
  /** One for each operation; used by creates. */
  readonly nonces: readonly string[]
  /** Operations that create where the node of an ended session lies in the way. */
  readonly leftovers: ReadonlySet<number>
}

export type Verdict =
  | { readonly type: 'applied'; readonly versions: readonly (Version | null)[] }
  | { readonly type: 'conflict' }
  /** A create met a node: is there an entry, or only what an ended session left? Look, and try again if it is that. */
  | { readonly type: 'look'; readonly operation: number }
  | { readonly type: 'failed'; readonly error: number }

/** Null when a version is none that this store gave: it cannot hold. */
export function compile(
  guards: readonly Guard[],
  operations: readonly Operation[],
  surroundings: Surroundings,
): Compiled | null {
  const multi: MultiOperation[] = []
  const owners: number[] = []
  for (const { key, version } of guards) {
    const parsed = parseVersion(version)
    if (!parsed) return null
    multi.push(...checkOperations(pathOfKey(surroundings.chroot, key), parsed))
    owners.push(-1, -1)
  }
  for (const [index, operation] of operations.entries()) {
    const steps = compileOperation(operation, index, surroundings)
    if (!steps) return null
    multi.push(...steps)
    for (const _ of steps) owners.push(index)
  }
  // A multi of nothing would be answered by whichever member we talk to.
  if (multi.length === 0) {
    multi.push({ type: 'check', path: surroundings.chroot, version: anyVersion })
    owners.push(-1)
  }
  return { multi, owners }
}

function compileOperation(
  operation: Operation,
  index: number,
  { chroot, acl, nonces, leftovers }: Surroundings,
): MultiOperation[] | null {
  if ('create' in operation) {
    const path = pathOfKey(chroot, operation.create)
    const nonce = nonces[index]!
    const data = encodeData(nonce, operation.value)
    const isEphemeral = operation.session !== undefined
    const steps: MultiOperation[] = [
      { type: 'create', path, data, acl, isEphemeral: false },
      { type: 'create', path: `${path}/${nonce}`, data: Buffer.alloc(0), acl, isEphemeral },
    ]
    // Refused while there is a marker below: what is deleted is a leftover, or nothing is.
    if (leftovers.has(index)) steps.unshift({ type: 'delete', path, version: anyVersion })
    return steps
  }
  const parsed = parseVersion(operation.version)
  if (!parsed) return null
  const { nonce, nodeVersion } = parsed
  if ('update' in operation) {
    const path = pathOfKey(chroot, operation.update)
    return [
      { type: 'check', path: `${path}/${nonce}`, version: 0 },
      { type: 'setData', path, data: encodeData(nonce, operation.value), version: nodeVersion },
    ]
  }
  const path = pathOfKey(chroot, operation.remove)
  return [
    { type: 'delete', path: `${path}/${nonce}`, version: 0 },
    { type: 'delete', path, version: nodeVersion },
  ]
}

export function judge(
  operations: readonly Operation[],
  { multi, owners }: Compiled,
  results: readonly MultiResult[],
  { nonces }: Surroundings,
): Verdict {
  const failed = results.findIndex(
    ({ error }) => error !== errorCodes.none && error !== errorCodes.runtimeInconsistency,
  )
  if (failed < 0 && results.length === multi.length) {
    return { type: 'applied', versions: versionsOf(operations, owners, results, nonces) }
  }
  const error = results[failed]?.error ?? errorCodes.runtimeInconsistency
  const owner = owners[failed] ?? -1
  switch (error) {
    case errorCodes.badVersion:
    case errorCodes.notEmpty:
      return { type: 'conflict' }
    case errorCodes.nodeExists:
      return { type: 'look', operation: owner }
    case errorCodes.noNode:
      // A create that finds no parent has lost the chroot; one that finds no leftover looks again.
      if (owner < 0 || !('create' in operations[owner]!)) return { type: 'conflict' }
      if (multi[failed]!.type === 'delete') return { type: 'look', operation: owner }
      return { type: 'failed', error }
    default:
      return { type: 'failed', error }
  }
}

function versionsOf(
  operations: readonly Operation[],
  owners: readonly number[],
  results: readonly MultiResult[],
  nonces: readonly string[],
): (Version | null)[] {
  return operations.map((operation, index) => {
    if ('remove' in operation) return null
    if ('create' in operation) return versionOf(nonces[index]!, 0)
    const { nonce } = parseVersion(operation.version)!
    return versionOf(nonce, results[owners.lastIndexOf(index)]!.stat!.version)
  })
}
