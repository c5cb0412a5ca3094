// Moves everything a cluster knows of itself from one metadata store to another, while no broker runs. The source is
// closed first and the target opened last, each by one guarded transaction on `cluster/id`, so that at no moment two
// stores take registrations; interrupted anywhere, the same command again finishes it. Epochs only rise, and nobody
// leads until elected anew: nothing that was granted by the old store is valid under the new one.
import { ExitError, exitCodes } from '../../runtime/lifecycle.ts'
import type { Entry, MetadataStore, Operation, Version } from '../metadata/store.ts'
import { type ClusterIdentity, flagFor, identityOf, moveCommand } from './cluster-identity.ts'
import { decodeValue, encodeValue, keys, type PartitionMeta, type Versioned } from './cluster-state.ts'
import { transactionTimeoutMs } from './store-writes.ts'

export interface Move {
  readonly source: MetadataStore
  readonly target: MetadataStore
  /** Names of the two places, for what is written and said; without credentials. */
  readonly from: string
  readonly to: string
  /** How long a registration whose broker is gone may linger: the longest lease. */
  readonly lapseMs: number
}

export interface Moved {
  readonly clusterId: string
  readonly entries: number
  readonly topics: number
  readonly partitions: number
}

/** Theirs end with their sessions, and sessions do not move. */
const ephemeral = /^(cluster\/controller$|brokers\/ids\/|brokers\/leaving\/)/
/** Of one transaction; a create is more than one operation in some stores. */
const chunkOperations = 250
const chunkBytes = 128 * 1024
const attemptsMax = 20
const pollMs = 100

/** Throws ExitError, with what to do; then both stores are as they were, or the same command finishes the move. */
export async function moveMetadata(move: Move): Promise<Moved> {
  const { source, target, from, to, lapseMs } = move
  const identity = await readSource(move)
  const { id } = identity.value
  if (identity.value.movedTo === to) refuse(`it is done already. Start brokers with ${flagFor(to)}`)
  await refuseLiveBrokers(source, from, lapseMs)
  const isFilled = identity.value.movingTo === to && isComplete(await identityOf(target), id)
  if (!isFilled) await refuseForeignTarget(move, id)
  const closed = await writeIdentity(source, identity, { id, movingTo: to })
  try {
    // Whoever registered before the source was closed is seen now, and nobody can any more.
    await refuseLiveBrokers(source, from, 0)
    if (!isFilled) await fill(move, id)
  } catch (error) {
    await writeIdentity(source, closed, { id }).catch(() => {})
    throw error
  }
  const opened = await identityOf(target)
  if (!isComplete(opened, id)) await writeIdentity(target, opened, { id })
  await writeIdentity(source, closed, { id, movedTo: to })
  return countsOf(id, (await target.list('')).entries)
}

async function readSource({ source, from, to }: Move): Promise<Versioned<ClusterIdentity>> {
  await source.barrier()
  const identity = await identityOf(source)
  if (!identity) refuse(`there is no cluster in ${from}. Name the store the brokers used until now: --from`)
  const { movedTo, movingTo, incomingFrom } = identity.value
  if (incomingFrom !== undefined) {
    refuse(`${from} is itself being filled. Finish that move first: ${moveCommand(incomingFrom, from)}`)
  }
  if (movedTo !== undefined && movedTo !== to) refuse(`it was moved to ${movedTo}. Move it on from there`)
  if (movingTo !== undefined && movingTo !== to) {
    refuse(`another move was interrupted. Finish it first: ${moveCommand(from, movingTo)}`)
  }
  return identity
}

async function refuseLiveBrokers(store: MetadataStore, place: string, lapseMs: number): Promise<void> {
  const deadlineMs = performance.now() + lapseMs
  for (;;) {
    await store.barrier()
    const { entries } = await store.list('brokers/ids/')
    if (entries.length === 0) return
    if (performance.now() >= deadlineMs) {
      const ids = entries.map(({ key }) => key.slice('brokers/ids/'.length)).join(', ')
      refuse(`broker ${ids} is running on ${place}. Stop all brokers first`)
    }
    await new Promise(resolve => setTimeout(resolve, pollMs))
  }
}

function isComplete(identity: Versioned<ClusterIdentity> | null, id: string): boolean {
  const value = identity?.value
  return value?.id === id && value.incomingFrom === undefined && value.movedTo === undefined
}

/** Taken are: what was never used, what this cluster left behind by an earlier move, and a half of this one. */
async function refuseForeignTarget({ target, to }: Move, id: string): Promise<void> {
  await target.barrier()
  const { entries } = await target.list('')
  const isUsed = entries.some(({ key }) => key.startsWith('brokers/') || key.startsWith('topics/'))
  const identity = await identityOf(target)
  if (!isUsed && identity?.value.incomingFrom === undefined) return
  if (identity?.value.id !== id || isComplete(identity, id)) {
    refuse(`${to} is not empty. Choose a place that is: another path in the address, or another file`)
  }
  await refuseLiveBrokers(target, to, 0)
}

async function fill({ source, target, from, to }: Move, id: string): Promise<void> {
  const before = await identityOf(target)
  await writeIdentity(target, before, { id, incomingFrom: from })
  await refuseLiveBrokers(target, to, 0)
  const { entries: old } = await target.list('')
  const removals = old
    .filter(({ key }) => key !== keys.clusterId)
    .map(({ key, version }) => ({ remove: key, version }))
  await writeAll(target, removals)
  await source.barrier()
  const creations = renewed((await source.list('')).entries)
  await writeAll(target, creations)
  await target.barrier()
  const { entries } = await target.list('')
  const found = new Map(entries.map(({ key, value }) => [key, value]))
  const isWhole = creations.every(
    ({ create, value }) => Buffer.compare(found.get(create) ?? noBytes, value) === 0,
  )
  if (!isWhole || found.size !== creations.length + 1) {
    throw new ExitError(
      exitCodes.failed,
      `Cannot move the metadata: ${to} does not hold what was written to it`,
    )
  }
}

/** What the new store begins with. */
function renewed(entries: readonly Entry[]): { readonly create: string; readonly value: Uint8Array }[] {
  const epochEntry = entries.find(({ key }) => key === keys.controllerEpoch)
  const epoch = (epochEntry ? decodeValue<{ epoch: number }>(epochEntry).value.epoch : 0) + 1
  const lasting = entries.filter(({ key }) => key !== keys.clusterId && !ephemeral.test(key))
  return lasting.map(entry => {
    const { key } = entry
    if (key === keys.controllerEpoch) return { create: key, value: encodeValue({ epoch }) }
    if (!/^topics\/[^/]+\/p\/\d+$/.test(key)) return { create: key, value: entry.value }
    const now = decodeValue<PartitionMeta>(entry).value
    const vacant: PartitionMeta = {
      ...now,
      leader: -1,
      leaderBrokerEpoch: -1,
      leaderEpoch: now.leaderEpoch + 1,
      partitionEpoch: now.partitionEpoch + 1,
      controllerEpoch: epoch,
    }
    return { create: key, value: encodeValue(vacant) }
  })
}

async function writeAll(store: MetadataStore, operations: readonly Operation[]): Promise<void> {
  const countMax = Math.min(chunkOperations, store.limits.transactionOperations)
  let chunk: Operation[] = []
  let bytes = 0
  for (const operation of operations) {
    const size = ('value' in operation ? operation.value.length : 0) + 256
    if (chunk.length > 0 && (chunk.length === countMax || bytes + size > chunkBytes)) {
      await writeChunk(store, chunk)
      chunk = []
      bytes = 0
    }
    chunk.push(operation)
    bytes += size
  }
  if (chunk.length > 0) await writeChunk(store, chunk)
}

/** All or nothing, guarded by the identity: of two movers one gives way. After a lost answer the store is asked. */
async function writeChunk(store: MetadataStore, operations: readonly Operation[]): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const identity = await identityOf(store)
    if (identity?.value.incomingFrom === undefined) break
    const guard = { key: keys.clusterId, version: identity.version }
    const result = await store.transact([guard], operations, transactionTimeoutMs)
    if (result.outcome === 'applied') return
    await store.barrier()
    if (await isThere(store, operations[0]!)) return
    if (result.outcome === 'conflict') break
  }
  throw new ExitError(
    exitCodes.unavailable,
    'Cannot move the metadata: the new store does not take it. Try again',
  )
}

async function isThere(store: MetadataStore, operation: Operation): Promise<boolean> {
  const key =
    'create' in operation ? operation.create : 'update' in operation ? operation.update : operation.remove
  const entry = await store.get(key)
  if ('remove' in operation) return entry === null
  return entry !== null && Buffer.compare(entry.value, operation.value) === 0
}

/** Over what was read, or not at all. */
async function writeIdentity(
  store: MetadataStore,
  before: Versioned<ClusterIdentity> | null,
  next: ClusterIdentity,
): Promise<Versioned<ClusterIdentity>> {
  const value = encodeValue(next)
  const key = keys.clusterId
  const operation = before ? { update: key, value, version: before.version } : { create: key, value }
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const result = await store.transact([], [operation], transactionTimeoutMs)
    if (result.outcome === 'applied') return { value: next, version: result.versions[0] as Version }
    await store.barrier()
    const found = await store.get(key)
    if (found && Buffer.compare(found.value, value) === 0) return { value: next, version: found.version }
    if (result.outcome === 'conflict') break
  }
  throw new ExitError(
    exitCodes.unavailable,
    `Cannot move the metadata: ${store.status().endpoint} was changed by somebody else, or does not answer. Try again`,
  )
}

function countsOf(clusterId: string, entries: readonly Entry[]): Moved {
  const count = (pattern: RegExp) => entries.filter(({ key }) => pattern.test(key)).length
  return {
    clusterId,
    entries: entries.length,
    topics: count(/^topics\/[^/]+\/meta$/),
    partitions: count(/^topics\/[^/]+\/p\//),
  }
}

const noBytes = new Uint8Array()

function refuse(reason: string): never {
  throw new ExitError(exitCodes.config, `Cannot move the metadata: ${reason}`)
}
